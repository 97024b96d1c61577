"""What a view shows, in the page's address: a link restores it, and what a link says is checked like any other input."""

from __future__ import annotations

from typing import Any

import param

from lazyrich.draw.diagrams import diagrams
from lazyrich.explore.source import Source
from lazyrich.fields import numeric_axes

QUANTILES = (0.16, 0.5, 0.84)
LINKED = ("sweep", "x", "y", "show", "quantile", "slices", "cell", "other")


class State(param.Parameterized):
    """Texts and numbers only, so that all of it fits an address; empty where nothing is chosen."""

    sweep = param.String()
    x = param.String()
    y = param.String()
    show = param.String()
    quantile = param.Number(0.5)
    slices = param.List([], item_type=int, doc="position along each further dimension")
    cell = param.Integer(-1, doc="the cell whose trajectories are shown, flat in grid order; -1 for none")
    other = param.Integer(-1, doc="the cell that it is compared with")

    def allowed(self, source: Source) -> dict[str, Any]:
        """These values as far as the source has them; the others are those of a new page."""
        summary = source.summary
        axes = numeric_axes(summary, source.sweep.figures.axes or ())
        x = self.x if self.x in axes else axes[0]
        y = self.y if self.y in axes and self.y != x else next(name for name in axes if name != x)
        names = [diagram.name for diagram in diagrams(source.sweep, summary)]
        others = [dim for dim in summary["phase"].dims if dim not in (x, y)]
        places = [
            min(max(self.slices[i] if i < len(self.slices) else 0, 0), summary.sizes[dim] - 1)
            for i, dim in enumerate(others)
        ]
        cells = summary["phase"].size
        return {
            "x": x,
            "y": y,
            "show": self.show if self.show in names else names[0],
            "quantile": self.quantile if self.quantile in QUANTILES else 0.5,
            "slices": places,
            "cell": self.cell if -1 <= self.cell < cells else -1,
            "other": self.other if -1 <= self.other < cells else -1,
        }

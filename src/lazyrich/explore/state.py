"""What a view shows, in the page's address: a link restores it, and what a link says is checked like any other input."""

from __future__ import annotations

from typing import Any

import param

from lazyrich.explore.coordinates import PAIRS
from lazyrich.explore.source import Source
from lazyrich.quantiles import QUANTILES

LINKED = ("sweep", "x", "y", "coordinates", "show", "lines", "quantile", "moment", "slices", "cell", "other")
OWN = ""  # coordinates: the sweep's own axes


class State(param.Parameterized):
    """Texts, numbers and switches only, so that all of it fits an address; empty where nothing is chosen."""

    sweep = param.String()
    x = param.String()
    y = param.String()
    coordinates = param.String(OWN, doc="a pair of dimensionless numbers, joined by a space")
    show = param.String()
    lines = param.Boolean(True, doc="whether boundaries are drawn")
    quantile = param.Number(0.5)
    moment = param.Integer(0, doc="number of the time τ, of diagrams during training")
    slices = param.List([], item_type=int, doc="position along each further dimension")
    cell = param.Integer(-1, doc="the cell whose trajectories are shown, flat in grid order; -1 for none")
    other = param.Integer(-1, doc="the cell that it is compared with")

    def allowed(self, source: Source) -> dict[str, Any]:
        """These values as far as the source has them; the others are those of a new page."""
        summary = source.summary
        axes = source.axes
        x = self.x if self.x in axes else axes[0]
        y = self.y if self.y in axes and self.y != x else next(name for name in axes if name != x)
        others = [dim for dim in summary["phase"].dims if dim not in (x, y)]
        places = [
            _within(self.slices[i] if i < len(self.slices) else 0, summary.sizes[dim]) for i, dim in enumerate(others)
        ]
        names = [diagram.name for diagram in source.diagrams]
        cells = summary["phase"].size
        return {
            "x": x,
            "y": y,
            # Whether a pair tells the plane's cells apart is seen where it is drawn.
            "coordinates": self.coordinates if tuple(self.coordinates.split()) in PAIRS else OWN,
            "show": self.show if self.show in names else names[0],
            "quantile": self.quantile if self.quantile in QUANTILES else 0.5,
            "moment": _within(self.moment, len(source.times)),
            "slices": places,
            "cell": self.cell if -1 <= self.cell < cells else -1,
            "other": self.other if -1 <= self.other < cells else -1,
        }


def _within(place: int, length: int) -> int:
    return min(max(place, 0), length - 1)

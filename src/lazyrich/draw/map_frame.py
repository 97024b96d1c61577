"""The frame of a map, whatever it shows: its cells, axes, colour bar, hover texts, boundaries and legend, in either backend.

Bokeh draws an evenly spaced grid as an image between geometric edges, matplotlib (and an uneven grid) as a mesh: the other
combinations put cells in the wrong place on log axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr
from bokeh.models import FixedTicker

from lazyrich.analysis.boundaries import BAND, BOUNDARIES, boundaries
from lazyrich.analysis.fields import median, names_along
from lazyrich.draw import style

SIZE = 380  # of the frame, in pixels
INCHES, SMALL = 6.2, 3.8  # of a map alone with all its names; of the frame of one among several
BAND_WORDS = f"{BAND[0]:.0%} to {BAND[1]:.0%} band over replicates"
HOVERED = (
    ("laziness", "χ"),
    ("growth_per_step", "k"),
    ("stability_fraction", "h"),
    ("kernel_change", "kernel change"),
    ("test_loss", "test loss"),
    ("accuracy", "accuracy"),
    ("test_accuracy", "test accuracy"),
    ("alignment", "alignment"),
    ("weight_change", "weight change"),
    ("loss_growth", "max L/L₀"),
    ("sharpness_change", "λ_T/λ₀"),
    ("period", "period"),
    ("onset_step", "onset, step"),
    ("end_step", "end, step"),
    ("best_theory_error", "best theory's error"),
    ("agreement", "replicates agreeing"),
    ("networks", "networks trained"),
)

Drawn = Mapping[str, list[np.ndarray]]  # boundaries by name, each some lines of (vertices, 2)


@dataclass(frozen=True)
class MapFrame:
    """All that maps of codes and of numbers share.

    Attributes
    ----------
    plane
        a summary sliced to the axes `x` and `y`.
    lines
        names of the boundaries to draw.
    whole
        the summary with all its slices, which sets the colours; None: the plane does.
    drawn
        boundaries that were found elsewhere; None: those of the plane.
    hover
        whether Bokeh shows a cell's numbers beside the pointer.
    """

    plane: xr.Dataset
    x: str
    y: str
    backend: str
    title: str
    lines: Sequence[str] = ()
    whole: xr.Dataset | None = None
    drawn: Drawn | None = None
    hover: bool = True

    @property
    def bokeh(self) -> bool:
        """Whether Bokeh draws the map; else matplotlib does."""
        return self.backend == "bokeh"

    @property
    def summary(self) -> xr.Dataset:
        """The dataset that sets the colours."""
        return self.plane if self.whole is None else self.whole

    def draw(
        self, table: np.ndarray, name: str, *, symbol: str = "", words: Sequence[str] = (), **look: Any
    ) -> hv.Overlay:
        """Return the map of a variable, (y, x), with its boundaries.

        The colour bar has the label `symbol`, and `words` at 0, 1, ... instead of numbers. `look` are options of the cells
        that both backends take.
        """
        cells = self._cells(table, name).opts(
            backend=self.backend, **look, **self._colour_bar(symbol, words), **self._axes(symbol)
        )
        overlay = hv.Overlay([cells, *self._boundaries()])
        legend = {"legend_position": "bottom", "legend_cols": 1, "show_legend": True}
        if self.bokeh:
            # Below the frame: a legend inside would cover cells.
            return overlay.opts(backend=self.backend, legend_offset=style.BELOW, **legend)
        hooks = [style.framed(1, style.name_ticks(self.plane, self.x, self.y))]
        return overlay.opts(
            backend=self.backend, fig_inches=INCHES, aspect="auto", apply_ticks=False, hooks=hooks, **legend
        )

    def _cells(self, table: np.ndarray, name: str) -> hv.Element:
        """Return the coloured cells, with what hovering shows beside."""
        xs, ys = (self.plane[axis].values.astype(float) for axis in (self.x, self.y))
        x_order, y_order = np.argsort(xs), np.argsort(ys)
        table = table[np.ix_(y_order, x_order)]
        (x_edges, x_log), (y_edges, y_log) = style.edges(xs[x_order]), style.edges(ys[y_order])
        label = hv.Dimension(name, label=style.axis_label(self.plane, name) if name != "phase" else "phase")
        look: dict[str, Any] = {"backend": self.backend, "logx": x_log, "logy": y_log}
        if not self.bokeh:
            return hv.QuadMesh((x_edges, y_edges, table), kdims=[self.x, self.y], vdims=[label]).opts(**look)
        beside = self._hovered(y_order, x_order) if self.hover else {}
        layers = [layer for _, layer in beside.values()]
        columns = {"kdims": [self.x, self.y], "vdims": [label, *beside]}
        if style.evenly_spaced(xs[x_order]) and style.evenly_spaced(ys[y_order]):
            stack = np.dstack([table, *layers]) if layers else table
            element = hv.Image(stack[::-1], bounds=(x_edges[0], y_edges[0], x_edges[-1], y_edges[-1]), **columns)
        else:
            element = hv.QuadMesh((x_edges, y_edges, table, *layers), **columns)
        if self.hover:
            # No number that is painted: it may be a code's place, a clipped value, or the mark of a cell that was not run.
            tooltips = [(words, f"@{{{layer}}}") for layer, (words, _) in beside.items()]
            look |= {"tools": ["hover"], "hover_tooltips": tooltips}
        return element.opts(hooks=[style.named("cells")], **look)

    def _hovered(self, y_order: np.ndarray, x_order: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
        """Return what hovering shows, name -> (words, (y, x)): the values of the cell on both axes, and key scalars."""
        plane, x, y = self.plane, self.x, self.y
        grid_x, grid_y = np.meshgrid(plane[x].values.astype(float), plane[y].values.astype(float))
        layers = {
            name: (plane[name].attrs.get("symbol", name), values)
            for name, values in ((x, grid_x), (y, grid_y))
            if names_along(plane, name) is None
        }
        for name, words in HOVERED:
            # Not the value of an axis or of a slice.
            if name in plane and set((values := median(plane[name])).dims) == {x, y}:
                layers[name] = (words, values.transpose(y, x).values.astype(float))
        # Names of their own: HoloViews takes one that an axis has for the axis.
        return {f"cell_{name}": (words, values[np.ix_(y_order, x_order)]) for name, (words, values) in layers.items()}

    def _colour_bar(self, symbol: str, words: Sequence[str]) -> dict[str, Any]:
        """Return options of the cells that draw a colour bar."""
        if not self.bokeh:
            return {"hooks": [style.rasterise, style.colour_bar(symbol, words)]}
        look: dict[str, Any] = {"major_label_text_font_size": "12px"}
        if words:
            look |= {
                "ticker": FixedTicker(ticks=list(range(len(words)))),
                "major_label_overrides": dict(enumerate(words)),
                "bar_line_color": "#444444",
                "major_tick_line_color": None,
            }
        return {"colorbar": True, "clabel": "", "colorbar_opts": look}

    def _axes(self, symbol: str) -> dict[str, Any]:
        """Return options of the cells that draw the frame, its axes and its title."""
        labels = {f"{axis}label": style.axis_label(self.plane, name) for axis, name in (("x", self.x), ("y", self.y))}
        if not self.bokeh:
            fonts = {"title": 11, "labels": 11, "legend": 8.5}
            return {"title": self.title, "fontsize": fonts, "aspect": "auto", "apply_ticks": False, **labels}
        ticks = style.name_ticks(self.plane, self.x, self.y)
        return {
            "title": with_symbol(self.title, symbol),
            "frame_width": SIZE,
            "frame_height": SIZE,
            "fontsize": {"title": 13, "labels": 12, "ticks": 11, "legend": 11},
            "toolbar": "above",
            "active_tools": [],
            **labels,
            **{f"{axis}ticks": places for axis, places in ticks.items()},
            **({"xrotation": 90} if "x" in ticks else {}),
        }

    def _boundaries(self) -> list[hv.Curve]:
        """Return boundaries with their names for the legend; measured ones first, so that predictions lie on top."""
        vertices = boundaries(self.plane, self.x, self.y) if self.drawn is None else self.drawn
        curves = []

        def curve(name: str, colour: str, width: float, label: str = "", dash: style.Dash | None = None) -> None:
            """Add a boundary as one curve."""
            element = hv.Curve(parted(vertices[name]), kdims=[self.x], vdims=[self.y], label=label)
            hooks = {"hooks": [style.named(name)]} if self.bokeh else {}
            look = style.line(self.backend, width, dash)
            curves.append(element.opts(backend=self.backend, color=colour, **look, **hooks))

        names = (name for name in self.lines if name in vertices)
        for name in sorted(names, key=lambda name: BOUNDARIES[name].predicted):
            boundary = BOUNDARIES[name]
            if boundary.predicted:
                curve(name, "black", 1.8, boundary.called(self.summary), style.DASHES[name])
                continue
            curve(name, style.MEASURED_EDGE, 5.5)
            curve(name, style.MEASURED[name], 3.5, boundary.text)
            edges = [name + end for end in ("_low", "_high") if name + end in vertices]
            for number, edge in enumerate(edges):
                curve(edge, style.MEASURED_EDGE, 1.0, "" if number else f"its {BAND_WORDS}")
        return curves


def parted(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Return lines of (vertices, 2) as one, parted by NaN; a NaN where there are none."""
    nothing = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, nothing)] or [nothing])


def with_symbol(title: str, symbol: str) -> str:
    """Return the title of a map of numbers in Bokeh, which turns a long name of the colour bar and cuts it off."""
    return f"{title}: {symbol}" if symbol else title

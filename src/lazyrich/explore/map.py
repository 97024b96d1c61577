"""A diagram as a Bokeh figure that is drawn once and then given other numbers: another slice, quantile or time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import xarray as xr
from bokeh.events import RangesUpdate, SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, CustomJS, Div, Legend, PanTool, PolyAnnotation
from bokeh.plotting import figure

from lazyrich.draw.diagrams import Diagram
from lazyrich.draw.maps import parted
from lazyrich.draw.rendered import rendered
from lazyrich.explore.coordinates import Curved, Straight

# A frame around the cell whose trajectories are shown, and around that it is compared with.
FRAMES = {"cell": "black", "other": "white"}
NOTHING = "\N{NO-BREAK SPACE}"  # what the readout says beside the cells; it keeps its place
Lines = dict[str, list[np.ndarray]]


class Map:
    """One diagram in one kind of coordinates.

    `whole` sets the colours. The map tells `tapped` of a cell (column, row) that is clicked, and `seen` of a rectangle (left,
    right, lowest, highest) that was selected or moved to.
    """

    def __init__(
        self,
        diagram: Diagram,
        where: Straight,
        plane: xr.Dataset,
        whole: xr.Dataset,
        tapped: Callable[[tuple[int, int]], None],
        seen: Callable[[list[float]], None],
    ) -> None:
        self.diagram, self.where, self.whole = replace(diagram, lines=()), where, whole
        nothing: Lines = {name + end: [] for name in diagram.lines for end in ("", "_low", "_high")}
        overlay = diagram.draw(
            where.drawn(plane), *where.axes, "bokeh", diagram.heading, whole=whole, drawn=nothing, hover=False
        )
        self.figure: figure = rendered(overlay)
        self.cells = next(each for each in self.figure.renderers if each.name == "cells")
        self.readout = Div(text=NOTHING, height=24, render_as_text=True)
        self._attach(plane, tapped, seen)

    def _attach(self, plane: xr.Dataset, tapped: Callable, seen: Callable) -> None:
        self.figure.add_tools(BoxSelectTool())
        self.figure.toolbar.update(active_drag=self.figure.select_one(PanTool), active_scroll=None, logo=None)
        self.frames = {}
        for name, colour in FRAMES.items():
            look = {"line_color": colour, "line_alpha": 1, "line_width": 2.5, "fill_alpha": 0}
            # With corners from the start: Bokeh stops painting where there are not as many xs as ys, visible or not.
            xs, ys = self.where.outline(0, 0)
            self.frames[name] = PolyAnnotation(name=name, xs=xs.tolist(), ys=ys.tolist(), visible=False, **look)
            self.figure.add_layout(self.frames[name])

        def on_tap(event: Tap) -> None:
            if (cell := self.where.cell(event.x, event.y)) is not None:
                tapped(cell)

        def on_selection(event: SelectionGeometry) -> None:
            if event.final and event.geometry["type"] == "rect":
                seen([event.geometry[end] for end in ("x0", "x1", "y0", "y1")])

        def on_move(event: RangesUpdate) -> None:
            seen([event.x0, event.x1, event.y0, event.y1])

        self.figure.on_event(Tap, on_tap)
        self.figure.on_event(SelectionGeometry, on_selection)
        self.figure.on_event(RangesUpdate, on_move)
        for limits, (low, high) in zip((self.figure.x_range, self.figure.y_range), self.where.frame, strict=True):
            limits.update(start=low, end=high, reset_start=low, reset_end=high)
        code = files("lazyrich.explore").joinpath("readout.js").read_text(encoding="utf-8")
        self.figure.js_on_event("mousemove", CustomJS(args=self._known(plane), code=code))

    def _known(self, plane: xr.Dataset) -> dict[str, Any]:
        """What the pointer's script knows of the map."""
        codes, where = self.diagram.codes, self.where
        curved = None
        if isinstance(where, Curved):
            ends = where.ends
            curved = {
                "log": where.log,
                "low": [low for low, _ in ends],
                "high": [high for _, high in ends],
                "size": len(where.u),
                "pixels": where.pixels.astype(np.int32).ravel(),
            }
        return {
            "cells": self.cells,
            "readout": self.readout,
            "nothing": NOTHING,
            "words": [codes.words[code] for code in codes.present(self.whole)] if codes else [],
            "field": self.diagram.variable,
            "curved": curved,
            **{f"{axis}_{what}": getattr(where, f"{axis}_{what}") for axis in "xy" for what in ("values", "edges")},
            "x_symbol": plane[where.x].attrs.get("symbol") or where.x,
            "y_symbol": plane[where.y].attrs.get("symbol") or where.y,
        }

    def fill(self, plane: xr.Dataset) -> None:
        """Show other numbers."""
        overlay = self.diagram.draw(
            self.where.drawn(plane), *self.where.axes, "bokeh", "", whole=self.whole, drawn={}, hover=False
        )
        values = next(iter(overlay)).dimension_values(2, flat=False)  # (vertical, horizontal), rising
        # Half as much to send where that loses nothing: codes, and records, which are of single precision. A number that is
        # rounded may fall below the least one, and be painted as a cell that was not run.
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        values = single if np.array_equal(single, values, equal_nan=True) else values
        data = self.cells.data_source.data
        self.cells.data_source.data = (
            {**data, "image": [values]} if "image" in data else {**data, self.diagram.variable: values.T.ravel()}
        )

    def draw_lines(self, lines: Lines) -> None:
        """Show these boundaries and no others, in units of the plane's axes."""
        lines = self.where.lines(lines)
        items = [item for legend in self.figure.select({"type": Legend}) for item in legend.items]
        for renderer in self.figure.renderers:
            if renderer is self.cells:
                continue
            renderer.visible = renderer.name in lines
            if renderer.visible:
                xs, ys = parted(lines[renderer.name]).T
                renderer.data_source.data = dict(zip(self.where.axes, (xs, ys), strict=True))
        for item in items:  # bands of several boundaries share one
            item.visible = any(renderer.visible for renderer in item.renderers)

    def frame(self, name: str, cell: tuple[int, int] | None) -> None:
        """Put a frame around a cell (column, row), or around none."""
        each = self.frames[name]
        if cell is not None:
            xs, ys = self.where.outline(*cell)
            each.update(xs=xs.tolist(), ys=ys.tolist())
        each.visible = cell is not None

    def see(self, part: list[float]) -> None:
        """Show this rectangle (left, right, lowest, highest) alone, or all where it is empty."""
        for limits, (low, high) in zip(
            (self.figure.x_range, self.figure.y_range),
            np.reshape(part, (2, 2)) if part else self.where.frame,
            strict=True,
        ):
            limits.update(start=low, end=high)

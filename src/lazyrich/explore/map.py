"""A diagram as a Bokeh figure that is drawn once and then given other numbers: another slice, quantile or time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import xarray as xr
from bokeh.events import RangesUpdate, SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, CustomJS, PanTool
from bokeh.models.annotations import LegendItem, PolyAnnotation, Title
from bokeh.models.renderers import GlyphRenderer
from bokeh.models.widgets import Div

from lazyrich.draw.diagrams import Diagram
from lazyrich.draw.map_frame import parted
from lazyrich.explore.coordinates import Curved, Straight
from lazyrich.explore.models import figure_of, models_of, source_of

# Frames around the cell whose trajectories are shown, and around the one that it is compared with.
FRAMES = {"cell": "black", "other": "white"}
NOTHING = "\N{NO-BREAK SPACE}"  # what the readout says beside the cells; it keeps its place
Lines = dict[str, list[np.ndarray]]


class Map:
    """One diagram in one kind of coordinates.

    `whole` sets the colours. The map calls `tapped` with a cell (column, row) that is clicked, and `seen` with a rectangle
    (left, right, lowest, highest) that is selected or moved to.
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
        self.figure = figure_of(overlay)
        self.renderers = [each for each in self.figure.renderers if isinstance(each, GlyphRenderer)]
        self.cells = next(each for each in self.renderers if each.name == "cells")
        self.readout = Div(text=NOTHING, height=24, render_as_text=True)
        self._attach(plane, tapped, seen)

    def _attach(
        self, plane: xr.Dataset, tapped: Callable[[tuple[int, int]], None], seen: Callable[[list[float]], None]
    ) -> None:
        self.figure.add_tools(BoxSelectTool())
        self.figure.toolbar.update(active_drag=self.figure.select_one({"type": PanTool}), active_scroll=None, logo=None)
        self.frames: dict[str, PolyAnnotation] = {}
        for name, colour in FRAMES.items():
            # With corners from the start: Bokeh stops painting where there are not as many xs as ys, visible or not.
            xs, ys = self.where.outline(0, 0)
            self.frames[name] = PolyAnnotation(
                name=name,
                xs=xs.tolist(),
                ys=ys.tolist(),
                visible=False,
                line_color=colour,
                line_alpha=1,
                line_width=2.5,
                fill_alpha=0,
            )
            self.figure.add_layout(self.frames[name])

        def on_tap(event: Tap) -> None:
            if (cell := self.where.cell(_sent(event.x), _sent(event.y))) is not None:
                tapped(cell)

        def on_selection(event: SelectionGeometry) -> None:
            geometry = event.geometry
            assert geometry is not None  # the browser sends one
            if event.final and geometry["type"] == "rect":
                seen([geometry["x0"], geometry["x1"], geometry["y0"], geometry["y1"]])

        def on_move(event: RangesUpdate) -> None:
            seen([_sent(end) for end in (event.x0, event.x1, event.y0, event.y1)])

        # Bokeh types every callback as one of any event, and calls it with the event that was asked for.
        self.figure.on_event(Tap, on_tap)  # type: ignore[arg-type]
        self.figure.on_event(SelectionGeometry, on_selection)  # type: ignore[arg-type]
        self.figure.on_event(RangesUpdate, on_move)  # type: ignore[arg-type]
        for limits, (low, high) in zip((self.figure.x_range, self.figure.y_range), self.where.frame, strict=True):
            limits.update(start=low, end=high, reset_start=low, reset_end=high)
        code = files("lazyrich.explore").joinpath("readout.js").read_text(encoding="utf-8")
        self.figure.js_on_event("mousemove", CustomJS(args=self._script_arguments(plane), code=code))

    def _script_arguments(self, plane: xr.Dataset) -> dict[str, Any]:
        """Return the arguments of the pointer's script."""
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
        # Single precision is half as much to send, but only for codes and records, which lose nothing: a number that is rounded
        # may fall below the least one and be painted as a cell that was not run.
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        values = single if np.array_equal(single, values, equal_nan=True) else values
        source = source_of(self.cells)
        new = {"image": [values]} if "image" in source.data else {self.diagram.variable: values.T.ravel()}
        source.data = {**source.data, **new}

    def draw_lines(self, lines: Lines) -> None:
        """Show these boundaries and no others, in units of the plane's axes."""
        lines = self.where.lines(lines)
        items = models_of(self.figure, LegendItem)
        for renderer in self.renderers:
            if renderer is self.cells:
                continue
            pieces = lines.get(renderer.name or "")
            renderer.visible = pieces is not None
            if pieces is not None:
                xs, ys = parted(pieces).T
                source_of(renderer).data = dict(zip(self.where.axes, (xs, ys), strict=True))
        for item in items:  # bands of several boundaries share one
            item.visible = any(renderer.visible for renderer in item.renderers)

    def head(self, words: str) -> None:
        """Show these words above the map."""
        title = self.figure.title
        assert isinstance(title, Title)  # Bokeh makes one of a text
        title.text = words

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


def _sent(value: float | None) -> float:
    """Return a coordinate of an event, which is missing only in events that no browser has sent."""
    assert value is not None
    return value

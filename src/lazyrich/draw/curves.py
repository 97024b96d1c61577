"""Trajectories of a grid cell against theory and against published points: each panel as one HoloViews object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr
from bokeh.models import CustomJSTicker, LogAxis

from lazyrich.analysis import scope
from lazyrich.analysis.published import lagged_kernel_error, loss_error
from lazyrich.analysis.stages import STAGES, Stage
from lazyrich.draw import oscillation, style
from lazyrich.draw.trajectories import (
    PANELS,
    SHORT,
    THEORIES,
    Panel,
    called,
    limits,
    median_curve,
    simulated,
    stages,
    theory,
    until,
)

WIDTH, HEIGHT = 280, 250
INCHES = 3.2  # of a frame
DASHES: tuple[style.Dash, ...] = (style.DASHED, style.DOTTED, ("dotdash", "-."), ([1, 4], (0, (1, 3))))
# Shading up to t₁, and from there to t₂.
SHADES = {"stage_1": STAGES.colours[Stage.one], "stage_2": STAGES.colours[Stage.two]}


@dataclass(frozen=True)
class Published:
    """Published curves (columns as of `load_published`), what they were trained on (empty: as simulated), their own t₁."""

    points: dict[str, np.ndarray]
    source: str = ""
    onset: float | None = None


class Drawing:
    """Curves of one panel, one after the other; each can be found in a Bokeh figure by its key."""

    def __init__(self, panel: Panel, backend: str) -> None:
        self.panel, self.backend, self.bokeh = panel, backend, backend == "bokeh"
        self.elements: list[hv.Element] = []

    def shade(self, onset: float, end: float, last: float) -> None:
        """Shade stage one (to t₁) and stage two (to t₂); what was not reached lasts to the last step."""
        first, second = (value if np.isfinite(value) else last for value in (onset, end))
        for (key, colour), span in zip(SHADES.items(), ((0.0, first), (first, max(first, second))), strict=True):
            look = {"fill_color": colour, "fill_alpha": 0.13, "line_alpha": 0} if self.bokeh else {}
            look = look or {"facecolor": colour, "alpha": 0.13, "linewidth": 0}
            hooks = {"hooks": [style.named(key, "glyph")]} if self.bokeh else {}
            self.elements.append(hv.VSpan(*span).opts(backend=self.backend, **look, **hooks))

    def curve(
        self,
        key: str,
        steps: np.ndarray,
        values: np.ndarray,
        label: str,
        *,
        color: str,
        line: float,
        dash: int | None = None,
        alpha: float | None = None,
    ) -> None:
        """Draw a line of width `line`; `dash` is a number in `DASHES` (None: solid)."""
        values = np.where(values > 0, values, np.nan) if self.panel.log else values
        element = hv.Curve((steps, values), kdims=["step"], vdims=[self.panel.name], label=label)
        options = style.line(self.backend, line, None if dash is None else DASHES[dash]) | {"color": color}
        if alpha is not None:
            options["alpha"] = alpha
        if self.bokeh:
            options["hooks"] = [style.named(key)]
        self.elements.append(element.opts(backend=self.backend, **options))

    def theory(self, key: str, steps: np.ndarray, values: np.ndarray, label: str) -> None:
        """Draw a theory's line; its look depends on which of the panel's theories it is."""
        number = list(THEORIES[self.panel.name]).index(key)
        colour = style.CURVES[(number + len(self.panel.observables)) % len(style.CURVES)]
        self.curve(key, steps, values, label, line=1.8, dash=number % len(DASHES), color=colour)

    def points(self, steps: np.ndarray, values: np.ndarray, label: str) -> None:
        """Draw published points."""
        values = np.where(values > 0, values, np.nan) if self.panel.log else values
        element = hv.Scatter((steps, values), "step", self.panel.name, label=label)
        marker = {"size": 7, "line_color": style.PUBLISHED} if self.bokeh else {"s": 26, "edgecolors": style.PUBLISHED}
        self.elements.append(element.opts(backend=self.backend, color="white", **marker))

    def dots(self, key: str, steps: np.ndarray, values: np.ndarray, label: str, colour: str) -> None:
        """Draw records that no line joins."""
        values = np.where(values > 0, values, np.nan) if self.panel.log else values
        element = hv.Scatter((steps, values), "step", self.panel.name, label=label)
        look = {"size": 4, "line_alpha": 0, "hooks": [style.named(key)]} if self.bokeh else {"s": 9, "linewidth": 0}
        self.elements.append(element.opts(backend=self.backend, color=colour, alpha=0.6, **look))

    def red_line(self, step: float, span: tuple[float, float]) -> None:
        """Draw the published figure's own t₁."""
        self.curve(
            "red_line", np.full(2, step), np.array(span), f"published t₁ = {step:g}", line=1.5, color=style.RED_LINE
        )

    def overlay(
        self, title: str, last: float, span: tuple[float, float], size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> hv.Overlay:
        """Return all curves over steps from 0 to `last` and values within `span`, in a frame of `size` Bokeh pixels."""
        common = {
            "title": title,
            "xlabel": "t, gradient step",
            "ylabel": self.panel.label,
            "logy": self.panel.log,
            "xlim": (-0.02 * last, 1.02 * last),
            "ylim": span,
            "legend_position": self.panel.legend,
            "legend_cols": 1,
            "show_legend": True,
        }
        overlay = hv.Overlay(self.elements)
        if self.bokeh:
            sizes = {"title": 12, "legend": 9.5, "labels": 11}
            frame = {"frame_width": size[0], "frame_height": size[1], "fontsize": sizes}
            if self.panel.legend == "bottom":  # a layout leaves less room below a frame than Bokeh's own spacing takes
                frame["legend_opts"] = {"spacing": 0, "padding": 4, "margin": 4}
            return overlay.opts(backend=self.backend, toolbar="above", active_tools=[], **frame, **common)
        sizes = {"title": 9, "labels": 9, "legend": 7.5}
        return overlay.opts(
            backend=self.backend, fig_inches=INCHES, aspect="auto", hooks=[style.framed(0.85)], fontsize=sizes, **common
        )


def empty(
    panel: Panel,
    observables: Sequence[str],
    theories: Sequence[str],
    size: tuple[int, int],
    *,
    caveat: str = "",
    replicates: bool = False,
) -> hv.Overlay:
    """Draw a small Bokeh panel for these curves of one network, or of some `replicates` and their median, without numbers.

    `caveat` follows the names of theories (`scope.caveat`).
    """
    nothing = np.array([0.0, 1.0]), np.array([np.nan, np.nan])
    symbol, _, meaning = panel.label.partition(", ")
    drawing = Drawing(replace(panel, label=symbol), "bokeh")  # the frame is too small for symbol and words beside it
    drawing.shade(np.nan, np.nan, 1.0)
    for number, key in enumerate(panel.observables):
        if key in observables:
            if replicates:
                drawing.curve(f"all_{key}", *nothing, "", color=style.CURVES[number], alpha=0.35, line=1)
            words = called(panel, key, caveat)
            drawing.curve(key, *nothing, words, color=style.CURVES[number], line=2.5)
            short = SHORT.get(key, panel.observables[key])
            drawing.dots(f"dots_{key}", *nothing, f"{short}: {oscillation.BETWEEN}", style.CURVES[number])
    for key in theories:
        drawing.theory(key, *nothing, called(panel, key, caveat))
    overlay = drawing.overlay(meaning, 1.0, (0.5, 1.0), size)
    return overlay.opts(backend="bokeh", legend_position="bottom", legend_offset=style.BELOW, hooks=[_small])


def _small(plot: style.Plot, element: object) -> None:
    """Show tools only under the pointer, and ticks that a small logarithmic axis has room for; a hook."""
    figure = plot.state
    figure.toolbar.update(logo=None, autohide=True)
    if isinstance(figure.yaxis[0], LogAxis):
        code = files("lazyrich.draw").joinpath("pages/ticks.js").read_text(encoding="utf-8")
        # Bokeh takes any ticker here; its stub names the default alone.
        figure.yaxis[0].ticker = CustomJSTicker(major_code=code)  # type: ignore[assignment]


def drawable(cell: xr.Dataset) -> bool:
    """Return whether a cell has a value for any panel."""
    return any(np.isfinite(values).any() for panel in PANELS for values in simulated(cell, panel).values())


def panels(cell: xr.Dataset, published: Published | None, backend: str, title: str) -> list[hv.Overlay]:
    """Draw the panels of one cell: every replicate, their median, theory, published points; shaded by the medians of t₁, t₂.

    Observables that are not recorded, or have no value at all (a failed network), have no panel.
    """
    predicted = theory(cell)
    drawn = []
    for panel in PANELS:
        observables = simulated(cell, panel)
        if any(np.isfinite(values).any() for values in observables.values()):
            drawn.append(_panel(cell, panel, observables, predicted[panel.name], published, backend, title))
    return drawn


def _panel(
    cell: xr.Dataset,
    panel: Panel,
    observables: dict[str, np.ndarray],
    predicted: dict[str, np.ndarray],
    published: Published | None,
    backend: str,
    title: str,
) -> hv.Overlay:
    steps = cell["step"].values.astype(float)
    last, caveat = until(cell).max(), scope.caveat(cell)
    if published is not None:
        # With so many entries it would cover the points.
        panel = replace(panel, legend="bottom" if backend == "bokeh" else "top_right")
    drawing = Drawing(panel, backend)
    onset, end = stages(cell)
    drawing.shade(middle(onset), middle(end), last)
    heights = list(observables.values())
    joined = oscillation.resolved(cell)
    for number, (name, values) in enumerate(observables.items()):
        colour, words = style.CURVES[number], called(panel, name, caveat)
        # All replicates as one curve, parted by NaN: as elements of their own they take seconds to draw.
        drawing.curve(f"all_{name}", *oscillation.parted(steps, values, joined), "", color=colour, alpha=0.3, line=1)
        same = ", same step" if panel.published == "ntk_error" and name == "ntk_target_error" else ""
        median = median_curve(steps, values, panel.log, joined)
        if oscillation.has_line(median[1]):
            drawing.curve(name, *median, f"{words}, median of {len(values)}{same}", color=colour, line=2.5)
        records = oscillation.dots(steps, values, joined)
        if np.isfinite(records[1]).any():
            each = f", each of {len(values)}" if len(values) > 1 else ""
            plain = panel.observables[name]
            label = f"{SHORT.get(name, plain)}{words.removeprefix(plain)}{each}: {oscillation.words(cell)}"
            drawing.dots(f"dots_{name}", *records, label, colour)
    for key, values in predicted.items():
        line = median_curve(steps, values, panel.log, oscillation.resolved_theory(steps, values))
        if oscillation.has_line(line[1]):
            drawing.theory(key, *line, called(panel, key, caveat))
    if "limit" in predicted:
        heights.append(predicted["limit"])
    if published is not None and panel.published:
        if (row := nearest(cell, published.points)) is not None:
            values = next(iter(observables.values()))[row]
            line = oscillation.parted(steps[[row]], values[None], joined[[row]])
            label = f"nearest, replicate {cell['replicate'].values[row]}"
            drawing.curve("nearest", *line, label, line=2, dash=0, color=style.NEAREST)
        if panel.published == "ntk_error" and (np.diff(steps, axis=1) == 1).all():
            late = lagged_kernel_error(cell)
            if np.isfinite(late).any():
                line = median_curve(steps, late, True)
                drawing.curve("late", *line, "kernel one step late", line=1.8, dash=0, color=style.CURVES[2])
                heights.append(late)
        values = published.points[panel.published]
        of = f", on {published.source}" if published.source else ""
        drawing.points(published.points["step"], values, f"published{of}")
        heights.append(values)
    span = limits(np.concatenate([part.ravel() for part in heights]), panel, legend_inside=panel.legend != "bottom")
    if published is not None and published.onset is not None:
        drawing.red_line(published.onset, span)
    return drawing.overlay(title, last, span)


def nearest(cell: xr.Dataset, points: dict[str, np.ndarray]) -> int | None:
    """Return which of several networks has its loss nearest to published points; None where there is no choice."""
    if cell.sizes["network"] < 2 or "loss" not in cell:
        return None
    errors = loss_error(cell, points)
    return None if np.isnan(errors).all() else int(np.nanargmin(errors))


def middle(values: np.ndarray) -> float:
    """Return the median where more than half of the networks have a value, else NaN."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if 2 * len(finite) > len(values) else np.nan


def layout(rows: list[list[hv.Overlay]], backend: str) -> hv.Layout:
    """Lay out panels of one cell after the other, two side by side; each cell begins a row."""
    padded = [row + [hv.Empty()] * (len(row) % 2) for row in rows]
    whole = hv.Layout([panel for row in padded for panel in row]).cols(2)
    if backend == "bokeh":
        # Linked legends would mute the shades of stages, too, which cannot be: Bokeh then draws nothing at all.
        return whole.opts(backend=backend, shared_axes=False, toolbar="above", sync_legends=False)
    return whole.opts(backend=backend, shared_axes=False, fig_inches=INCHES, hspace=0.33, vspace=0.12)

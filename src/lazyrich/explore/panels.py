"""Panels of one cell's trajectories that are drawn once and then given other numbers, which takes a tenth of drawing anew."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import xarray as xr
from bokeh.models import FixedTicker, GlyphRenderer, Legend
from bokeh.plotting import figure

from lazyrich.draw.curves import Drawing, middle
from lazyrich.draw.style import CURVES
from lazyrich.draw.trajectories import PANELS, THEORIES, Panel, limits, median_curve, simulated, stages, theory, until

NOTHING = np.array([0.0, 1.0]), np.array([np.nan, np.nan])
SIZE = (240, 220)


class Panels:
    """One Bokeh figure a panel; `show` fills them with the networks of a cell."""

    def __init__(self) -> None:
        self.figures: dict[str, figure] = {panel.name: _empty(panel) for panel in PANELS}

    def show(self, networks: xr.Dataset | None) -> None:
        """Every replicate, their median and their theories; nothing where there are no networks."""
        if networks is None:
            for each in self.figures.values():
                each.visible = False
            return
        predicted = theory(networks)
        steps = networks["step"].values.astype(float)
        onset, end = stages(networks)
        last = float(np.nanmax(until(networks)))
        for panel in PANELS:
            found = simulated(networks, panel)
            fig = self.figures[panel.name]
            fig.visible = any(np.isfinite(values).any() for values in found.values())
            if not fig.visible:
                continue
            curves = {}
            for name, values in found.items():
                curves[f"all_{name}"] = [
                    np.concatenate([np.append(row, np.nan) for row in rows]) for rows in (steps, values)
                ]
                curves[name] = median_curve(steps, values, panel.log)
            for key, values in predicted[panel.name].items():
                if np.isfinite(values).any():
                    curves[key] = median_curve(steps, values, panel.log)
            seen = steps <= last
            shown = [np.where(seen, values, np.nan).ravel() for values in found.values()]
            shown += [predicted[panel.name]["limit"].ravel()] if "limit" in predicted[panel.name] else []
            low, high = limits(np.concatenate(shown), panel, legend_inside=False)
            _fill(fig, curves, panel.log)
            _shade(fig, *(each if np.isfinite(each) else last for each in map(middle, (onset, end))))
            fig.x_range.update(start=-0.02 * last, end=1.02 * last)
            fig.y_range.update(start=low, end=high)
            if panel.log:
                fig.yaxis[0].ticker.ticks = _ticks(low, high)


def _empty(panel: Panel) -> figure:
    drawing = Drawing(panel, "bokeh")
    drawing.shade(np.nan, np.nan, 1.0)
    for number, (name, words) in enumerate(panel.observables.items()):
        drawing.curve(f"all_{name}", *NOTHING, "", color=CURVES[number], alpha=0.35, line=1)
        drawing.curve(name, *NOTHING, words, color=CURVES[number], line=2.5)
    for key, words in THEORIES[panel.name].items():
        drawing.theory(key, *NOTHING, words)
    hv.Store.set_current_backend("bokeh")
    overlay = drawing.overlay(panel.label.partition(", ")[2], 1.0, (0.5, 1.0), SIZE)
    drawn = hv.render(overlay.opts(backend="bokeh", legend_position="bottom"), backend="bokeh")
    drawn.update(sizing_mode=None, name=panel.name)
    drawn.toolbar.logo = None
    drawn.yaxis[0].axis_label = panel.label.partition(", ")[0]
    if panel.log:
        drawn.yaxis[0].ticker = FixedTicker(ticks=[])
    return drawn


def _fill(fig: figure, curves: dict[str, tuple[np.ndarray, np.ndarray]], log: bool) -> None:
    items = [item for legend in fig.select({"type": Legend}) for item in legend.items]
    for renderer in fig.select({"type": GlyphRenderer}):
        steps, values = curves.get(renderer.name, NOTHING)
        values = np.where(values > 0, values, np.nan) if log else values
        renderer.data_source.data = {"step": steps, fig.name: values}
        renderer.visible = renderer.name in curves
        for item in items:
            if renderer in item.renderers:
                item.visible = renderer.visible


def _shade(fig: figure, onset: float, end: float) -> None:
    spans = {"stage_1": (0.0, onset), "stage_2": (onset, max(onset, end))}
    for name, (left, right) in spans.items():
        fig.select_one({"name": name}).update(left=left, right=right)


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, at most six of them; 1, 2 and 5 times these where there are few (as in the report page's script)."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    stride = -(-(last - first) // 6)
    digits = (1, 2, 5) if last - first < 3 else (1,)
    powers = range(first, last + 1) if last - first < 3 else [p for p in range(first, last + 1) if p % stride == 0]
    return [d * 10.0**p for p in powers for d in digits if low <= d * 10.0**p <= high]

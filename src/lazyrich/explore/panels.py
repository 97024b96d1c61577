"""Panels of one cell's trajectories that are drawn once and then given other numbers, which takes a tenth of drawing anew."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import xarray as xr
from bokeh.models import GlyphRenderer, Legend, Span
from bokeh.plotting import figure

from lazyrich.draw.curves import empty, middle
from lazyrich.draw.trajectories import PANELS, THEORIES, Panel, limits, median_curve, simulated, stages, theory, until

NOTHING = np.array([0.0, 1.0]), np.array([np.nan, np.nan])
SIZE = (240, 220)


class Panels:
    """One Bokeh figure a panel; `show` fills them with the networks of a cell."""

    def __init__(self) -> None:
        self.figures: dict[str, figure] = {panel.name: _empty(panel) for panel in PANELS}
        self.share = np.nan  # h of the networks that are shown, by which steps become times

    def show(self, networks: xr.Dataset | None) -> None:
        """Every replicate, their median and their theories; nothing where there are no networks."""
        if networks is None:
            for each in self.figures.values():
                each.visible = False
            return
        self.share = float(np.median(networks["stability_fraction"]))
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

    def mark(self, time: float | None) -> None:
        """A line at the time τ, or none."""
        for each in self.figures.values():
            span = each.select_one({"type": Span})
            span.visible = time is not None and np.isfinite(self.share)
            if span.visible:
                span.location = time / self.share


def _empty(panel: Panel) -> figure:
    hv.Store.set_current_backend("bokeh")
    overlay = empty(panel, list(panel.observables), list(THEORIES[panel.name]), SIZE, replicates=True)
    drawn = hv.render(overlay, backend="bokeh")
    drawn.update(sizing_mode=None, name=panel.name)
    drawn.add_layout(Span(dimension="height", line_color="black", line_width=1.5, visible=False))
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

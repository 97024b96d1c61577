"""Panels of one cell's trajectories, drawn once and then given other numbers, which takes a tenth of the time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from bokeh.models.annotations import LegendItem, Span
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from lazyrich.draw import oscillation
from lazyrich.draw.curves import SHADES, empty, middle
from lazyrich.draw.trajectories import PANELS, THEORIES, Panel, limits, median_curve, simulated, stages, theory, until
from lazyrich.explore.models import figure_of, models_of, source_of

SIZE = (240, 220)


class Panels:
    """One Bokeh figure a panel; `show` fills them with the networks of a cell."""

    def __init__(self) -> None:
        self.drawn = [_Drawn(panel) for panel in PANELS]
        self.share = np.nan  # h of the networks that are shown, by which steps become times

    @property
    def figures(self) -> dict[str, figure]:
        """The figures by the names of their panels."""
        return {each.panel.name: each.figure for each in self.drawn}

    def show(self, networks: xr.Dataset | None) -> None:
        """Show every replicate, their median and their theories; nothing where there are no networks."""
        if networks is None:
            for each in self.drawn:
                each.figure.visible = False
            return
        self.share = float(np.median(networks["stability_fraction"]))
        predicted = theory(networks)
        steps = networks["step"].values.astype(float)
        last = float(np.nanmax(until(networks)))
        joined = oscillation.resolved(networks)
        seen = steps <= last
        onset, end = (each if np.isfinite(each) else last for each in map(middle, stages(networks)))
        for each in self.drawn:
            panel = each.panel
            values_of = simulated(networks, panel)
            each.figure.visible = any(np.isfinite(values).any() for values in values_of.values())
            if not each.figure.visible:
                continue
            curves: dict[str, oscillation.Curve] = {}
            for name, values in values_of.items():
                curves[f"all_{name}"] = oscillation.parted(steps, values, joined)
                curves[name] = median_curve(steps, values, panel.log, joined)
                curves[f"dots_{name}"] = oscillation.dots(steps, values, joined)
            for key, values in predicted[panel.name].items():
                curves[key] = median_curve(steps, values, panel.log, oscillation.resolved_theory(steps, values))
            heights = [np.where(seen, values, np.nan).ravel() for values in values_of.values()]
            heights += [predicted[panel.name]["limit"].ravel()] if "limit" in predicted[panel.name] else []
            # The legend names only visible curves.
            curves = {
                name: curve
                for name, curve in curves.items()
                if (np.isfinite(curve[1]).any() if name.startswith("dots_") else oscillation.has_line(curve[1]))
            }
            each.fill(curves)
            each.shade(onset, end)
            low, high = limits(np.concatenate(heights), panel, legend_inside=False)
            each.figure.x_range.update(start=-0.02 * last, end=1.02 * last)
            each.figure.y_range.update(start=low, end=high)

    def mark(self, time: float | None) -> None:
        """Show a line at the time τ, or none."""
        step = time / self.share if time is not None and np.isfinite(self.share) else None
        for each in self.drawn:
            each.moment.visible = step is not None
            if step is not None:
                each.moment.location = step


class _Drawn:
    """A panel's figure and the parts that change; they are looked up once, since Bokeh searches a whole figure."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        overlay = empty(panel, list(panel.observables), list(THEORIES[panel.name]), SIZE, replicates=True)
        self.figure = figure_of(overlay)
        self.figure.name = panel.name
        self.moment = Span(dimension="height", line_color="black", line_width=1.5, visible=False)
        self.figure.add_layout(self.moment)
        self.curves = models_of(self.figure, GlyphRenderer)
        self.items = models_of(self.figure, LegendItem)
        self.stages = {name: self.figure.select_one({"name": name}) for name in SHADES}

    def fill(self, curves: dict[str, oscillation.Curve]) -> None:
        """Show these curves and no others."""
        for renderer in self.curves:
            curve = curves.get(renderer.name or "")
            renderer.visible = curve is not None
            if curve is not None:
                steps, values = curve
                values = np.where(values > 0, values, np.nan) if self.panel.log else values
                source_of(renderer).data = {"step": steps, self.panel.name: values}
        for item in self.items:
            item.visible = any(renderer.visible for renderer in item.renderers)

    def shade(self, onset: float, end: float) -> None:
        """Shade stage one up to the step t₁, and stage two from there to t₂."""
        for span, left, right in zip(self.stages.values(), (0.0, onset), (onset, max(onset, end)), strict=True):
            assert span is not None  # `empty` draws both
            span.update(left=left, right=right)

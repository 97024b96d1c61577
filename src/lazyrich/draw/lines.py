"""A sweep over one axis: the kernel change, measured and predicted, with the threshold between lazy and rich."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.analysis.fields import map_axes
from lazyrich.draw import style
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting

SIZE = 420
INCHES = 5.0


def kernel_change_figure(
    sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]
) -> tuple[Callable[[str], hv.Overlay], str] | None:
    """Return (builder, caption) of the figure; None unless the sweep is over one axis."""
    axes = map_axes(summary, sweep.figures.axes or ())
    if len(axes) != 1 or summary["phase"].ndim != 1:
        return None
    band = f", with the band of 16 to 84 % of {sweep.replicates} replicates" if sweep.replicates > 1 else ""
    known = bool(np.isfinite(summary["kernel_change_predicted"]).any())  # of squares only
    flow = ", and as gradient flow from a wide start predicts it" if known else ""
    caption = f"Relative change of the neural tangent kernel at the end of training{band}{flow}. {setting(sweep)}"
    return (lambda backend: kernel_change_line(summary, axes[0], backend, "Change of the kernel")), caption


def kernel_change_line(summary: xr.Dataset, x: str, backend: str, title: str) -> hv.Overlay:
    """Draw median and 16-84 % band of the kernel change over replicates against the axis x, beside flow's prediction."""
    bokeh = backend == "bokeh"
    xs = summary[x].values.astype(float)
    low, median, high = (summary["kernel_change"].sel(quantile=q).values for q in (0.16, 0.5, 0.84))
    predicted = summary["kernel_change_predicted"].sel(quantile=0.5).values
    threshold = summary["kernel_threshold"].sel(quantile=0.5).values

    def curve(y: np.ndarray, label: str, **options: object) -> hv.Curve:
        return hv.Curve((xs, y), kdims=[x], vdims=["change"], label=label).opts(backend=backend, **options)

    band = hv.Area((xs, low, high), kdims=[x], vdims=["change", "high"])
    overlay = band.opts(
        backend=backend, color=style.CURVES[0], alpha=0.25, **({"line_alpha": 0} if bokeh else {"linewidth": 0})
    )
    overlay *= curve(median, "measured, median of replicates", color=style.CURVES[0], **style.line(backend, 2.5))
    if np.isfinite(predicted).any():
        dashed = style.line(backend, 1.8, style.DASHED)
        overlay *= curve(predicted, "predicted" + scope.caveat(summary), color="black", **dashed)
    overlay *= curve(threshold, "κ_c, rich above", color=style.CURVES[1], **style.line(backend, 1.5, style.DOTTED))
    values = np.concatenate([low, high, predicted, threshold])
    values = values[np.isfinite(values) & (values > 0)]
    log_x = style.edges(xs)[1]
    options = {
        "title": title,
        "logx": log_x,
        "logy": True,
        "xlabel": style.axis_label(summary, x),
        "ylabel": "‖Θ − Θ₀‖/‖Θ₀‖, change of the kernel",
        "ylim": (values.min() / 2, values.max() * 20),
        "legend_position": "top_right",
        "show_legend": True,
    }
    if bokeh:
        return overlay.opts(backend=backend, frame_width=SIZE, frame_height=SIZE, active_tools=[], **options)
    return overlay.opts(backend=backend, fig_inches=INCHES, aspect="auto", hooks=[style.framed(1)], **options)

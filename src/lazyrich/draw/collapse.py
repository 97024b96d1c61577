"""The kernel change of every cell of a sweep against χ: where nothing but χ matters, all of them lie on one curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr
from bokeh.models import FixedTicker

from lazyrich.analysis import scope
from lazyrich.analysis.boundaries import coordinate
from lazyrich.analysis.collapse import collapse, middles, points
from lazyrich.analysis.fields import median, numeric_axes
from lazyrich.analysis.phases import Phase
from lazyrich.draw import style
from lazyrich.draw.chosen import chosen, some
from lazyrich.draw.diagrams import at_quantile
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting

SIZE = 420  # of the frame, in pixels
INCHES = 6.2
MOST_CELLS = 5000  # to draw
MOST_GROUPS = len(style.CURVES)  # with a colour each; more groups are coloured by their place along an axis
SPAN = 10.0  # smallest ratio of the largest to the smallest χ: less is no curve
FAR = 0.05  # decades from the curve

CHI, CHANGE = "laziness", "kernel_change_ratio"  # relative to κ_c, so that groups of different n may lie on one curve


def collapse_figure(
    sweep: Sweep, summary: xr.Dataset, shards: Sequence[str] = ()
) -> tuple[Callable[[str], hv.Overlay], str] | None:
    """Return (builder, caption) of the figure; None for a sweep whose χ hardly varies, or whose cells are one group.

    The cells of a group share their values on all axes but the one along which χ varies most.
    """
    along = _along(summary)
    if along is None:
        return None
    thin = _thinned(summary)
    # Interpolated cells of a refined sweep are no measurement.
    thin[CHANGE] = median(thin[CHANGE]).where((thin["converged_share"] == 1) & (thin["networks"] > 0))
    collapsed = collapse(
        points({"": thin}, CHANGE, (CHI,), [name for name in _axes(thin) if thin[name].dims == (along,)])
    )
    if not np.isfinite(collapsed.attrs["quality"]):
        return None
    collapsed["rose"] = "point", _at(thin, "phase", collapsed) == Phase.catapult
    others = [name for name in numeric_axes(thin) if name != along]
    many = collapsed.sizes["of_group"] > MOST_GROUPS and others
    coloured = max(others, key=lambda name: thin.sizes[name]) if many else None
    caption = _caption(sweep, summary, thin, collapsed, along)
    if coloured is None:
        caption += chosen(len(_told_apart(collapsed)), collapsed.sizes["of_group"], "groups")
    return (lambda backend: _draw(collapsed, thin, coloured, backend)), f"{caption} {setting(sweep)}"


def _along(summary: xr.Dataset) -> str | None:
    """Return the dimension along which χ varies most; None where it varies by less than `SPAN`."""
    chi = median(summary[CHI])
    spans = {dim: float((chi.max(dim) / chi.min(dim)).max()) for dim in map(str, chi.dims)}
    return max(spans, key=lambda dim: spans[dim]) if max(spans.values(), default=0.0) >= SPAN else None


def _axes(data: xr.Dataset) -> list[str]:
    """Return the names of the coordinates of a summary's cells."""
    return [str(name) for name, values in data.coords.items() if values.ndim == 1 and name != "quantile"]


def _thinned(summary: xr.Dataset) -> xr.Dataset:
    """Return the summary at evenly chosen points of its longest axes, `MOST_CELLS` cells at most."""
    sizes = {dim: summary.sizes[dim] for dim in summary["phase"].dims}
    most = max(sizes.values())
    while np.prod([min(size, most) for size in sizes.values()]) > MOST_CELLS:
        most -= 1
    return summary.isel({dim: some(size, most) for dim, size in sizes.items()})


def _at(data: xr.Dataset, name: str, collapsed: xr.Dataset) -> np.ndarray:
    """Return a variable of a summary at the cells of points."""
    return (
        data[name].broadcast_like(data["phase"]).transpose(*data["phase"].dims).values.ravel()[collapsed["cell"].values]
    )


def _draw(collapsed: xr.Dataset, thin: xr.Dataset, coloured: str | None, backend: str) -> hv.Overlay:
    """Draw points in the colours of their groups, or of their place on the axis `coloured`; the prediction, and κ_c."""
    bokeh = backend == "bokeh"
    predicted = points({"": thin}, f"{CHANGE}_predicted", (CHI,))
    line = (np.empty(0), np.empty(0))
    if predicted.sizes["point"]:  # of squares only
        place, height = middles(np.log10(predicted[CHI].values)[:, None], np.log10(predicted["value"].values))
        line = (10 ** place[:, 0], 10**height)
    ends = [
        _limits(np.concatenate([collapsed[name].values, each])) for name, each in ((CHI, line[0]), ("value", line[1]))
    ]
    dashed = {"color": "black"} | style.line(backend, 1.8, style.DASHED)
    lines = [
        *([(line, "predicted" + scope.caveat(thin), dashed)] if len(line[0]) else []),
        ((ends[0], (1.0, 1.0)), "κ_c, rich above", {"color": style.CURVES[1]} | style.line(backend, 1.5, style.DOTTED)),
    ]
    curves = [
        hv.Curve(data, kdims=[CHI], vdims=[CHANGE], label=label).opts(backend=backend, **look)
        for data, label, look in lines
    ]
    overlay = hv.Overlay(_scatters(collapsed, thin, coloured, backend) + curves)
    title = "Change of the kernel against laziness"
    options = {
        "title": title + (f", colour: {thin[coloured].attrs.get('symbol') or coloured}" if coloured else ""),
        "logx": True,
        "logy": True,
        "xlabel": style.axis_label(thin, CHI),
        "ylabel": "‖Θ − Θ₀‖/‖Θ₀‖/κ_c, change of the kernel",
        "xlim": ends[0],
        "ylim": ends[1],
        "legend_position": "bottom_left",
        "show_legend": True,
    }
    if bokeh:
        return overlay.opts(
            backend=backend, frame_width=SIZE, frame_height=SIZE, toolbar="above", active_tools=[], **options
        )
    return overlay.opts(
        backend=backend, fig_inches=INCHES, aspect="auto", apply_ticks=False, hooks=[style.framed(1)], **options
    )


def _told_apart(collapsed: xr.Dataset) -> np.ndarray:
    """Return the names of the groups that have a colour each."""
    return collapsed["group_name"].values[some(collapsed.sizes["of_group"], MOST_GROUPS)]


def _scatters(collapsed: xr.Dataset, thin: xr.Dataset, coloured: str | None, backend: str) -> list[hv.Scatter]:
    """Draw circles, and triangles where the loss rose, in an order in which no group hides the others."""
    bokeh = backend == "bokeh"
    axes = [name for name in _axes(thin) if name != CHI]
    columns = {CHI: collapsed[CHI].values, CHANGE: collapsed["value"].values} | {
        name: _at(thin, name, collapsed) for name in axes
    }
    columns["error"] = collapsed["error"].values
    common: dict[str, Any] = {"hooks": [style.rasterise]}
    if bokeh:
        words = {CHI: "χ", CHANGE: "change over κ_c", "error": "decades from the curve"}
        names = {name: words.get(name) or thin[name].attrs.get("symbol") or name for name in columns}
        common = {"tools": ["hover"], "hover_tooltips": [(text, f"@{{{name}}}") for name, text in names.items()]}
    series: list[tuple[str, np.ndarray, dict[str, Any]]]  # label, its points, their look
    if coloured is None:
        series = [
            (str(group).removeprefix(", "), collapsed["group"].values == group, {"color": colour})
            for group, colour in zip(_told_apart(collapsed), style.CURVES, strict=False)
        ]
    else:
        values = columns[coloured]
        look = {"color": coloured, "cmap": "viridis", "clim": (values.min(), values.max())}
        log = coordinate(thin[coloured].values)[1]
        series = [("measured", np.ones(len(values), dtype=bool), look | {"cnorm": "log" if log else "linear"})]
    order = np.random.default_rng(0).permutation(collapsed.sizes["point"])
    drawn: list[hv.Scatter] = []
    for (label, members, look), rose in product(series, (False, True)):
        rows = order[(members & (collapsed["rose"].values == rose))[order]]
        if not len(rows):
            continue
        data = tuple(values[rows] for values in columns.values())
        text = f"{label}, catapult" if rose else label
        size = {"size": 7 if rose else 5} if bokeh else {"s": 22 if rose else 12}
        scatter = hv.Scatter(data, CHI, list(columns)[1:], label=text)
        scatter = scatter.opts(backend=backend, marker="^" if rose else "o", **common, **look, **size)
        if coloured is not None and not drawn:
            bar: dict[str, Any] = {"hooks": [style.rasterise, style.colour_bar()]}
            if bokeh:
                bar = {"colorbar": True, "clabel": ""}
            if bokeh and log and look["clim"][1] <= style.FEW * look["clim"][0]:
                bar["colorbar_opts"] = {"ticker": FixedTicker(ticks=_few_ticks(*look["clim"]))}
            scatter = scatter.opts(backend=backend, **bar)
        drawn.append(scatter)
    return drawn


def _few_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten, where Bokeh leaves one end of a log bar without any tick."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [d * 10.0**p for p in powers for d in (1, 2, 5) if low <= d * 10.0**p <= high]


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits of a log axis around all values, with a margin."""
    low, high = float(values.min()), float(values.max())
    factor = max((high / low) ** 0.04, 1.1)
    return low / factor, high * factor


def _caption(sweep: Sweep, summary: xr.Dataset, thin: xr.Dataset, collapsed: xr.Dataset, along: str) -> str:
    symbols = {name: thin[name].attrs.get("symbol") or name for name in _axes(thin)}
    varying = ", ".join(symbols[name] for name in symbols if thin[name].dims == (along,))
    shared = ", ".join(symbols[name] for name in symbols if thin[name].dims != (along,))
    error = collapsed["error"].values[np.isfinite(collapsed["error"].values)]
    middle = at_quantile(0.5, sweep.replicates)
    return (
        f"Change of the kernel relative to κ_c, {middle}, against the laziness, in {collapsed.sizes['point']} cells whose "
        f"networks converged. Where nothing but χ matters, groups of cells (one {shared} each; {varying} varies) lie on one "
        f"curve. In the median a cell is {collapsed.attrs['quality']:.2g} decades from the curve through all other groups; "
        f"{np.mean(error > FAR):.0%} are farther than {FAR:g} (a factor {10**FAR:.2f}). Large steps lead away from it; "
        "at large χ the unlearning of the start's random output does, too, the more the narrower the network."
        + chosen(thin["phase"].size, summary["phase"].size, "cells")
    )

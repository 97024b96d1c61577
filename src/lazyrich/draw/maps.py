"""Maps over two axes of a sweep: phases, and order parameters in colour, with theory's boundaries laid over.

Each function returns one HoloViews object for one backend. Bokeh draws an evenly spaced grid as an image between geometric
edges, matplotlib (and an uneven grid) as a mesh: the other combinations put cells in the wrong place on log axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr
from bokeh.models import FixedTicker

from lazyrich.analysis.boundaries import BAND, BOUNDARIES, boundaries
from lazyrich.analysis.codes import Codes
from lazyrich.analysis.fields import median, names_along
from lazyrich.draw import style

SIZE = 380  # of the frame, in pixels
INCHES, SMALL = 6.2, 3.8  # of a map alone with all its names; of the frame of one among several
BAND_WORDS = f"{BAND[0]:.0%} to {BAND[1]:.0%} band over replicates"


Drawn = Mapping[str, list[np.ndarray]]  # boundaries by name, each some lines of (vertices, 2)


def code_map(
    plane: xr.Dataset,
    x: str,
    y: str,
    codes: Codes,
    backend: str,
    title: str,
    lines: Sequence[str],
    *,
    whole: xr.Dataset | None = None,
    drawn: Drawn | None = None,
    hover: bool = True,
) -> hv.Overlay:
    """Draw the code of each cell of a summary sliced to the axes x and y, with the boundaries `lines`.

    Colours are those of the codes in `whole`, the summary with all its slices (default: of this one). `drawn` are boundaries
    found elsewhere; without `hover` nothing is shown beside the pointer.
    """
    present = codes.present(plane if whole is None else whole)
    shown = codes.numbered(plane, present).transpose(y, x).values
    names = [codes.words[code] for code in present]
    ticks = list(range(len(present)))
    colours = [codes.colours[code] for code in present]
    limits = (-0.5, len(present) - 0.5)
    mesh = _mesh(plane, x, y, shown, codes.name, backend, hover)
    if backend == "bokeh":
        mesh = mesh.opts(
            backend=backend,
            cmap=colours,
            clim=limits,
            colorbar=True,
            clabel="",
            colorbar_opts={
                "ticker": FixedTicker(ticks=ticks),
                "major_label_overrides": dict(zip(ticks, names, strict=True)),
                "major_label_text_font_size": "12px",
                "bar_line_color": "#444444",
                "major_tick_line_color": None,
            },
            **_bokeh_frame(plane, x, y, title),
        )
    else:
        mesh = mesh.opts(
            backend=backend,
            cmap=colours,
            clim=limits,
            **_matplotlib_frame(plane, x, y, title, style.colour_bar(words=names)),
        )
    return _with_boundaries(mesh, plane, x, y, backend, lines, drawn, whole)


def scale(values: np.ndarray) -> tuple[float, float, bool]:
    """Return (low, high, logarithmic) of the colours of values, low < high: logarithmic where they span over two decades."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    low, high = (_floor(positive), float(finite.max()) if positive.size else 1.0)
    if positive.size and low > 0 and high / low > 100:
        return low, high, True
    if not finite.size:
        return 0.0, 1.0, False
    low, high = float(finite.min()), float(finite.max())
    # One value everywhere: the two backends would each make up limits of their own.
    return (low, high, False) if low < high else (min(low, 0.0), max(low, 0.0) or 1.0, False)


def below(low: float, high: float, log: bool) -> float:
    """Return a number beyond the lower colour limit (also in single precision), which stands for a cell that was not run."""
    return low / 2 if log else low - (abs(low) + high - low)


def not_run(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return which cells have no number because nothing was trained in them; a refined sweep interpolates it in others."""
    return (data["networks"] == 0) & ~np.isfinite(median(data[name]))


def value_map(
    plane: xr.Dataset,
    x: str,
    y: str,
    name: str,
    backend: str,
    title: str,
    lines: Sequence[str],
    *,
    whole: xr.Dataset | None = None,
    drawn: Drawn | None = None,
    hover: bool = True,
) -> hv.Overlay:
    """Draw the median of one variable in colour, on the `scale` of `whole`; other arguments as in `code_map`.

    Cells that were not run are white, those that were and have no value grey.
    """
    table = median(plane[name]).transpose(y, x).values.astype(float)
    low, high, log = scale(median((plane if whole is None else whole)[name]).values.astype(float))
    # Clipped here: zero under a log colour scale would be painted like a missing value.
    table = np.where(np.isfinite(table), np.clip(table, low, high), np.nan)
    table[not_run(plane, name).transpose(y, x).values] = below(low, high, log)
    symbol = plane[name].attrs.get("symbol", "")
    mesh = _mesh(plane, x, y, table, name, backend, hover)
    common = {
        "cmap": "viridis",
        "clim": (low, high),
        "logz": log,
        "clipping_colors": {"NaN": style.NO_VALUE, "min": style.NOT_RUN},
    }
    if backend == "bokeh":
        frame = _bokeh_frame(plane, x, y, with_symbol(title, symbol))
        bar = {"colorbar": True, "clabel": "", "colorbar_opts": {"major_label_text_font_size": "12px"}}
        mesh = mesh.opts(backend=backend, **bar, **common, **frame)
    else:
        frame = _matplotlib_frame(plane, x, y, title, style.colour_bar(symbol))
        mesh = mesh.opts(backend=backend, **common, **frame)
    return _with_boundaries(mesh, plane, x, y, backend, lines, drawn, whole)


def with_symbol(title: str, symbol: str) -> str:
    """Return the title of a map of numbers in Bokeh, which turns a long name of the colour bar and cuts it off."""
    return f"{title}: {symbol}" if symbol else title


def _floor(positive: np.ndarray) -> float:
    """Return the lower colour limit: the smallest value, but no more than 18 decades below the largest."""
    return float(max(positive.min(), positive.max() * 1e-18)) if positive.size else 0.0


def _mesh(plane: xr.Dataset, x: str, y: str, table: np.ndarray, name: str, backend: str, hover: bool) -> hv.Element:
    """Draw the coloured cells, (y, x), with what hovering shows beside."""
    xs, ys = plane[x].values.astype(float), plane[y].values.astype(float)
    x_order, y_order = np.argsort(xs), np.argsort(ys)
    table = table[np.ix_(y_order, x_order)]
    (x_edges, x_log), (y_edges, y_log) = style.edges(xs[x_order]), style.edges(ys[y_order])
    label = hv.Dimension(name, label=style.axis_label(plane, name) if name != "phase" else "phase")
    looks = {"backend": backend, "logx": x_log, "logy": y_log}
    if backend == "matplotlib":
        return hv.QuadMesh((x_edges, y_edges, table), kdims=[x, y], vdims=[label]).opts(**looks)
    beside = _hover_layers(plane, x, y, y_order, x_order) if hover else {}
    layers = [layer for _, layer in beside.values()]
    columns = {"kdims": [x, y], "vdims": [label, *beside]}
    if style.evenly_spaced(xs[x_order]) and style.evenly_spaced(ys[y_order]):
        stack = np.dstack([table, *layers]) if layers else table
        element = hv.Image(stack[::-1], bounds=(x_edges[0], y_edges[0], x_edges[-1], y_edges[-1]), **columns)
    else:
        element = hv.QuadMesh((x_edges, y_edges, table, *layers), **columns)
    # What is painted is no number to be shown: it is a place among codes, clipped, or that of a cell that was not run.
    tooltips = [(words, f"@{{{name}}}") for name, (words, _) in beside.items()]
    shown = {"tools": ["hover"], "hover_tooltips": tooltips} if hover else {}
    return element.opts(hooks=[style.named("cells")], **looks, **shown)


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


def _hover_layers(
    plane: xr.Dataset, x: str, y: str, y_order: np.ndarray, x_order: np.ndarray
) -> dict[str, tuple[str, np.ndarray]]:
    """Return what hovering shows, name -> (words, (y, x)): the cell's own axes' values, not the pointer's; key scalars."""
    grid_x, grid_y = np.meshgrid(plane[x].values.astype(float), plane[y].values.astype(float))
    found = {
        name: (plane[name].attrs.get("symbol", name), values)
        for name, values in ((x, grid_x), (y, grid_y))
        if names_along(plane, name) is None
    }
    for name, words in HOVERED:
        # Not an axis' or a slice's own value.
        if name in plane and set((values := median(plane[name])).dims) == {x, y}:
            found[name] = (words, values.transpose(y, x).values.astype(float))
    # Names of their own: HoloViews takes one that an axis has for the axis.
    return {f"cell_{name}": (words, values[np.ix_(y_order, x_order)]) for name, (words, values) in found.items()}


def parted(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Return lines of (vertices, 2) as one, parted by NaN; a NaN where there are none."""
    nothing = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, nothing)] or [nothing])


def _with_boundaries(
    mesh: hv.Element,
    plane: xr.Dataset,
    x: str,
    y: str,
    backend: str,
    lines: Sequence[str],
    drawn: Drawn | None = None,
    whole: xr.Dataset | None = None,
) -> hv.Overlay:
    """Lay boundaries over a map and name them in the legend; measured ones first, so that predictions show on top."""
    overlay = mesh
    whole = plane if whole is None else whole
    drawn = boundaries(plane, x, y) if drawn is None else drawn
    found = [name for name in lines if name in drawn]

    def curve(name: str, label: str = "") -> hv.Curve:
        """Draw a boundary as one curve."""
        element = hv.Curve(parted(drawn[name]), kdims=[x], vdims=[y], label=label)
        return element.opts(backend=backend, hooks=[style.named(name)]) if backend == "bokeh" else element

    for name in sorted(found, key=lambda name: BOUNDARIES[name].predicted):
        boundary = BOUNDARIES[name]
        if boundary.predicted:
            line = curve(name, boundary.called(whole))
            overlay *= line.opts(backend=backend, color="black", **style.line(backend, 1.8, style.DASHES[name]))
        else:
            overlay *= curve(name).opts(backend=backend, color=style.MEASURED_EDGE, **style.line(backend, 5.5))
            overlay *= curve(name, boundary.text).opts(
                backend=backend, color=style.MEASURED[name], **style.line(backend, 3.5)
            )
            edges = [name + end for end in ("_low", "_high") if name + end in drawn]
            for number, edge in enumerate(edges):
                label = "" if number else f"its {BAND_WORDS}"
                overlay *= curve(edge, label).opts(
                    backend=backend, color=style.MEASURED_EDGE, **style.line(backend, 1.0)
                )
    if not isinstance(overlay, hv.Overlay):
        overlay = hv.Overlay([overlay])
    if backend == "bokeh":
        # Below the frame: a legend inside would cover cells.
        looks = {"legend_position": "bottom", "legend_offset": style.BELOW, "legend_cols": 1, "show_legend": True}
        return overlay.opts(backend=backend, **looks)
    return overlay.opts(
        backend=backend,
        legend_position="bottom",
        legend_cols=1,
        show_legend=True,
        fig_inches=INCHES,
        aspect="auto",
        apply_ticks=False,
        hooks=[style.framed(1, style.name_ticks(plane, x, y))],
    )


def _bokeh_frame(plane: xr.Dataset, x: str, y: str, title: str) -> dict[str, Any]:
    return {
        "frame_width": SIZE,
        "frame_height": SIZE,
        "xlabel": style.axis_label(plane, x),
        "ylabel": style.axis_label(plane, y),
        "title": title,
        "fontsize": {"title": 13, "labels": 12, "ticks": 11, "legend": 11},
        "toolbar": "above",
        "active_tools": [],
        **{f"{which}ticks": ticks for which, ticks in style.name_ticks(plane, x, y).items()},
        **({"xrotation": 90} if "x" in style.name_ticks(plane, x, y) else {}),
    }


def _matplotlib_frame(plane: xr.Dataset, x: str, y: str, title: str, bar: style.Hook) -> dict[str, Any]:
    return {
        "xlabel": style.axis_label(plane, x),
        "ylabel": style.axis_label(plane, y),
        "title": title,
        "fontsize": {"title": 11, "labels": 11, "legend": 8.5},
        "aspect": "auto",
        "apply_ticks": False,
        "hooks": [style.rasterise, bar],
    }

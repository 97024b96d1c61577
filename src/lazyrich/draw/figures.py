"""Which figures a sweep gets, and writing each as HTML (opens offline), SVG, PNG and a Bokeh item for the report page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import product
from pathlib import Path

import holoviews as hv
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from bokeh.embed import json_item
from bokeh.plotting import figure as figure_model

from lazyrich import archive
from lazyrich.comparison import cell
from lazyrich.draw import curves, maps
from lazyrich.draw.page import bokeh_scripts, write_page
from lazyrich.plan import whole
from lazyrich.published import load_published
from lazyrich.sweep import Sweep

# Cells whose trajectories are drawn side by side, and slices through further axes: more would be no picture.
MOST_ROWS = 6
MOST_SLICES = 9

Builder = Callable[[str], hv.core.Dimensioned]


def numeric_axes(summary: xr.Dataset) -> list[str]:
    """Grid dimensions with more than one number along them, in the sweep's order."""
    return [
        str(dim)
        for dim in summary["phase"].dims
        if dim in summary.coords and summary[dim].dtype.kind in "fiu" and summary.sizes[dim] > 1
    ]


def draw_figures(sweep: Sweep, *, summary: str | Path, shards: list[str], folder: str | Path) -> None:
    """Draw every figure that suits the sweep's axes into `folder`, with captions in `captions.json`.

    Two or more numeric axes: maps in the first two, a panel for each slice through the others. Otherwise trajectories of
    the (first few) cells. Published curves, where the sweep names them, are laid over trajectories.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # SVG that is the same to the byte for the same data.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    captions: dict[str, str] = {}
    with archive.read(summary) as data:
        data.load()
    axes = numeric_axes(data)
    if len(axes) >= 2:
        for name, (build, caption) in _maps(sweep, data, *axes[:2]).items():
            _write(build, name, folder)
            captions[name] = caption
    if len(axes) < 2 or sweep.figures.published:
        build, caption = _trajectories(sweep, data, shards)
        _write(build, "trajectories", folder)
        captions["trajectories"] = caption
    (folder / "captions.json").write_text(json.dumps(captions, ensure_ascii=False, indent=1), encoding="utf-8")


def _slices(summary: xr.Dataset, x: str, y: str) -> list[tuple[xr.Dataset, str]]:
    """The planes of a summary over its other axes (some, evenly, where there are many), each with its name."""
    others = [dim for dim in summary["phase"].dims if dim not in (x, y)]
    places = list(product(*(range(summary.sizes[dim]) for dim in others)))
    chosen = [
        places[i] for i in sorted({round(i) for i in np.linspace(0, len(places) - 1, min(MOST_SLICES, len(places)))})
    ]
    result = []
    for place in chosen:
        at = dict(zip(others, place, strict=True))
        text = ", ".join(
            f"{summary[dim].attrs.get('symbol', dim)} = {summary[dim].values[i]}"
            if dim in summary.coords
            else f"{dim} {i}"
            for dim, i in at.items()
        )
        result.append((summary.isel(at), text))
    return result


def _maps(sweep: Sweep, summary: xr.Dataset, x: str, y: str) -> dict[str, tuple[Builder, str]]:
    planes = _slices(summary, x, y)
    setting = _setting(sweep)

    def build(draw: Callable[[xr.Dataset, str, str], hv.Overlay], heading: str) -> Builder:
        def builder(backend: str) -> hv.core.Dimensioned:
            drawn = [draw(plane, backend, f"{heading}, {text}" if text else heading) for plane, text in planes]
            if len(drawn) == 1:
                return drawn[0]
            columns = min(3, len(drawn))
            return hv.Layout(drawn).cols(columns).opts(backend=backend, shared_axes=False)

        return builder

    figures = {
        "phase_diagram": (
            build(lambda plane, backend, title: maps.phase_map(plane, x, y, backend, title), "Phases"),
            f"Phase of most of {sweep.replicates} replicates in each cell. {setting}",
        )
    }
    for name, heading, meaning in (
        ("ntk_change", "Change of the kernel", "Relative change of the neural tangent kernel at the end of training"),
        ("onset_step", "Onset of learning", "Step at which the loss has fallen by the onset share"),
    ):
        if name in summary:
            figures[name if name != "ntk_change" else "kernel_change"] = (
                build(
                    lambda plane, backend, title, name=name: maps.value_map(plane, x, y, name, backend, title), heading
                ),
                f"{meaning}, median of {sweep.replicates} replicates; grey: no value (diverged, or not reached). {setting}",
            )
    return figures


def _trajectories(sweep: Sweep, summary: xr.Dataset, shards: list[str]) -> tuple[Builder, str]:
    wanted = whole(sweep).recipe
    total = int(np.prod([summary.sizes[dim] for dim in summary["phase"].dims], dtype=int))
    chosen = sorted({round(i) for i in np.linspace(0, total - 1, min(MOST_ROWS, total))})
    published = load_published(sweep.figures.published) if sweep.figures.published else None
    found = {flat: cell(shards, wanted, flat) for flat in chosen}

    def builder(backend: str) -> hv.Layout:
        rows = [curves.panels(found[flat], published, backend, _cell_title(summary, flat)) for flat in chosen]
        return curves.layout(rows, backend)

    points = " Circles: published points." if published else ""
    return builder, f"Every replicate (thin) and their median (thick) against theory.{points} {_setting(sweep)}"


def _cell_title(summary: xr.Dataset, flat: int) -> str:
    dims = summary["phase"].dims
    place = dict(zip(dims, np.unravel_index(flat, [summary.sizes[dim] for dim in dims]), strict=True))
    parts = []
    for name, values in summary.coords.items():
        if name != "quantile" and values.dims and values.dims[0] in place:
            value = values.values[place[values.dims[0]]]
            shown = f"{value:.4g}" if np.issubdtype(values.dtype, np.number) else str(value)
            parts.append(f"{values.attrs.get('symbol') or name} = {shown}")
    return ", ".join(parts)


def _setting(sweep: Sweep) -> str:
    """What every network of the sweep shares, and how many there are."""
    symbols = {name: symbol for name, (_, symbol) in archive.VARIABLES.items()}
    shown = [
        f"{symbols.get(name) or name} = {value:g}"
        for name, value in sweep.fixed.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    words = [str(value) for name, value in sweep.fixed.items() if name in ("source", "activation")]
    return f"{', '.join(words)}; {', '.join(shown)}; {sweep.networks} networks, seed {sweep.seed}."


def _write(build: Builder, name: str, folder: Path) -> None:
    hv.Store.set_current_backend("bokeh")
    model = hv.render(build("bokeh"), backend="bokeh")
    for part in model.select({"type": figure_model}):
        # HoloViews calls a figure of fixed frame "fixed", for which Bokeh wants the outer size; left open, Bokeh finds it.
        part.sizing_mode = None
    item = json.dumps(json_item(model, name))
    (folder / f"{name}.json").write_text(item, encoding="utf-8")
    write_page(folder / f"{name}.html", "figure.html", figure={"name": name, "item": item}, scripts=bokeh_scripts())
    hv.Store.set_current_backend("matplotlib")
    with plt.rc_context({"svg.hashsalt": "lazyrich"}):
        figure = hv.render(build("matplotlib"), backend="matplotlib")
        # Measured once: savefig's own "tight" draws everything again for each file.
        box = figure.get_tightbbox().padded(0.1)
        for kind in ("svg", "png"):
            figure.savefig(folder / f"{name}.{kind}", dpi=150, bbox_inches=box)
        plt.close(figure)

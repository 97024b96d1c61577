"""Which figures a sweep gets, and writing each as HTML (opens offline), SVG, PNG and a Bokeh item for the report page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import holoviews as hv
import numpy as np
import xarray as xr
from bokeh.core.types import ID
from bokeh.embed import json_item

from lazyrich.analysis import scope
from lazyrich.analysis.boundaries import boundaries
from lazyrich.analysis.fields import map_axes, placed
from lazyrich.analysis.published import load_published
from lazyrich.analysis.summary import cell
from lazyrich.draw import curves, oscillation
from lazyrich.draw.chosen import chosen, some
from lazyrich.draw.collapse import collapse_figure
from lazyrich.draw.diagrams import Diagram, diagrams, point, slices
from lazyrich.draw.kernel_distance import distance_figure
from lazyrich.draw.lines import kernel_change_figure
from lazyrich.draw.map_frame import SMALL
from lazyrich.draw.page import bokeh_scripts, write_page
from lazyrich.draw.pictures import defaults, save
from lazyrich.draw.rendered import rendered
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting, source_name, stand_in

# Most cells whose trajectories are drawn side by side, and most slices through further axes: more would be too small to read.
MOST_ROWS = 4
MOST_SLICES = 9
TITLE = 40  # characters of a title that fit above a panel

Builder = Callable[[str], hv.core.Dimensioned]  # of a backend
Figure = tuple[Builder, str]  # and its caption


def draw_figures(
    sweep: Sweep, *, summary: str | Path, shards: Sequence[str | Path], folder: str | Path, command: str | None = None
) -> None:
    """Draw every figure that suits the sweep's axes into `folder`, with captions in `captions.json`.

    Two or more axes (of numbers, or of names that `figures.axes` asks for): maps in the first two, a panel for each slice
    through the others. Otherwise a line over the axis, if there is one, and trajectories of some cells. Published curves, where
    the sweep names them, are laid over trajectories. Where χ varies, and something else beside it, the change of the kernel
    against χ; where networks are rich, the kernel's distance to T and to Θ∞ through training.

    Pages and the metadata of pictures name the `command` that made them; by default this is the call of this function.
    """
    command = command or _call(summary, shards, folder)
    paths = [str(shard) for shard in shards]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with archive.opened(summary) as data:
        data.load()
    axes = map_axes(data, sweep.figures.axes or ())
    plane = axes[:2]
    drawn = _maps(sweep, placed(data, plane), *plane) if len(axes) >= 2 else {}
    # After the maps: the first figure represents the sweep in the gallery.
    drawn |= {name: figure for name, make in FIGURES.items() if (figure := make(sweep, data, paths)) is not None}
    if other := stand_in(sweep):
        drawn = {name: (build, f"Stand-in: {other}. {caption}") for name, (build, caption) in drawn.items()}
    for name, (build, caption) in drawn.items():
        description = f"{caption} Made by: {command}"
        hv.Store.current_backend = "bokeh"
        _write_page(build("bokeh"), name, folder, description)
        with defaults():
            _write_pictures(build("matplotlib"), name, folder, description)
    captions = {name: caption for name, (_, caption) in drawn.items()}
    (folder / "captions.json").write_text(json.dumps(captions, ensure_ascii=False, indent=1), encoding="utf-8")


def _call(summary: str | Path, shards: Sequence[str | Path], folder: str | Path) -> str:
    """Return the call of `draw_figures` as it is written in Python, with one of many shards."""
    more = ", ..." if len(shards) > 1 else ""
    files = f"summary={str(summary)!r}, shards=[{str(shards[0])!r}{more}]" if shards else f"summary={str(summary)!r}"
    return f"lazyrich.draw_figures(sweep, {files}, folder={str(folder)!r})"


def _slices(summary: xr.Dataset, x: str, y: str) -> list[tuple[xr.Dataset, str]]:
    """Return the planes of a summary over its other axes (some, evenly, where there are many), each with its name."""
    planes = list(slices(summary, x, y))
    return [planes[i] for i in some(len(planes), MOST_SLICES)]


def _maps(sweep: Sweep, summary: xr.Dataset, x: str, y: str) -> dict[str, Figure]:
    planes = [(plane, text, boundaries(plane, x, y)) for plane, text in _slices(summary, x, y)]
    total = summary["phase"].size // (summary.sizes[x] * summary.sizes[y])
    shared = chosen(len(planes), total, "slices") + " " + setting(sweep)

    def build(diagram: Diagram) -> Builder:
        def builder(backend: str) -> hv.core.Dimensioned:
            drawn = [
                diagram.draw(plane, x, y, backend, _titled(diagram, text), whole=summary, drawn=lines)
                for plane, text, lines in planes
            ]
            if len(drawn) == 1:
                return drawn[0]
            columns = min(3, len(drawn))
            layout = hv.Layout(drawn).cols(columns)
            # Matplotlib: room for the names at the colour bar, and for the legend below.
            room = {} if backend == "bokeh" else {"fig_inches": SMALL, "hspace": 0.85, "vspace": 0.65}
            return layout.opts(backend=backend, shared_axes=False, **room)

        return builder

    return {
        diagram.name: (build(diagram), diagram.caption + shared)
        for diagram in diagrams(sweep, summary)
        if diagram.figure
    }


def _titled(diagram: Diagram, slice_name: str) -> str:
    return f"{diagram.heading}, {slice_name}" if slice_name else diagram.heading


def _trajectories(sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]) -> Figure | None:
    """Return the figure of some cells' trajectories, for a sweep without maps or with published curves.

    None if nothing that it would draw was recorded, or no network has a value.
    """
    if sweep.record.summary or (len(map_axes(summary, sweep.figures.axes or ())) > 1 and not sweep.figures.published):
        return None
    recipe = whole(sweep)
    dims = [str(dim) for dim in summary["phase"].dims]
    sizes = [summary.sizes[dim] for dim in dims]
    other = stand_in(sweep)
    published = _published(sweep)
    cells = {}
    # A refined sweep does not train all cells.
    trained = np.flatnonzero(summary["networks"].values.ravel() > 0)
    for flat in trained[some(len(trained), MOST_ROWS)]:
        place = dict(zip(dims, np.unravel_index(flat, sizes), strict=True)) if sizes else {}
        title = point(summary.isel(place), dims).replace(" = ", "\u00a0=\u00a0") or other or "one cell"
        title = textwrap.fill(title, TITLE)  # between parameters only
        networks = cell(shards, recipe, flat)
        if curves.drawable(networks):
            cells[title] = networks
    if not cells:
        return None

    def builder(backend: str) -> hv.Layout:
        return curves.layout([curves.panels(n, published, backend, title) for title, n in cells.items()], backend)

    points = _laid_over(published, other) if published else ""
    left = chosen(len(cells), len(trained), "cells")
    dots = ""
    if any(not oscillation.resolved(networks).all() for networks in cells.values()):
        dots = (
            " Dots: records between which a network oscillates, which no line joins; theory ends where it does so, too."
        )
    caption = (
        f"Every replicate (thin) and their median (thick) against theory.{dots}{scope.sentence(summary)}{points}{left}"
    )
    return builder, f"{caption} {setting(sweep)}"


def _published(sweep: Sweep) -> curves.Published | None:
    figures = sweep.figures
    if figures.published is None:
        return None
    source = source_name(figures.published_source) if stand_in(sweep) else ""
    return curves.Published(load_published(figures.published), source, figures.published_onset)


def _laid_over(published: curves.Published, other: str) -> str:
    """Return the part of a caption on published points: on which data they were trained, and what the red line means."""
    source = f", trained on {published.source}, not on these data" if other else ""
    line = "; red line: the published figure's own t₁" if published.onset is not None else ""
    return (
        f" Circles: published points{source}; black dashes: the network whose loss is nearest to them{line}. "
        "Shaded: up to the median of measured t₁, and from there to t₂."
    )


# Every figure other than a map (for maps see `diagrams.DIAGRAMS`), by the name of its files. To add one, write a function of a
# sweep, its summary and its shards that returns it (or None), and name it here.
FIGURES: dict[str, Callable[[Sweep, xr.Dataset, Sequence[str]], Figure | None]] = {
    "kernel_change": kernel_change_figure,
    "trajectories": _trajectories,
    "collapse": collapse_figure,
    "kernel_distance": distance_figure,
}


def _write_page(element: hv.core.Dimensioned, name: str, folder: Path, description: str) -> None:
    """Write the figure's own page, and the Bokeh item for the report page."""
    item = json.dumps(json_item(rendered(element), ID(name)))
    (folder / f"{name}.json").write_text(item, encoding="utf-8")
    write_page(
        folder / f"{name}.html",
        "figure.html",
        figure={"name": name, "item": item},
        description=description,
        scripts=bokeh_scripts(),
    )


def _write_pictures(element: hv.core.Dimensioned, name: str, folder: Path, description: str) -> None:
    """Write SVG and PNG, with what they show in their metadata."""
    save(element, description, {kind: folder / f"{name}.{kind}" for kind in ("svg", "png")})

"""The interactive part of a report page: two maps side by side, and the trajectory of the cell that is clicked.

HoloViews makes maps and panels as Bokeh figures without numbers. The numbers of all maps, slices and trajectories are packed
into the page once; `pages/atlas.js` fills them into the figures that are on display.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from bokeh.embed.standalone import StandaloneEmbedJson

from lazyrich.analysis import scope
from lazyrich.analysis.boundaries import boundaries
from lazyrich.analysis.fields import median, names_along
from lazyrich.draw import maps, style
from lazyrich.draw.diagrams import Diagram, diagrams, slices
from lazyrich.draw.item import item
from lazyrich.draw.kept import REPLICATE, kept_trajectories
from lazyrich.draw.map_frame import parted, with_symbol
from lazyrich.draw.pack import MISSING, Pack
from lazyrich.planning.command import named, replay_command
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting

# What fits a page of 8 MB beside Bokeh's own 1.3 MB: numbers of all maps and of all trajectories (less than two characters
# each), and characters of all numbers together, which is what counts in the end.
MAP_NUMBERS = 1_500_000
CURVE_NUMBERS = 4_000_000
CHARACTERS = 5_000_000
VERTICES = 50_000  # of the boundaries of all slices
CELL = "{cell}"  # in the command that replays a network: where the page's script puts the cell
MAP_SIZE = 330  # two side by side on a wide page, names of colours included


def atlas(
    sweep: Sweep, name: str, summary: xr.Dataset, x: str, y: str, shards: Sequence[str], results: Path
) -> dict[str, Any]:
    """Return what the page's template takes: `items` (Bokeh figures by name), `data` (JSON), `numbers` (packed), `theory`.

    `x` and `y` are the axes of the maps; `shards` paths of the sweep's shards; `results` the folder of all sweeps' results.
    """
    choices = diagrams(sweep, summary)
    grid = [str(dim) for dim in summary["phase"].dims]
    dims = [dim for dim in grid if dim not in (x, y)]
    step = _step(summary, len(choices))
    thin = summary.isel({x: slice(None, None, step), y: slice(None, None, step)})
    planes = list(slices(summary, x, y))
    drawn = [boundaries(plane, x, y) for plane, _ in planes]
    first = thin.isel(dict.fromkeys(dims, 0))
    alike = {_item(diagram, thin): diagram for diagram in reversed(choices)}
    items = {name: _map(diagram, name, first, x, y, thin, drawn) for name, diagram in alike.items()}
    numbers: float = CURVE_NUMBERS
    while True:
        pack = Pack()
        untrained = pack.add((thin["networks"] == 0).transpose(*dims, y, x).values)
        layers = [_layer(diagram, thin, x, y, dims, pack) for diagram in choices]
        trajectories, panels = kept_trajectories(sweep, summary, x, y, dims, shards, pack, numbers)
        packed = pack.text()
        if len(packed) <= CHARACTERS or not trajectories or len(trajectories["columns"] + trajectories["rows"]) == 2:
            break
        numbers /= 2  # trajectories compress badly
    cell_words = dict(zip(grid, named(sweep), strict=True))
    data = {
        "axes": [_axis(thin, axis) | {"named": cell_words[axis][::step]} for axis in (x, y)],
        "slices": [_slice(summary, dim) | {"named": cell_words[dim]} for dim in dims],
        "replay": replay_command(name, CELL, results, REPLICATE),
        "cell": CELL,
        "layers": layers,
        "untrained": untrained,
        "lines": _thinned(drawn),
        "trajectories": trajectories,
        "step": step,
        "setting": setting(sweep),
    }
    return {
        "theory": scope.sentence(summary),
        "items": json.dumps(items | panels, ensure_ascii=False),
        "data": json.dumps(data, ensure_ascii=False),
        "numbers": packed,
    }


def _step(summary: xr.Dataset, layers: int) -> int:
    """Return the step along both axes at which maps keep points, so that their numbers fit."""
    numbers = summary["phase"].size * layers
    return max(1, int(np.ceil(np.sqrt(numbers / MAP_NUMBERS))))


def _axis(data: xr.Dataset, name: str) -> dict[str, Any]:
    values = data[name].values.astype(float)
    edges, _ = style.edges(values)
    names = names_along(data, name)
    called = name if names is None else str(names.name)
    return {
        "name": called,
        "symbol": data[name].attrs.get("symbol") or called,
        "values": values.tolist(),
        "edges": edges.tolist(),
        # The name of a point that is no number.
        "names": None if names is None else list(map(str, names.values)),
    }


def _slice(summary: xr.Dataset, dim: str) -> dict[str, Any]:
    """Describe a further axis: for each of its points the coordinates that say where it is."""
    names = [str(name) for name, value in summary.coords.items() if value.dims == (dim,)]
    points = [
        {name: (v.item() if isinstance(v, np.generic) else str(v)) for name, v in zip(names, values, strict=True)}
        for values in zip(*(summary[name].values for name in names), strict=True)
    ]
    symbols = {name: summary[name].attrs.get("symbol") or name for name in names}
    return {"name": dim, "points": points, "symbols": symbols}


def _item(diagram: Diagram, data: xr.Dataset) -> str:
    """Return the name of a map's item; maps of numbers with the same lines share one: numbers, limits, titles come later."""
    if diagram.codes is not None:
        return f"map-{diagram.name}"
    log = maps.scale(median(data[diagram.variable]).values.astype(float))[2]
    return "-".join(("map", "log" if log else "linear", *diagram.lines))


def _layer(diagram: Diagram, data: xr.Dataset, x: str, y: str, dims: Sequence[str], pack: Pack) -> dict[str, Any]:
    """Pack a map's numbers over all slices, (slices..., y, x); return where they lie and what they mean."""
    symbol = data[diagram.variable].attrs.get("symbol", "") if diagram.codes is None else ""
    layer: dict[str, Any] = {
        "name": diagram.name,
        "item": _item(diagram, data),
        "heading": diagram.heading,
        "title": with_symbol(diagram.heading, symbol),
        "caption": diagram.caption,
        "figure": diagram.figure,
        "symbol": symbol,
    }
    if diagram.codes is not None:
        present = diagram.codes.present(data)
        numbers = diagram.codes.numbered(data, present).transpose(*dims, y, x).values
        place = pack.add(np.where(np.isnan(numbers), MISSING, numbers))
        return layer | place | {"words": [diagram.codes.words[code] for code in present]}
    values = median(data[diagram.variable]).transpose(*dims, y, x).values.astype(float)
    low, high, log = maps.scale(values)
    return layer | pack.add_numbers(values) | {"clip": [low, high], "below": maps.below(low, high, log)}


def _map(
    diagram: Diagram, name: str, plane: xr.Dataset, x: str, y: str, summary: xr.Dataset, drawn: list[dict[str, Any]]
) -> StandaloneEmbedJson:
    """Draw a map without its numbers, with a line for every boundary that some slice has."""
    names = dict.fromkeys(key for each in drawn for key in each)
    lines = {key: drawn[0].get(key, []) for key in names}
    overlay = diagram.draw(plane, x, y, "bokeh", diagram.heading, whole=summary, drawn=lines, hover=False)
    return item(overlay, name, size=MAP_SIZE, events=("tap", "mousemove"), empty=("cells",))


def _thinned(drawn: list[dict[str, list[np.ndarray]]]) -> list[dict[str, list[list[float | None]]]]:
    """Return boundaries of each slice as [x's, y's], parted by None; not every vertex where there are very many."""
    vertices = sum(len(line) for each in drawn for lines in each.values() for line in lines)
    step = max(1, -(-vertices // VERTICES))
    return [{key: _rounded([_some(line, step) for line in lines]) for key, lines in each.items()} for each in drawn]


def _some(line: np.ndarray, step: int) -> np.ndarray:
    """Return every `step`-th vertex of a line, and its last."""
    return line[np.unique(np.append(np.arange(0, len(line), step), len(line) - 1))]


def _rounded(lines: list[np.ndarray]) -> list[list[float | None]]:
    """Round vertices of lines to 5 digits."""
    joined = parted(lines)
    return [[float(f"{v:.5g}") if np.isfinite(v) else None for v in column] for column in joined.T]

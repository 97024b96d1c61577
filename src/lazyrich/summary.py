"""From shards to one summary on the sweep's grid, through Dask.

A shard is opened lazily and read a slice at a time; each network becomes a few numbers (`comparison`), and replicates become
medians and quantiles before the next shard is touched, so that memory does not grow with the number of shards.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr

from lazyrich import archive, progress, theories
from lazyrich.boundaries import BANDED, band, boundaries, distances
from lazyrich.comparison import COLUMNS, compare
from lazyrich.concatenate import concatenate
from lazyrich.fields import numeric_axes
from lazyrich.phases import VOTES, Phase
from lazyrich.plan import index_of, positions
from lazyrich.published import load_published
from lazyrich.refine import fill
from lazyrich.sweep import Conditions, Figures, Phases, Refine
from lazyrich.sweep_file import validated
from lazyrich.table import variable
from lazyrich.theories import Theory
from lazyrich.training import LOSS_FACTOR

QUANTILES = (0.16, 0.5, 0.84)
# Codes, of which a cell has that of most replicates: name -> (codes, that of a cell without networks).
FLAGS = {
    "phase": (Phase, Phase.not_run),
    "rich_votes": (VOTES, VOTES.not_settled),
    "best_theory": (Theory, Theory.not_compared),
}
SLICE = 4096  # networks in memory at a time, a few tens of MB of trajectories


def _columns(
    data: xr.Dataset, phases: Phases, constants: Conditions, published: dict[str, np.ndarray] | None
) -> dict[str, np.ndarray]:
    """`compare` slice by slice, so that memory does not depend on the size of the shard."""
    parts = []
    for start in range(0, data.sizes["network"], SLICE):
        with archive.LOCK:
            part = data.isel(network=slice(start, start + SLICE)).load()
        parts.append(compare(part, phases, constants, published))
        progress.advance(part.sizes["network"])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _cells(data: xr.Dataset, wanted: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """For each network of a shard its cell in the grid (flat, −1 outside) and its replicate's position."""
    (target,) = wanted["boxes"]
    shape = [len(points) for points in target.values()][:-1]
    recipe = json.loads(data.attrs["recipe"])
    index = index_of(wanted)
    cells, replicates = [], []
    for box in recipe["boxes"]:
        where = positions(recipe, box, wanted, index)
        networks = math.prod(map(len, box.values()))
        if where is None:
            cells.append(np.full(networks, -1))
            replicates.append(np.full(networks, -1))
            continue
        # Points of the box run over the box's own axes; axes of the grid that the box holds fixed have one place.
        grids = np.meshgrid(*where, indexing="ij")
        flat = np.zeros(grids[0].size, dtype=np.int64)
        outside = np.zeros(grids[0].size, dtype=bool)
        for places, length in zip(grids[:-1], shape, strict=True):
            flat = flat * length + places.ravel()
            outside |= places.ravel() < 0
        outside |= grids[-1].ravel() < 0
        cells.append(np.where(outside, -1, flat))
        replicates.append(np.where(outside, -1, grids[-1].ravel()))
    return np.concatenate(cells), np.concatenate(replicates)


def _reduce(
    shards: list[xr.Dataset | str],
    wanted: dict[str, Any],
    phases: Phases,
    constants: Conditions,
    published: dict[str, np.ndarray] | None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Cells that a group of shards holds between them, and their values over replicates.

    Returns flat cell numbers (cells,) and name -> (cells, quantiles), or (cells,) for codes, shares and edges of bands.
    """
    parts, cells, replicates = [], [], []
    for shard in shards:
        with archive.LOCK:
            data = archive.read(shard) if isinstance(shard, str) else shard
        where, replicate = _cells(data, wanted)
        part = _columns(data, phases, constants, published)
        inside = where >= 0
        parts.append({name: values[inside] for name, values in part.items()})
        cells.append(where[inside])
        replicates.append(replicate[inside])
        if isinstance(shard, str):
            with archive.LOCK:
                data.close()
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    (target,) = wanted["boxes"]
    present, row = np.unique(np.concatenate(cells), return_inverse=True)
    column = np.concatenate(replicates)
    values = {}
    for name, flat in columns.items():
        if name == "best_theory":
            continue  # of a cell's median errors, below, so that no tie of two replicates decides
        table = np.full((len(present), len(target["replicate"])), np.nan)
        table[row, column] = flat
        if name in FLAGS:
            codes, _ = FLAGS[name]
            counts = np.stack([(table == code).sum(axis=1) for code in codes], axis=1)
            values[name] = np.array(list(codes))[np.argmax(counts, axis=1)]
            if name == "phase":
                values["networks"] = counts.sum(axis=1)
                values["agreement"] = counts.max(axis=1) / values["networks"]
        elif name.endswith("_share"):
            known = ~np.isnan(table)
            with np.errstate(invalid="ignore"):
                values[name] = np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)
        else:
            values[name] = _quantiles(table)
            if name.startswith("published_"):
                values[f"{name}_worst"] = np.max(table, axis=1)
        if name in BANDED:
            values[f"{name}_low"], values[f"{name}_high"] = band(table, BANDED[name])
    if "best_theory" in columns:
        medians = {name: values[name][:, QUANTILES.index(0.5)] for name in values if name.endswith("_error")}
        values["best_theory"], _ = theories.best(medians, phases.theory_error)
    return present, values


def _quantiles(table: np.ndarray) -> np.ndarray:
    """`QUANTILES` along rows, linear between order statistics, NaN left out (numpy.nanquantile goes row by row in Python)."""
    ordered = np.sort(table, axis=1)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=1)
    result = np.full((len(table), len(QUANTILES)), np.nan)
    rows = np.arange(len(table))
    for i, q in enumerate(QUANTILES):
        place = q * np.maximum(count - 1, 0)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        lower, upper = ordered[rows, low], ordered[rows, high]
        with np.errstate(invalid="ignore"):
            # An order statistic itself where it is one: ∞ − ∞ and 0 · ∞ are no numbers.
            exact = (lower == upper) | (place == low)
            result[:, i] = np.where(exact, lower, lower + (place - low) * (upper - lower))
    return result


def _groups(recipes: dict[str, dict[str, Any]], wanted: dict[str, Any]) -> list[list[str]]:
    """Shards that must be reduced together, because a cell's replicates lie in more than one of them."""
    (target,) = wanted["boxes"]
    index = index_of(wanted)
    alone, shared = [], []
    for path, recipe in recipes.items():
        boxes = [positions(recipe, box, wanted, index) for box in recipe["boxes"]]
        where = [places for places in boxes if places is not None]
        complete = all(set(places[-1]) >= set(range(len(target["replicate"]))) for places in where)
        (alone if complete else shared).append((path, where))
    groups: list[tuple[list[str], list[list[list[int]]]]] = []
    for path, where in shared:
        joined = ([path], list(where))
        apart = []
        for group in groups:
            if any(_overlap(a, b) for a in group[1] for b in where):
                joined = (group[0] + joined[0], group[1] + joined[1])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [[path] for path, where in alone if where] + [group[0] for group in groups if group[1]]


def _overlap(a: list[list[int]], b: list[list[int]]) -> bool:
    return all(set(x) & set(y) - {-1} for x, y in zip(a[:-1], b[:-1], strict=True))


def cell(shards: Iterable[str | Path], wanted: dict[str, Any], flat: int) -> xr.Dataset:
    """The networks of one grid cell (`flat` in grid order), all replicates, from the shards that hold them, loaded."""
    found = []
    for path in shards:
        with archive.read(path) as data:
            rows = np.flatnonzero(_cells(data, wanted)[0] == flat)
            if len(rows):
                found.append(data.isel(network=rows).load())
    return concatenate(found)


def summarise(
    shards: Iterable[str | Path],
    wanted: dict[str, Any],
    *,
    phases: Phases | None = None,
    conditions: Conditions | None = None,
    figures: Figures | None = None,
    refine: Refine | None = None,
    threads: int = 1,
) -> xr.Dataset:
    """The summary of a sweep from its shards on disk.

    Parameters
    ----------
    shards
        paths of shards.
    wanted
        the sweep as a one-box recipe (`plan.whole(sweep).recipe`): its box is the grid.
    phases, conditions, figures, refine
        the sweep file's sections of these names; with `refine`, cells that were not trained are filled in.
    threads
        shards reduced side by side.

    Returns
    -------
    Dataset
        in the layout of a summary (docs/datasets.md).
    """
    recipes = {}
    for path in map(str, shards):
        with archive.read(path) as data:
            recipes[path] = json.loads(data.attrs["recipe"])
    settings = (phases or Phases(), conditions or Conditions())
    published = load_published(figures.published) if figures and figures.published else None
    tasks = [dask.delayed(_reduce)(group, wanted, *settings, published) for group in _groups(recipes, wanted)]
    with progress.of_dask("tasks"):
        parts = dask.compute(*tasks, scheduler="threads", num_workers=threads)
    return _assemble(parts, wanted, figures.axes if figures and figures.axes else (), refine)


def analyse(
    data: xr.Dataset,
    *,
    phases: Phases | dict | None = None,
    conditions: Conditions | dict | None = None,
    axes: Sequence[str] = (),
) -> xr.Dataset:
    """The summary of a dataset that `run` returned; `phases` and `conditions` as in a sweep file, `axes` as `figures.axes`."""
    recipe = json.loads(data.attrs["recipe"])
    if len(recipe["boxes"]) != 1:
        raise ValueError(
            "this dataset is a shard that holds pieces of a grid; give `analyse` what `lazyrich.run` returned"
        )
    thresholds = phases if isinstance(phases, Phases) else validated(Phases, phases or {}, "phases")
    constants = (
        conditions if isinstance(conditions, Conditions) else validated(Conditions, conditions or {}, "conditions")
    )
    with progress.shown(data.sizes["network"], "networks"):
        reduced = _reduce([data], recipe, thresholds, constants, None)
    return _assemble([reduced], recipe, axes)


def _assemble(
    parts: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]],
    wanted: dict[str, Any],
    axes: Sequence[str] = (),
    refine: Refine | None = None,
) -> xr.Dataset:
    parts = list(parts)
    (target,) = wanted["boxes"]
    groups = [key.split() for key in target][:-1]
    dims = [_dimension(names, points) for names, points in zip(groups, target.values(), strict=False)]
    shape = [len(points) for points in target.values()][:-1]
    data = xr.Dataset()
    names = list(dict.fromkeys(name for _, values in parts for name in values))
    for name in names:
        width = (len(QUANTILES),) if any(v[name].ndim > 1 for _, v in parts if name in v) else ()
        nothing = 0 if name == "networks" else FLAGS[name][1] if name in FLAGS else np.nan
        flat = np.full((math.prod(shape), *width), nothing, dtype=float)
        for cells, values in parts:
            if name in values:
                flat[cells] = values[name]
        data[name] = ([*dims, *(["quantile"] if width else [])], flat.reshape((*shape, *width)))
    data = data.assign_coords(_coordinates(target, groups, dims))
    data = data.assign_coords(quantile=("quantile", list(QUANTILES)))
    data = data.drop_vars([name for name in data.data_vars if name in data.coords])
    if refine is not None:
        fill(data, numeric_axes(data, axes)[:2], refine.levels, {name: nothing for name, (_, nothing) in FLAGS.items()})
    _add_boundaries(data, axes)
    return archive.described_summary(data, wanted, COLUMNS, {name: codes for name, (codes, _) in FLAGS.items()})


def _dimension(names: list[str], points: list[list]) -> str:
    """A dimension's name: the key's where its values can be a coordinate, which CF wants to be numbers in order."""
    single = len(names) == 1 and not isinstance(points[0][0], str)
    return variable(names[0]) if single else f"{variable(names[0])}_index"


def _coordinates(target: dict[str, list], groups: list[list[str]], dims: list[str]) -> dict[str, Any]:
    coordinates = {}
    for key, names, dim in zip(target, groups, dims, strict=False):
        for member, name in enumerate(names):
            values = [point[member] for point in target[key]]
            coordinates[variable(name)] = (dim, [LOSS_FACTOR[v] for v in values] if name == "loss" else values)
    return coordinates


def _add_boundaries(data: xr.Dataset, first: Sequence[str]) -> None:
    """Boundaries in the plane of the sweep's two axes, further axes at their first value, as one list of vertices.

    Those of measured boundaries come with their distance to what was predicted.
    """
    axes = numeric_axes(data, first)
    if len(axes) < 2:
        return
    x, y = axes[:2]
    plane = data.isel({dim: 0 for dim in data["phase"].dims if dim not in (x, y)})
    found = boundaries(plane, x, y)
    if not found:
        return
    apart = distances(found, plane[x].values, plane[y].values)
    names, numbers, gaps = [], [], []
    for name, lines in found.items():
        for number, line in enumerate(lines):
            names += [name] * len(line)
            numbers += [number] * len(line)
        gaps.append(apart.get(name, np.full(sum(map(len, lines)), np.nan)))
    points = np.concatenate([line for lines in found.values() for line in lines])
    data["boundary"] = ("vertex", np.array(names, dtype=str))
    data["boundary_line"] = ("vertex", np.array(numbers))
    data["boundary_x"] = ("vertex", points[:, 0])
    data["boundary_y"] = ("vertex", points[:, 1])
    data["boundary_distance"] = ("vertex", np.concatenate(gaps))
    data["boundary_x"].attrs["axis_name"] = x
    data["boundary_y"].attrs["axis_name"] = y

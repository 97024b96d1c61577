"""From shards to one summary on the sweep's grid, through Dask.

The grid is cut into blocks of cells. Only the networks of a block are read from its shards, lazily and a slice at a time; each
network becomes a few numbers (`comparison`), replicates become medians and quantiles, and these go to their cells as they
arrive. So memory does not grow with the number or the size of shards. Blocks and slices change no bit of the result.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis import theories
from lazyrich.analysis.assemble import FLAGS, assemble
from lazyrich.analysis.boundaries import BANDED, band
from lazyrich.analysis.comparison import compare, needed
from lazyrich.analysis.quantiles import QUANTILES, quantiles
from lazyrich.networks.recipe import Recipe, size
from lazyrich.networks.table import table, variable
from lazyrich.planning.plan import analysed, index_of, positions, whole
from lazyrich.shards import archive
from lazyrich.shards.concatenate import concatenate
from lazyrich.shards.source import of_other_code
from lazyrich.sweep.reader import validated
from lazyrich.sweep.schema import Conditions, Dask, Figures, Phases, Refine
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import counted
from lazyrich.system import progress
from lazyrich.system.errors import LazyrichError

# Float64 bytes of networks that are read at a time: theories of a slice take a few times as much.
SLICE = 8 * 2**20
# Float64 bytes of a task's networks: enough to outweigh opening its shards, few enough to hold their results in memory.
BLOCK = 4 * SLICE
# Tasks in flight for each worker.
AHEAD = 4


def _network_bytes(data: xr.Dataset, published: dict[str, np.ndarray] | None) -> int:
    """Return the float64 bytes that are read for each network of a shard."""
    shard_variables = needed(data, published).variables.values()
    return 8 * sum(math.prod(v.shape[1:]) for v in shard_variables if v.dims[:1] == ("network",))


def _columns(
    data: xr.Dataset,
    rows: np.ndarray,
    phases: Phases,
    constants: Conditions,
    published: dict[str, np.ndarray] | None,
) -> dict[str, np.ndarray]:
    """Return `compare` of a shard's networks `rows`, rising, slice by slice."""
    step = max(1, SLICE // _network_bytes(data, published))
    data = needed(data, published)
    parts = []
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        together = chunk[-1] - chunk[0] == len(chunk) - 1
        with archive.LOCK:
            part = data.isel(network=slice(chunk[0], chunk[-1] + 1) if together else chunk).load()
        parts.append(compare(part, phases, constants, published))
    return _joined(parts)


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return concatenated columns; a column that some parts lack is NaN there."""
    names = dict.fromkeys(name for part in parts for name in part)
    missing = [np.full(len(part["phase"]), np.nan) for part in parts]
    return {name: np.concatenate([p.get(name, m) for p, m in zip(parts, missing, strict=True)]) for name in names}


def places(recipe: Recipe, target: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Return the cell of each network of a shard in the grid of `target` (flat, −1 outside) and its replicate's position."""
    grid = target.grid
    shape = [len(points) for points in grid.values()][:-1]
    index = index_of(grid)
    cells, replicates = [], []
    for box in recipe.boxes:
        where = positions(recipe, box, target, index)
        networks = size(box)
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
    shards: Iterable[xr.Dataset | str],
    block: range,
    target: Recipe,
    phases: Phases,
    constants: Conditions,
    published: dict[str, np.ndarray] | None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return cells of a block that shards hold between them, and their values over replicates.

    Returns flat cell numbers (cells,) and name -> (cells, quantiles), or (cells,) for codes, shares and edges of bands.
    """
    parts, cells, replicates = [], [], []
    for shard in shards:
        with archive.LOCK:
            data = archive.read(shard) if isinstance(shard, str) else shard
        where, replicate = places(Recipe.of(data), target)
        rows = np.flatnonzero((where >= block.start) & (where < block.stop))
        parts.append(_columns(data, rows, phases, constants, published))
        cells.append(where[rows])
        replicates.append(replicate[rows])
        if isinstance(shard, str):
            with archive.LOCK:
                data.close()
    columns = _joined(parts)
    grid = target.grid
    present, row = np.unique(np.concatenate(cells), return_inverse=True)
    column = np.concatenate(replicates)
    values, published_errors = {}, {}
    for name, flat in columns.items():
        if name == "best_theory":
            continue  # of a cell's median errors, below, so that no tie of two replicates decides
        table = np.full((len(present), len(grid["replicate"])), np.nan)
        table[row, column] = flat
        if name in FLAGS:
            codes = FLAGS[name].members
            counts = np.stack([(table == code).sum(axis=1) for code in codes], axis=1)
            values[name] = np.array(codes)[np.argmax(counts, axis=1)]
            if name == "phase":
                values["networks"] = counts.sum(axis=1)
                values["agreement"] = counts.max(axis=1) / values["networks"]
        elif name.endswith("_share"):
            finite = ~np.isnan(table)
            with np.errstate(invalid="ignore"):
                values[name] = np.where(finite, table, 0.0).sum(axis=1) / finite.sum(axis=1)
        else:
            values[name] = quantiles(table)
            if name.startswith("published_"):
                values[f"{name}_worst"] = np.max(table, axis=1)
                published_errors[name] = table
        if name in BANDED:
            values[f"{name}_low"], values[f"{name}_high"] = band(table, BANDED[name])
    if "published_loss_error" in published_errors:
        loss = published_errors["published_loss_error"]
        nearest = np.argmin(np.where(np.isnan(loss), np.inf, loss), axis=1)
        values["nearest_replicate"] = np.where(np.isnan(loss).all(axis=1), np.nan, nearest)
        for name, table in published_errors.items():
            values[f"{name}_nearest"] = table[np.arange(len(table)), nearest]
    if "best_theory" in columns:
        medians = {name: values[name][:, QUANTILES.index(0.5)] for name in values if name.endswith("_error")}
        values["best_theory"], _ = theories.best(medians, phases.theory_error)
    return present, values


def _blocks(recipes: Mapping[str, Recipe], target: Recipe, network_bytes: int) -> list[tuple[list[str], range]]:
    """Return blocks of the grid's cells (flat), each after the shards with its networks.

    `network_bytes` as in `_network_bytes`.
    """
    grid = target.grid
    step = max(1, BLOCK // (network_bytes * len(grid["replicate"])))
    paths: dict[int, list[str]] = {}
    for path, recipe in recipes.items():
        cells, _ = places(recipe, target)
        for number in np.unique(cells[cells >= 0] // step).tolist():
            paths.setdefault(number, []).append(path)
    return [(paths[number], range(number * step, (number + 1) * step)) for number in sorted(paths)]


def cell(shards: Iterable[str | Path], target: Recipe, flat: int) -> xr.Dataset:
    """Return the networks of one grid cell (`flat` in grid order), all replicates, from the shards that hold them, loaded."""
    datasets = []
    for path in shards:
        with archive.opened(path) as data:
            rows = np.flatnonzero(places(Recipe.of(data), target)[0] == flat)
            if len(rows):
                datasets.append(data.isel(network=rows).load())
    return concatenate(datasets)


def summarise_sweep(sweep: Sweep, shards: Iterable[str | Path], *, threads: int = 1) -> xr.Dataset:
    """Return the summary of a sweep file, with the attribute `analysed`; arguments and errors as in `summarise`."""
    data = summarise(
        shards,
        whole(sweep),
        phases=sweep.phases,
        conditions=sweep.conditions,
        figures=sweep.figures,
        refine=sweep.refine,
        threads=threads,
        dask=sweep.dask,
    )
    return data.assign_attrs(analysed=analysed(sweep))


def summarise(
    shards: Iterable[str | Path],
    target: Recipe,
    *,
    phases: Phases | None = None,
    conditions: Conditions | None = None,
    figures: Figures | None = None,
    refine: Refine | None = None,
    threads: int = 1,
    dask: Dask | None = None,
) -> xr.Dataset:
    """Return the summary of a sweep from its shards on disk.

    Parameters
    ----------
    shards
        paths of shards.
    target
        the sweep as a one-box recipe (`plan.whole(sweep)`): its box is the grid.
    phases, conditions, figures, refine, dask
        the sweep file's sections of these names; with `refine`, cells that were not trained are filled in.
    threads
        blocks of cells reduced side by side where `dask` names no cluster.

    Returns
    -------
    Dataset
        in the layout of a summary (docs/datasets.md).

    Raises
    ------
    ValueError
        where the cluster fails, with the fix (`cluster.workers`).
    """
    # Here, not above: `analyse` needs neither Dask nor a cluster.
    from lazyrich.analysis.cluster import workers
    from lazyrich.analysis.published import load_published

    published = load_published(figures.published) if figures and figures.published else None
    recipes, network_bytes, other_code = {}, 1, 0
    for path in map(str, shards):
        with archive.opened(path) as data:
            recipes[path] = Recipe.of(data)
            network_bytes = max(network_bytes, _network_bytes(data, published))
            other_code += of_other_code(data.attrs)
    if other_code:
        warnings.warn(
            f"trained by other code than this: {other_code:,} of {counted(len(recipes), 'shard')}", stacklevel=2
        )
    reduce = partial(
        _reduce, target=target, phases=phases or Phases(), constants=conditions or Conditions(), published=published
    )
    blocks = _blocks(recipes, target, network_bytes)
    with workers(dask, threads) as together:
        parts = _counted(_computed(reduce, blocks, AHEAD * together), len(blocks))
        data = assemble(parts, target, figures.axes if figures and figures.axes else (), refine)
    return data.assign_attrs(shards_of_other_code=other_code)


def _computed(reduce: Callable, blocks: list[tuple[list[str], range]], ahead: int) -> Iterator[tuple]:
    """Yield the reduced blocks in their order; `ahead` of them are computed at a time."""
    from dask.base import compute
    from dask.delayed import delayed

    for start in range(0, len(blocks), ahead):
        yield from compute(*(delayed(reduce)(*block) for block in blocks[start : start + ahead]))


def _counted(parts: Iterable[tuple], blocks: int) -> Iterator[tuple]:
    """Yield the parts, and show the share of blocks that have arrived."""
    with progress.shown(blocks, "blocks"):
        for part in parts:
            progress.advance()
            yield part


def _recipe_of_run(data: xr.Dataset) -> Recipe:
    """Return the recipe of a dataset that `run` returned.

    Raises
    ------
    ValueError
        where the networks of the dataset are not those of its recipe, in their order.
    """
    whole_run = "give `analyse` what `lazyrich.run` returned, whole"
    if "recipe" not in data.attrs:
        raise LazyrichError(f"this dataset has no attribute `recipe`; {whole_run}")
    recipe = Recipe.of(data)
    if len(recipe.boxes) != 1:
        raise LazyrichError(f"this dataset is a shard that holds pieces of a grid; {whole_run}")
    columns = table(recipe)
    networks, present = len(columns["replicate"]), data.sizes.get("network", 0)
    if present != networks:
        hint = (
            "; analyse joined runs one by one, or train several draws with `replicates`" if present > networks else ""
        )
        raise LazyrichError(f"this dataset has {present} networks, and its recipe {networks}; {whole_run}{hint}")
    for name in (name for key in recipe.boxes[0] for name in key.split()):
        column = columns[name]
        if variable(name) not in data:
            raise LazyrichError(f"this dataset has no variable `{variable(name)}`; {whole_run}")
        values = data[variable(name)].values
        # Numbers that went through a file may have lost digits.
        equal = np.isclose(values, column, rtol=1e-6, atol=0) if column.dtype.kind == "f" else values == column
        if not np.all(equal):
            raise LazyrichError(
                f"this dataset has networks in another order than its recipe (see `{name}`); {whole_run}"
            )
    return recipe


def analyse(
    data: xr.Dataset,
    *,
    phases: Phases | dict | None = None,
    conditions: Conditions | dict | None = None,
    axes: Sequence[str] = (),
) -> xr.Dataset:
    """Return the summary of a dataset that `run` returned.

    Parameters
    ----------
    data
        what `run` returned, with all of its networks.
    phases, conditions
        the sections of a sweep file of these names.
    axes
        as `figures.axes` in a sweep file.

    Raises
    ------
    ValueError
        for a dataset that is not a whole run, such as a part of one or two of them joined; `SweepError`, which is one, for
        thresholds that are wrong.
    """
    recipe = _recipe_of_run(data)
    thresholds = phases if isinstance(phases, Phases) else validated(Phases, phases or {}, "phases")
    constants = (
        conditions if isinstance(conditions, Conditions) else validated(Conditions, conditions or {}, "conditions")
    )
    blocks = _blocks({"": recipe}, recipe, _network_bytes(data, None))
    parts = (_reduce([data], block, recipe, thresholds, constants, None) for _, block in blocks)
    return assemble(_counted(parts, len(blocks)), recipe, axes)

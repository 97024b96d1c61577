"""Refinement of boundaries: the cells to train next, and values for the cells in between.

The grid of level l takes every 2^(levels − l)-th point of the plane's axes, and the last. A block is four neighbours of it. The
first grid is trained whole; of the next only the blocks that the boundary crosses, within its interval over replicates, and the
blocks beside them. All choices follow from the numbers on disk, which are exact, so that they are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise, product

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from lazyrich.analysis.boundaries import BOUNDARIES, coordinate
from lazyrich.analysis.fields import median
from lazyrich.analysis.phases import Phase
from lazyrich.networks.table import variable
from lazyrich.planning.plan import coarse
from lazyrich.sweep.schema import Refine
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError

Array = np.ndarray


def cells(sweep: Sweep, summary: xr.Dataset, level: int) -> bytes:
    """Return the cells to be trained at a level ≥ 1, one byte each in the order of the grid, as `plan` takes them.

    `summary` holds the networks of all levels below it.
    """
    refine = sweep.refine
    assert refine is not None, "only a sweep with the section `refine` has a level ≥ 1"
    axes = [variable(name) for name in sweep.plane]
    field = summary["phase"].transpose(..., *axes)
    # A field that is the same all over an axis has fewer dimensions.
    low, high = (edge.broadcast_like(field).transpose(*field.dims).values for edge in _interval(refine, summary))
    # Cells that an earlier plan trained with fewer replicates are not done.
    trained = summary["networks"].transpose(*field.dims).values == sweep.replicates
    shape = field.shape[-len(axes) :]
    next_cells = np.zeros(field.shape, dtype=bool)
    before, after = ([coarse(count, refine.levels, number) for count in shape] for number in (level - 1, level))
    on_grid = np.ix_(*after)
    for index in np.ndindex(field.shape[: -len(axes)]):
        crossed = _crossed(low[index], high[index], trained[index], before, refine.level)
        inside = _covered(_with_neighbours(crossed), before, shape)
        next_cells[index][on_grid] = inside[on_grid]
    next_cells &= ~trained
    order = [field.dims.index(dim) for dim in summary["phase"].dims]
    return next_cells.transpose(order).astype(np.uint8).tobytes()


def _interval(refine: Refine, summary: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the edges of the field's interval over replicates, NaN in cells that are no part of it."""
    name = refine.of
    if name == "phase":
        # No interval of a name: where replicates differ, two phases are within it.
        phase = summary["phase"].where(summary["phase"] != Phase.not_run)
        return phase, phase.where(summary["agreement"] == 1, phase + 0.5)
    if name not in summary:
        raise LazyrichError(f"refine.of = {name}: is not in this sweep's summary; write another field, or phase")
    field = median(summary[name])
    within = next((b.within for b in BOUNDARIES.values() if b.field == name and not b.predicted and b.within), None)
    if within is not None:
        field = field.where(within(summary))
    if f"{name}_low" in summary:
        low, high = summary[f"{name}_low"], summary[f"{name}_high"]
    elif "quantile" in summary[name].dims:
        low, high = (summary[name].isel(quantile=end, drop=True) for end in (0, -1))
    else:
        low = high = field
    # The interval of one replicate is its value.
    there = field.notnull()
    return low.where(there).fillna(field), high.where(there).fillna(field)


def _crossed(
    low: Float[Array, "*grid"],
    high: Float[Array, "*grid"],
    trained: Bool[Array, "*grid"],
    lines: list[list[int]],
    at: float | None,
) -> Bool[Array, "*blocks"]:
    """Return the blocks between the lines, all of whose corners are trained, that the boundary crosses."""
    grid = np.ix_(*lines)
    corners = [
        tuple(slice(end, len(line) - 1 + end) for end, line in zip(ends, lines, strict=True))
        for ends in product((0, 1), repeat=len(lines))
    ]
    low, high, trained = low[grid], high[grid], trained[grid]
    complete = np.all([trained[corner] for corner in corners], axis=0)
    lows, highs = (np.stack([edge[corner] for corner in corners]) for edge in (low, high))
    with np.errstate(invalid="ignore"):  # NaN
        smallest, largest = np.fmin.reduce(lows), np.fmax.reduce(highs)
        return complete & ((smallest < largest) if at is None else ((smallest <= at) & (at <= largest)))


def _with_neighbours(blocks: Bool[Array, "*blocks"]) -> Bool[Array, "*blocks"]:
    """Return blocks and the blocks that share an edge or a corner with them."""
    for axis in range(blocks.ndim):
        padded = np.pad(blocks, [(1, 1) if i == axis else (0, 0) for i in range(blocks.ndim)])
        parts = [np.take(padded, range(start, start + blocks.shape[axis]), axis) for start in range(3)]
        blocks = np.logical_or.reduce(parts)
    return blocks


def _covered(blocks: Bool[Array, "*blocks"], lines: list[list[int]], shape: tuple[int, ...]) -> Bool[Array, "*grid"]:
    """Return the cells in blocks, their edges included."""
    covered = np.zeros(shape, dtype=bool)
    for index in np.argwhere(blocks):
        covered[tuple(slice(line[i], line[i + 1] + 1) for i, line in zip(index, lines, strict=True))] = True
    return covered


# ---- between the cells -------------------------------------------------------------------------------------------------


def fill(data: xr.Dataset, axes: list[str], levels: int, codes: dict[str, IntEnum]) -> None:
    """Fill cells that were not trained from the coarser grids, level by level; in place.

    Numbers are interpolated linearly in the axes' own spacing, in their logarithm where all are positive; flags (`codes`: name
    -> that of a cell without networks) are the nearest cell's. `networks` stays 0, and the new `refine_level` is −1 there,
    elsewhere the number of the coarsest grid that has the cell.
    """
    grid = data["phase"].dims
    grids = [[coarse(data.sizes[axis], levels, level) for axis in axes] for level in range(levels + 1)]
    positions = [coordinate(data[axis].values)[0] for axis in axes]
    trained = data["networks"] > 0
    level_of_cell = xr.full_like(data["networks"], levels, dtype=np.int8)
    for level in reversed(range(levels)):
        level_of_cell[dict(zip(axes, map(np.array, grids[level]), strict=True))] = level
    for name, field in data.data_vars.items():
        if name == "networks" or not set(grid) <= set(field.dims):
            continue
        field = field.transpose(*axes, ...)
        mask = trained.broadcast_like(field).transpose(*field.dims).values
        values = field.values
        if name in codes:
            result = _filled(values, mask, grids, positions, _nearest)
        else:
            finite = values[mask & np.isfinite(values)]
            log = bool(finite.size) and bool((finite > 0).all())
            with np.errstate(divide="ignore", invalid="ignore"):
                result = _filled(np.log(values) if log else values, mask, grids, positions, _between)
                result = np.where(mask, values, np.exp(result) if log else result)
        data[name] = field.copy(data=result).transpose(*data[name].dims)
    data["refine_level"] = level_of_cell.where(trained, -1).astype(np.int8)


def _filled(values: Array, mask: Array, grids: list[list[list[int]]], positions: list[Array], rule: Callable) -> Array:
    """Return values on the finest grid; the plane's axes come first."""
    result = values[np.ix_(*grids[0])]
    for before, after in pairwise(grids):
        for axis, (old, new, position) in enumerate(zip(before, after, positions, strict=True)):
            right = np.clip(np.searchsorted(old, new), 1, len(old) - 1)
            left = right - 1
            at = position[old]
            share = (position[new] - at[left]) / (at[right] - at[left])
            low, high = np.take(result, left, axis), np.take(result, right, axis)
            result = rule(low, high, share.reshape([-1 if i == axis else 1 for i in range(result.ndim)]))
        on_grid = np.ix_(*after)
        result = np.where(mask[on_grid], values[on_grid], result)
    return result


def _between(low: Array, high: Array, share: Array) -> Array:
    # Exactly the node's value at a node: 0 · ∞ would be NaN.
    inner = low + share * (high - low)
    return np.where((share == 0) | (low == high), low, np.where(share == 1, high, inner))


def _nearest(low: Array, high: Array, share: Array) -> Array:
    return np.where(share <= 0.5, low, high)

"""The dataset of a summary from blocks of its cells: dimensions, coordinates, boundaries, descriptions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from lazyrich.analysis.boundaries import boundaries, distances
from lazyrich.analysis.comparison import COLUMNS
from lazyrich.analysis.fields import map_axes, numeric_axes
from lazyrich.analysis.phases import PHASES, RICH_VOTES
from lazyrich.analysis.quantiles import QUANTILES
from lazyrich.analysis.refine import fill
from lazyrich.analysis.theories import BEST_THEORY, remark
from lazyrich.networks.losses import LOSSES
from lazyrich.networks.recipe import Box, Point, Recipe
from lazyrich.networks.table import table, variable
from lazyrich.shards import archive
from lazyrich.sweep.schema import Refine

# Variables of codes; a cell has the code of most of its replicates.
FLAGS = {codes.name: codes for codes in (PHASES, RICH_VOTES, BEST_THEORY)}


def assemble(
    parts: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]],
    target: Recipe,
    axes: Sequence[str] = (),
    refine: Refine | None = None,
) -> xr.Dataset:
    """Return the summary on the grid of `target` (a one-box recipe) from blocks of cells.

    Each block is (flat cell numbers (cells,), name -> (cells,) or (cells, quantiles)); cells of no block hold nothing. `axes`
    as `figures.axes` says which plane boundaries lie in; with `refine`, cells that were not trained are filled in.
    """
    grid = target.grid
    groups = [key.split() for key in grid][:-1]
    dims = [_dimension(names, points) for names, points in zip(groups, grid.values(), strict=False)]
    shape = [len(points) for points in grid.values()][:-1]
    fields: dict[str, np.ndarray] = {}
    for cells, values in parts:
        for name, value in values.items():
            if name not in fields:
                nothing = 0 if name == "networks" else FLAGS[name].nothing if name in FLAGS else np.nan
                fields[name] = np.full((math.prod(shape), *value.shape[1:]), nothing, dtype=float)
            fields[name][cells] = value
    data = xr.Dataset(
        {
            name: ([*dims, "quantile"][: len(dims) + flat.ndim - 1], flat.reshape((*shape, *flat.shape[1:])))
            for name, flat in fields.items()
        }
    )
    data = data.assign_coords(_coordinates(grid, groups, dims) | _of_formulas(target, groups, dims))
    data = data.assign_coords(quantile=("quantile", list(QUANTILES)))
    data = data.drop_vars([name for name in data.data_vars if name in data.coords])
    data.attrs["recipe"] = target.text  # which says, among much else, whose theory may be drawn
    if refine is not None:
        fill(data, numeric_axes(data, axes)[:2], refine.levels, {name: codes.nothing for name, codes in FLAGS.items()})
    _add_boundaries(data, axes)
    for name in map(str, data.data_vars):
        if comment := remark(data, name):
            data[name].attrs["comment"] = comment
    return archive.described_summary(data, target, COLUMNS, {name: codes.members for name, codes in FLAGS.items()})


def _dimension(names: list[str], points: Sequence[Point]) -> str:
    """Return a dimension's name: the key's where its values can be a coordinate, which CF wants to be numbers in order."""
    single = len(names) == 1 and not isinstance(points[0][0], str)
    return variable(names[0]) if single else f"{variable(names[0])}_index"


def _coordinates(target: Box, groups: list[list[str]], dims: list[str]) -> dict[str, Any]:
    coordinates = {}
    for key, names, dim in zip(target, groups, dims, strict=False):
        for member, name in enumerate(names):
            values = [point[member] for point in target[key]]
            coordinates[variable(name)] = (dim, [LOSSES[v].factor for v in values] if name == "loss" else values)
    return coordinates


def _of_formulas(target: Recipe, groups: list[list[str]], dims: list[str]) -> dict[str, Any]:
    """Return the values of keys that are formulas, as coordinates along the dimensions of the axes that decide them."""
    if not target.formulas:
        return {}
    grid = target.grid
    columns = table(replace(target, boxes=({**grid, "replicate": grid["replicate"][:1]},)))
    shape = [len(points) for points in grid.values()][:-1]
    coordinates, decided = {}, {name: {dim} for dim, names in zip(dims, groups, strict=True) for name in names}
    for name, formula in target.formulas.items():
        decided[name] = set().union(*(decided.get(used, ()) for used in formula.names))
        values = xr.DataArray(columns[name].reshape(shape), dims=dims)
        coordinates[variable(name)] = values.isel({dim: 0 for dim in dims if dim not in decided[name]}, drop=True)
    return coordinates


def _add_boundaries(data: xr.Dataset, first: Sequence[str]) -> None:
    """Add the boundaries in the plane of the sweep's two axes, further axes at their first value, as one list of vertices.

    Vertices of measured boundaries have their distance to the predicted ones.
    """
    axes = map_axes(data, first)
    if len(axes) < 2:
        return
    x, y = axes[:2]
    plane = data.isel({dim: 0 for dim in data["phase"].dims if dim not in (x, y)})
    curves = boundaries(plane, x, y)
    if not curves:
        return
    apart = distances(curves, plane[x].values, plane[y].values)
    names, numbers, gaps = [], [], []
    for name, lines in curves.items():
        for number, line in enumerate(lines):
            names += [name] * len(line)
            numbers += [number] * len(line)
        gaps.append(apart.get(name, np.full(sum(map(len, lines)), np.nan)))
    points = np.concatenate([line for lines in curves.values() for line in lines])
    data["boundary"] = ("vertex", np.array(names, dtype=str))
    data["boundary_line"] = ("vertex", np.array(numbers))
    data["boundary_x"] = ("vertex", points[:, 0])
    data["boundary_y"] = ("vertex", points[:, 1])
    data["boundary_distance"] = ("vertex", np.concatenate(gaps))
    data["boundary_x"].attrs["axis_name"] = x
    data["boundary_y"].attrs["axis_name"] = y

"""A recipe's networks as columns: one array per parameter, in the order in which a shard stores them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lazyrich.networks.formulas import Formula
from lazyrich.networks.recipe import Box, Recipe
from lazyrich.networks.variables import RENAMED

Table = dict[str, np.ndarray]


def variable(key: str) -> str:
    """Return the dataset's name of a sweep file's key."""
    return RENAMED.get(key, key)


def key(name: str) -> str:
    """Return the sweep file's key of a dataset's name."""
    return next((key for key, variable in RENAMED.items() if variable == name), name)


def table(recipe: Recipe) -> Table:
    """Return every parameter of the recipe, and `replicate`, as columns (networks,).

    Networks are ordered by box, within a box in grid order with the replicate fastest.
    """
    boxes = [_columns(box) for box in recipe.boxes]
    columns = {name: np.concatenate([box[name] for box in boxes]) for name in boxes[0]}
    networks = len(columns["replicate"])
    for name, value in recipe.fixed.items():
        if name != "eigenvalues":
            columns[name] = np.full(networks, value)
    for name, formula in recipe.formulas.items():
        columns[name] = _evaluated(formula, columns)
    return columns


def _evaluated(formula: Formula, columns: Table) -> np.ndarray:
    """Return a formula's value for every row of the columns, (networks,)."""
    cells, index = distinct(columns, list(formula.names))
    values = np.array(formula.values(cells), dtype=np.int64 if formula.integer else float)
    column: np.ndarray = values[index]
    return column


def _columns(box: Box) -> Table:
    shape = [len(points) for points in box.values()]
    total = math.prod(shape)
    columns = {}
    for axis, (key, points) in enumerate(box.items()):
        index = np.arange(total) // math.prod(shape[axis + 1 :]) % shape[axis]
        for member, name in enumerate(key.split()):
            columns[name] = np.array([point[member] for point in points])[index]
    return columns


def distinct(columns: Table, names: list[str]) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return the distinct combinations of the columns `names`, in order of first appearance, and each row's combination.

    Returns a list of dictionaries name -> value and an index (networks,).
    """
    names = [name for name in names if name in columns]
    codes = np.zeros(len(columns["replicate"]), dtype=np.int64)
    for name in names:
        values, inverse = np.unique(columns[name], return_inverse=True)
        # Renumber after each column, so that the code never overflows.
        _, codes = np.unique(codes * len(values) + inverse, return_inverse=True)
    _, first, index = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    rows = [{name: columns[name][i].item() for name in names} for i in np.sort(first)]
    return rows, rank[index]

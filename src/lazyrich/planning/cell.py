"""One cell of a sweep's grid, named by values of its axes, and where its networks lie in shards. No numpy is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from lazyrich.networks.recipe import Box, Point, Recipe, size
from lazyrich.planning.plan import index_of, positions, recipe
from lazyrich.sweep.axes import rounded
from lazyrich.sweep.schema import bare
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError


@dataclass(frozen=True)
class Cell:
    """A cell: its point along each dimension of the grid (a box without replicates), and that in words."""

    box: Box
    text: str


def find_cell(sweep: Sweep, asked: list[str]) -> Cell:
    """Return the cell that `axis=value` for each axis of the grid names; of axes that advance together, some may be enough.

    A number stands for the nearest value of its axis, in log distance where the axis is above 0; beyond the ends of the axis by
    half a cell at most. The cell's text says which value was taken for which.

    Raises
    ------
    ValueError
        for what names no cell, or no single one; the message says how to name one.
    """
    given = _given(sweep, asked)
    box, words, missing = {}, [], []
    for names, points in sweep.dims.items():
        known = {name: given[name] for name in names if name in given}
        if not known:
            missing.append(" or ".join(names))
            continue
        point = _point(names, points, known)
        box[" ".join(names)] = (point,)
        words += [_taken(name, value, known.get(name)) for name, value in zip(names, point, strict=True)]
    if missing:
        raise LazyrichError(f"--cell: has no {', no '.join(missing)}; {_wanted(sweep)}")
    return Cell(box, ", ".join(words) or "the only one")


def find_network(shards: dict[str, Recipe], sweep: Sweep, cell: Cell, replicate: int) -> tuple[str, int] | None:
    """Return the shard (name) that holds a replicate of a cell, and its row there; None where no shard has it."""
    wanted = recipe(sweep, ({**cell.box, "replicate": ((replicate,),)},))
    index = index_of(wanted.grid)
    for name, shard in shards.items():
        first = 0
        for box in shard.boxes:
            if positions(shard, box, wanted, index) is not None:
                return name, first + _row(box, wanted.grid)
            first += size(box)
    return None


def one_network(whole: Recipe, network: int) -> Recipe:
    """Return the recipe of one network of a recipe; `network` is its row."""
    row = network
    for box in whole.boxes:
        count = size(box)
        if row < count:
            point: dict[str, tuple[Point, ...]] = {}
            for key in reversed(list(box)):
                row, place = divmod(row, len(box[key]))
                point[key] = (box[key][place],)
            return replace(whole, boxes=({key: point[key] for key in box},))
        row -= count
    raise IndexError(f"network {network} of {network - row}")


def _row(box: Box, one: Box) -> int:
    row = 0
    for key, points in box.items():
        # What is an axis of the box only has a single value in it.
        row = row * len(points) + (points.index(one[key][0]) if key in one else 0)
    return row


def _given(sweep: Sweep, asked: list[str]) -> dict[str, str]:
    axes = [name for names in sweep.dims for name in names]
    given: dict[str, str] = {}
    for text in asked:
        key, equals, value = text.partition("=")
        name = bare(key)
        if not (equals and value):
            raise LazyrichError(f"--cell {text}: is no axis=value; {_wanted(sweep)}")
        if name not in axes:
            fixed = (
                f"is {sweep.fixed[name]} in all of this sweep" if name in sweep.fixed else "is no axis of this sweep"
            )
            raise LazyrichError(f"--cell {text}: {name} {fixed}; {_wanted(sweep)}")
        if name in given:
            raise LazyrichError(f"--cell {text}: {name} stands twice; write it once")
        given[name] = value
    return given


def _wanted(sweep: Sweep) -> str:
    if not sweep.dims:
        return "this sweep has one cell and no axis; leave --cell out"
    return f"write --cell {' '.join('|'.join(f'{name}=…' for name in names) for names in sweep.dims)}"


def _point(names: tuple[str, ...], points: list[Point], known: dict[str, str]) -> Point:
    """Return the only point of a dimension that has the `known` values, each as near as `_nearest` allows."""
    found = points
    for name, text in known.items():
        column = names.index(name)
        value = _nearest(name, text, sorted({point[column] for point in points}))
        found = [point for point in found if point[column] == value]
    said = " ".join(f"{name}={text}" for name, text in known.items())
    if not found:
        raise LazyrichError(f"--cell {said}: no point of the sweep has both; {', '.join(names)} advance together")
    if len(found) > 1:
        more = " or ".join(name for name in names if name not in known)
        raise LazyrichError(f"--cell {said}: {len(found)} points have that; add {more}, which advances with it")
    return found[0]


def _nearest(name: str, text: str, values: list[Any]) -> Any:
    """Return the one of the rising `values` of an axis that is meant."""
    if isinstance(values[0], str):
        if text not in values:
            raise LazyrichError(f"--cell {name}={text}: is no value of this axis; write one of {', '.join(values)}")
        return text
    ends = f"{values[0]:.12g} to {values[-1]:.12g}" if len(values) > 1 else f"{values[0]:.12g} only"
    try:
        asked = rounded(float(text))
    except ValueError:
        asked = math.nan
    if not math.isfinite(asked):
        raise LazyrichError(f"--cell {name}={text}: is no number; write one of the axis, {ends}")
    log = values[0] > 0
    if log and asked <= 0:
        raise LazyrichError(f"--cell {name}={text}: is outside of the axis, {ends}; write a value on it")
    at = [math.log(value) if log else float(value) for value in values]
    x = math.log(asked) if log else asked
    nearest = min(range(len(values)), key=lambda i: abs(at[i] - x))
    # Between two points the nearer one is never further than half of their distance.
    if not at[0] <= x <= at[-1] and asked != values[nearest]:
        cell = abs(at[nearest] - at[nearest - 1 if nearest else 1]) if len(at) > 1 else 0.0
        if abs(at[nearest] - x) > cell / 2:
            raise LazyrichError(f"--cell {name}={text}: is outside of the axis, {ends}; write a value on it")
    return values[nearest]


def _taken(name: str, value: Any, asked: str | None) -> str:
    if isinstance(value, str):
        return f"{name} = {value}"
    taken = f"{name} = {value:.12g}"
    return taken if asked is None or rounded(float(asked)) == value else f"{taken} (nearest to {asked})"

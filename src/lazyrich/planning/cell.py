"""One cell of a sweep's grid, named by values of its axes, and the position of its networks in shards. No numpy is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from lazyrich.networks.digits import rounded
from lazyrich.networks.recipe import Box, Point, Recipe, size
from lazyrich.planning.plan import index_of, positions, recipe
from lazyrich.sweep.schema import bare
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError


@dataclass(frozen=True)
class Cell:
    """A cell: its point along each dimension of the grid (a box without replicates), and that in words."""

    box: Box
    text: str


def find_cell(sweep: Sweep, assignments: list[str]) -> Cell:
    """Return the cell that `assignments` name: `axis=value` for each axis, or for some of those that advance together.

    A number means the nearest value of its axis, in log distance if the axis is above 0; it may be up to half a cell beyond an
    end. The cell's text shows the values chosen.

    Raises
    ------
    ValueError
        if the assignments name no cell, or several; the message says how to name one.
    """
    texts = _texts(sweep, assignments)
    box, words, missing = {}, [], []
    for names, points in sweep.dims.items():
        group_texts = {name: texts[name] for name in names if name in texts}
        if not group_texts:
            missing.append(" or ".join(names))
            continue
        point = _point(names, points, group_texts)
        box[" ".join(names)] = (point,)
        words += [_in_words(name, value, group_texts.get(name)) for name, value in zip(names, point, strict=True)]
    if missing:
        raise LazyrichError(f"--cell: has no {', no '.join(missing)}; {_hint(sweep)}")
    return Cell(box, ", ".join(words) or "the only one")


def find_network(shards: dict[str, Recipe], sweep: Sweep, cell: Cell, replicate: int) -> tuple[str, int] | None:
    """Return the shard (name) that holds a replicate of a cell, and its row there; None where no shard has it."""
    target = recipe(sweep, ({**cell.box, "replicate": ((replicate,),)},))
    index = index_of(target.grid)
    for name, shard in shards.items():
        first = 0
        for box in shard.boxes:
            if positions(shard, box, target, index) is not None:
                return name, first + _row(box, target.grid)
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


def _row(box: Box, cell: Box) -> int:
    row = 0
    for key, points in box.items():
        # An axis of the box that the cell lacks has a single value.
        row = row * len(points) + (points.index(cell[key][0]) if key in cell else 0)
    return row


def _texts(sweep: Sweep, assignments: list[str]) -> dict[str, str]:
    axes = [name for names in sweep.dims for name in names]
    texts: dict[str, str] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        name = bare(key)
        if not (equals and value):
            raise LazyrichError(f"--cell {text}: is no axis=value; {_hint(sweep)}")
        if name not in axes:
            raise LazyrichError(f"--cell {text}: {name} {_no_axis(sweep, name)}; {_hint(sweep)}")
        if name in texts:
            raise LazyrichError(f"--cell {text}: {name} stands twice; write it once")
        texts[name] = value
    return texts


def _no_axis(sweep: Sweep, name: str) -> str:
    if name in sweep.formulas:
        return f"is a formula, {sweep.formulas[name].text}"
    return f"is {sweep.fixed[name]} in all of this sweep" if name in sweep.fixed else "is no axis of this sweep"


def _hint(sweep: Sweep) -> str:
    if not sweep.dims:
        return "this sweep has one cell and no axis; leave --cell out"
    return f"write --cell {' '.join('|'.join(f'{name}=…' for name in names) for names in sweep.dims)}"


def _point(names: tuple[str, ...], points: list[Point], texts: dict[str, str]) -> Point:
    """Return the only point of a dimension that has these values (key -> text), each as near as `_nearest` allows."""
    matches = points
    for name, text in texts.items():
        column = names.index(name)
        value = _nearest(name, text, sorted({point[column] for point in points}))
        matches = [point for point in matches if point[column] == value]
    request = " ".join(f"{name}={text}" for name, text in texts.items())
    if not matches:
        raise LazyrichError(f"--cell {request}: no point of the sweep has both; {', '.join(names)} advance together")
    if len(matches) > 1:
        other_names = " or ".join(name for name in names if name not in texts)
        raise LazyrichError(
            f"--cell {request}: {len(matches)} points have that; add {other_names}, which advances with it"
        )
    return matches[0]


def _nearest(name: str, text: str, values: list[Any]) -> Any:
    """Return the nearest of the rising `values` of an axis."""
    if isinstance(values[0], str):
        if text not in values:
            raise LazyrichError(f"--cell {name}={text}: is no value of this axis; write one of {', '.join(values)}")
        return text
    ends = f"{values[0]:.12g} to {values[-1]:.12g}" if len(values) > 1 else f"{values[0]:.12g} only"
    try:
        number = rounded(float(text))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise LazyrichError(f"--cell {name}={text}: is no number; write one of the axis, {ends}")
    log = values[0] > 0
    if log and number <= 0:
        raise LazyrichError(f"--cell {name}={text}: is outside of the axis, {ends}; write a value on it")
    at = [math.log(value) if log else float(value) for value in values]
    x = math.log(number) if log else number
    nearest = min(range(len(values)), key=lambda i: abs(at[i] - x))
    # Between two points, the nearer one is at most half of their distance away.
    if not at[0] <= x <= at[-1] and number != values[nearest]:
        cell = abs(at[nearest] - at[nearest - 1 if nearest else 1]) if len(at) > 1 else 0.0
        if abs(at[nearest] - x) > cell / 2:
            raise LazyrichError(f"--cell {name}={text}: is outside of the axis, {ends}; write a value on it")
    return values[nearest]


def _in_words(name: str, value: Any, text: str | None) -> str:
    if isinstance(value, str):
        return f"{name} = {value}"
    words = f"{name} = {value:.12g}"
    return words if text is None or rounded(float(text)) == value else f"{words} (nearest to {text})"

"""The partition of a sweep's networks into shards, and the shards' names.

A shard's *recipe* holds everything that decides its numbers; its name is the recipe's hash. The partition is written once to
the plan file: networks that an earlier plan placed keep their shard, new ones are packed in grid order. `plan` is a pure
function of the sweep and the earlier plan, and planning again changes nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from lazyrich.networks import activations
from lazyrich.networks.data import DATA
from lazyrich.networks.recipe import FORMAT, Box, Point, Recipe, canonical, size
from lazyrich.planning.cost import work
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError

DEFAULT_POINTS = 64

# What a new shard may take, by the shipped constants of `cost`, which are the same on every machine, and so is the
# partition: ten minutes of one core, of which little is lost when a job is killed; memory that lets several jobs run side by
# side; a file that is copied in seconds. The last bound keeps the names of a shard's networks readable at once.
SHARD_SECONDS = 600.0
SHARD_MEMORY = 2.0**30
SHARD_DISK = 2.0**28
SHARD_NETWORKS = 262144
SHARD_NETWORKS_SETTING = "LAZYRICH_SHARD_NETWORKS"  # in the environment: another number, for tests
FULL = 1 + 1e-9  # a shard whose load adds up to 1 but for rounding


def settings_of(sweep: Sweep) -> dict[str, Any]:
    """Return the settings that decide the numbers, in addition to the parameters of each network."""
    record = sweep.record.model_dump(mode="json", exclude_none=True)
    if not (sweep.record.every or sweep.record.summary):
        record["points"] = sweep.record.points or DEFAULT_POINTS
    probes = sweep.network.probes.model_dump(mode="json")
    result = {"seed": sweep.seed, "record": dict(sorted(record.items())), "probes": probes}
    if sweep.problem.source in DATA:
        # The digest needs numpy; nothing else here does. Other data under the same name are another sweep.
        from lazyrich.networks.data.source import digest

        result["data"] = digest(sweep.problem.source, sweep.problem.path)
    return result


def grid(sweep: Sweep) -> Box:
    """Return the whole sweep as one box: space-joined names -> points, then the replicates."""
    axes = {" ".join(names): tuple(points) for names, points in sweep.dims.items()}
    return {**axes, "replicate": tuple((replicate,) for replicate in range(sweep.replicates))}


def recipe(sweep: Sweep, boxes: tuple[Box, ...]) -> Recipe:
    """Return the recipe of the networks in `boxes`."""
    names = {sweep.fixed.get("activation")} | {
        name for box in boxes for point in _activation_points(box) for name in point
    }
    # The shard's own activations only, so that adding another one does not change the recipe of these networks.
    digests = {name: activations.digest(name) for name in sweep.own_activations if name in names}
    return Recipe(FORMAT, settings_of(sweep), sweep.fixed, boxes, digests, sweep.formulas)


def _activation_points(box: Box) -> tuple[Point, ...]:
    return next((points for key, points in box.items() if "activation" in key.split()), ())


def whole(sweep: Sweep) -> Recipe:
    """Return all networks of the sweep."""
    return recipe(sweep, (grid(sweep),))


# ---- placing networks --------------------------------------------------------------------------------------------------


Index = dict[str, dict[Point, int]]
Places = tuple[tuple[int, ...], ...]  # a box by positions along each dimension of the grid


def index_of(grid: Box) -> Index:
    """Return each point's position along its dimension of the grid: key -> point -> position."""
    return {key: {point: i for i, point in enumerate(points)} for key, points in grid.items()}


def positions(placed: Recipe, box: Box, target: Recipe, index: Index) -> list[list[int]] | None:
    """Return the positions of a box of the recipe `placed` in the grid of the one-box recipe `target`, with its `index_of`.

    Returns, for each dimension of the grid, the position of each of the box's points along it (−1 where the grid does not
    have that point), or None if the box has no network of the grid.
    """
    if (placed.format, placed.settings, placed.formulas) != (target.format, target.settings, target.formulas):
        return None
    grid = target.grid
    placed_fixed, fixed = placed.fixed, target.fixed
    # If the file of a user's activation was edited since, it is another activation.
    then, now = placed.activations, target.activations
    edited = {name for name in then if now.get(name) != then[name]}
    if placed_fixed.get("activation") in edited:
        return None
    if _names(box, placed_fixed) != _names(grid, fixed):
        return None
    where = []
    for key, place_of in index.items():
        if key in box:
            places = [-1 if edited and edited.intersection(point) else place_of.get(point, -1) for point in box[key]]
        elif all(name in placed_fixed for name in key.split()):
            places = [place_of.get(tuple(placed_fixed[name] for name in key.split()), -1)]
        else:
            return None  # grouped otherwise
        if max(places) < 0:
            return None
        where.append(places)
    for key in set(box) - set(grid):
        # An axis of the box that the grid holds fixed: usable only if it had that one value.
        if any(name not in fixed for name in key.split()) or box[key] != (tuple(fixed[name] for name in key.split()),):
            return None
    if any(placed_fixed[name] != fixed[name] for name in set(placed_fixed) & set(fixed)):
        return None
    return where


def _names(box: Box, fixed: Mapping[str, Any]) -> set[str]:
    return {name for key in box for name in key.split()} | set(fixed)


def _mark(occupied: bytearray, shape: list[int], where: list[list[int]]) -> bool:
    """Mark the networks at `where` as occupied; return whether any was free before."""
    places = [[place for place in along if place >= 0] for along in where]
    # Networks along the last dimensions lie side by side where these are marked whole, as most shards have them.
    axis, block = len(shape), 1
    while axis and len(places[axis - 1]) == shape[axis - 1]:
        axis -= 1
        block *= shape[axis]
    strides = [math.prod(shape[i + 1 :]) for i in range(axis)]
    fresh = False
    for lead in product(*places[:axis]):
        start = sum(place * stride for place, stride in zip(lead, strides, strict=True))
        fresh = fresh or occupied.find(0, start, start + block) >= 0
        occupied[start : start + block] = b"\x01" * block
    return fresh


def _free_boxes(occupied: bytes, shape: list[int], memory: dict[bytes, list[Places]]) -> list[Places]:
    """Return the free networks as few boxes, each a tuple of positions per dimension, in grid order."""
    if not shape:
        return [] if occupied[0] else [()]
    if occupied not in memory:
        stride = len(occupied) // shape[0]
        groups: dict[tuple[Places, ...], list[int]] = {}
        for i in range(shape[0]):
            inner = _free_boxes(occupied[i * stride : (i + 1) * stride], shape[1:], memory)
            if inner:
                groups.setdefault(tuple(inner), []).append(i)
        memory[occupied] = [(tuple(places), *box) for inner, places in groups.items() for box in inner]
    return memory[occupied]


def shard_networks() -> int:
    """Return the most networks of a new shard; raise ValueError where the environment sets what is no number of networks."""
    text = os.environ.get(SHARD_NETWORKS_SETTING)
    if text is None:
        return SHARD_NETWORKS
    try:
        networks = int(text)
    except ValueError:
        networks = 0
    if networks < 1:
        raise LazyrichError(
            f"{SHARD_NETWORKS_SETTING} = {text}: is no number of networks; "
            "set this environment variable to an integer of 1 or more, or unset it"
        )
    return networks


def _load(box: Box, like: Recipe, networks: int) -> float:
    """Return the share of a shard, of at most so many `networks`, that a box of a recipe like `like` fills.

    By whatever it takes most of.
    """
    amounts = work.of_box(like, box)
    taken = [work.cost(amounts, work.SHIPPED, what) for what in ("seconds", "memory", "disk")]
    shares = [share / most for share, most in zip(taken, (SHARD_SECONDS, SHARD_MEMORY, SHARD_DISK), strict=True)]
    return max(*shares, size(box) / networks)


def _cut(box: Places, target: Recipe, networks: int) -> Iterator[tuple[Places, float]]:
    """Cut a box of the grid along its slowest dimensions into boxes that fit a shard of at most so many `networks`.

    Each comes with its load.
    """
    axis = next((axis for axis, places in enumerate(box) if len(places) > 1), len(box) - 1)
    places = box[axis]

    def part(start: int, count: int) -> tuple[Places, float]:
        cut = (*box[:axis], places[start : start + count], *box[axis + 1 :])
        return cut, _load(_points(cut, target.grid), target, networks)

    start, count = 0, len(places)
    while start < len(places):
        count = min(count, len(places) - start)
        piece, load = part(start, count)
        # As many as fit if all were like these: first fewer until they do, then more while they do.
        while load > FULL and count > 1:
            count = max(1, min(count - 1, int(FULL * count / load)))
            piece, load = part(start, count)
        while load <= FULL and (more := min(len(places) - start, int(FULL * count / load))) > count:
            larger = part(start, more)
            if larger[1] > FULL:
                break
            (piece, load), count = larger, more
        if load > FULL and any(len(inner) > 1 for inner in piece):
            yield from _cut(piece, target, networks)
        else:
            yield piece, load
        start += count


def _points(box: Places, grid: Box) -> Box:
    """Return a box of positions in the grid as one of points."""
    return {key: tuple(points[i] for i in places) for (key, points), places in zip(grid.items(), box, strict=True)}


def plan(sweep: Sweep, earlier: Mapping[str, Recipe] | None = None, only: bytes | None = None) -> dict[str, Recipe]:
    """Return the shards that hold the sweep's networks, name -> shard.

    Shards of the `earlier` plan that hold networks of this sweep come first and unchanged, then new ones. `only` has a byte for
    each cell of the grid, 1 where its networks are wanted and 0 elsewhere; by default all are, or those of the first grid of a
    sweep that is refined.

    Raises
    ------
    ValueError
        for a number of networks a shard, set in the environment, that is none.
    """
    networks = shard_networks()
    target = whole(sweep)
    target_grid = target.grid
    shape = [len(points) for points in target_grid.values()]
    if only is None:
        only = first_cells(sweep)
    occupied = bytearray(b"".join(bytes([not cell]) * sweep.replicates for cell in only) if only else math.prod(shape))
    shards: dict[str, Recipe] = {}
    index = index_of(target_grid)
    for name, shard in (earlier or {}).items():
        for box in shard.boxes:
            where = positions(shard, box, target, index)
            if where is not None and _mark(occupied, shape, where):
                shards[name] = shard
    groups: dict[str | None, list[tuple[Places, float]]] = {}
    for free_box in _free_boxes(bytes(occupied), shape, {}):
        for activation, part in _by_own_activation(free_box, target_grid):
            groups.setdefault(activation, []).extend(_cut(part, target, networks))
    for pieces in groups.values():
        for pack in _packed(pieces):
            shard = recipe(sweep, tuple(_points(piece, target_grid) for piece in pack))
            shards[shard.name] = shard
    return shards


def coarse(count: int, levels: int, level: int) -> list[int]:
    """Return the positions of an axis of `count` points on the grid of a level: every 2^(levels − level)-th, and the last."""
    return sorted({*range(0, count, 2 ** (levels - level)), count - 1})


def first_cells(sweep: Sweep) -> bytes | None:
    """Return the cells of the first grid of a sweep that is refined, as `plan` takes them; None where all are wanted."""
    if sweep.refine is None:
        return None
    levels = sweep.refine.levels
    cells = bytes([1])
    for names, points in reversed(sweep.dims.items()):
        on = set(coarse(len(points), levels, 0)) if names[0] in sweep.plane and len(names) == 1 else range(len(points))
        empty = bytes(len(cells))
        cells = b"".join(cells if i in on else empty for i in range(len(points)))
    return cells


def _packed(pieces: list[tuple[Places, float]]) -> Iterator[list[Places]]:
    """Yield pieces in their order, in packs that fit a shard."""
    pack: list[Places] = []
    pack_load = 0.0
    for piece, load in pieces:
        if pack and pack_load + load > FULL:
            yield pack
            pack, pack_load = [], 0.0
        pack.append(piece)
        pack_load += load
    if pack:
        yield pack


def _by_own_activation(box: Places, target: Box) -> Iterator[tuple[str | None, Places]]:
    """Yield a box in parts with at most one of the user's own activations, so that an edit of one leaves other shards alone."""
    axis = next((i for i, key in enumerate(target) if "activation" in key.split()), None)
    if axis is None:
        yield None, box
        return
    points = list(target.values())[axis]
    owners: dict[str | None, list[int]] = {}
    for place in box[axis]:
        activation = next((name for name in points[place] if isinstance(name, str) and activations.split(name)), None)
        owners.setdefault(activation, []).append(place)
    for activation, places in owners.items():
        yield activation, (*box[:axis], tuple(places), *box[axis + 1 :])


def analysed(sweep: Sweep) -> str:
    """Return the recipe, thresholds, constants, axes and refinement as one text: a new title does not analyse it again."""
    parts = [
        whole(sweep).plain,
        sweep.phases.model_dump(),
        sweep.conditions.model_dump(),
        sweep.figures.model_dump(),
        *([sweep.refine.model_dump()] if sweep.refine else []),
    ]
    return canonical(parts)

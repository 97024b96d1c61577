"""Which networks share a shard, and what each shard is called.

A shard's *recipe* says all that decides its numbers; its name is the recipe's hash. A recipe holds settings, values fixed
for the whole shard and boxes: products of axis values, so that a million networks are described by a few lists. The
partition is written once into the sweep's plan file: networks that an earlier plan placed keep their shard, new ones are
packed in grid order. `plan` is a pure function of the sweep and the earlier plan, and planning again changes nothing.

In a box, networks are counted in grid order with the replicate fastest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from lazyrich import activations
from lazyrich.disk import replacing
from lazyrich.observables import NAMES
from lazyrich.sweep import Sweep

# Of recipes and shard files: a change of layout that old shards do not follow raises it, and every shard is made anew.
FORMAT = 1
DEFAULT_POINTS = 64

# A shard is a file that opens and a job that starts: both are cheap beside 192 MiB of trajectories, and a reader holds
# one shard in memory. The second bound keeps a shard's work to minutes where n or the number of steps is large.
SHARD_BYTES = 192 * 2**20
SHARD_STATE_BYTES = 512 * 2**20
SHARD_NETWORKS = 65536


@dataclass(frozen=True)
class Shard:
    """A named recipe."""

    recipe: dict[str, Any]

    @property
    def name(self) -> str:
        """The first 16 hex digits of the SHA-256 of the recipe's canonical JSON."""
        return hashlib.sha256(canonical(self.recipe).encode()).hexdigest()[:16]

    @property
    def networks(self) -> int:
        """Number of networks in the shard."""
        return sum(math.prod(map(len, box.values())) for box in self.recipe["boxes"])


def checksum_file(shard: str | Path) -> Path:
    """The file beside a shard's that holds its checksum."""
    return Path(shard).with_suffix(".sha256")


def canonical(data: Any) -> str:
    """Compact JSON; a recipe is always built in the same order, which is also the order of its networks."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def record_points(sweep: Sweep) -> int:
    """Number of records of each network."""
    if sweep.record.summary:
        return 1
    if sweep.record.every:
        return -(-sweep.fixed["steps"] // sweep.record.every) + 1
    return sweep.record.points or DEFAULT_POINTS


def settings(sweep: Sweep) -> dict[str, Any]:
    """What decides the numbers beside the parameters of each network."""
    record = sweep.record.model_dump(mode="json", exclude_none=True)
    if not (sweep.record.every or sweep.record.summary):
        record["points"] = record_points(sweep)
    probes = sweep.network.probes.model_dump(mode="json")
    result = {"seed": sweep.seed, "record": dict(sorted(record.items())), "probes": probes}
    if sweep.problem.path is not None:
        # Only here is numpy needed. Other data under the same name are another sweep.
        from lazyrich.datasets import digest

        result["data"] = digest(sweep.problem.path)
    return result


def grid(sweep: Sweep) -> dict[str, list]:
    """The whole sweep as one box: space-joined names -> points (lists of values), then the replicates."""
    box: dict[str, list] = {" ".join(names): [list(point) for point in points] for names, points in sweep.dims.items()}
    box["replicate"] = [[replicate] for replicate in range(sweep.replicates)]
    return box


def recipe(sweep: Sweep, boxes: list[dict[str, list]]) -> dict[str, Any]:
    """The recipe of the networks in `boxes`."""
    fixed = {name: list(value) if isinstance(value, tuple) else value for name, value in sweep.fixed.items()}
    result = {"format": FORMAT, "settings": settings(sweep), "fixed": fixed, "boxes": boxes}
    if sweep.own_activations:
        used = {fixed.get("activation")} | {
            name for box in boxes for point in _activation_points(box) for name in point
        }
        own = [name for name in sweep.own_activations if name in used]
        # Of the shard's own only, so that another activation beside them does not make these networks others.
        result |= {"activations": {name: activations.digest(name) for name in own}} if own else {}
    return result


def _activation_points(box: dict[str, list]) -> list[list]:
    return next((points for key, points in box.items() if "activation" in key.split()), [])


def whole(sweep: Sweep) -> Shard:
    """All networks of the sweep as one shard."""
    return Shard(recipe(sweep, [grid(sweep)]))


def shard_size(sweep: Sweep) -> int:
    """How many networks a new shard may hold."""
    records = record_points(sweep)
    probes = sweep.network.probes
    if sweep.problem.path is not None:
        from lazyrich.datasets import samples

        n = samples(sweep.problem.path)
    else:
        n = max(n for (n,) in sweep.combinations("samples"))
    # Float64 in memory: every observable, step and τ; at worst each network has draws of its own.
    per_record = 8 * (len(NAMES) + 3 + (2 * probes.count if probes.keep else 0))
    # Neurons of a network that is not linear are all explicit, and its engine holds them a few times.
    widest = max(
        (width or 0) * (1 if name != "linear" else 0) for name, width in sweep.combinations("activation", "width")
    )
    state = 8 * (n + 1) * (n + 1 + max(probes.count, 8 * widest))
    return max(1, min(SHARD_NETWORKS, SHARD_BYTES // (records * per_record), SHARD_STATE_BYTES // state))


# ---- placing networks --------------------------------------------------------------------------------------------------


def positions(placed: dict[str, Any], box: dict[str, list], wanted: dict[str, Any]) -> list[list[int]] | None:
    """Where a box of the recipe `placed` lies in the grid of the one-box recipe `wanted`.

    Returns, for each dimension of the grid, the position of each of the box's points along it (−1 where the grid does not
    have that point), or None if the box has no network of the grid.
    """
    if any(placed[part] != wanted[part] for part in ("format", "settings")):
        return None
    (target,) = wanted["boxes"]
    known, fixed = placed["fixed"], wanted["fixed"]
    # A user's activation whose file was edited since is another one.
    then, now = placed.get("activations", {}), wanted.get("activations", {})
    edited = {name for name in then if now.get(name) != then[name]}
    if known.get("activation") in edited:
        return None
    if _names(box, known) != _names(target, fixed):
        return None
    where = []
    for key, points in target.items():
        index = {canonical(point): i for i, point in enumerate(points)}
        if key in box:
            places = [-1 if edited.intersection(point) else index.get(canonical(point), -1) for point in box[key]]
        elif all(name in known for name in key.split()):
            places = [index.get(canonical([known[name] for name in key.split()]), -1)]
        else:
            return None  # grouped otherwise
        if max(places) < 0:
            return None
        where.append(places)
    for key in set(box) - set(target):
        # An axis of the box that the grid holds fixed: usable only if it had that one value.
        if any(name not in fixed for name in key.split()) or box[key] != [[fixed[name] for name in key.split()]]:
            return None
    if any(known[name] != fixed[name] for name in set(known) & set(fixed)):
        return None
    return where


def _names(box: dict[str, list], fixed: dict[str, Any]) -> set[str]:
    return {name for key in box for name in key.split()} | set(fixed)


def _mark(taken: bytearray, shape: list[int], where: list[list[int]]) -> bool:
    """Mark the networks at `where` as taken; return whether any was free before."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    *outer, inner = [[place for place in places if place >= 0] for places in where]
    fresh = False
    for lead in product(*outer):
        start = sum(place * stride for place, stride in zip(lead, strides, strict=False))
        for place in inner:
            fresh = fresh or not taken[start + place]
            taken[start + place] = 1
    return fresh


def _free_boxes(taken: bytes, shape: list[int], memory: dict) -> list[tuple[tuple[int, ...], ...]]:
    """The untaken networks as few boxes, each a tuple of positions per dimension, in grid order."""
    if not shape:
        return [] if taken[0] else [()]
    if taken not in memory:
        stride = len(taken) // shape[0]
        groups: dict[tuple, list[int]] = {}
        for i in range(shape[0]):
            inner = _free_boxes(taken[i * stride : (i + 1) * stride], shape[1:], memory)
            if inner:
                groups.setdefault(tuple(inner), []).append(i)
        memory[taken] = [(tuple(places), *box) for inner, places in groups.items() for box in inner]
    return memory[taken]


def _cut(box: tuple[tuple[int, ...], ...], size: int) -> list[tuple[tuple[int, ...], ...]]:
    """Cut a box into boxes of at most `size` networks, along its slowest dimensions."""
    axis, inner = 0, math.prod(map(len, box[1:]))
    while inner > size and axis < len(box) - 1:
        axis += 1
        inner = math.prod(map(len, box[axis + 1 :]))
    chunk = max(1, size // inner)
    pieces = []
    for lead in product(*([(place,) for place in places] for places in box[:axis])):
        for start in range(0, len(box[axis]), chunk):
            pieces.append((*lead, box[axis][start : start + chunk], *box[axis + 1 :]))
    return pieces


def plan(sweep: Sweep, earlier: dict[str, Shard] | None = None) -> dict[str, Shard]:
    """The shards that hold the sweep's networks, name -> shard.

    Shards of the `earlier` plan that hold networks of this sweep come first and unchanged, then new ones.
    """
    wanted = whole(sweep).recipe
    (target,) = wanted["boxes"]
    shape = [len(points) for points in target.values()]
    taken = bytearray(math.prod(shape))
    shards: dict[str, Shard] = {}
    for name, shard in (earlier or {}).items():
        for box in shard.recipe["boxes"]:
            where = positions(shard.recipe, box, wanted)
            if where is not None and _mark(taken, shape, where):
                shards[name] = shard
    size = shard_size(sweep)
    groups: dict[str | None, list[tuple]] = {}
    for box in _free_boxes(bytes(taken), shape, {}):
        for own, part in _by_own_activation(box, target):
            groups.setdefault(own, []).extend(_cut(part, size))
    for pieces in groups.values():
        for pack in _packed(pieces, size):
            boxes = [
                {key: [points[i] for i in places] for (key, points), places in zip(target.items(), piece, strict=True)}
                for piece in pack
            ]
            shard = Shard(recipe(sweep, boxes))
            shards[shard.name] = shard
    return shards


def _packed(pieces: list[tuple], size: int) -> Iterator[list[tuple]]:
    """Pieces in their order, in packs of at most `size` networks."""
    pack, room = [], size
    for piece in pieces:
        networks = math.prod(map(len, piece))
        if pack and networks > room:
            yield pack
            pack, room = [], size
        pack.append(piece)
        room -= networks
    if pack:
        yield pack


def _by_own_activation(box: tuple[tuple[int, ...], ...], target: dict[str, list]) -> Iterator[tuple[str | None, tuple]]:
    """A box in parts of at most one of the user's own activations, whose edits then leave other shards alone."""
    axis = next((i for i, key in enumerate(target) if "activation" in key.split()), None)
    if axis is None:
        yield None, box
        return
    points = list(target.values())[axis]
    owners: dict[str | None, list[int]] = {}
    for place in box[axis]:
        own = next((name for name in points[place] if isinstance(name, str) and activations.split(name)), None)
        owners.setdefault(own, []).append(place)
    for own, places in owners.items():
        yield own, (*box[:axis], tuple(places), *box[axis + 1 :])


# ---- the plan file ------------------------------------------------------------------------------------------------------


def read_plan(path: str | Path) -> dict[str, Shard]:
    """The shards of a plan file, name -> shard; empty if there is none."""
    path = Path(path)
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {name: Shard(recipe) for name, recipe in data["shards"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path}: is not a plan file; move it away, the shards it named stay usable") from None


def write_plan(path: str | Path, shards: dict[str, Shard]) -> None:
    """Write the plan file under a temporary name and rename it; do nothing if it says the same already."""
    path = Path(path)
    text = json.dumps({"shards": {name: shard.recipe for name, shard in shards.items()}}, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

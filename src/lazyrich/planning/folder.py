"""The files of a sweep's folder: its plan file, the levels of refinement, its shards and their checksums."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.plan import index_of, plan, positions, whole
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.disk import replacing
from lazyrich.system.errors import LazyrichError

_MADE_ANEW = "move it away, then run the same command again: it is made anew, and every shard file stays"


def shard_file(home: Path, name: str) -> Path:
    """Return the file of a shard."""
    return home / "shards" / f"{name}.nc"


def checksum_file(path: str | Path) -> Path:
    """Return the file beside a shard or a summary that holds its checksum."""
    return Path(path).with_suffix(".sha256")


def level_files(sweep: Sweep, home: Path) -> list[Path]:
    """Return the files of the levels that refining a sweep chooses, whether there or not; none for one that is not refined."""
    levels = sweep.refine.levels if sweep.refine else 0
    return [home / "levels" / f"{level}.json" for level in range(1, levels + 1)]


def files_of(sweep: Sweep, home: Path) -> list[Path]:
    """Return the levels, shards and checksums of a sweep, whether there or not, as far as they are known before any job."""
    own = [shard_file(home, shard) for shard in needed_shards(sweep, home)]
    return [*level_files(sweep, home), *own, *map(checksum_file, own)]


def trained(home: Path, names: Iterable[str]) -> set[str]:
    """Return the names of shards whose file and checksum exist."""
    files = {name: shard_file(home, name) for name in names}
    return {name for name, path in files.items() if path.exists() and checksum_file(path).exists()}


def known_shards(home: Path) -> dict[str, Recipe]:
    """Return all shards in the plans of a sweep's folder: those of its plan file, then those of levels of refinement."""
    shards = planned_shards(home)
    for path in sorted((home / "levels").glob("*.json")):
        shards |= read_plan(path)
    return shards


def needed_shards(sweep: Sweep, home: Path) -> dict[str, Recipe]:
    """Return the shards that a sweep needs, as far as they are known.

    A refined sweep needs the shards of its levels; until all levels are chosen, all shards that hold networks of the sweep.
    """
    in_folder = known_shards(home)
    shards = plan(sweep, in_folder)
    if sweep.refine is not None:
        levels = level_files(sweep, home)
        level_shards = {name: shard for path in levels for name, shard in read_plan(path).items()}
        target = whole(sweep)
        index = index_of(target.grid)
        for name, shard in (level_shards if all(path.exists() for path in levels) else in_folder).items():
            if any(positions(shard, box, target, index) is not None for box in shard.boxes):
                shards.setdefault(name, shard)
    return shards


def planned_shards(home: Path) -> dict[str, Recipe]:
    """Return the shards of the plan file of a sweep's folder, name -> shard; empty if there is none.

    A recipe that is not what its name says, as after damage, is left out: its networks are planned anew.
    """
    return {name: shard for name, shard in _recipes(home / "plan.json").items() if _is_named(shard, name)}


def read_plan(path: str | Path) -> dict[str, Recipe]:
    """Return the shards of a plan file, name -> shard; empty if there is none.

    Raises
    ------
    ValueError
        for a file that is no plan, and for a recipe that is not what its name says, with the fix.
    """
    shards = _recipes(Path(path))
    for name, shard in shards.items():
        if not _is_named(shard, name):
            raise LazyrichError(f"{path}: shard {name} is not what its name says; {_MADE_ANEW}")
    return shards


def _recipes(path: Path) -> dict[str, Recipe]:
    """Return the shards of a plan file under the names it gives them; raise ValueError for a file that is no plan."""
    if not path.exists():
        return {}
    try:
        shards = json.loads(path.read_text(encoding="utf-8"))["shards"]
        return {name: Recipe.parse(recipe) for name, recipe in shards.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LazyrichError(f"{path}: is not a plan file; {_MADE_ANEW}") from None


def _is_named(shard: Recipe, name: str) -> bool:
    """Return whether a shard's name is `name`; text that cannot be encoded has no hash, and so no name."""
    try:
        return shard.name == name
    except UnicodeEncodeError:
        return False


def write_plan(path: str | Path, shards: dict[str, Recipe]) -> None:
    """Write the plan file under a temporary name and rename it; do nothing if it says the same already."""
    path = Path(path)
    text = json.dumps({"shards": {name: shard.plain for name, shard in shards.items()}}, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

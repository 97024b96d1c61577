"""Find and remove shards that no sweep needs any more."""

from __future__ import annotations

from pathlib import Path

from lazyrich.planning.folder import checksum_file, needed_shards, planned_shards, write_plan
from lazyrich.sweep.reader import load_sweep


def unneeded(results: Path, sweeps: Path) -> dict[str, list[Path]]:
    """Return the shard files in each sweep's folder below `results` that its file in `sweeps` does not need, name -> paths.

    A sweep without a file needs none of its shards, and nothing needs shards that were moved aside as damaged. The list
    includes shards that a sweep needed before it was made smaller: if it grows again, they would have to be trained again.

    Raises
    ------
    ValueError
        for a sweep file or a plan file that is none; nothing can be said of its shards then.
    """
    by_sweep = {}
    for home in sorted(path.parent for path in results.glob("*/shards")):
        path = sweeps / f"{home.name}.yaml"
        needed = needed_shards(load_sweep(path), home) if path.exists() else {}
        spare = [shard for shard in sorted((home / "shards").glob("*.nc")) if shard.stem not in needed]
        spare += sorted((home / "shards").glob("*.damaged*"))
        if spare:
            by_sweep[home.name] = spare
    return by_sweep


def remove(shards: list[Path]) -> None:
    """Delete shard files of one sweep, and remove them from its plan."""
    home = shards[0].parent.parent
    gone = {shard.stem for shard in shards}
    earlier = planned_shards(home)
    # The plan first: a shard that it names and that is missing would only be trained again.
    write_plan(home / "plan.json", {name: shard for name, shard in earlier.items() if name not in gone})
    for shard in shards:
        shard.unlink()
        checksum_file(shard).unlink(missing_ok=True)

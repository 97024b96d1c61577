"""Shards are what was written: a checksum beside each, verified before any of its numbers is read."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import xarray as xr

from lazyrich.planning.folder import checksum_file
from lazyrich.planning.plan import Shard
from lazyrich.shards import archive
from lazyrich.system.disk import replacing


def _line(shard: Path) -> str:
    """What stands in the checksum's file, as `sha256sum --check` reads it."""
    with open(shard, "rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {shard.name}\n"


def write(data: xr.Dataset, shard: str | Path) -> None:
    """Write a shard, then its checksum. Killed in between, the checksum is missing: an old one never stands by a new shard."""
    shard = Path(shard)
    checksum_file(shard).unlink(missing_ok=True)
    archive.write(data, shard)
    with replacing(checksum_file(shard)) as temporary:
        temporary.write_text(_line(shard), encoding="utf-8")


def verify(shards: Iterable[str | Path], threads: int = 1) -> None:
    """Read every shard once, on so many threads, and compare it with its checksum and its name.

    Raises
    ------
    ValueError
        one line for each shard that is damaged or another one than its name says. It was moved aside, with its checksum, so
        that the workflow trains it anew.
    """
    paths = [Path(shard) for shard in shards]
    with ThreadPoolExecutor(threads) as pool:
        faults = dict(zip(paths, pool.map(fault, paths), strict=True))
    bad = {path: found for path, found in faults.items() if found}
    if bad:
        raise ValueError("\n".join(_set_aside(path, found) for path, found in bad.items()))


def fault(shard: Path) -> str | None:
    """What is wrong with a shard, or None."""
    if not shard.exists():
        return "is missing"
    if not shard.is_file():  # of a pipe nobody would see the end
        return "is no file"
    checksum = checksum_file(shard)
    if not checksum.is_file():
        return "has no checksum beside it"
    # As bytes: a damaged checksum need not be text.
    if checksum.read_bytes() != _line(shard).encode():
        return f"is not what was written (its checksum is not that of {checksum.name})"
    try:
        with archive.LOCK, archive.read(shard) as data:
            name = Shard(json.loads(data.attrs["recipe"])).name
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, OSError) and (error.errno or 0) > 0:  # the system's, netCDF's own are negative
            raise
        return "is no shard"
    return None if name == shard.stem else f"holds another shard, {name}"


def _set_aside(shard: Path, found: str) -> str:
    """Move a bad shard and its checksum aside; say so."""
    moved = [_moved(path) for path in (shard, checksum_file(shard)) if path.exists()]
    kept = f"; moved to {', '.join(path.name for path in moved)}" if moved else ""
    return f"{shard}: {found}{kept}; run the same command again, it is trained anew"


def _moved(path: Path) -> Path:
    """Rename a file to the first name in `.damaged`, `.damaged.1`, … that is free."""
    numbers = (f".{number}" if number else "" for number in itertools.count())
    free = next(aside for n in numbers if not (aside := path.with_name(f"{path.name}.damaged{n}")).exists())
    return path.rename(free)

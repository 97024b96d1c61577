"""Checksums of shards and summaries, verified before any of their numbers is read."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import xarray as xr

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.folder import checksum_file
from lazyrich.shards import archive
from lazyrich.system.disk import replacing
from lazyrich.system.errors import LazyrichError


def _line(path: Path) -> str:
    """Return the content of the checksum file, as `sha256sum --check` reads it."""
    with open(path, "rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n"


def write(data: xr.Dataset, path: str | Path) -> None:
    """Write a shard or a summary, then its checksum.

    If the process is killed in between, the checksum is missing: a new file never has an old checksum.
    """
    path = Path(path)
    checksum_file(path).unlink(missing_ok=True)
    archive.write(data, path)
    with replacing(checksum_file(path)) as temporary:
        temporary.write_text(_line(path), encoding="utf-8")


def verify(shards: Iterable[str | Path], threads: int = 1) -> None:
    """Read every shard once, on `threads` threads, and compare it with its checksum and its name.

    Raises
    ------
    ValueError
        for shards that are damaged or do not match their name, one line for each. They are moved aside, with their checksums,
        so that the workflow trains them anew.
    """
    paths = [Path(shard) for shard in shards]
    with ThreadPoolExecutor(threads) as pool:
        _refuse(dict(zip(paths, pool.map(fault, paths), strict=True)), "trained anew")


def verify_summaries(summaries: Iterable[str | Path]) -> None:
    """Compare every summary with its checksum; raise as `verify` does."""
    _refuse({path: damage(path) for path in map(Path, summaries)}, "made anew")


def fault(shard: Path) -> str | None:
    """Return the fault of a shard, or None."""
    if problem := damage(shard):
        return problem
    try:
        with archive.LOCK, archive.read(shard) as data:
            name = Recipe.of(data).name
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, OSError) and (error.errno or 0) > 0:  # the system's, netCDF's own are negative
            raise
        return "is no shard"
    return None if name == shard.stem else f"holds another shard, {name}"


def damage(path: Path) -> str | None:
    """Return the damage of a file according to its checksum, None if there is none."""
    if not path.exists():
        return "is missing"
    if not path.is_file():  # reading a pipe would never end
        return "is no file"
    checksum = checksum_file(path)
    if not checksum.is_file():
        return "has no checksum beside it"
    # As bytes: a damaged checksum need not be text.
    if checksum.read_bytes() != _line(path).encode():
        return f"is not what was written (its checksum is not that of {checksum.name})"
    return None


def _refuse(faults: dict[Path, str | None], then: str) -> None:
    """Move bad files and their checksums aside, and raise ValueError with a line for each; `then` is what a rerun does."""
    bad = {path: problem for path, problem in faults.items() if problem}
    if bad:
        raise LazyrichError("\n".join(_set_aside(path, problem, then) for path, problem in bad.items()))


def _set_aside(path: Path, problem: str, then: str) -> str:
    """Move a bad file and its checksum aside; return the line of the error."""
    moved = [_moved(file) for file in (path, checksum_file(path)) if file.exists()]
    place = f"; moved to {', '.join(file.name for file in moved)}" if moved else ""
    return f"{path}: {problem}{place}; run the same command again, it is {then}"


def _moved(path: Path) -> Path:
    """Rename a file to the first name in `.damaged`, `.damaged.1`, … that is free."""
    numbers = (f".{number}" if number else "" for number in itertools.count())
    free = next(aside for n in numbers if not (aside := path.with_name(f"{path.name}.damaged{n}")).exists())
    return path.rename(free)

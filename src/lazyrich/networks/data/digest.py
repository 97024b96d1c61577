"""SHA-256 of files, each read once while it stays the same."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def state(path: str | Path) -> tuple[int, ...]:
    """Return the state of a file, which changes when its content does: users can set all of its times but the last."""
    stat = Path(path).stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def of_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return _of_file(str(path), state(path))


@functools.lru_cache(maxsize=64)
def _of_file(path: str, state: tuple[int, ...]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

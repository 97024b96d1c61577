"""SHA-256 of files, each read once while it stays the same."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def of_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    stat = Path(path).stat()
    return _of_file(str(path), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=64)
def _of_file(path: str, modified: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

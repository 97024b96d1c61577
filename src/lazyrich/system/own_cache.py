"""The user's own cache folder. Its files may run as code, so nobody else may have written them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lazyrich.system.provenance import PACKAGE


def own_cache(name: str) -> Path:
    """Return the folder `name` in the user's cache; make it, with mode 0700.

    The cache is `lazyrich` in XDG_CACHE_HOME or in ~/.cache, else `__pycache__` of the package if that is the user's own.

    Raises
    ------
    OSError
        if none of these places can be made, or another user could have written to each; one line for each place.
    """
    faults = []
    for place in _places():
        try:
            for folder in (place.parent, place, place / name):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (place, place / name):
                check_own(folder)
            return place / name
        except OSError as error:
            faults.append(f"{error.filename or place}: {(error.strerror or str(error)).lower()}")
    raise OSError("\n".join(faults))


def check_own(path: Path | int) -> None:
    """Raise PermissionError if `path` (or an open file) or the link to it is another user's, or others may write to it."""
    stats = [os.stat(path)] if isinstance(path, int) else [path.lstat(), path.stat()]
    name = None if isinstance(path, int) else str(path)
    if any(status.st_uid != os.geteuid() for status in stats):
        raise PermissionError(0, "belongs to another user", name)
    if stats[-1].st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(0, "other users may write to it", name)


def _places() -> list[Path]:
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the standard says to ignore a relative one
        base = os.path.expanduser("~/.cache")
    # Without a home the tilde stays.
    return [Path(folder) for folder in (f"{base}/lazyrich", PACKAGE / "__pycache__") if os.path.isabs(folder)]

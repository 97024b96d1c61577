"""Files on disk: written whole or not at all, and errors of the disk in one line with the fix."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lazyrich.system.errors import LazyrichError

# Of a file that is being written. A killed process leaves it behind, and `remove_leftovers` finds it by this ending.
ENDING = ".part"

FIXES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "make it writable",
    errno.EACCES: "give yourself access",
    errno.EPERM: "give yourself access",
    # Another kind of file than there should be: a folder for a file, a file for a folder, a link to nothing.
    errno.EISDIR: "move it away",
    errno.ENOTDIR: "move it away",
    errno.EEXIST: "move it away",
}


def in_words(error: Exception, file: str = "a file") -> str:
    """Return an error in one line, with file and fix.

    A user's error names them itself; for an error of the disk they are added, with `file` where the error has no name (when
    writing to an open file fails). Any other error is a bug of lazyrich, and the line says so.
    """
    if isinstance(error, OSError) and error.errno in FIXES:
        fix = f"{FIXES[error.errno]}, then run the same command again"
        return f"{error.filename or file}: {os.strerror(error.errno).lower()}; {fix}"
    if isinstance(error, (LazyrichError, OSError, ImportError)):
        return str(error)
    return (
        f"{type(error).__name__}: {error}; this is a fault of lazyrich, please report it with the traceback in the log"
    )


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` and rename it at the end: a reader sees the whole new file or the old one.

    This holds after a power cut, too: the file's bytes are on the disk before its name.

    Raises
    ------
    OSError
        if the disk refuses, naming `path`; nothing is left under the temporary name.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}{ENDING}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in FIXES:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(results: Path) -> None:
    """Remove temporary files of killed processes from a folder of results, two folders deep."""
    for depth in ("", "*/", "*/*/"):
        for path in results.glob(f"{depth}.*{ENDING}"):
            if not path.is_dir():  # a folder is not ours
                path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise OSError, naming `folder`, if no file can be made in it (permissions do not show a read-only disk)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None

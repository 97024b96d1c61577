"""What a disk may do to a file: it is there whole or not at all, and what went wrong is said with its fix."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lazyrich.system.errors import LazyrichError

# What is under way; a process that was killed leaves it behind, and `remove_leftovers` finds it by this ending.
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
    """Return an error in one line: one of the disk names the file, what is wrong and the fix, a user's names them itself.

    Any other is a fault of lazyrich, and the line says so.

    Writing to an open file fails without its name; it is called `file` then.
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
    """Yield a temporary name beside `path` and rename it at the end: a reader sees all of the new file or the old one.

    So it is after a power cut, too: the file's bytes are on the disk before its name is.

    Raises
    ------
    OSError
        of the disk, naming `path`; nothing is left under the temporary name.
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
    """Remove what killed processes left under temporary names in a folder of results, two folders deep."""
    for depth in ("", "*/", "*/*/"):
        for path in results.glob(f"{depth}.*{ENDING}"):
            if not path.is_dir():  # none of ours
                path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise OSError, naming `folder`, if no file can be made in it (permissions say nothing of a read-only disk)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None

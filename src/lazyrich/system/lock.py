"""One Snakemake at a time in a folder of results: a lock that vanishes with its process.

Snakemake's own lock stays behind after a kill −9, and the same command then refuses to run; profiles turn it off. Jobs do
not hold the lock. A job that outlives its Snakemake runs on until another Snakemake takes over, and then ends.
"""

from __future__ import annotations

import datetime
import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

from lazyrich.system.disk import check_writable
from lazyrich.system.errors import LazyrichError

# Jobs inherit it: the lock file, and what their Snakemake wrote there.
RUN = "LAZYRICH_RUN"
EXIT_REPLACED = 3
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks answer


def take(results: Path) -> None:
    """Lock a folder of results until this process ends, and write the holder to the lock file.

    Raises
    ------
    ValueError
        if another process has it.
    OSError
        if the folder cannot be written.
    """
    results.mkdir(parents=True, exist_ok=True)
    check_writable(results)
    path = results / ".lock"
    # A bare descriptor, open until the process ends: closing it would give the lock away. Children do not inherit it.
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(lock, 1000).decode() or "another Snakemake"
        raise LazyrichError(f"{results}: {other} works here; wait until it is done, or stop it") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(f"{path}: no locks on this file system; run one Snakemake at a time here", file=sys.stderr)
    since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    holder = f"Snakemake with process id {os.getpid()} on {socket.gethostname()} since {since}"
    os.ftruncate(lock, 0)
    try:
        os.write(lock, holder.encode())
    except OSError as error:  # a full disk, which does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from None
    os.environ[RUN] = json.dumps([str(path.resolve()), holder])


def end_when_replaced(every: float = 0.5) -> None:
    """Watch the lock in a thread, and end this process once another Snakemake has taken it."""
    if RUN not in os.environ:
        return
    path, holder = json.loads(os.environ[RUN])

    def check() -> None:
        if _replaced(Path(path), holder):
            os._exit(EXIT_REPLACED)

    def watch() -> None:
        while True:
            time.sleep(every)
            check()

    check()
    threading.Thread(target=watch, daemon=True).start()


def _replaced(path: Path, holder: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") != holder
    except OSError:  # results that were deleted, or a disk that hangs: nobody has taken over
        return False

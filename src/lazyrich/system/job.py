"""What every workflow job does around its work: say what happened in its log."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from lazyrich.system import extras, progress
from lazyrich.system.disk import in_words
from lazyrich.system.lock import end_when_replaced

# How the last line of a log begins, by which `status` knows that a job has ended, and how.
DONE = "done in "
FAILED = "failed: "


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage while modules are imported, nor among them afterwards: it is a sixth of the time for nothing.

    A job draws into files: a shell's or a notebook's MPLBACKEND may be one that this matplotlib does not know and refuses.
    """
    os.environ["MPLBACKEND"] = "agg"
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def logged(path: str) -> Iterator[None]:
    """Send output to the log file; an error stands there with its traceback, and in one line on the terminal.

    A job whose Snakemake was killed and another one started ends at once.
    """
    end_when_replaced()
    started = time.perf_counter()
    failure = None
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", buffering=1) as log:
            try:
                with (
                    contextlib.redirect_stdout(log),
                    contextlib.redirect_stderr(log),
                    progress.to_log(log),
                    extras.named(),
                ):
                    yield
            except Exception as error:
                failure = in_words(error, f"a file of {Path(path).stem}")
                traceback.print_exc(file=log)
                print(f"{FAILED}{' '.join(failure.split())}", file=log)
            else:
                print(f"{DONE}{time.perf_counter() - started:.1f} s", file=log)
    except OSError as error:  # of the log itself, whose disk may be full as well
        failure = failure or in_words(error, path)
    if failure:
        # On a terminal the bar of the whole run stands in this line.
        start = "\n" if sys.stderr.isatty() else ""
        sys.exit(f"{start}{failure} (see {path})")

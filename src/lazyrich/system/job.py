"""What every workflow job does around its work: log output, progress and errors."""

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

# The beginning of a log's last line, from which `status` knows whether and how a job ended.
DONE = "done in "
FAILED = "failed: "


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Switch garbage collection off during imports, and exempt the imported modules from it: this saves a sixth of the time.

    Also set MPLBACKEND to draw into files: a shell or a notebook may name a backend that this matplotlib refuses.
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
    """Send output to the log file; write an error there with its traceback, and to the terminal in one line.

    End the job at once if another Snakemake has replaced the one that started it.
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
        # On a terminal this line already shows the bar of the whole run.
        start = "\n" if sys.stderr.isatty() else ""
        sys.exit(f"{start}{failure} (see {path})")

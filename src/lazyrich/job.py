"""What every workflow job does around its work: say what happened in its log."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from lazyrich.disk import in_words
from lazyrich.lock import end_when_replaced


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
                with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                    yield
            except Exception as error:
                failure = in_words(error)
                traceback.print_exc(file=log)
            else:
                print(f"done in {time.perf_counter() - started:.1f} s", file=log)
    except OSError as error:  # of the log itself, whose disk may be full as well
        failure = failure or in_words(error)
    if failure:
        sys.exit(f"{failure} (see {path})")

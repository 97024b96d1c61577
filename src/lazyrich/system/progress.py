"""How far a long piece of work has come: a bar on a terminal, a line now and then in a job's log, nothing elsewhere.

What is shown decides no number, so that fingerprints leave this module out.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any, TextIO

from tqdm import tqdm

SECONDS = 10.0  # between the lines of a log
# What takes less would only flicker on a terminal.
SHORTEST = 1.0
BAR = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
LINE = "{n} of {total}{unit} ({percentage:.0f}%), {rate_noinv_fmt}, {remaining} left"
READ = re.compile(r"^(\d+) of (\d+) \w+ \(\d+%\), .* left$")

# Engines report from deep inside. Each caller's thread has a bar of its own, since several may train at once.
_bar: ContextVar[Any] = ContextVar("bar", default=None)
_log: ContextVar[TextIO | None] = ContextVar("log", default=None)
_lock = threading.Lock()


class Lines:
    """What tqdm draws as a bar, as lines of a log; every line stands for itself, as `tail` wants it."""

    def __init__(self, total: int, unit: str, file: TextIO) -> None:
        self.total, self.unit, self.file = total, unit, file
        self.n = 0.0
        self.started = time.monotonic()
        self.due = self.started + SECONDS

    def update(self, count: float = 1) -> None:
        """Count so many more as done."""
        self.n += count
        now = time.monotonic()
        if now >= self.due:
            self.due = now + SECONDS
            elapsed = now - self.started
            print(
                tqdm.format_meter(int(self.n), self.total, elapsed, unit=self.unit, bar_format=LINE),
                file=self.file,
                flush=True,
            )

    def close(self) -> None:
        """Do nothing: the log says itself how the job ended."""


def _new(total: int, unit: str) -> Any:
    if (log := _log.get()) is not None:
        return Lines(total, f" {unit}", log)
    # `disable=None`: quiet where stderr is no terminal.
    return tqdm(
        total=total,
        unit=f" {unit}",
        bar_format=BAR,
        file=sys.stderr,
        disable=None,
        leave=False,
        delay=SHORTEST,
        miniters=0,
    )


@contextlib.contextmanager
def to_log(file: TextIO) -> Iterator[None]:
    """Write progress to a job's log meanwhile."""
    token = _log.set(file)
    try:
        yield
    finally:
        _log.reset(token)


@contextlib.contextmanager
def shown(total: int, unit: str) -> Iterator[None]:
    """Show what `advance` and `reach` report meanwhile, out of `total`; `unit` is a word in the plural."""
    bar = _new(total, unit)
    token = _bar.set(bar)
    try:
        yield
    finally:
        _bar.reset(token)
        bar.close()


def carried(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return `work` for threads of one's own, in which it reports to the bar of the thread that calls this."""
    context = copy_context()
    return lambda *arguments: context.copy().run(work, *arguments)


def advance(count: float = 1) -> None:
    """Report that `count` more are done, or a part of one; does nothing where no bar is shown."""
    if (bar := _bar.get()) is not None:
        with _lock:
            bar.update(count)


def reach(count: float) -> None:
    """Report that `count` are done in all."""
    if (bar := _bar.get()) is not None:
        with _lock:
            bar.update(count - bar.n)


def read(line: str) -> tuple[int, int] | None:
    """Return (done, total) of a line that a log holds of progress, None of any other line."""
    found = READ.match(line)
    return (int(found[1]), int(found[2])) if found else None

"""Progress of long work: a bar on a terminal, a line every few seconds in a job's log, nothing elsewhere.

Progress changes no number, so fingerprints leave this module out.
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
# A shorter bar would only flicker on a terminal.
SHORTEST = 1.0
BAR = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
LINE = "{n} of {total}{unit} ({percentage:.0f}%), {rate_noinv_fmt}, {remaining} left"
READ = re.compile(r"^(\d+) of (\d+) \w+ \(\d+%\), .* left$")

# Engines report from deep inside. Each caller's thread has a bar of its own, since several may train at once.
_bar: ContextVar[Any] = ContextVar("bar", default=None)
_log: ContextVar[TextIO | None] = ContextVar("log", default=None)
_lock = threading.Lock()


class Lines:
    """Progress as lines of a log, with the interface of tqdm's bar; each line is complete, as `tail` needs it."""

    def __init__(self, total: int, unit: str, file: TextIO) -> None:
        self.total, self.unit, self.file = total, unit, file
        self.n = 0.0
        self.started = time.monotonic()
        self.due = self.started + SECONDS

    def update(self, count: float = 1) -> None:
        """Count `count` more as done."""
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
        """Do nothing: the log itself says how the job ended."""


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
    """Write progress to a job's log inside this context."""
    token = _log.set(file)
    try:
        yield
    finally:
        _log.reset(token)


@contextlib.contextmanager
def shown(total: int, unit: str) -> Iterator[None]:
    """Show what `advance` and `reach` report inside this context, out of `total`; `unit` is a plural noun."""
    bar = _new(total, unit)
    token = _bar.set(bar)
    try:
        yield
    finally:
        _bar.reset(token)
        bar.close()


def carried(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return `work` for other threads, where it reports to the bar of the thread that calls this function."""
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
    """Return (done, total) of a progress line in a log, None for any other line."""
    match = READ.match(line)
    return (int(match[1]), int(match[2])) if match else None

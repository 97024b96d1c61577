"""Snakemake's own output with a bar of the whole run below it: rate, time left, long jobs counted as far as they have come.

On a terminal only; elsewhere Snakemake writes what it always does. The published `rich` plugin was tried and is not used: its
bars tell neither rate nor time left, its panel wipes the one line that a failing job prints, and it rewrites the output where
there is no terminal. This one is Snakemake's own handler with tqdm's bar.
"""

from __future__ import annotations

import sys
import threading
import time
from logging import LogRecord
from pathlib import Path

from snakemake.logging import ColorizingTextHandler
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from lazyrich.planning.status import share_done

SECONDS = 2.0  # between looks at the logs of running jobs
BAR = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} jobs [{elapsed}<{remaining}, {rate_fmt}]"


class LogHandler(LogHandlerBase, ColorizingTextHandler):
    """The handler that Snakemake's `--logger lazyrich` asks for."""

    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Snakemake's base class leaves initialising to this."""
        stream = sys.stdout if self.common_settings.stdout else sys.stderr
        ColorizingTextHandler.__init__(self, nocolor=self.common_settings.nocolor, stream=stream)
        self.bar: tqdm | None = None
        self.finished = 0
        self.running: dict[int, tuple[float, list[Path]]] = {}  # job -> when it began, its logs
        self.closing = threading.Event()

    @property
    def writes_to_stream(self) -> bool:
        """Where this says no, Snakemake adds the handler that it has without plugins."""
        return self.is_tty

    def emit(self, record: LogRecord) -> None:
        """Print what Snakemake says above the bar, and move the bar."""
        if not self.is_tty:
            return
        with tqdm.external_write_mode(file=self.stream):
            ColorizingTextHandler.emit(self, record)
            self._follow(record)

    def close(self) -> None:
        """Leave the bar as it is; Snakemake calls this more than once."""
        self.closing.set()
        if self.bar is not None:
            self.bar.close()
        super().close()

    def _follow(self, record: LogRecord) -> None:
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO if self.bar is None and not self.common_settings.dryrun:
                self.bar = tqdm(
                    total=record.stats["total"], bar_format=BAR, unit="job", file=self.stream, dynamic_ncols=True
                )
                threading.Thread(target=self._keep_moving, daemon=True).start()
            case LogEvent.JOB_INFO:
                self.running[record.jobid] = (time.time(), [Path(log) for log in record.log])
            case LogEvent.JOB_FINISHED:
                self.running.pop(record.job_id, None)
            case LogEvent.JOB_ERROR:
                self.running.pop(record.jobid, None)
            case LogEvent.PROGRESS:
                self.finished = record.done
                if self.bar is not None:  # a level that was chosen meanwhile has brought more
                    self.bar.total = record.total
                self._move()

    def _keep_moving(self) -> None:
        while not self.closing.wait(SECONDS):
            self._move()

    def _move(self) -> None:
        if self.bar is not None:
            jobs = list(self.running.values())
            self.bar.n = self.finished + sum(share_done(log, since) for since, logs in jobs for log in logs)
            self.bar.refresh()

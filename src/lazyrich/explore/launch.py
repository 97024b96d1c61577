"""Run a sweep from the page if the explorer was started with `--run`: one at a time, by Snakemake, in this project."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from lazyrich.planning.describe import configuration, describe_plan
from lazyrich.planning.estimate import check
from lazyrich.planning.folder import needed_shards
from lazyrich.planning.status import read_log, status
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.words import counted
from lazyrich.system import extras
from lazyrich.system.errors import LazyrichError

COMMAND = (sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "rules", "progress", "--")


class Launcher:
    """The runs that a server's pages have started; they go on when the page is closed.

    Attributes
    ----------
    name
        the sweep that runs or ran last, None before the first.

    Raises
    ------
    ValueError
        where `results` is not the folder that runs of this project write to.
    MissingExtra
        where there is no Snakemake.
    """

    def __init__(self, config: Path, results: Path) -> None:
        extras.check("snakemake")
        if (folder := Path(configuration().results)) != results:
            raise LazyrichError(
                f"--run: sweeps of this project write to {folder}, not to {results}; leave the folder out"
            )
        self.config, self.results = config, results
        self.name: str | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether a run has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self, text: str, source: str) -> str:
        """Write a sweep file with this text beside that of `source`, run it, and return its new name.

        Raises
        ------
        ValueError
            where another run has not ended, or the sweep is over budget; no file is written then.
        """
        if self.running:
            raise LazyrichError(f"{self.name} is running; wait until it is done")
        number = 1
        while (path := self.config / f"{source}_part_{number}.yaml").exists():
            number += 1
        path.write_text(text, encoding="utf-8")
        try:
            budget = configuration().budget
            check(describe_plan(path, budget)[1], budget, str(path))
        except LazyrichError:
            path.unlink()
            raise
        self.name = path.stem
        log = self.results / self.name / "logs/explorer.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:
            command = [*COMMAND, str(self.results / self.name / "report.html")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        return self.name

    def progress(self) -> tuple[int, str]:
        """Return the progress of the run: (percentage of its networks that are trained, the same in words)."""
        if self.name is None:
            return 0, ""
        home = self.results / self.name
        if not self.running and self.process is not None and self.process.returncode != 0:
            last = read_log(home / "logs/explorer.log")
            return 0, f"{self.name} failed: {last.last if last else 'nothing was said'} ({home / 'logs/explorer.log'})"
        state = status(home, needed_shards(load_sweep(self.config / f"{self.name}.yaml"), home), time.time())
        share = state.networks_done / state.networks
        if self.running:
            return int(100 * share), f"{self.name}: {state.networks_done:,} of {counted(state.networks, 'network')}"
        return 100, f"{self.name} is done; choose it above"

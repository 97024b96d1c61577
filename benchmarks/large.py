"""A large sweep from one command to its phase diagram: wall time, its split, and the peak memory of every process.

    python benchmarks/large.py            # 500 × 500 cells × 4 replicates, 64 records: a million networks
    python benchmarks/large.py summary    # 500 × 500 cells × 40 replicates, end values only: ten million

In a copy of the project, by `snakemake --cores 2`. The bare kernel time is that of the engine alone for the same networks, on
as many threads: measured on a part of them (every 25th point of both axes) and scaled.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from lazyrich.engines.records import record_steps
from lazyrich.engines.select import evolve_with
from lazyrich.engines.trajectories import Recording
from lazyrich.networks.batch import networks
from lazyrich.networks.observables import NAMES
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep
from workflow import project

CORES = 2
POINTS = 500


def sweep(points: int, *, summary: bool) -> dict:
    """Initial scales against one another, n = 10, k = 0.1, τ = 60."""
    return {
        "title": "A million networks" if not summary else "Ten million networks",
        "problem": {"samples": 10, "dimension": 10000, "noise_std": 0.1},
        "network": {
            "width": 1024,
            "sigma_0": {"log": [1e-4, 10], "points": points},
            "v_0": {"log": [1e-4, 10], "points": points},
        },
        "training": {"growth_per_step": 0.1, "tau": 60},
        "record": {"summary": True} if summary else {"points": 64},
        "replicates": 40 if summary else 4,
    }


class Peaks(threading.Thread):
    """The largest resident memory of each process below one, by what it runs; looked at ten times a second."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.root, self.found, self.done = root, {}, threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.done.wait(0.1):
            try:
                for process in (self.root, *self.root.children(recursive=True)):
                    command = " ".join(process.cmdline())
                    script = re.search(r"\.(\w+)\.py$", command)
                    name = script[1] if script else "snakemake"
                    self.found[name] = max(self.found.get(name, 0), process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue


def kernel_seconds(data: dict) -> float:
    """Wall seconds of the engine alone for all networks of the sweep, on all cores, from every 25th point of both axes."""
    few = {**data["network"]}
    for name in ("sigma_0", "v_0"):
        few[name] = {"values": np.geomspace(*data["network"][name]["log"], POINTS)[12::25].tolist()}
    this = load_sweep({**data, "network": few})
    recipe = whole(this)
    (batch,) = networks(recipe)
    record = recipe.settings["record"]
    wanted = np.isin(NAMES, record["observables"])
    recording = Recording(record_steps(record, batch.steps), wanted, record["onset"], record["converged"])
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        evolve_with("propagator", batch, recording, device="cpu", threads=CORES)
        rounds.append(time.perf_counter() - start)
    return min(rounds[1:]) * load_sweep(data).networks / this.networks


def jobs(home: Path) -> dict[str, list[float]]:
    """Seconds of every job by its rule, from Snakemake's benchmark files."""
    found: dict[str, list[float]] = {}
    for path in home.rglob("*.tsv"):
        name = path.parent.name if path.parent.name == "simulate_shard" else path.stem
        with path.open() as file:
            found.setdefault(name, []).append(float(next(csv.DictReader(file, delimiter="\t"))["s"]))
    return found


def main() -> None:
    """Run the sweep and print the table."""
    data = sweep(POINTS, summary="summary" in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        project(home, "large", data)
        kernel = kernel_seconds(data)
        environment = {**os.environ, "PYTHONPATH": str(home / "src")}
        command = [sys.executable, "-m", "snakemake", "--cores", str(CORES), "results/large/report.html"]
        start = time.perf_counter()
        with subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE, text=True) as process:
            peaks = Peaks(psutil.Process(process.pid))
            peaks.start()
            _, log = process.communicate()
            wall = time.perf_counter() - start
            peaks.done.set()
        if process.returncode:
            sys.exit(log)
        spent = jobs(home / "results/large")
        logs = (home / "results/large/logs/simulate_shard").glob("*.log")
        written = sum(float(re.search(r"written in ([\d.]+) s", path.read_text())[1]) for path in logs)
        shards = spent.pop("simulate_shard")
        size = sum(path.stat().st_size for path in (home / "results/large/shards").iterdir())
        page = (home / "results/large/report.html").stat().st_size
    print(f"{load_sweep(data).networks:,} networks on {CORES} cores: {wall:.0f} s from command to report page")
    print(f"bare kernel: {kernel:.0f} s; the whole is {wall / kernel:.1f} times that\n")
    print("| part | jobs | wall, s |\n| --- | ---: | ---: |")
    rows = [("train", len(shards), (sum(shards) - written) / CORES), ("write shards", len(shards), written / CORES)]
    rows += [(name, len(seconds), sum(seconds)) for name, seconds in spent.items()]
    for name, count, seconds in rows:
        print(f"| {name} | {count} | {seconds:.1f} |")
    print(f"| Snakemake, starts and idle cores | | {wall - sum(seconds for *_, seconds in rows):.1f} |")
    print("\n| process | peak memory, MB |\n| --- | ---: |")
    for name, peak in peaks.found.items():
        print(f"| {name} | {peak / 1e6:,.0f} |")
    print(f"\non disk: shards {size / 1e6:,.0f} MB, report page {page / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

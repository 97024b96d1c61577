"""What Snakemake itself costs: a dry run of many shards, and the time of a job beside its work.

    python benchmarks/workflow.py

Dry runs are of a copy of the project whose one sweep has so many shards; nothing is trained. The time per job is measured on
shards of one tiny network each: the wall time of many jobs against that of the work in their logs.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SHARDS = (100, 1000, 10000)
JOBS = 20
SWEEP = {
    "problem": {"samples": 4, "dimension": 100},
    "network": {"width": 64, "laziness": {"log": [0.01, 10]}},
    "training": {"growth_per_step": 0.1, "steps": 10},
    "record": {"summary": True},
}


def project(folder: Path, name: str, sweep: dict) -> None:
    """A copy of the project with one sweep."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for path in tracked:
        if path.split("/")[0] in ("Snakefile", "workflow", "src", "config", "profiles"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
    (folder / f"config/sweeps/{name}.yaml").write_text(yaml.safe_dump(sweep))
    (folder / "config/config.yaml").write_text(f"sweeps: [{name}]\n")


# In the environment: most networks of a shard.
ONE_EACH = {"LAZYRICH_SHARD_NETWORKS": "1"}


def many(folder: Path, shards: int) -> None:
    """A copy of the project with one sweep of so many networks, each a shard of its own by `ONE_EACH`."""
    project(folder, "many", {**SWEEP, "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": shards}}})


def snakemake(folder: Path, *arguments: str, **variables: str) -> tuple[float, str]:
    """Wall seconds of one call with these environment variables, and its output."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), **variables}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - start, done.stdout + done.stderr


def main() -> None:
    """Print both tables."""
    print("| shards | dry run, s | per shard, ms | peak memory, MB |\n| ---: | ---: | ---: | ---: |")
    for shards in SHARDS:
        with tempfile.TemporaryDirectory() as folder:
            many(Path(folder), shards)
            seconds, _ = snakemake(Path(folder), "--dry-run", "--quiet", **ONE_EACH)
            # Of the largest child so far, and each has more shards than the one before.
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
            print(f"| {shards:,} | {seconds:.1f} | {1e3 * seconds / shards:.1f} | {peak:,.0f} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        many(home, JOBS)
        plan = "results/many/summary.nc"
        alone, _ = snakemake(home, plan, "--dry-run", "--quiet", **ONE_EACH)
        seconds, _ = snakemake(home, plan, **ONE_EACH)
        logs = list((home / "results/many/logs/simulate_shard").glob("*.log"))
        work = sum(float(re.search(r"done in ([\d.]+) s", log.read_text())[1]) for log in logs) / 2
        analysis = (home / "results/many/logs/analyse_sweep.log").read_text()
        work += float(re.search(r"done in ([\d.]+) s", analysis)[1])
    per_job = (seconds - alone - work) / (JOBS + 1)
    print(
        f"\n{JOBS} shards, two at a time: {seconds:.1f} s, of which {alone:.1f} s to plan and {work:.1f} s inside jobs"
    )
    print(f"beside the work: {per_job:.2f} s of wall time a job")


if __name__ == "__main__":
    main()

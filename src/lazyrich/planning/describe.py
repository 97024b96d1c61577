"""The cost of a sweep and the progress of its run, as text for people."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path

from lazyrich.planning.cost.work import records
from lazyrich.planning.estimate import Estimate, check_whole, estimate
from lazyrich.planning.fit import fit, of_sweeps
from lazyrich.planning.folder import known_shards, level_files, needed_shards, shard_file, trained
from lazyrich.planning.plan import settings_of
from lazyrich.planning.status import describe, status
from lazyrich.sweep.config import Budget, Configuration, load_configuration
from lazyrich.sweep.reader import load_sweep, load_yaml
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import counted
from lazyrich.system.device import likely_device
from lazyrich.system.errors import LazyrichError


def configuration() -> Configuration:
    """Return the configuration of the project in this folder; outside of a project its defaults."""
    path = Path("config/config.yaml")
    return load_configuration(load_yaml(path)) if path.exists() else Configuration(sweeps=("none",))


def is_own(results: Path) -> bool:
    """Return whether a results folder is the one that the project in this folder writes to."""
    return results.resolve() == Path(configuration().results).resolve()


def describe_plan(path: Path, budget: Budget | None = None) -> tuple[str, Estimate]:
    """Return a sweep's grid, networks, finished shards and remaining cost as text, and the remaining cost as numbers.

    Raises
    ------
    ValueError
        for a sweep so far over `budget` that its shards are not even counted.
    """
    config = configuration()
    sweep = load_sweep(path)
    results = Path(config.results)
    home = results / path.stem
    files = {name: path.parent / f"{name}.yaml" for name in config.sweeps}
    jobs = of_sweeps(
        results, {name: load_sweep(file) for name, file in files.items() if file.exists()} | {path.stem: sweep}
    )
    gpu = likely_device(config.device) == "cuda"
    constants = fit(jobs)
    if budget is not None:
        check_whole(sweep, known_shards(home), constants, budget, str(path), gpu=gpu)
    shards = needed_shards(sweep, home)
    trained_shards = trained(home, shards)
    remaining = estimate(shards, trained_shards, constants, gpu=gpu)
    grid = " × ".join(f"{'+'.join(names)} {len(points)}" for names, points in sweep.dims.items()) or "one cell"
    basis = f"by {counted(len(jobs), 'job')} that ran here" if jobs else "by shipped constants; no job has run here yet"
    lines = [
        f"{path}: {sweep.title}",
        f"  grid      {grid}, {counted(sweep.replicates, 'replicate')}",
        f"  networks  {sweep.networks:,}, each recorded {records(settings_of(sweep)['record'], sweep.fixed)} times",
        f"  shards    {len(shards)}, of which {len(trained_shards)} are done",
        *_refined(sweep, home),
        f"  to do     {counted(remaining.networks, 'network')} in {counted(remaining.shards, 'shard')}",
    ]
    if remaining.shards:
        lines += [
            f"  time      about {_hours(remaining.hours)} of one {'GPU' if gpu else 'core'} ({basis})",
            f"  disk      about {remaining.disk / 2**20:,.0f} MiB",
            f"  memory    about {remaining.memory / 2**20:,.0f} MiB in the largest job",
        ]
    return "\n".join(lines), remaining


def _refined(sweep: Sweep, home: Path) -> list[str]:
    """Return the progress of a refined sweep: its shards are known one level at a time."""
    if sweep.refine is None:
        return []
    levels = sum(path.exists() for path in level_files(sweep, home))
    return [f"  refined   {levels} of {sweep.refine.levels} levels are chosen; the shards above are those known so far"]


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} hours"


def describe_status(folder: Path, names: list[str], of_other_code: Callable[[Path], bool]) -> str:
    """Return the progress of the sweeps called `names` in `folder`, by default those of the configuration, as text.

    `of_other_code` tells whether a shard's file was trained by other code than this.
    """
    configured = load_configuration(load_yaml(Path("config/config.yaml")))
    results = Path(configured.results)
    sweep_names = sorted(path.stem for path in folder.glob("*.yaml"))
    for name in names:
        if name not in sweep_names:
            raise LazyrichError(f"{name}: no sweep of this name in {folder}; write one of {', '.join(sweep_names)}")
    sweeps = {name: load_sweep(folder / f"{name}.yaml") for name in names or configured.sweeps}
    now = time.time()
    lines = []
    for name, sweep in sweeps.items():
        shards = needed_shards(sweep, results / name)
        first, *rest = describe(name, sweep.title, status(results / name, shards, now), now)
        lines += [first, *_refined(sweep, results / name), *rest]
        files = [shard_file(results / name, shard) for shard in trained(results / name, shards)]
        if count := sum(map(of_other_code, files)):
            # Snakemake remembers the code that made a file in .snakemake only, which a copy of results may lack.
            again = (
                f"snakemake --cores all {shlex.quote(str(results / name / 'report.html'))} --forcerun simulate_shard"
            )
            lines.append(
                f"  code      other than this trained {count:,} of {counted(len(files), 'shard')}; `{again}` trains all anew"
            )
    return "\n".join(lines)

"""The progress of a sweep's run, from its results folder alone: the run may be in another terminal or on a cluster.

Shards with a file are done; logs show the progress of the others. Only the ends of a few logs are opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lazyrich.networks.recipe import Recipe
from lazyrich.system import progress
from lazyrich.system.job import DONE, FAILED

LATELY = 300.0  # seconds for which a job may be silent, as while it draws or writes
RECENT = 20  # shards whose times make the rate
TAIL = 4096  # bytes of a log
MOST = 10  # jobs that are named of each kind
# A sweep's further jobs, in their order, and what they make.
LATER = {"analyse_sweep": "summary.nc", "draw_figures": "figures", "write_report": "report.html"}


@dataclass(frozen=True)
class Job:
    """The state of a job, from its log."""

    name: str  # of a shard or a rule
    log: Path
    heard: float  # when the log was last written to, in seconds since the epoch
    last: str  # its last line

    @property
    def ended(self) -> bool:
        """Whether the job ended, well or not."""
        return self.failed or self.last.startswith(DONE)

    @property
    def failed(self) -> bool:
        """Whether the job ended with an error, which is in the last line."""
        return self.last.startswith(FAILED)


@dataclass(frozen=True)
class Status:
    """The progress of a sweep's run."""

    shards: int
    shards_done: int
    networks: int
    networks_done: int  # those of shards that are done, and those that logs tell of
    finished: float | None  # when the last shard was, in seconds since the epoch
    rate: float | None  # networks a second, of the last shards
    working: tuple[Job, ...]
    failed: tuple[Job, ...]
    silent: tuple[Job, ...]  # begun, not ended, not heard of lately
    outputs: dict[str, str]  # summary.nc, figures, report.html -> there, out of date, missing


def read_log(path: Path) -> Job | None:
    """Return the job of a log, None if there is no log."""
    try:
        with open(path, "rb") as file:
            heard = os.fstat(file.fileno()).st_mtime
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    return Job(path.stem, path, heard, next((line.strip() for line in reversed(lines) if line.strip()), ""))


def share_done(log: Path, since: float) -> float:
    """Return the share of its work that a job begun at `since` has done, from its log; 0 if unknown or of an earlier run."""
    job = read_log(log)
    pair = progress.read(job.last) if job and job.heard >= since else None
    return pair[0] / pair[1] if pair else 0.0


def status(home: Path, shards: dict[str, Recipe], now: float) -> Status:
    """Return the status at the time `now` of the sweep whose results are in the folder `home`, and whose plan is `shards`."""
    end_times = {name: when for name, when in _times(home / "shards", ".nc").items() if name in shards}
    begun = _times(home / "logs/simulate_shard", ".log")
    logs = [home / "logs/simulate_shard" / f"{name}.log" for name in shards if name in begun and name not in end_times]
    logs += sorted((home / "logs/refine_sweep").glob("*.log"))
    logs += [home / "logs" / f"{rule}.log" for rule in LATER]
    jobs = [job for job in map(read_log, logs) if job is not None]
    open_jobs = [job for job in jobs if not job.ended]
    working = tuple(job for job in open_jobs if now - job.heard <= LATELY)
    pairs = [progress.read(job.last) for job in working if job.name in shards]
    return Status(
        shards=len(shards),
        shards_done=len(end_times),
        networks=sum(shard.networks for shard in shards.values()),
        networks_done=sum(shards[name].networks for name in end_times) + sum(pair[0] for pair in pairs if pair),
        finished=max(end_times.values(), default=None),
        rate=_rate(home, shards, end_times),
        working=working,
        failed=tuple(job for job in jobs if job.failed),
        silent=tuple(job for job in open_jobs if now - job.heard > LATELY),
        outputs=_outputs(home, max(end_times.values(), default=0.0), len(end_times) == len(shards)),
    )


def _times(folder: Path, ending: str) -> dict[str, float]:
    """Return when each file of a folder was last written, stem -> seconds since the epoch."""
    names = os.listdir(folder) if folder.is_dir() else []
    times = {name.removesuffix(ending): _written(folder / name) for name in names if name.endswith(ending)}
    return {name: when for name, when in times.items() if when}


def _written(path: Path) -> float:
    """Return when a file was last written, 0 where there is none: one that was listed may be gone by now."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _rate(home: Path, shards: dict[str, Recipe], end_times: dict[str, float]) -> float | None:
    """Return networks per second over the last shards that were trained without a pause between them."""
    first: float | None = None
    last, networks = 0.0, 0
    for name in sorted(end_times, key=end_times.__getitem__, reverse=True)[:RECENT]:
        job = read_log(home / "logs/simulate_shard" / f"{name}.log")
        if job is None or not job.last.startswith(DONE):
            break
        if first is not None and end_times[name] < first - LATELY:
            break  # of an earlier run
        began = end_times[name] - float(job.last.removeprefix(DONE).split()[0])
        first, last = min(first or began, began), last or end_times[name]
        networks += shards[name].networks
    return networks / (last - first) if first is not None and last > first else None


def _outputs(home: Path, newest: float, complete: bool) -> dict[str, str]:
    """Return whether each output is there, and newer than its inputs."""
    states = {}
    for name in LATER.values():
        path = home / name
        written_at = max(map(_written, path.iterdir()), default=0.0) if path.is_dir() else _written(path)
        states[name] = "missing" if not written_at else "there" if complete and written_at >= newest else "out of date"
        newest = max(newest, written_at)
    return states


def describe(name: str, title: str, run: Status, now: float) -> list[str]:
    """Return a status in lines for people."""
    lines = [f"{name}: {title}"]
    ago = f", the last {_span(now - run.finished)} ago" if run.finished else ""
    lines.append(
        f"  networks  {run.networks_done:,} of {run.networks:,} trained; "
        f"shards {run.shards_done:,} of {run.shards:,}{ago}"
    )
    remaining = run.networks - run.networks_done
    if run.rate and remaining:
        time_left = f"; {_span(remaining / run.rate)} left" if run.working else ""
        lines.append(f"  rate      {run.rate:,.1f} networks/s of late{time_left}")
    # Silent: killed, most likely, or waiting for a machine.
    for label, jobs in (("now", run.working), ("failed", run.failed), ("silent", run.silent)):
        lines += [f"  {label:8}  {_job_text(job, now)}" for job in jobs[:MOST]]
        if len(jobs) > MOST:
            lines.append(f"  {label:8}  and {len(jobs) - MOST:,} more")
    if remaining and not run.working:
        lines.append("  now       nothing is being worked on")
    by_state: dict[str, list[str]] = {}
    for output, state in run.outputs.items():
        by_state.setdefault(state, []).append(output)
    lines.append("  results   " + "; ".join(f"{', '.join(names)}: {state}" for state, names in by_state.items()))
    return lines


def _job_text(job: Job, now: float) -> str:
    if job.failed:
        return f"{job.name}: {job.last.removeprefix(FAILED)} (see {job.log})"
    text = job.last if progress.read(job.last) else "begun"
    return f"{job.name}: {text}; its log is {_span(now - job.heard)} old"


def _span(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"

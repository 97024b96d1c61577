"""How far a sweep's run is, seen from its results folder alone: of a run in another terminal or on a cluster.

Shards that are there are done; of the others, their logs tell. Nothing is opened but the ends of few logs.
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
    """What a job's log says."""

    name: str  # of a shard or a rule
    log: Path
    heard: float  # when the log was last written to, in seconds since the epoch
    last: str  # its last line

    @property
    def ended(self) -> bool:
        """Well or not."""
        return self.failed or self.last.startswith(DONE)

    @property
    def failed(self) -> bool:
        """With an error, which the last line tells."""
        return self.last.startswith(FAILED)


@dataclass(frozen=True)
class Status:
    """How far a sweep's run is."""

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
    """Return what a log says, None where there is none."""
    try:
        with open(path, "rb") as file:
            heard = os.fstat(file.fileno()).st_mtime
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    return Job(path.stem, path, heard, next((line.strip() for line in reversed(lines) if line.strip()), ""))


def share_done(log: Path, since: float) -> float:
    """Return the share that a job begun at `since` has done by its log; 0 where that is not known, or of an earlier run."""
    job = read_log(log)
    counted = progress.read(job.last) if job and job.heard >= since else None
    return counted[0] / counted[1] if counted else 0.0


def status(home: Path, shards: dict[str, Recipe], now: float) -> Status:
    """Return the status at the time `now` of the sweep whose results are in the folder `home`, and whose plan is `shards`."""
    done = {name: when for name, when in _times(home / "shards", ".nc").items() if name in shards}
    begun = _times(home / "logs/simulate_shard", ".log")
    logs = [home / "logs/simulate_shard" / f"{name}.log" for name in shards if name in begun and name not in done]
    logs += sorted((home / "logs/refine_sweep").glob("*.log"))
    logs += [home / "logs" / f"{rule}.log" for rule in LATER]
    jobs = [job for job in map(read_log, logs) if job is not None]
    open_jobs = [job for job in jobs if not job.ended]
    working = tuple(job for job in open_jobs if now - job.heard <= LATELY)
    counted = [progress.read(job.last) for job in working if job.name in shards]
    return Status(
        shards=len(shards),
        shards_done=len(done),
        networks=sum(shard.networks for shard in shards.values()),
        networks_done=sum(shards[name].networks for name in done) + sum(pair[0] for pair in counted if pair),
        finished=max(done.values(), default=None),
        rate=_rate(home, shards, done),
        working=working,
        failed=tuple(job for job in jobs if job.failed),
        silent=tuple(job for job in open_jobs if now - job.heard > LATELY),
        outputs=_outputs(home, max(done.values(), default=0.0), len(done) == len(shards)),
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


def _rate(home: Path, shards: dict[str, Recipe], done: dict[str, float]) -> float | None:
    """Return networks a second of the last shards, as many as were trained without a pause between them."""
    first: float | None = None
    last, networks = 0.0, 0
    for name in sorted(done, key=done.__getitem__, reverse=True)[:RECENT]:
        job = read_log(home / "logs/simulate_shard" / f"{name}.log")
        if job is None or not job.last.startswith(DONE):
            break
        if first is not None and done[name] < first - LATELY:
            break  # of an earlier run
        began = done[name] - float(job.last.removeprefix(DONE).split()[0])
        first, last = min(first or began, began), last or done[name]
        networks += shards[name].networks
    return networks / (last - first) if first is not None and last > first else None


def _outputs(home: Path, newest: float, complete: bool) -> dict[str, str]:
    """Return whether what is made of the shards is there, and newer than what it is made of."""
    found = {}
    for name in LATER.values():
        path = home / name
        written = max(map(_written, path.iterdir()), default=0.0) if path.is_dir() else _written(path)
        found[name] = "missing" if not written else "there" if complete and written >= newest else "out of date"
        newest = max(newest, written)
    return found


def describe(name: str, title: str, found: Status, now: float) -> list[str]:
    """Return a status in lines for people."""
    lines = [f"{name}: {title}"]
    ago = f", the last {_span(now - found.finished)} ago" if found.finished else ""
    lines.append(
        f"  networks  {found.networks_done:,} of {found.networks:,} trained; "
        f"shards {found.shards_done:,} of {found.shards:,}{ago}"
    )
    left = found.networks - found.networks_done
    if found.rate and left:
        rest = f"; {_span(left / found.rate)} left" if found.working else ""
        lines.append(f"  rate      {found.rate:,.1f} networks/s of late{rest}")
    # Silent: killed, most likely, or waiting for a machine.
    for label, jobs in (("now", found.working), ("failed", found.failed), ("silent", found.silent)):
        lines += [f"  {label:8}  {_said(job, now)}" for job in jobs[:MOST]]
        if len(jobs) > MOST:
            lines.append(f"  {label:8}  and {len(jobs) - MOST:,} more")
    if left and not found.working:
        lines.append("  now       nothing is being worked on")
    by_state: dict[str, list[str]] = {}
    for output, state in found.outputs.items():
        by_state.setdefault(state, []).append(output)
    lines.append("  results   " + "; ".join(f"{', '.join(names)}: {state}" for state, names in by_state.items()))
    return lines


def _said(job: Job, now: float) -> str:
    if job.failed:
        return f"{job.name}: {job.last.removeprefix(FAILED)} (see {job.log})"
    what = job.last if progress.read(job.last) else "begun"
    return f"{job.name}: {what}; its log is {_span(now - job.heard)} old"


def _span(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"

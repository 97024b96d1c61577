"""Where Dask computes: threads of this process, processes of this machine, or jobs of a SLURM cluster.

All of a cluster that a sweep file does not say (partition, account, walltime, network interface, what a job does before its
worker starts) is read by dask-jobqueue from Dask's own configuration, `jobqueue.slurm`; its defaults suit small clusters.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dask import config
from dask.utils import parse_timedelta

from lazyrich.sweep.schema import Dask
from lazyrich.system import blas
from lazyrich.system.errors import LazyrichError

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster
    from distributed.deploy.spec import SpecCluster

# A worker holds a shard's slice and numpy's temporaries, which Dask cannot spill, so a paused worker would never go on: one
# that takes too much memory is ended, and its task starts anew. An analysis needs no dashboard.
SETTINGS = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
# Without any worker for so long an analysis ends; where queues are longer, Dask's configuration says so under this key.
PATIENCE_KEY = "distributed.scheduler.no-workers-timeout"
PATIENCE = "10 minutes"
LOOK = 2  # seconds between two looks at the queue
# Memory of a job in addition to its worker's: its nanny (80 MB measured), and room for the nanny to end a worker before SLURM
# ends the job, which would not be replaced.
JOB_MEMORY = 2**29


@contextlib.contextmanager
def workers(section: Dask | None, threads: int = 1) -> Iterator[int]:
    """Let Dask compute where the section `dask` says, without it on `threads`; yield how many tasks run at once.

    Raises
    ------
    ValueError
        where no worker starts, or tasks keep losing theirs, with the fix.
    """
    if section is None:
        # BLAS threads would change the last bits with their number; processes have one each.
        with blas.one_thread(), config.set(scheduler="threads", num_workers=threads):
            yield threads
        return
    from distributed import Client, KilledWorker
    from distributed.scheduler import NoWorkerError

    patience = config.get(PATIENCE_KEY, None) or PATIENCE
    start: dict[str, Callable[[Dask], contextlib.AbstractContextManager[SpecCluster]]] = {
        "local": _local,
        "slurm": _slurm,
    }
    with config.set({**SETTINGS, PATIENCE_KEY: patience}), start[section.cluster](section) as cluster, Client(cluster):
        try:
            yield section.workers
        except KilledWorker as error:
            raise LazyrichError(
                f"dask.memory = {section.memory}: {error.allowed_failures + 1} workers died over the same networks, "
                "most likely for want of it; write more"
            ) from None
        except NoWorkerError:
            raise LazyrichError(
                f"dask: all workers are gone, and none has come back in {patience}; start again, with a longer walltime "
                "or more dask.memory if that ended them"
            ) from None


def _local(section: Dask) -> SpecCluster:
    from distributed import LocalCluster

    return LocalCluster(
        host="127.0.0.1",
        n_workers=section.workers,
        threads_per_worker=1,
        memory_limit=section.memory_bytes,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.ERROR,
    )


@contextlib.contextmanager
def _slurm(section: Dask) -> Iterator[SpecCluster]:
    """Start jobs of one worker each, in this environment, and wait for the first; keep their output if they fail."""
    from dask_jobqueue.slurm import SLURMCluster, SLURMJob, slurm_format_bytes_ceil
    from distributed.core import Status

    class Job(SLURMJob):
        """A job that SLURM may refuse, for example because one user has too many: other jobs do its work.

        Its status is set, since a cluster asserts the status of every job when it closes.
        """

        async def start(self) -> None:
            try:
                await super().start()
            except RuntimeError:
                self.status = Status.failed
                raise

        async def close(self) -> None:
            await super().close()
            self.status = Status.closed

    if shutil.which("sbatch") is None:
        raise LazyrichError("dask.cluster = slurm: there is no SLURM here (no sbatch); write local, or remove dask")
    log_directory = config.get("jobqueue.slurm.log-directory")
    logs = log_directory or tempfile.mkdtemp(prefix=".dask-", dir=".")
    # Workers read these from their environment, those of LocalCluster from the process that starts them.
    exports = [f"export DASK_{key.upper().replace('.', '__').replace('-', '_')}={SETTINGS[key]}" for key in SETTINGS]
    try:
        with SLURMCluster(
            job_cls=Job,  # type: ignore[arg-type]  # dask-jobqueue takes a class and is annotated for an instance
            cores=1,
            processes=1,
            memory=f"{section.memory_bytes} B",
            job_mem=config.get("jobqueue.slurm.job-mem") or slurm_format_bytes_ceil(section.memory_bytes + JOB_MEMORY),
            log_directory=logs,
            job_script_prologue=[*config.get("jobqueue.slurm.job-script-prologue"), *exports],
            scheduler_options={
                "dashboard": False,
                "dashboard_address": None,
                **config.get("jobqueue.slurm.scheduler-options"),
            },
        ) as cluster:
            _check(cluster)
            cluster.scale(section.workers)
            _wait(cluster)
            yield cluster
    except ValueError as error:
        if os.listdir(logs):
            raise LazyrichError(f"{error} (what its jobs printed: {logs})") from error
        if not log_directory:
            os.rmdir(logs)
        raise
    if not log_directory:
        shutil.rmtree(logs, ignore_errors=True)


def _check(cluster: SLURMCluster) -> None:
    """Let SLURM check the job before it is submitted: it then refuses at once a job that would never start."""
    answer = subprocess.run(
        ["sbatch", "--test-only"], input=cluster.job_script(), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        reason = " ".join(answer.stderr.split())
        raise LazyrichError(
            f"dask: SLURM does not take the job of a worker ({reason}); fix `jobqueue.slurm` or dask.memory"
        )


def _wait(cluster: SLURMCluster) -> None:
    """Wait until the first worker has started; raise ValueError with the state of the queue if none does."""
    patience = config.get(PATIENCE_KEY)
    end = time.monotonic() + parse_timedelta(patience)
    while True:
        try:
            cluster.wait_for_workers(1, timeout=LOOK)
            return
        except TimeoutError:
            queue = _queue({job.job_id for job in cluster.workers.values()})
            submitting = not cluster.workers
            if (queue or submitting) and time.monotonic() < end:
                continue
        if not queue:
            raise LazyrichError(
                "dask: the jobs of all workers were refused, or ended before one had started; fix `jobqueue.slurm`"
            )
        raise LazyrichError(
            f"dask: no worker has started in {patience} (squeue: {queue}); start again, or let {PATIENCE_KEY} be longer"
        )


def _queue(jobs: set[str]) -> str:
    """Return number, state and reason of the jobs that are in SLURM's queue."""
    command = ["squeue", "--me", "--noheader", "--format=%i %T (%r)"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:  # a short outage of squeue says nothing about the jobs
        return "does not answer"
    return ", ".join(line for line in answer.stdout.splitlines() if line.split()[0] in jobs)

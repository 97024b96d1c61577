"""Where Dask computes: threads of this process, processes of this machine, or jobs of a SLURM cluster.

All of a cluster that a sweep file does not say (partition, account, walltime, network interface, what a job does before its
worker starts) is read by dask-jobqueue from Dask's own configuration, `jobqueue.slurm`; its defaults suit small clusters.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dask import config
from dask.utils import parse_timedelta
from threadpoolctl import threadpool_limits

from lazyrich.sweep import Dask

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy.spec import SpecCluster

# What a worker holds is a shard's slice and numpy's temporaries, which Dask cannot spill, and a paused worker would wait for
# ever: one that takes too much is ended, and its task starts anew. Nobody looks at pages of an analysis.
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


@contextlib.contextmanager
def workers(section: Dask, threads: int = 1) -> Iterator[int]:
    """Let Dask compute where the section `dask` says, by default on `threads`; gives how many tasks run at once.

    Raises
    ------
    ValueError
        where no worker starts, or tasks keep losing theirs, with the mend.
    """
    if section.cluster is None:
        # BLAS threads would change the last bits with their number; processes have one each.
        with threadpool_limits(1), config.set(scheduler="threads", num_workers=threads):
            yield threads
        return
    from distributed import Client, KilledWorker
    from distributed.scheduler import NoWorkerError

    patience = config.get(PATIENCE_KEY, None) or PATIENCE
    start = {"local": _local, "slurm": _slurm}[section.cluster]
    with config.set({**SETTINGS, PATIENCE_KEY: patience}):
        try:
            with start(section) as cluster, Client(cluster) as client:
                if section.cluster == "slurm":
                    _wait(client, cluster, patience)
                yield section.workers
        except KilledWorker as error:
            raise ValueError(
                f"dask.memory = {section.memory}: {error.allowed_failures + 1} workers died over the same networks, "
                "most likely for want of it; write more"
            ) from None
        except NoWorkerError:
            raise ValueError(f"dask: all workers are gone, and none has come back in {patience}; start again") from None


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
    """Jobs of one worker each, in this environment; what they print stays where it failed."""
    from dask_jobqueue import SLURMCluster

    chosen = config.get("jobqueue.slurm.log-directory", None)
    logs = chosen or tempfile.mkdtemp(prefix=".dask-", dir=".")
    exports = [f"export DASK_{key.upper().replace('.', '__')}={value}" for key, value in SETTINGS.items()]
    options = {"dashboard": False, "dashboard_address": None, **config.get("jobqueue.slurm.scheduler-options", {})}
    with SLURMCluster(
        n_workers=section.workers,
        cores=1,
        processes=1,
        memory=f"{section.memory_bytes} B",
        log_directory=logs,
        job_script_prologue=[*config.get("jobqueue.slurm.job-script-prologue", []), *exports],
        scheduler_options=options,
    ) as cluster:
        yield cluster
    if not chosen:
        shutil.rmtree(logs, ignore_errors=True)


def _wait(client: Client, cluster: SpecCluster, patience: str) -> None:
    """Until the first worker is there; ValueError with what the queue says of jobs that do not become one."""
    end = time.monotonic() + parse_timedelta(patience)
    while True:
        try:
            client.wait_for_workers(1, timeout=LOOK)
            return
        except TimeoutError:
            queue = _queue([job.job_id for job in cluster.workers.values() if job.job_id])
            if queue and time.monotonic() < end:
                continue
        said = f"squeue says: {queue}" if queue else "none of its jobs is in the queue"
        raise ValueError(f"dask: no worker has started in {patience}, {said}; mend `jobqueue.slurm`")


def _queue(jobs: list[str]) -> str:
    """Number, state and reason of those of the jobs that are in SLURM's queue."""
    command = ["squeue", "--noheader", "--format=%i %T (%r)", f"--jobs={','.join(jobs)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ", ".join(done.stdout.split("\n")[:-1])

"""What a job asks its scheduler for: threads, memory and time of each rule, by the cost model."""

from __future__ import annotations

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cost import request, work
from lazyrich.planning.plan import SHARD_SECONDS
from lazyrich.sweep.sweep import Sweep

FEW_NETWORKS = 4096  # that one thread compares with theory in the time that a process takes to start
NODE = 4  # cores that a small node of a cluster has


def work_of(rule: str, recipe: Recipe, *, gpu: bool) -> work.Amounts:
    """Return the work of a job of a rule: of a shard's recipe to train it, of the whole sweep's for any other rule."""
    # Choosing a level is the analysis of what there is.
    return work.of_job("analyse_sweep" if rule == "refine_sweep" else rule, recipe, gpu=gpu)


def minutes(amounts: work.Amounts, constants: work.Amounts, threads: int, attempt: int) -> int:
    """Return the time to ask for, the attempt's number counted from 1."""
    return request.minutes(work.cost(amounts, constants, "seconds", threads), attempt)


def megabytes(amounts: work.Amounts, constants: work.Amounts, attempt: int) -> int:
    """Return the memory to ask for, the attempt's number counted from 1."""
    return request.megabytes(work.cost(amounts, constants, "memory"), attempt)


def megabytes_of_workers(sweep: Sweep) -> int:
    """Return the memory of the processes that analyse a sweep beside the job itself, on its machine."""
    dask = sweep.dask
    return dask.workers * dask.memory_bytes // 10**6 if dask and dask.cluster == "local" else 0


def threads_of_shard(shard: Recipe, amounts: work.Amounts, left: int, *, cores: int | None, gpu: bool) -> int:
    """Return the threads that train a shard, whose work is `amounts`.

    All `cores` of one machine are shared between the shards that are `left` to train in this run; on a cluster, where `cores`
    is None, there are so many that a long shard ends in time. On a machine's GPU one shard at a time is trained, so that it
    takes all cores; on a cluster's GPU one core.
    """
    if gpu:
        return cores or 1
    if cores:
        return max(1, cores // max(1, left))
    # By the shipped constants, for the job must come to the same number when it runs.
    return request.threads(work.cost(amounts, work.SHIPPED, "seconds"), shard.networks, SHARD_SECONDS)


def threads_of_analysis(sweep: Sweep, cores: int | None) -> int:
    """Return the threads that compare blocks of cells with theory side by side; on a cluster at most as many as `NODE`.

    Where the sweep file says so, processes beside this job do it, or other jobs.
    """
    if sweep.dask:
        return sweep.dask.workers if sweep.dask.cluster == "local" else 1
    return max(1, min(cores or NODE, sweep.networks // FEW_NETWORKS))

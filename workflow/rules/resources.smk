# What jobs ask for: the cost model of lazyrich.planning.cost, fitted to what jobs of these sweeps took here before.
from lazyrich.planning import estimate, fit
from lazyrich.planning.cost import request, work
from lazyrich.planning.plan import SHARD_SECONDS
from lazyrich.planning.folder import trained


@functools.cache
def constants():
    return fit.fit(fit.of_sweeps(RESULTS, {name: sweep(name) for name in {*CONFIGURATION.sweeps, *asked_for()}}))


@functools.cache
def work_of_shard(name, shard):
    return work.of_job("simulate_shard", find_shard(name, shard), gpu=DEVICE == "cuda")


def work_of_job(job, wildcards):
    if job == "simulate_shard":
        return work_of_shard(wildcards.sweep, wildcards.shard)
    # Choosing a level is the analysis of what there is.
    return work.of_job("analyse_sweep" if job == "refine_sweep" else job, whole(sweep(wildcards.sweep)))


def runtime(wildcards, rulename, threads, attempt):
    return request.minutes(work.cost(work_of_job(rulename, wildcards), constants(), "seconds", threads), attempt)


def memory(wildcards, rulename, attempt):
    return request.megabytes(work.cost(work_of_job(rulename, wildcards), constants(), "memory"), attempt)


def memory_of_analysis(wildcards, rulename, attempt):
    dask = sweep(wildcards.sweep).dask
    beside = dask.workers * dask.memory_bytes // 10**6 if dask and dask.cluster == "local" else 0
    return memory(wildcards, rulename, attempt) + beside


def growing(amount):
    """Of a job that no sweep makes larger."""
    return lambda wildcards, attempt: attempt * amount


FEW_NETWORKS = 4096  # that one thread compares with theory in the time that a process takes to start
# None on a cluster: in a job there Snakemake counts the cores of the node, of which it has only what it was submitted with.
CORES = workflow.resource_settings.cores if workflow.is_main_process else None


@functools.cache
def missing_shards(name):
    needed = shards(name)[0]
    done = trained(RESULTS / name, needed)
    return {shard: content for shard, content in needed.items() if shard not in done}


def threads_of_shard(wildcards):
    """All cores of one machine between the shards this run trains; on a cluster so many that a long shard ends in time.

    On a machine's GPU one shard at a time, so that it takes all cores; on a cluster's GPU one core.
    """
    if DEVICE == "cuda":
        return CORES or 1
    if CORES:
        together = {wildcards.sweep, *(asked_for() or CONFIGURATION.sweeps)}
        return max(1, CORES // max(1, sum(len(missing_shards(name)) for name in together)))
    # By the shipped constants, for the job must come to the same number when it runs.
    seconds = work.cost(work_of_shard(wildcards.sweep, wildcards.shard), work.SHIPPED, "seconds")
    return request.threads(seconds, find_shard(wildcards.sweep, wildcards.shard).networks, SHARD_SECONDS)


def threads_of_analysis(wildcards):
    """Blocks of cells are compared with theory side by side; on a cluster as many as a small node has cores.

    Or by processes beside this job, or by other jobs, where the sweep file says so.
    """
    this = sweep(wildcards.sweep)
    if this.dask:
        return this.dask.workers if this.dask.cluster == "local" else 1
    return max(1, min(CORES or 4, this.networks // FEW_NETWORKS))


def check_budget():
    """Refuse to train more than the configuration's budget."""
    left = {shard: content for name in PLANNED for shard, content in missing_shards(name).items()}
    if not left:
        return
    found = estimate.estimate(left, (), constants(), gpu=DEVICE == "cuda")
    estimate.check(found, CONFIGURATION.budget, ", ".join(sorted(PLANNED)))

# What jobs ask for: the cost model of lazyrich.planning.cost, fitted to what jobs of these sweeps took here before.
from lazyrich.planning import estimate, fit, jobs
from lazyrich.planning.folder import trained


@functools.cache
def constants():
    return fit.fit(fit.of_sweeps(RESULTS, {name: sweep(name) for name in {*CONFIGURATION.sweeps, *ASKED_SWEEPS}}))


@functools.cache
def work_of_shard(name, shard):
    return jobs.work_of("simulate_shard", find_shard(name, shard), gpu=DEVICE == "cuda")


def work_of_job(job, wildcards):
    if job == "simulate_shard":
        return work_of_shard(wildcards.sweep, wildcards.shard)
    return jobs.work_of(job, whole(sweep(wildcards.sweep)), gpu=DEVICE == "cuda")


def runtime(wildcards, rulename, threads, attempt):
    return jobs.minutes(work_of_job(rulename, wildcards), constants(), threads, attempt)


def memory(wildcards, rulename, attempt):
    return jobs.megabytes(work_of_job(rulename, wildcards), constants(), attempt)


def memory_of_analysis(wildcards, rulename, attempt):
    return memory(wildcards, rulename, attempt) + jobs.megabytes_of_workers(sweep(wildcards.sweep))


def growing(amount):
    """Of a job that no sweep makes larger."""
    return lambda wildcards, attempt: attempt * amount


# None on a cluster: in a job there Snakemake counts the cores of the node, of which it has only what it was submitted with.
CORES = workflow.resource_settings.cores if workflow.is_main_process else None


@functools.cache
def missing_shards(name):
    needed = shards(name)[0]
    done = trained(RESULTS / name, needed)
    return {shard: content for shard, content in needed.items() if shard not in done}


def threads_of_shard(wildcards):
    gpu = DEVICE == "cuda"
    # Only a machine of its own is shared between shards.
    together = {wildcards.sweep, *(ASKED_SWEEPS or CONFIGURATION.sweeps)} if CORES and not gpu else ()
    left = sum(len(missing_shards(name)) for name in together)
    shard = find_shard(wildcards.sweep, wildcards.shard)
    return jobs.threads_of_shard(shard, work_of_shard(wildcards.sweep, wildcards.shard), left, cores=CORES, gpu=gpu)


def threads_of_analysis(wildcards):
    return jobs.threads_of_analysis(sweep(wildcards.sweep), CORES)


def check_budget():
    """Refuse to train more than the configuration's budget."""
    left = {shard: content for name in PLANNED for shard, content in missing_shards(name).items()}
    if not left:
        return
    found = estimate.estimate(left, (), constants(), gpu=DEVICE == "cuda")
    estimate.check(found, CONFIGURATION.budget, ", ".join(sorted(PLANNED)))

# What the rules ask about sweeps. Nothing heavy is imported here: this file is read again in every job.
import functools
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from lazyrich.claims import SWEEPS as CLAIMED
from lazyrich.engines.select import engine_of, likely_device, modules
from lazyrich.plan import canonical, plan, read_plan, whole, write_plan
from lazyrich.provenance import fingerprint
from lazyrich.settings import load_settings
from lazyrich.sweep_file import SweepError, load_sweep


def one_clear_error(function):
    """Turn an error that names file, key and mend into Snakemake's own, which prints it without a traceback."""

    @functools.wraps(function)
    def wrapper(*arguments):
        try:
            return function(*arguments)
        except ValueError as error:
            raise WorkflowError(str(error)) from None

    return wrapper


SETTINGS = one_clear_error(load_settings)(config)
RESULTS = Path(SETTINGS.results)
DEVICE = likely_device(SETTINGS.device)


def sweep_file(name):
    return f"config/sweeps/{name}.yaml"


@functools.cache
@one_clear_error
def sweep(name):
    return load_sweep(sweep_file(name))


@functools.cache
@one_clear_error
def shards(name):
    """The shards of a sweep, and all that its plan file shall keep: name -> shard each."""
    earlier = read_plan(RESULTS / name / "plan.json")
    needed = plan(sweep(name), earlier)
    return needed, {**earlier, **needed}


PLANNED = set()


def paths_of_shards(name):
    PLANNED.add(name)
    return [RESULTS / name / "shards" / f"{shard}.nc" for shard in shards(name)[0]]


@one_clear_error
def plan_of_shard(wildcards):
    """The plan file that holds a shard, once it is sure to be written; an error for a shard that no plan knows."""
    PLANNED.add(wildcards.sweep)
    if wildcards.shard not in shards(wildcards.sweep)[1]:
        known = ", ".join(shards(wildcards.sweep)[0])
        raise ValueError(f"results of {wildcards.sweep}: no shard is called {wildcards.shard}; its shards are {known}")
    return RESULTS / wildcards.sweep / "plan.json"


def threads_of_shard(wildcards):
    """All cores between the shards of this run: few get several each, many leave room for other jobs beside them."""
    together = {wildcards.sweep, *(asked_for() or SETTINGS.sweeps)}
    return max(1, (workflow.cores or 1) // sum(len(shards(name)[0]) for name in together))


def threads_of_analysis(wildcards):
    """Shards are compared with theory side by side, by processes or jobs where the sweep file says so."""
    dask = sweep(wildcards.sweep).dask
    if dask.cluster:
        return dask.workers if dask.cluster == "local" else 1
    return max(1, min(workflow.cores or 1, len(shards(wildcards.sweep)[0])))


def growing(amount):
    """Memory or time of a job: as much again on each attempt, since too little of it is why jobs fail on clusters."""
    return lambda wildcards, attempt: amount * attempt


def memory_of_analysis(wildcards, attempt):
    """MB of what collects the summary, and of processes beside it; other jobs ask for their own."""
    dask = sweep(wildcards.sweep).dask
    return 2000 * attempt + (dask.workers * dask.memory_bytes // 10**6 if dask.cluster == "local" else 0)


def shard_files(wildcards):
    return paths_of_shards(wildcards.sweep)


def all_shard_files(wildcards):
    return [path for name in SETTINGS.sweeps for path in paths_of_shards(name)]


def write_plans():
    for name in PLANNED:
        write_plan(RESULTS / name / "plan.json", shards(name)[1])


def data_file(wildcards):
    path = sweep(wildcards.sweep).problem.path
    return [path] if path else []


def source_of_simulation(wildcards):
    engines = {engine_of(activation) for (activation,) in sweep(wildcards.sweep).combinations("activation")}
    return fingerprint("lazyrich.simulate", *modules(engines))


def published_of(names):
    return [path for name in names if (path := sweep(name).figures.published)]


def published_file(wildcards):
    return published_of([wildcards.sweep])


def analysed(name):
    """The parts of a sweep file that decide its summary, so that a new title does not analyse it again."""
    this = sweep(name)
    return canonical(
        [whole(this).recipe, this.phases.model_dump(), this.conditions.model_dump(), this.figures.model_dump()]
    )


def analysed_keys(wildcards):
    return analysed(wildcards.sweep)


def asked_for():
    """Sweeps that targets name: a Snakefile is not told its targets, but they stand on the command line."""
    parts = [Path(argument).parts for argument in sys.argv[1:]]
    depth = len(RESULTS.parts)
    names = {part[depth] for part in parts if part[:depth] == RESULTS.parts and len(part) > depth + 1}
    names |= {"claims"} & set(sys.argv[1:])
    return names - {"claims"} | set(CLAIMED if "claims" in names else ())


# A wrong sweep file among those that will run stops everything before any job.
for name in {*SETTINGS.sweeps, *asked_for()}:
    sweep(name)

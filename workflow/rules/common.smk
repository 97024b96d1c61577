# What the rules ask about sweeps. Nothing heavy is imported here: this file is read again in every job.
import functools
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from lazyrich.analysis.claims import SWEEPS as CLAIMED
from lazyrich.planning import targets
from lazyrich.planning.arguments import asked
from lazyrich.planning.captions import captions
from lazyrich.planning.cost import work
from lazyrich.planning.folder import checksum_file, files_of, known_shards, read_plan, shard_file, write_plan
from lazyrich.planning.plan import analysed, plan, shard_networks, whole
from lazyrich.planning.rules import source
from lazyrich.shards.source import source_of
from lazyrich.sweep.config import load_configuration
from lazyrich.sweep.reader import load_sweep
from lazyrich.system.device import likely_device
from lazyrich.system.disk import check_writable, in_words, remove_leftovers
from lazyrich.system.errors import LazyrichError
from lazyrich.system.lock import take


def one_clear_error(function):
    """Turn an error that names file, key and fix into Snakemake's own, which prints it without a traceback."""

    @functools.wraps(function)
    def wrapper(*arguments):
        try:
            return function(*arguments)
        except (LazyrichError, OSError) as error:
            raise WorkflowError(in_words(error)) from None

    return wrapper


CONFIGURATION = one_clear_error(load_configuration)(config)
RESULTS = Path(CONFIGURATION.results)
DEVICE = likely_device(CONFIGURATION.device)
TARGETS = targets.Targets(RESULTS, CONFIGURATION.sweeps, CLAIMED)
ASKED = asked(sys.argv[1:])
ASKED_SWEEPS = TARGETS.sweeps_of(ASKED.targets)
# Of the targets, one is not made of sweeps: it makes data that they may still lack.
FETCHING = ASKED.names("fetch_cifar10")

# Before any job, and not only where a sweep is planned: Snakemake prints errors of input functions with their place.
one_clear_error(shard_networks)()

# Said here and not only at the start: Snakemake's own refusal of write-protected files comes before and knows no fix.
if workflow.is_main_process and RESULTS.exists():
    try:
        check_writable(RESULTS)
    except OSError as error:
        logger.warning(in_words(error))


def sweep_file(name):
    return f"config/sweeps/{name}.yaml"


@functools.cache
@one_clear_error
def sweep(name):
    return load_sweep(sweep_file(name))


@functools.cache
@one_clear_error
def shards(name):
    """The shards of a sweep (of its first level, if it is refined), and all that its plan file shall keep: name -> shard."""
    earlier = known_shards(RESULTS / name)
    estimate.check_whole(sweep(name), earlier, constants(), CONFIGURATION.budget, name, gpu=DEVICE == "cuda")
    needed = plan(sweep(name), earlier)
    return needed, {**earlier, **needed}


def find_shard(name, shard):
    """A shard that the plan or a level that was chosen since this file was read knows; None for any other."""
    return shards(name)[1].get(shard) or known_shards(RESULTS / name).get(shard)


PLANNED = set()


def path_of_shard(name, shard):
    return shard_file(RESULTS / name, shard)


def paths_of_shards(name, level=None):
    """The shards of a sweep; of one that is refined, those up to a level, once the levels below it are trained and chosen."""
    PLANNED.add(name)
    refine = sweep(name).refine
    found = dict.fromkeys(shards(name)[0])
    for each in range(1, 1 + (refine.levels if refine and level is None else level or 0)):
        found |= dict.fromkeys(read_plan(checkpoints.refine_sweep.get(sweep=name, level=each).output.plan))
    return [path_of_shard(name, shard) for shard in found]


def paths_of_checksums(name, level=None):
    return [checksum_file(path) for path in paths_of_shards(name, level)]


def shards_below_level(wildcards):
    return paths_of_shards(wildcards.sweep, int(wildcards.level) - 1)


def checksums_below_level(wildcards):
    return paths_of_checksums(wildcards.sweep, int(wildcards.level) - 1)


@one_clear_error
def plan_of_shard(wildcards):
    """The plan file that holds a shard, once it is sure to be written; an error for a shard that no plan knows."""
    PLANNED.add(wildcards.sweep)
    if find_shard(wildcards.sweep, wildcards.shard) is None:
        known = ", ".join(shards(wildcards.sweep)[0])
        raise LazyrichError(
            f"results of {wildcards.sweep}: no shard is called {wildcards.shard}; its shards are {known}"
        )
    return RESULTS / wildcards.sweep / "plan.json"


def files_of_shards(name):
    return paths_of_shards(name) + paths_of_checksums(name)


def shard_files(wildcards):
    return paths_of_shards(wildcards.sweep)


def checksum_files(wildcards):
    return paths_of_checksums(wildcards.sweep)


def all_shard_files(wildcards):
    return [path for name in CONFIGURATION.sweeps for path in files_of_shards(name)]


def made_of(target):
    """All that a target is made of, as an input function: shards may follow from levels that are still to be chosen."""
    return lambda wildcards: TARGETS.made_of(Path(target), files_of_shards)


@one_clear_error
def start_run():
    """Within budget, alone in a folder of results that can be written, without what killed runs left, with plans in place."""
    check_budget()
    take(RESULTS)
    for folder in (path for name in PLANNED for path in (RESULTS / name, RESULTS / name / "shards") if path.exists()):
        check_writable(folder)
    remove_leftovers(RESULTS)
    for name in PLANNED:
        write_plan(RESULTS / name / "plan.json", shards(name)[1])


@one_clear_error
def targets_to_complete():
    """Targets on the command line that are there, while something that they are made of is not."""
    if FETCHING or not workflow.is_main_process:
        return []
    return TARGETS.to_complete(ASKED.targets, lambda name: files_of(sweep(name), RESULTS / name))


def data_files(wildcards):
    return targets.data_files(sweep(wildcards.sweep))


def source_of_simulation(wildcards):
    return source_of(work.engines(sweep(wildcards.sweep)))


def published_of(names):
    return [path for name in names if (path := sweep(name).figures.published)]


def published_file(wildcards):
    return published_of([wildcards.sweep])


def analysed_keys(wildcards):
    return analysed(sweep(wildcards.sweep))


if ASKED.report:
    config["captions"] = captions(RESULTS)


# A wrong sweep file among those that will run stops everything before any job, but not the job that fetches its data.
if not FETCHING:
    for name in {*CONFIGURATION.sweeps, *ASKED_SWEEPS}:
        sweep(name)

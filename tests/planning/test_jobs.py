"""What jobs ask for."""

import pytest

from lazyrich.planning import jobs
from lazyrich.planning.cost import request, work
from lazyrich.planning.plan import SHARD_SECONDS, whole
from lazyrich.sweep.reader import load_sweep


def sweep(replicates=1, points=8, **more):
    return load_sweep(
        {
            "problem": {"samples": 20, "dimension": 200},
            "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": points}},
            "training": {"stability_fraction": 0.1, "tau": 1e4},
            "replicates": replicates,
            **more,
        }
    )


def threads(recipe, left, **where):
    return jobs.threads_of_shard(recipe, jobs.work_of("simulate_shard", recipe, gpu=where["gpu"]), left, **where)


def test_cores_of_one_machine_are_shared_between_the_shards_that_are_left():
    recipe = whole(sweep())
    assert [threads(recipe, left, cores=8, gpu=False) for left in (0, 1, 2, 3, 8, 100)] == [8, 8, 4, 2, 1, 1]


def test_a_gpu_takes_one_shard_at_a_time_and_one_core_of_a_cluster():
    recipe = whole(sweep())
    assert threads(recipe, 0, cores=8, gpu=True) == 8
    assert threads(recipe, 0, cores=None, gpu=True) == 1


def test_a_long_shard_of_a_cluster_ends_in_time_by_the_shipped_constants():
    short, long = whole(sweep(1)), whole(sweep(10**6))
    assert threads(short, 0, cores=None, gpu=False) == 1
    found = threads(long, 0, cores=None, gpu=False)
    seconds = work.cost(work.of_job("simulate_shard", long), work.SHIPPED, "seconds")
    assert seconds / found <= SHARD_SECONDS < seconds / (found - 1)


def test_choosing_a_level_asks_for_what_the_analysis_does():
    recipe = whole(sweep(100))
    assert jobs.work_of("refine_sweep", recipe, gpu=False) == jobs.work_of("analyse_sweep", recipe, gpu=False)
    assert jobs.work_of("refine_sweep", recipe, gpu=False) != jobs.work_of("draw_figures", recipe, gpu=False)


def test_every_attempt_asks_for_more_and_threads_for_less_time():
    amounts = jobs.work_of("simulate_shard", whole(sweep(10**5)), gpu=False)
    first = jobs.minutes(amounts, work.SHIPPED, 1, 1), jobs.megabytes(amounts, work.SHIPPED, 1)
    again = jobs.minutes(amounts, work.SHIPPED, 1, 3), jobs.megabytes(amounts, work.SHIPPED, 3)
    assert again == (3 * first[0], 3 * first[1])
    assert request.LEAST_MINUTES < jobs.minutes(amounts, work.SHIPPED, 4, 1) < first[0]


@pytest.mark.parametrize(
    ("dask", "threads", "beside"),
    [
        (None, 3, 0),
        ({"cluster": "local", "workers": 7, "memory": "500 MB"}, 7, 3500),
        ({"cluster": "slurm", "workers": 7, "memory": "500 MB"}, 1, 0),
    ],
)
def test_an_analysis_asks_for_threads_or_for_its_workers(dask, threads, beside):
    """Three times as many networks as one thread is worth."""
    this = sweep(3 * jobs.FEW_NETWORKS // 8, **({"dask": dask} if dask else {}))
    assert jobs.threads_of_analysis(this, 16) == threads
    assert jobs.megabytes_of_workers(this) == beside


def test_threads_of_an_analysis_are_no_more_than_there_are():
    large, small = sweep(100 * jobs.FEW_NETWORKS), sweep(1)
    assert [jobs.threads_of_analysis(large, cores) for cores in (1, 2, 64, None)] == [1, 2, 64, jobs.NODE]
    assert jobs.threads_of_analysis(small, 64) == 1

"""Constants fitted to jobs: what they took is met, what they do not tell about stays, broken files do no harm."""

import random

import pytest

from lazyrich.planning.cost import work
from lazyrich.planning.fit import Measured, fit, read
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep

HEAD = "s\th:m:s\tmax_rss\tthreads\tresources\n"


def recipe(steps=1000, count=400, records=64):
    data = {
        "problem": {"samples": 10, "dimension": 1000},
        "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": count}},
        "training": {"growth_per_step": 0.001, "steps": steps},
        "record": {"points": records},
        "replicates": 100,
    }
    return whole(load_sweep(data))


def test_without_jobs_the_constants_are_the_shipped_ones():
    assert fit([]) == work.SHIPPED


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_slower_machine_is_learnt_from_a_few_jobs(factor):
    amounts = work.of_job("simulate_shard", recipe())
    took = factor * work.cost(amounts, work.SHIPPED, "seconds", 2)
    memory = factor * work.cost(amounts, work.SHIPPED, "memory")
    found = fit([Measured(amounts, 2, took, memory)] * 5)
    # Five jobs with a spread of 0.3 against a doubt of 1 about each constant: the prior holds back 0.3²/5 over a
    # share of it, Σ w² ≥ 1/12 for a dozen kinds.
    held = 0.09 / 5 * 12 / (1 + 0.09 / 5 * 12)
    for what, value, threads in (("seconds", took, 2), ("memory", memory, 1)):
        ratio = work.cost(amounts, found, what, threads) / value
        assert abs(ratio - 1) <= held * abs(1 / factor - 1)


def test_jobs_of_different_kinds_tell_steps_from_records():
    """A machine whose records are five times as dear and whose steps cost the same."""
    truth = work.Amounts(work.SHIPPED)
    truth["seconds", "propagator", "record"] *= 5
    truth["seconds", "propagator", "record entry"] *= 5
    rng = random.Random(0)
    jobs = []
    for _ in range(30):
        shape = recipe(rng.choice([100, 1000, 10000]), rng.choice([50, 400]), rng.choice([4, 64, 512]))
        amounts = work.of_job("simulate_shard", shape)
        jobs.append(Measured(amounts, 1, work.cost(amounts, truth, "seconds") * rng.gauss(1, 0.1), None))
    found = fit(jobs)
    for shape in (recipe(200, records=200), recipe(20000, records=8)):
        amounts = work.of_job("simulate_shard", shape)
        # The noise of one job, 0.1, against thirty of them; the shipped constants are off by up to 5.
        assert work.cost(amounts, found, "seconds") == pytest.approx(work.cost(amounts, truth, "seconds"), rel=0.1)
    assert found["memory", "", "value"] == work.SHIPPED["memory", "", "value"]


def test_kinds_of_work_that_no_job_did_keep_their_constants():
    amounts = work.of_job("simulate_shard", recipe())
    found = fit([Measured(amounts, 1, 100.0, None)])
    for kind in work.SHIPPED:
        if kind not in amounts:
            assert found[kind] == work.SHIPPED[kind], kind


def test_files_are_read_as_snakemake_writes_them_and_broken_ones_left_out(tmp_path):
    shards = {"0" * 16: recipe(), "1" * 16: recipe(500), "2" * 16: recipe(), "3" * 16: recipe(), "5" * 16: recipe()}
    folder = tmp_path / "benchmarks/simulate_shard"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 16}.tsv").write_text(HEAD + "12.5\t0:00:12\t512.00\t2\t{'mem_mb': 1, '_cores': 2}\n")
    (folder / f"{'1' * 16}.tsv").write_text(HEAD + "0.4\t0:00:00\tNA\t1\t{'gpu': 1}\n")
    (folder / f"{'2' * 16}.tsv").write_text(HEAD)  # a killed run's
    (folder / f"{'3' * 16}.tsv").write_text("s\th:m:s\tmax_rss\n3.0\t0:00:03\t77.0\n")  # not extended
    (folder / f"{'4' * 16}.tsv").write_text(HEAD + "9.0\t0:00:09\t512.00\t2\t{}\n")  # of another plan
    (folder / f"{'5' * 16}.tsv").write_text("")
    (tmp_path / "benchmarks/analyse_sweep.tsv").write_text(HEAD + "7.0\t0:00:07\t300.00\t1\t{}\n")
    analysed, first, second = read(tmp_path, shards, recipe())
    assert analysed == Measured(work.of_job("analyse_sweep", recipe()), 1, 7.0, 300 * 2**20)
    assert first == Measured(work.of_job("simulate_shard", recipe()), 2, 12.5, 512 * 2**20)
    assert second == Measured(work.of_job("simulate_shard", recipe(500), gpu=True), 1, 0.4, None)
    assert read(tmp_path, shards, recipe(), leave=("analyse_sweep",)) == [first, second]


def test_a_job_of_a_rule_without_a_model_teaches_nothing():
    unknown = Measured(work.of_job("a_rule_of_old", recipe()), 1, 7.0, 1e9)
    assert fit([unknown]) == work.SHIPPED

"""The analysis on a real SLURM: workers on both nodes, the same bits; workers that never start, and those that are lost."""

import csv
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import dask_jobqueue  # noqa: F401  (its defaults are there before a test sets anything beside them)
import numpy as np
import pytest
from dask import compute, config, delayed

from lazyrich.analysis.cluster import workers
from lazyrich.analysis.summary import summarise
from lazyrich.planning.plan import plan, whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import Dask
from tests.workflow.conftest import MAP

from .test_slurm import content, submit

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SLURM = Dask(cluster="slurm", workers=2, memory="500 MB")


@pytest.fixture
def here(cluster, tmp_path, monkeypatch):
    """A folder to work in, and what a site's own configuration would say: the network, and one worker a node."""
    monkeypatch.chdir(tmp_path)
    with config.set(
        {
            "jobqueue.slurm.interface": "lo",
            "jobqueue.slurm.job-extra-directives": ["--exclusive"],
            "distributed.scheduler.no-workers-timeout": "30 s",
            "jobqueue.slurm.local-directory": str(tmp_path / "local"),
        }
    ):
        yield cluster
    assert queue() == ""


def queue():
    """Jobs that SLURM still has; those that were cancelled take a moment to go."""
    for _ in range(100):
        found = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout.strip()
        if not found:
            break
        time.sleep(0.1)
    return found


def test_workers_on_both_nodes_give_the_same_bits(here, tmp_path, monkeypatch):
    sweep = load_sweep(
        {
            "problem": {"samples": 4, "dimension": 100, "noise_std": 0.1},
            "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 6}},
            "training": {"growth_per_step": {"log": [0.05, 5], "points": 5}, "steps": 200},
            "replicates": 2,
        }
    )
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 25)
    monkeypatch.setattr("lazyrich.analysis.summary.BLOCK", 8 * 64 * 4 * 10)
    paths = []
    for name, shard in plan(sweep).items():
        paths.append(Path("shards", f"{name}.nc"))
        archive.write(archive.described(simulate(shard), shard), paths[-1])
    expected = summarise(paths, whole(sweep), threads=2)
    found = summarise(paths, whole(sweep), dask=SLURM)
    assert list(found.variables) == list(expected.variables)
    for name in expected.variables:
        assert found[name].values.tobytes() == expected[name].values.tobytes(), name
    assert not list(tmp_path.glob(".dask-*"))  # what jobs printed is kept only where something failed


def test_tasks_run_on_both_nodes_at_once(here):
    def node(seconds):
        time.sleep(seconds)
        return os.environ["SLURMD_NODENAME"]

    with workers(SLURM) as together:
        assert together == 2
        nodes = compute(*(delayed(node)(1 + i / 10) for i in range(8)))
    assert set(nodes) == set(here.nodes)


def test_a_worker_beyond_its_memory_is_ended_and_one_error_says_so(here, tmp_path):
    def hold():
        # More than the worker may have, and less than its job: else SLURM's look at the job, once a second, may come first.
        data = np.ones(SLURM.memory_bytes // 8)
        time.sleep(60)
        return data[0]

    with pytest.raises(ValueError) as caught, workers(SLURM):
        compute(delayed(hold)())
    logs = next(tmp_path.glob(".dask-*"))
    assert re.match(
        r"dask.memory = 500 MB: 4 workers died over the same networks, .*; write more \(what its jobs printed: \S+\)$",
        str(caught.value),
    )
    assert logs.name in str(caught.value)
    assert any("memory" in path.read_text() for path in logs.iterdir())


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({"queue": "nowhere"}, r"dask: SLURM does not take the job .*nowhere.*; fix `jobqueue.slurm` or dask.memory$"),
        (
            {"job-cpu": 64},
            r"dask: SLURM does not take the job .*not available\); fix `jobqueue.slurm` or dask.memory$",
        ),
        (
            {"job-extra-directives": ["--begin=now+1hour"]},
            r"dask: no worker has started in 3 s \(squeue: \d+ PENDING \(.*\), \d+ PENDING \(.*\)\); start again, or",
        ),
        (
            {"python": "/bin/false"},
            r"dask: the jobs of all workers were refused, or ended before one had started; fix `jobqueue.slurm`",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_workers_that_cannot_start_are_one_error(here, tmp_path, site, message):
    site = {"distributed.scheduler.no-workers-timeout": "3 s", **{f"jobqueue.slurm.{k}": v for k, v in site.items()}}
    with config.set(site), pytest.raises(ValueError, match=message) as caught, workers(SLURM):
        pass
    assert "\n" not in str(caught.value)
    assert all(any(logs.iterdir()) for logs in tmp_path.glob(".dask-*"))


@pytest.fixture
def limit(tmp_path, monkeypatch):
    """As at a site that lets a user have so many jobs: a folder that holds one file for each that is still taken."""
    left = tmp_path / "left"
    left.mkdir()
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin/sbatch"
    sbatch.write_text(
        f'#!/bin/sh\n[ "$1" = --test-only ] || rm {left}/one || exit 1\nexec {shutil.which("sbatch")} "$@"\n'
    )
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:{os.environ['PATH']}")
    return left


def test_workers_that_slurm_refuses_leave_the_work_to_others(here, limit):
    (limit / "one").touch()
    with workers(SLURM):
        found = compute(*(delayed(os.getpid, pure=False)() for _ in range(4)))
    assert len(set(found)) == 1
    assert not (limit / "one").exists()


def test_where_slurm_refuses_them_all_one_error_says_so(here, limit):
    message = "^dask: the jobs of all workers were refused, or ended before one had started; fix `jobqueue.slurm`$"
    with pytest.raises(ValueError, match=message), workers(SLURM):
        pass


def test_a_job_on_slurm_has_its_analysis_done_by_other_jobs(cluster, project, monkeypatch):
    summary = project.root / "results/map/summary.nc"
    project.snakemake("results/map/summary.nc")
    expected = content(summary)
    summary.unlink()
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__INTERFACE", "lo")
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__NAME", "worker-of-map")
    project.sweep("map", {**MAP, "dask": SLURM.model_dump()})
    submit(project, "results/map/summary.nc")
    assert content(summary) == expected
    found = subprocess.run(
        ["squeue", "--noheader", "--states=all", "--format=%T %C %m", "--name=worker-of-map"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert found == ["CANCELLED 1 989M"] * 2  # at the end, by what they worked for
    with (project.root / "results/map/benchmarks/analyse_sweep.tsv").open(newline="") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    assert row["threads"] == "1"

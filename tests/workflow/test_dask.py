"""The section `dask` in the workflow: another way to the same summary, which nothing runs again for."""

import os

import pytest
import xarray as xr

from .conftest import LINE, MAP

pytestmark = pytest.mark.workflow

SUMMARY = "results/map/summary.nc"
DASK = {"cluster": "local", "workers": 2, "memory": "500 MB"}


def test_processes_make_the_summary_that_threads_make(project, tmp_path, monkeypatch):
    project.snakemake(SUMMARY)
    with xr.open_dataset(project.root / SUMMARY) as summary:
        expected = summary.load()
    project.sweep("map", {**MAP, "dask": DASK})
    assert project.jobs(SUMMARY) == {}
    (project.root / SUMMARY).unlink()
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    log = project.snakemake(SUMMARY).stdout
    assert os.listdir(tmp_path) == ["dask-scratch-space"]  # where workers were
    assert "threads: 2" in log
    assert "mem_mb=3000" in log
    with xr.open_dataset(project.root / SUMMARY) as found:
        assert list(found.variables) == list(expected.variables)
        for name in expected.variables:
            assert found[name].values.tobytes() == expected[name].values.tobytes(), name


def test_of_a_slurm_cluster_the_job_that_collects_asks_for_itself_only(project):
    project.sweep("line", {**LINE, "dask": {**DASK, "cluster": "slurm"}})
    log = project.snakemake("--dry-run", "results/line/summary.nc").stdout
    analysis = log.partition("rule analyse_sweep:")[2].partition("\n\n")[0] or log
    assert "mem_mb=2000" in analysis
    assert "threads: 2" not in analysis


def test_a_wrong_section_stops_before_any_job(project):
    project.sweep("line", {**LINE, "dask": {**DASK, "memory": "2 gigs"}})
    log = project.snakemake("results/line/summary.nc", check=False).stdout
    assert (
        "config/sweeps/line.yaml: dask.memory = 2 gigs: is not an amount of memory; write a number with a unit" in log
    )
    assert "Traceback" not in log
    assert "rule simulate_shard" not in log

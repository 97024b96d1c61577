"""The section `dask` in the workflow: another way to the same summary, which nothing runs again for."""

import csv
import os
import re

import pytest
import xarray as xr

from .conftest import LINE, MAP

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SUMMARY = "results/map/summary.nc"
DASK = {"cluster": "local", "workers": 2, "memory": "500 MB"}


def asked(project):
    """(threads, memory in MB) of the analysis that was run last."""
    with (project.root / "results/map/benchmarks/analyse_sweep.tsv").open(newline="") as file:
        (job,) = csv.DictReader(file, delimiter="\t")
    return int(job["threads"]), int(re.search(r"'mem_mb': (\d+)", job["resources"])[1])


def test_processes_make_the_summary_that_threads_make(project, tmp_path, monkeypatch):
    project.snakemake(SUMMARY)
    with xr.open_dataset(project.root / SUMMARY) as summary:
        expected = summary.load()
    _, alone = asked(project)
    project.sweep("map", {**MAP, "dask": DASK})
    assert project.jobs(SUMMARY) == {}
    (project.root / SUMMARY).unlink()
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    project.snakemake(SUMMARY)
    assert os.listdir(tmp_path) == ["dask-scratch-space"]  # where workers were
    assert asked(project) == (2, alone + 2 * 500)
    with xr.open_dataset(project.root / SUMMARY) as found:
        assert list(found.variables) == list(expected.variables)
        for name in expected.variables:
            assert found[name].values.tobytes() == expected[name].values.tobytes(), name


def test_a_wrong_section_stops_before_any_job(project):
    project.sweep("line", {**LINE, "dask": {**DASK, "memory": "2 gigs"}})
    log = project.snakemake("results/line/summary.nc", check=False).stdout
    assert (
        "config/sweeps/line.yaml: dask.memory = 2 gigs: is not an amount of memory; write a number with a unit" in log
    )
    assert "Traceback" not in log
    assert "rule simulate_shard" not in log

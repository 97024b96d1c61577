"""A refined sweep with real Snakemake: levels are chosen one after the other, again only where something changed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from .conftest import MAP
from .test_faults import variables

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FINE = {
    **MAP,
    "title": "A refined map",
    "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 17}},
    "training": {"growth_per_step": {"log": [0.05, 0.5], "points": 17}, "steps": 400},
    "record": {"points": 4},
}
REFINED = {**FINE, "refine": {"levels": 2, "of": "kernel_change_ratio"}}
PAGE = "results/fine/report.html"


def networks(shipped):
    """Networks of each shard on disk."""
    found = {}
    for path in (shipped.root / "results/fine/shards").glob("*.nc"):
        with xr.open_dataset(path) as data:
            found[path.stem] = data.sizes["network"]
    return found


def lazyrich(shipped, *arguments):
    command = [sys.executable, "-m", "lazyrich.cli", *arguments]
    environment = {"PYTHONPATH": str(shipped.root / "src"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=shipped.root, env=environment, text=True, capture_output=True, check=True).stdout


def test_levels_are_trained_one_after_the_other(shipped):
    shipped.sweep("fine", REFINED)
    shipped.snakemake(PAGE)
    home = shipped.root / "results/fine"
    chosen = [set(json.loads((home / f"levels/{level}.json").read_text())["shards"]) for level in (1, 2)]
    assert all(chosen)
    assert set().union(*chosen) < set(networks(shipped))
    with xr.open_dataset(home / "summary.nc") as summary:
        assert int(summary.networks.sum()) == sum(networks(shipped).values()) < 0.7 * 17 * 17 * 2
        assert set(np.unique(summary.refine_level)) == {-1, 0, 1, 2}
        assert (summary.phase != 7).all()  # every cell shows something
    assert "Nothing to be done" in shipped.snakemake(PAGE).stdout
    assert lazyrich(shipped, "tidy").strip() == "every shard is needed"
    said = lazyrich(shipped, "plan", "config/sweeps/fine.yaml")
    assert f"shards    {len(networks(shipped))}, of which {len(networks(shipped))} are done" in said
    assert "2 of 2 levels are chosen" in said


def test_a_lost_shard_of_a_level_is_trained_again_and_no_other(shipped):
    plan = json.loads((shipped.root / "results/fine/levels/2.json").read_text())["shards"]
    shard = shipped.root / "results/fine/shards" / f"{next(iter(plan))}.nc"
    before = networks(shipped)
    times = {path: path.stat().st_mtime_ns for path in shard.parent.glob("*.nc") if path != shard}
    shard.unlink()
    shipped.snakemake(PAGE, "results/fine/shards/" + shard.name)
    assert networks(shipped) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_killed_between_levels_the_same_command_goes_on(shipped):
    """Killed when a level has been chosen, and again while its networks are trained."""
    expected = variables(shipped.root)
    shutil.rmtree(shipped.root / "results/fine")
    for level, moment in ((1, 0.0), (1, 1.0), (2, 0.0), (2, 1.0)):
        process = shipped.start("--cores", "2", PAGE, start_new_session=True)
        with process.stdout:
            while process.poll() is None and not (shipped.root / f"results/fine/levels/{level}.json").exists():
                time.sleep(0.01)
            time.sleep(moment)
            assert process.poll() is None  # else nothing was killed
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    shipped.snakemake(PAGE)
    assert variables(shipped.root) == expected


def test_the_whole_grid_trains_only_what_refining_left_out(shipped):
    before = networks(shipped)
    shipped.sweep("fine", FINE)
    shipped.snakemake(PAGE)
    after = networks(shipped)
    assert {name: after[name] for name in before} == before
    assert sum(after.values()) == 17 * 17 * 2
    shipped.sweep("fine", REFINED)
    assert "simulate_shard" not in shipped.jobs(PAGE)

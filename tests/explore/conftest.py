"""A results folder as Snakemake leaves it: one sweep that is done, one that has begun."""

import pytest
import yaml

from lazyrich.analysis.summary import summarise_sweep
from lazyrich.planning.folder import shard_file, write_plan
from lazyrich.planning.plan import plan
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.shared import once

SWEEP = {
    "title": "Explored",
    "description": "Made by a test.",
    "problem": {"samples": {"values": [3, 5]}, "dimension": 100, "noise_std": 0.1},
    "network": {"width": 64, "laziness": {"log": [0.01, 30], "points": 7}},
    "training": {"growth_per_step": {"log": [0.02, 1.6], "points": 5}, "steps": 200},
    "record": {"points": 20},
    "replicates": 2,
    "figures": {"axes": ["laziness", "growth_per_step"]},
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The project's root: config/sweeps and results; of `begun` half of the shards are there."""
    return once(tmp_path_factory, "explored", make)


def make(root):
    """Fill the folder."""
    (root / "config/sweeps").mkdir(parents=True)
    (root / "config/config.yaml").write_text("sweeps: [done, begun]\n")
    for name, change in (("done", {}), ("begun", {"seed": 1}), ("never", {"seed": 2})):
        path = root / f"config/sweeps/{name}.yaml"
        path.write_text(yaml.safe_dump({**SWEEP, **change}))
        if name == "never":
            continue
        sweep, home = load_sweep(path), root / "results" / name
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 40)
            shards = plan(sweep)
        write_plan(home / "plan.json", shards)
        (home / "shards").mkdir()
        some = list(shards)[: None if name == "done" else len(shards) // 2]
        for each in some:
            recipe = shards[each]
            integrity.write(archive.described(simulate(recipe), recipe), shard_file(home, each))
        if name == "done":
            integrity.write(summarise_sweep(sweep, [shard_file(home, each) for each in some]), home / "summary.nc")

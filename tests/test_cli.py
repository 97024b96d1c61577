"""`lazyrich plan`: what it says is so, what is done is counted, and what is over budget is refused."""

import pytest
import yaml

from lazyrich.cli import main
from lazyrich.planning.folder import checksum_file, write_plan
from lazyrich.planning.plan import plan
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

SWEEP = {
    "problem": {"samples": 10, "dimension": 1000},
    "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 10}},
    "training": {"growth_per_step": {"log": [0.01, 0.1], "points": 10}, "steps": 100},
    "replicates": 2,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a configuration and one sweep."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/sweeps").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("sweeps: [mine]\nresults: out\n")
    (tmp_path / "config/sweeps/mine.yaml").write_text(yaml.safe_dump(SWEEP))
    return tmp_path


def test_a_plan_counts_what_there_is_and_what_is_done(project, capsys, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 50)
    shards = plan(load_sweep("config/sweeps/mine.yaml"))
    write_plan("out/mine/plan.json", shards)
    name, shard = next(iter(shards.items()))
    integrity.write(archive.described(simulate(shard), shard), f"out/mine/shards/{name}.nc")
    assert main(["plan", "config/sweeps/mine.yaml"]) == 0
    said = capsys.readouterr().out
    for line in (
        "grid      laziness 10 × growth_per_step 10, 2 replicates",
        "networks  200, each recorded 64 times",
        f"shards    {len(shards)}, of which 1 are done",
        f"to do     {200 - shard.networks} networks in {len(shards) - 1} shards",
        "of one core (by shipped constants; no job has run here yet)",
        "MiB in the largest job",
    ):
        assert line in said, said
    checksum_file(f"out/mine/shards/{name}.nc").unlink()  # Snakemake would train it again
    assert main(["plan", "config/sweeps/mine.yaml"]) == 0
    assert f"shards    {len(shards)}, of which 0 are done" in capsys.readouterr().out


def test_what_is_over_budget_is_refused_with_the_number_unless_told(project, capsys):
    (project / "config/config.yaml").write_text("sweeps: [mine]\nbudget: {core_hours: 1.0e-9, disk_gb: 1}\n")
    assert main(["plan", "config/sweeps/mine.yaml"]) == 1
    said = capsys.readouterr()
    assert "to do     200 networks" in said.out  # what it would be is said all the same
    assert "config/sweeps/mine.yaml: the 200 networks still to train take about 0.00" in said.err
    assert "budget.core_hours = 1e-09 in config/config.yaml; write a coarser sweep, or raise the budget" in said.err
    assert main(["plan", "config/sweeps/mine.yaml", "--over-budget"]) == 0
    (project / "config/config.yaml").write_text("sweeps: [mine]\nbudget: {disk_gb: 1.0e-9}\n")
    assert main(["plan", "config/sweeps/mine.yaml"]) == 1
    assert "budget.disk_gb" in capsys.readouterr().err


def test_a_refined_sweep_is_planned_level_by_level(project, capsys):
    refined = {**SWEEP, "refine": {"levels": 2}}
    (project / "config/sweeps/mine.yaml").write_text(yaml.safe_dump(refined))
    assert main(["plan", "config/sweeps/mine.yaml"]) == 0
    said = capsys.readouterr().out
    assert "to do     32 networks in 1 shard" in said  # every fourth point and the last: 0, 4, 8, 9 of both axes
    assert "refined   0 of 2 levels are chosen" in said

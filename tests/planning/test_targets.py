"""Which sweeps targets need, and targets that are there while something they are made of is not."""

from pathlib import Path

import pytest

from lazyrich.planning.folder import checksum_file, files_of, write_plan
from lazyrich.planning.plan import plan
from lazyrich.planning.targets import Targets, data_files
from lazyrich.sweep.reader import load_sweep

PAGES = ["results/index.html", "results/map/report.html", "results/map/figures", "results/map/summary.nc"]
LEDGER = [f"results/claims/{name}" for name in ("ledger.nc", "ledger.html", "ledger.md", "figures")]
SWEEP = {
    "problem": {"samples": 3, "dimension": 20},
    "network": {"width": 8, "sigma_0": {"log": [0.01, 1], "points": 5}, "v_0": {"log": [0.01, 1], "points": 5}},
    "training": {"stability_fraction": 0.1, "steps": 5},
}


def targets(results="results"):
    return Targets(Path(results), ("map", "line"), ("neurons", "spectrum"))


@pytest.mark.parametrize(
    ("asked", "sweeps"),
    [
        ([], set()),
        (["results/index.html", "all", "map", "write_index"], set()),
        (["results/other/report.html", "./results/map/shards/0123.nc"], {"other", "map"}),
        (["elsewhere/other/report.html", "results/map"], set()),
        (["claims"], {"neurons", "spectrum"}),
        (["results/claims/ledger.html", "results/map/summary.nc"], {"neurons", "spectrum", "map"}),
        (["elsewhere/claims", "claims/results/map/x"], set()),
    ],
)
def test_targets_name_their_sweeps(asked, sweeps):
    assert targets().sweeps_of(asked) == sweeps


@pytest.mark.parametrize("results", ["deep/in/results", "/somewhere/results"])
def test_results_may_lie_anywhere(results):
    asked = [f"{results}/map/report.html", "results/line/report.html"]
    assert targets(results).sweeps_of(asked) == {"map"}
    assert targets(results).made_of(Path(asked[0]), lambda name: [Path(name)])
    assert not targets(results).made_of(Path(asked[1]), lambda name: [Path(name)])


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Everything that targets of all sweeps are made of, one shard each: name -> files as `Targets` takes them."""
    monkeypatch.chdir(tmp_path)
    files = {name: [Path("results", name, "shards/0.nc")] for name in ("map", "line", "neurons", "spectrum")}
    everything = [Path(each) for each in [*PAGES, *LEDGER]]
    for name, own in files.items():
        own.append(checksum_file(own[0]))
        everything += [
            Path("results", name, each) for each in ("report.html", "summary.nc", "summary.sha256", "figures")
        ]
    for path in everything + [each for own in files.values() for each in own]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return files.__getitem__


def test_what_is_all_there_is_left_alone(made):
    assert targets().to_complete([*PAGES, *LEDGER, "claims", "all", "x" * 5000], made) == []


@pytest.mark.parametrize(
    ("gone", "incomplete"),
    [
        ("results/map/shards/0.nc", PAGES),
        ("results/map/shards/0.sha256", PAGES),
        ("results/map/summary.sha256", PAGES),
        ("results/map/summary.nc", PAGES[:3]),
        ("results/map/figures", PAGES[:2]),
        ("results/map/report.html", PAGES[:1]),
        ("results/line/shards/0.nc", PAGES[:1]),
        ("results/neurons/shards/0.nc", LEDGER),
        ("results/spectrum/shards/0.sha256", LEDGER),
        ("results/spectrum/summary.nc", LEDGER),
        ("results/claims/ledger.nc", LEDGER[1:]),
        ("results/neurons/figures", []),
        ("results/claims/ledger.md", []),
    ],
)
def test_a_target_that_lacks_a_part_is_completed(made, gone, incomplete):
    """But for one that is not there itself: Snakemake makes it with all its parts."""
    Path(gone).unlink()
    asked = [each for each in [*PAGES, *LEDGER] if each != gone]
    assert targets().to_complete([*asked, asked[0], "claims"], made) == incomplete


def test_the_ledger_is_made_of_all_sweeps_that_it_reads_and_no_others(made):
    """What `snakemake claims` asks for beside the ledger."""
    parts = targets().made_of(targets().ledger, made)
    own = [Path("results/claims/ledger.nc")]
    for name in ("neurons", "spectrum"):
        own += [*(Path("results", name, each) for each in ("summary.nc", "summary.sha256")), *made(name)]
    assert sorted(parts) == sorted(own)


def test_files_of_a_sweep_are_known_before_any_job(tmp_path):
    sweep = load_sweep(SWEEP)
    shards = plan(sweep)
    write_plan(tmp_path / "plan.json", shards)
    assert {path.name for path in files_of(sweep, tmp_path)} == {
        f"{name}.{kind}" for name in shards for kind in ("nc", "sha256")
    }
    refined = load_sweep({**SWEEP, "refine": {"levels": 2}})
    levels = {path for path in files_of(refined, tmp_path) if path.suffix == ".json"}
    assert levels == {tmp_path / "levels/1.json", tmp_path / "levels/2.json"}


def test_drawn_data_are_no_files():
    assert data_files(load_sweep(SWEEP)) == []

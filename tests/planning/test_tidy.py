"""`lazyrich tidy`: what no sweep file asks for is listed, and removed only when told; nothing else is touched."""

import pytest
import yaml

from lazyrich.cli import main
from lazyrich.planning.folder import read_plan, write_plan
from lazyrich.planning.plan import plan
from lazyrich.planning.tidy import unneeded
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

SWEEP = {
    "problem": {"samples": 2, "dimension": 10},
    "network": {"width": 4, "laziness": {"values": [0.1, 1.0]}},
    "training": {"growth_per_step": 0.1, "steps": 3},
    "record": {"points": 2},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with two sweeps that were run, one network a shard."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 1)
    for name in ("a", "b"):
        run(tmp_path, name, SWEEP)
    return tmp_path


def run(root, name, data):
    """Write a sweep file and the shards that it needs beside those there are."""
    path = root / "config/sweeps" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data))
    home = root / "results" / name
    earlier = read_plan(home / "plan.json")
    needed = plan(load_sweep(path), earlier)
    for shard, content in needed.items():
        if not (home / "shards" / f"{shard}.nc").exists():
            integrity.write(archive.described(simulate(content), content), home / "shards" / f"{shard}.nc")
    write_plan(home / "plan.json", {**earlier, **needed})
    return set(needed)


def on_disk(root, name):
    """Names of a sweep's shards; each has its checksum, and nothing else is there."""
    folder = root / "results" / name / "shards"
    shards = {path.stem for path in folder.glob("*.nc")}
    assert {path.name for path in folder.iterdir()} == {
        f"{shard}{ending}" for shard in shards for ending in (".nc", ".sha256")
    }
    return shards


def test_where_every_shard_is_needed_there_is_nothing_to_do(project, capsys):
    assert main(["tidy", "--remove"]) == 0
    assert capsys.readouterr().out == "every shard is needed\n"
    assert len(on_disk(project, "a")) == len(on_disk(project, "b")) == 2


def test_shards_of_points_that_went_away_are_listed_and_removed_when_told(project, capsys):
    before = on_disk(project, "a")
    kept = run(project, "a", {**SWEEP, "network": {"width": 4, "laziness": 1.0}})
    # The very network with laziness 1 keeps its shard; the other's is spare.
    (spare,) = before - kept
    assert [path.stem for path in unneeded(project / "results", project / "config/sweeps")["a"]] == [spare]

    assert main(["tidy"]) == 0
    assert spare in capsys.readouterr().out
    assert on_disk(project, "a") == before

    assert main(["tidy", "--remove"]) == 0
    assert on_disk(project, "a") == kept == set(read_plan(project / "results/a/plan.json"))
    assert len(on_disk(project, "b")) == 2
    assert main(["tidy"]) == 0
    assert "every shard is needed" in capsys.readouterr().out
    # Coming back to the larger sweep trains the removed network again, as the same shard.
    assert run(project, "a", SWEEP) == before


def test_a_sweep_without_a_file_needs_none_of_its_shards(project, capsys):
    (project / "config/sweeps/b.yaml").unlink()
    assert main(["tidy", "--remove"]) == 0
    assert "b.yaml is gone" in capsys.readouterr().out
    assert on_disk(project, "b") == set()
    assert len(on_disk(project, "a")) == 2


def test_a_wrong_sweep_file_stops_before_anything_is_removed(project, capsys):
    (project / "config/sweeps/b.yaml").unlink()
    path = project / "config/sweeps/a.yaml"
    path.write_text(path.read_text().replace("steps: 3", "steps: -3"))
    assert main(["tidy", "--remove"]) == 1
    assert "a.yaml: training.steps" in capsys.readouterr().err
    assert len(on_disk(project, "a")) == len(on_disk(project, "b")) == 2


def test_what_was_moved_aside_as_damaged_is_spare(project, capsys):
    before = on_disk(project, "a")
    path = project / "results/a/shards" / f"{min(before)}.nc"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="is not what was written"):
        integrity.verify([path])
    run(project, "a", SWEEP)
    assert main(["tidy", "--remove"]) == 0
    assert f"{path.name}.damaged" in capsys.readouterr().out
    assert on_disk(project, "a") == before == set(read_plan(project / "results/a/plan.json"))

"""`lazyrich status`: what the results folder alone tells of a run elsewhere."""

import os

import netCDF4
import pytest
import yaml

from lazyrich.cli import main
from lazyrich.planning import status as module
from lazyrich.planning.plan import plan
from lazyrich.planning.status import describe, status
from lazyrich.shards.source import source_of
from lazyrich.sweep.reader import load_sweep

SWEEP = {
    "title": "A title",
    "problem": {"samples": 2, "dimension": 10},
    "network": {"width": 4, "laziness": {"log": [0.1, 10], "points": 40}},
    "training": {"growth_per_step": 0.1, "steps": 3},
}
NOW = 1_000_000.0
SIZE = 10  # networks in a shard


@pytest.fixture
def shards(monkeypatch):
    """Four shards of ten networks."""
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", SIZE)
    return plan(load_sweep(SWEEP))


def write(path, ago, text=""):
    """A file that was last written so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - ago, NOW - ago))


def shard(home, name, ago, seconds=50.0):
    """A shard that is done."""
    write(home / "shards" / f"{name}.nc", ago)
    write(home / "logs/simulate_shard" / f"{name}.log", ago, f"done in {seconds:.1f} s\n")


def said(home, name, ago, text):
    """The log of a shard in training."""
    write(home / "logs/simulate_shard" / f"{name}.log", ago, text)


def told(home, shards):
    """The lines after the title, label -> texts."""
    first, *lines = describe("a", "A title", status(home, shards, NOW), NOW)
    assert first == "a: A title"
    found = {}
    for line in lines:
        label, _, text = line.strip().partition(" ")
        found.setdefault(label, []).append(text.strip())
    return found


def test_a_run_that_has_not_begun(tmp_path, shards):
    assert told(tmp_path / "a", shards) == {
        "networks": ["0 of 40 trained; shards 0 of 4"],
        "now": ["nothing is being worked on"],
        "results": ["summary.nc, figures, report.html: missing"],
    }


def test_a_run_in_the_middle(tmp_path, shards):
    one, two, three, four = shards
    shard(tmp_path, one, ago=80)
    said(tmp_path, two, 7, "5 of 10 networks (50%),  0.10 networks/s, 00:50 left\n")
    said(tmp_path, three, 9, "some library warns\n")
    said(
        tmp_path, four, 20, "Traceback (most recent call last):\n  ...\nValueError: no\nfailed: too wide; write less\n"
    )
    log = tmp_path / "logs/simulate_shard" / f"{four}.log"
    assert told(tmp_path, shards) == {
        "networks": ["15 of 40 trained; shards 1 of 4, the last 80 s ago"],
        "rate": ["0.2 networks/s of late; 2 min left"],  # 10 in 50 s, and 25 to go
        "now": [
            f"{two}: 5 of 10 networks (50%),  0.10 networks/s, 00:50 left; its log is 7 s old",
            f"{three}: begun; its log is 9 s old",
        ],
        "failed": [f"{four}: too wide; write less (see {log})"],
        "results": ["summary.nc, figures, report.html: missing"],
    }


def test_a_job_that_was_killed_is_silent(tmp_path, shards):
    one = next(iter(shards))
    said(tmp_path, one, 7200, "5 of 10 networks (50%),  0.10 networks/s, 00:50 left\n")
    found = told(tmp_path, shards)
    assert found["silent"] == [f"{one}: 5 of 10 networks (50%),  0.10 networks/s, 00:50 left; its log is 2 h old"]
    assert found["now"] == ["nothing is being worked on"]
    assert found["networks"] == ["0 of 40 trained; shards 0 of 4"]


def test_the_rate_is_that_of_shards_trained_side_by_side_in_this_run(tmp_path, shards):
    one, two, three, _ = shards
    shard(tmp_path, one, ago=10_000, seconds=1.0)  # of an earlier run
    shard(tmp_path, two, ago=50, seconds=50.0)
    shard(tmp_path, three, ago=20, seconds=80.0)
    assert status(tmp_path, shards, NOW).rate == pytest.approx(20 / 80)
    # Without anyone at work, nobody knows how long it takes.
    assert told(tmp_path, shards)["rate"] == ["0.2 networks/s of late"]


def test_what_is_made_of_the_shards_is_there_or_out_of_date_or_missing(tmp_path, shards):
    for name in shards:
        shard(tmp_path, name, ago=100)
    write(tmp_path / "summary.nc", 90)
    write(tmp_path / "figures/one.svg", 95)
    assert told(tmp_path, shards)["results"] == ["summary.nc: there; figures: out of date; report.html: missing"]
    write(tmp_path / "figures/one.svg", 80)
    write(tmp_path / "report.html", 70)
    assert told(tmp_path, shards) == {
        "networks": ["40 of 40 trained; shards 4 of 4, the last 100 s ago"],
        "results": ["summary.nc, figures, report.html: there"],
    }
    shard(tmp_path, next(iter(shards)), ago=1)
    assert told(tmp_path, shards)["results"] == ["summary.nc, figures, report.html: out of date"]
    (tmp_path / "shards" / f"{next(iter(shards))}.nc").unlink()
    assert told(tmp_path, shards)["results"] == ["summary.nc, figures, report.html: out of date"]


def test_the_analysis_is_seen_at_work_and_failing(tmp_path, shards):
    for name in shards:
        shard(tmp_path, name, ago=100)
    write(tmp_path / "logs/analyse_sweep.log", 3, "2 of 4 tasks (50%),  0.10 tasks/s, 00:20 left\n")
    write(tmp_path / "logs/draw_figures.log", 3, "failed: no ink\n")
    found = told(tmp_path, shards)
    assert found["now"] == ["analyse_sweep: 2 of 4 tasks (50%),  0.10 tasks/s, 00:20 left; its log is 3 s old"]
    assert found["failed"] == [f"draw_figures: no ink (see {tmp_path / 'logs/draw_figures.log'})"]
    assert found["networks"][0].startswith("40 of 40 trained")  # tasks are no networks


def test_files_of_others_do_not_count(tmp_path, shards):
    for name in ("0123456789abcdef", f".{next(iter(shards))}"):  # of an earlier plan, being written
        write(tmp_path / "shards" / f"{name}.nc", 1)
    write(tmp_path / "shards" / f".{next(iter(shards))}.nc.123", 1)
    write(tmp_path / "logs/simulate_shard/0123456789abcdef.log", 1, "failed: long ago\n")
    assert told(tmp_path, shards)["networks"] == ["0 of 40 trained; shards 0 of 4"]
    assert "failed" not in told(tmp_path, shards)


def test_of_many_shards_few_logs_are_read_and_few_jobs_named(tmp_path, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 1)
    many = plan(load_sweep({**SWEEP, "replicates": 50}))
    assert len(many) == 2000
    for i, name in enumerate(many):
        if i < 1900:
            shard(tmp_path, name, ago=10 + i)
        else:
            said(tmp_path, name, 1, "failed: no\n")
    opened = []
    read_log = module.read_log
    monkeypatch.setattr(module, "read_log", lambda path: opened.append(path) or read_log(path))
    found = told(tmp_path, many)
    assert len(opened) <= 100 + module.RECENT + len(module.LATER)
    assert len(found["failed"]) == 11
    assert found["failed"][-1] == "and 90 more"


def test_a_long_log_is_read_at_its_end(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"x\xff" * 100_000 + "\nχ\n failed: χ is wrong \n\n".encode())
    assert module.read_log(path).last == "failed: χ is wrong"
    path.write_text("")
    assert module.read_log(path).last == ""
    assert module.read_log(tmp_path / "none.log") is None


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two sweeps, one of them listed in the configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/sweeps").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("sweeps: [a]\nresults: elsewhere\n")
    for name in ("a", "b"):
        (tmp_path / "config/sweeps" / f"{name}.yaml").write_text(yaml.safe_dump(SWEEP))
    return tmp_path


def test_the_command_tells_of_listed_sweeps_or_of_those_named(project, capsys):
    (name,) = plan(load_sweep(SWEEP))
    (project / "elsewhere/a/shards").mkdir(parents=True)
    (project / f"elsewhere/a/shards/{name}.nc").touch()
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "a: A title\n  networks  40 of 40 trained; shards 1 of 1, the last " in out
    assert "b: " not in out
    assert main(["status", "b", "a"]) == 0
    out = capsys.readouterr().out
    assert out.index("b: A title") < out.index("a: A title")
    assert "0 of 40 trained" in out


def test_shards_of_other_code_are_counted(project, capsys, monkeypatch):
    """Without `.snakemake`, as in a copy: only the shards' own attributes tell."""
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", SIZE)
    home = project / "elsewhere/a/shards"
    files = [home / f"{name}.nc" for name in plan(load_sweep(SWEEP))]
    home.mkdir(parents=True)
    for path in files[:3]:
        with netCDF4.Dataset(path, "w") as file:
            file.engine = "propagator"
            file.source_fingerprint = source_of(["propagator"])
        path.with_suffix(".sha256").touch()
    with netCDF4.Dataset(files[1], "w") as file:  # that says nothing
        file.engine = "propagator"
    files[2].write_bytes(b"damaged")
    assert main(["status"]) == 0
    assert "other than this" not in capsys.readouterr().out
    with netCDF4.Dataset(files[0], "a") as file:
        file.source_fingerprint = "0123456789abcdef"
    assert main(["status"]) == 0
    line = "  code      other than this trained 1 of 3 shards; "
    again = "`snakemake --cores all elsewhere/a/report.html --forcerun simulate_shard` trains all anew"
    assert line + again in capsys.readouterr().out.splitlines()


def test_a_wrong_name_or_file_is_one_clear_error(project, capsys):
    assert main(["status", "a", "c"]) == 1
    found = capsys.readouterr()
    assert (found.out, found.err) == ("", "c: no sweep of this name in config/sweeps; write one of a, b\n")
    (project / "config/sweeps/b.yaml").write_text("title: 1\n")
    assert main(["status", "b"]) == 1
    assert "config/sweeps/b.yaml: " in capsys.readouterr().err
    (project / "config/config.yaml").unlink()
    assert main(["status"]) == 1
    assert "config/config.yaml: cannot be read" in capsys.readouterr().err

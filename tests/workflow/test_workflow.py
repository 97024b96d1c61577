"""The workflow, end to end with real Snakemake: what it makes, what runs again and why, what stops it before any job.

The tests follow one project through its life and run in the order of the file.
"""

import hashlib
import html
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import torch
import xarray as xr

from lazyrich.planning.folder import checksum_file
from lazyrich.planning.plan import SHARD_NETWORKS_SETTING
from lazyrich.sweep.words import counted

from .conftest import LINE, MAP

pytestmark = pytest.mark.workflow

MAP_SHARDS = 3  # 60 networks in shards of at most 25, cut along the slower axis


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(project):
    """Everything is there, whichever tests were chosen."""
    project.snakemake()


def test_a_dry_run_writes_nothing(project):
    before = digest(project.root / "results")
    jobs = project.jobs()
    assert jobs == {
        "simulate_shard": MAP_SHARDS + 1,
        "analyse_sweep": 2,
        "draw_figures": 2,
        "write_report": 2,
        "write_index": 1,
    }
    assert digest(project.root / "results") == before


def test_everything_is_made_where_the_readme_says(made, project):
    results = project.root / "results"
    for name, figures in (
        (
            "map",
            {
                *("phase_diagram", "kernel_change", "onset_step", "order_parameters", "validity", "agreement"),
                *("collapse", "kernel_distance"),
            },
        ),
        ("line", {"kernel_change", "trajectories", "kernel_distance"}),
    ):
        home = results / name
        plan = json.loads((home / "plan.json").read_text())
        assert {path.stem for path in (home / "shards").glob("*.nc")} == set(plan["shards"])
        assert {path.stem for path in (home / "figures").glob("*.svg")} == figures
        for figure in figures:
            for kind in ("html", "svg", "png"):
                assert (home / "figures" / f"{figure}.{kind}").stat().st_size > 1000
        for log in ("analyse_sweep.log", "draw_figures.log", "write_report.log"):
            assert re.search(r"done in [\d.]+ s", (home / "logs" / log).read_text())
        assert (home / "benchmarks" / "analyse_sweep.tsv").exists()
        report = (home / "report.html").read_text()
        assert f"results/{name}/report.html" in report
    index = (results / "index.html").read_text()
    for title in (MAP["title"], LINE["title"]):
        assert title in index
    assert "Made by a test." in index
    assert "It has two sentences." not in index  # one sentence each
    for target in re.findall(r'(?:href|src)="([^"]+)"', index):
        assert target == "data:," or (results / target).exists(), target


def test_shards_and_summary_say_which_source_made_them(made, project):
    shard = next((project.root / "results/map/shards").glob("*.nc"))
    with netCDF4.Dataset(shard) as file:
        recipe = json.loads(file.recipe)
        assert file.source_fingerprint
        assert "title" not in json.dumps(recipe)
    plan = json.loads((project.root / "results/map/plan.json").read_text())
    assert plan["shards"][shard.stem] == recipe
    with xr.open_dataset(project.root / "results/map/summary.nc") as summary:
        assert dict(summary.phase.sizes) == {"laziness": 6, "growth_per_step": 5}
        assert (summary.networks == 2).all()


def test_pages_ask_for_nothing_from_outside(made, project):
    for page in (project.root / "results").rglob("*.html"):
        text = page.read_text()
        assert not re.search(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](?:https?:)?//""", text), page


@pytest.mark.slow
def test_the_archive_holds_pages_and_figures_with_their_captions(made, project):
    project.snakemake("--report", "archive.zip")
    captions = json.loads((project.root / "results/map/figures/captions.json").read_text())
    with zipfile.ZipFile(project.root / "archive.zip") as archive:
        names = [Path(name).name for name in archive.namelist()]
        (index,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("report.html"))
        found = re.findall(r'"<p>(?:[^"\\]|\\.)*"', archive.read(index).decode())
    # Docutils breaks lines and marks words where it likes.
    said = [" ".join(html.unescape(re.sub("<[^>]*>", " ", json.loads(text))).split()) for text in found]
    assert {f"{figure}.svg" for figure in captions} <= set(names)
    assert names.count("report.html") == 1 + 2  # the archive's own and both sweeps'
    for caption in captions.values():
        (text,) = (text for text in said if text.startswith(caption))
        assert "snakemake --cores all results/map/figures" in text


def test_svg_is_small_and_holds_its_mesh_as_pixels(made, project):
    text = (project.root / "results/map/figures/phase_diagram.svg").read_text()
    assert text.count("<image") >= 1
    assert len(text) < 300_000


def test_a_second_run_does_nothing(made, project):
    before = digest(project.root / "results")
    assert "Nothing to be done" in project.snakemake().stdout
    assert digest(project.root / "results") == before


def test_a_deleted_shard_rebuilds_just_what_depends_on_it(made, project):
    shard = sorted((project.root / "results/map/shards").glob("*.nc"))[0]
    with xr.open_dataset(shard) as data:
        before = data.load()
    shard.unlink()
    expected = {"simulate_shard": 1, "analyse_sweep": 1, "draw_figures": 1, "write_report": 1, "write_index": 1}
    assert project.jobs() == expected
    project.snakemake()
    with xr.open_dataset(shard) as after:
        for name in before.data_vars:
            np.testing.assert_array_equal(before[name], after[name])
    assert project.jobs() == {}


@pytest.mark.slow
def test_the_same_command_heals_a_page_that_is_asked_for_by_name(made, project):
    """A page that is there is no reason to leave its shards and its summary away, nor to read damaged ones."""
    home, page = project.root / "results/line", "results/line/report.html"
    shard, summary = next((home / "shards").glob("*.nc")), home / "summary.nc"
    after_shard = {"analyse_sweep": 1, "draw_figures": 1, "write_report": 1}
    for damaged, cut, again in ((shard, -1000, {"simulate_shard": 1, **after_shard}), (summary, None, after_shard)):
        damaged.write_bytes(damaged.read_bytes()[:cut] if cut else b"")
        done = project.snakemake(page, check=False)
        assert done.returncode != 0
        assert f"{damaged.relative_to(project.root)}: is not what was written" in done.stdout
        assert "run the same command again" in done.stdout
        assert "Traceback" not in done.stdout
        assert project.jobs(page) == again
        project.snakemake(page)
        assert damaged.exists() and checksum_file(damaged).exists()
        assert "Nothing to be done" in project.snakemake(page).stdout
    for path in [*home.glob("*.damaged"), *home.glob("shards/*.damaged")]:
        path.unlink()
    shard.unlink()
    assert project.jobs(page) == {"simulate_shard": 1, **after_shard}
    assert project.jobs("results/line/summary.nc") == {"simulate_shard": 1, "analyse_sweep": 1}
    assert project.jobs("results/index.html") == {"simulate_shard": 1, **after_shard, "write_index": 1}
    project.snakemake()


def test_a_docstring_runs_nothing_again_and_an_engine_runs_simulations(made, project):
    project.edit("src/lazyrich/draw/maps.py", '"""Maps over two axes', '"""Coloured maps over two axes')
    project.edit("src/lazyrich/engines/propagator.py", '"""The propagator engine', '"""The exact propagator engine')
    assert project.jobs() == {}
    project.edit("src/lazyrich/engines/propagator.py", "CHUNK = 256", "CHUNK = 128")
    jobs = project.jobs()
    assert jobs["simulate_shard"] == MAP_SHARDS + 1
    project.edit("src/lazyrich/engines/propagator.py", "CHUNK = 128", "CHUNK = 256")
    assert project.jobs() == {}


@pytest.mark.slow
def test_a_new_title_draws_but_does_not_train_or_analyse(made, project):
    project.sweep("map", {**MAP, "title": "Another title"})
    assert project.jobs() == {"draw_figures": 1, "write_report": 1, "write_index": 1}
    project.sweep("map", MAP)


def test_another_threshold_analyses_but_does_not_train(made, project):
    project.sweep("map", {**MAP, "phases": {"kernel_change": 1.0}})
    jobs = project.jobs()
    assert "simulate_shard" not in jobs
    assert jobs["analyse_sweep"] == 1
    project.sweep("map", MAP)


@pytest.mark.slow
def test_a_grown_axis_trains_only_what_is_new(made, project):
    grown = {**MAP, "replicates": 3}
    project.sweep("map", grown)
    jobs = project.jobs()
    assert jobs["simulate_shard"] == 2  # 30 new networks in shards of at most 25
    project.snakemake()
    with xr.open_dataset(project.root / "results/map/summary.nc") as summary:
        assert (summary.networks == 3).all()
    # Back again: the shards that hold the first replicates are there, nothing is trained.
    project.sweep("map", MAP)
    assert "simulate_shard" not in project.jobs()
    project.snakemake()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("laziness", "rate", "new"),
    [
        ({"log": [0.01, 10], "points": 11}, {"log": [0.05, 5], "points": 5}, 50),  # a finer grid that has all points
        ({"values": [0.001, 0.01]}, {"log": [0.05, 5], "points": 5}, 10),  # one before the first; others went away
        ({"values": [10, 100, 1000]}, {"log": [0.05, 5], "points": 5}, 20),  # two after the last
        ({"log": [0.01, 10], "points": 6}, {"log": [0.05, 5], "points": 9}, 48),  # finer along the other axis
    ],
)
def test_growth_at_either_end_and_in_between_trains_only_new_points(made, project, laziness, rate, new):
    """Networks of the jobs that would run, counted from their plan; each shard holds at most 25."""
    project.sweep(
        "map",
        {
            **MAP,
            "network": {"width": 64, "laziness": laziness},
            "training": {**MAP["training"], "growth_per_step": rate},
        },
    )
    jobs = project.jobs("results/map/summary.nc")
    command = [sys.executable, "-m", "lazyrich.cli", "plan", "config/sweeps/map.yaml"]
    said = subprocess.run(
        command, cwd=project.root, env=project.environment, text=True, capture_output=True, check=True
    ).stdout
    project.sweep("map", MAP)
    assert f"to do     {new} networks in {counted(jobs['simulate_shard'], 'shard')}" in said
    assert -(-new // 25) <= jobs["simulate_shard"] <= 2 * -(-new // 25)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "map",
            {**MAP, "network": {"width": 0, "laziness": 1}},
            "config/sweeps/map.yaml: network.width = 0: is too small; ",
        ),
        ("map", {**MAP, "netwrok": {}}, "config/sweeps/map.yaml: netwrok: unknown key; did you mean network?"),
        (
            "map",
            {**MAP, "training": {**MAP["training"], "tau": 1}},
            "config/sweeps/map.yaml: training: exactly one of steps, tau",
        ),
        (
            "map",
            {**MAP, "problem": {"source": "file", "path": "nowhere.npz"}},
            "config/sweeps/map.yaml: problem.path = nowhere.npz: no such file",
        ),
    ],
)
def test_a_wrong_sweep_file_stops_before_any_job_and_touches_nothing(made, project, name, data, message):
    before = digest(project.root / "results")
    project.sweep(name, data)
    done = project.snakemake(check=False)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert "Finished job" not in done.stdout
    assert digest(project.root / "results") == before
    project.sweep("map", MAP)


def test_a_wrong_setting_of_the_environment_is_one_clear_error(made, project):
    wrong = replace(project, settings={SHARD_NETWORKS_SETTING: "many"})
    done = wrong.snakemake("--dry-run", check=False)
    assert done.returncode != 0
    assert f"{SHARD_NETWORKS_SETTING} = many: is no number of networks; set this environment variable" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_wrong_configuration_is_one_clear_error(made, project):
    project.edit("config/config.yaml", "results: results", "resluts: results")
    done = project.snakemake(check=False)
    assert "config/config.yaml: resluts: unknown key; did you mean results?" in done.stdout
    project.edit("config/config.yaml", "resluts: results", "results: results")


@pytest.mark.slow
def test_a_sweep_that_is_not_listed_runs_by_name(made, project):
    X, y = np.random.default_rng(0).standard_normal((3, 7)), np.arange(3.0)
    np.savez(project.root / "config/sweeps/mine.npz", X=X, y=y)
    mine = {
        "problem": {"source": "file", "path": "mine.npz"},
        "network": {"width": 5, "sigma_0": {"values": [0.1, 1]}, "v_0": 0.1},
        "training": {"stability_fraction": 0.2, "steps": 20},
        "record": {"points": 4},
    }
    project.sweep("mine", mine)
    project.snakemake("results/mine/report.html")
    assert (project.root / "results/mine/report.html").exists()
    # Other data under the same name, however old the file: everything of this sweep again.
    path = project.root / "config/sweeps/mine.npz"
    before = path.stat()
    np.savez(path, X=2 * X, y=y)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 10**12))
    assert project.jobs("results/mine/report.html")["simulate_shard"] == 1


@pytest.mark.slow
def test_a_shard_is_made_by_name_and_an_unknown_one_is_named(made, project):
    plan = json.loads((project.root / "results/map/plan.json").read_text())
    shard = project.root / "results/map/shards" / f"{next(iter(plan['shards']))}.nc"
    shard.unlink()
    project.snakemake(str(shard.relative_to(project.root)))
    assert shard.exists()
    done = project.snakemake("results/map/shards/0123456789abcdef.nc", check=False)
    assert "results of map: no shard is called 0123456789abcdef; its shards are" in done.stdout


@pytest.mark.slow
def test_a_wrong_sweep_asked_for_by_name_is_one_clear_error(made, project):
    project.sweep("wrong", {**LINE, "seed": -1})
    for target, message in (
        ("results/wrong/report.html", "config/sweeps/wrong.yaml: seed = -1: is too small; "),
        ("results/nowhere/report.html", "config/sweeps/nowhere.yaml: cannot be read"),
    ):
        done = project.snakemake(target, check=False)
        assert done.returncode != 0
        assert message in done.stdout
        assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_truncated_data_file_stops_before_any_job(made, project):
    path = project.root / "config/sweeps/mine.npz"
    good = path.read_bytes()
    path.write_bytes(good[:-200])
    done = project.snakemake("results/mine/report.html", check=False)
    assert done.returncode != 0
    assert "config/sweeps/mine.yaml: problem.path: " in done.stdout
    assert "Finished job" not in done.stdout
    path.write_bytes(good)


@pytest.mark.slow
def test_another_activation_and_an_own_one_train_without_the_others(made, project):
    own = {**LINE, "network": {**LINE["network"], "activation": {"values": ["linear", "phi.py:swish"]}}}
    path = project.root / "config/sweeps/phi.py"
    path.write_text("import torch\n\n\ndef swish(x):\n    return x * torch.sigmoid(x)\n", encoding="utf-8")
    project.sweep("own", own)
    project.snakemake("results/own/report.html")
    engines = {}
    for shard in (project.root / "results/own/shards").glob("*.nc"):
        with xr.open_dataset(shard) as data:
            engines[str(data.activation.values[0])] = data.attrs["engine"]
            assert np.isfinite(data.loss).all()
    assert engines == {"linear": "propagator", "config/sweeps/phi.py:swish": "gram"}
    assert project.jobs("results/own/report.html") == {}
    project.edit("config/sweeps/phi.py", "torch.sigmoid(x)", "torch.sigmoid(2 * x)")
    assert project.jobs("results/own/report.html")["simulate_shard"] == 1
    project.edit("config/sweeps/phi.py", "def swish", "def mish")
    done = project.snakemake("results/own/report.html", check=False)
    assert "config/sweeps/own.yaml: network.activation = config/sweeps/phi.py:swish: " in done.stdout
    assert "defines no swish (but mish, torch); write file.py:function" in done.stdout
    assert "Finished job" not in done.stdout


@pytest.mark.slow
def test_a_shard_on_a_gpu_asks_for_one(made, project):
    """And says so in one line where torch finds none; another device is no reason to train again."""
    before = project.jobs()
    project.edit("config/config.yaml", "device: auto", "device: cuda")
    assert project.jobs() == before
    shard = next((project.root / "results/line/shards").glob("*.nc"))
    kept = shard.read_bytes()
    shard.unlink()
    assert project.resource("simulate_shard", "gpu") == "1"
    if not torch.cuda.is_available():
        done = project.snakemake(str(shard.relative_to(project.root)), check=False)
        assert done.returncode != 0
        assert "device = cuda: torch finds no GPU here; write auto or cpu" in done.stdout
        assert not shard.exists()
    shard.parent.mkdir(exist_ok=True)  # Snakemake removes a folder that a failed job left empty
    shard.write_bytes(kept)
    project.edit("config/config.yaml", "device: cuda", "device: auto")
    assert project.resource("simulate_shard", "gpu") == str(int(torch.cuda.is_available()))


@pytest.mark.slow
def test_an_unknown_device_is_one_clear_error(made, project):
    project.edit("config/config.yaml", "device: auto", "device: tpu")
    done = project.snakemake(check=False)
    assert "config/config.yaml: device = tpu: is not known; write one of auto, cpu, cuda" in done.stdout
    project.edit("config/config.yaml", "device: tpu", "device: auto")

"""Every shape of sweep gets its figures and its page: no axis to three, end values only, few observables, failed cells."""

import html
import json
import subprocess
import sys
import warnings
from itertools import combinations
from pathlib import Path

import holoviews as hv
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import lazyrich
from lazyrich.analysis.phases import PHASES, RICH_VOTES
from lazyrich.analysis.summary import summarise
from lazyrich.analysis.theories import BEST_THEORY
from lazyrich.draw import curves, figures, trajectories
from lazyrich.draw.diagrams import diagrams
from lazyrich.draw.figures import draw_figures
from lazyrich.draw.index import write_index
from lazyrich.draw.pictures import matplotlib_figure
from lazyrich.draw.report import write_report
from lazyrich.planning.plan import whole
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

BASE = {
    "title": "Test",
    "problem": {"samples": 3, "dimension": 50, "noise_std": 0.1},
    "network": {"width": 20, "laziness": 0.5},
    "training": {"growth_per_step": 0.2, "steps": 40},
    "record": {"points": 6},
    "replicates": 2,
}
LAZINESS = {"laziness": {"log": [0.01, 10], "points": 4}}
RATE = {"growth_per_step": {"log": [0.05, 3], "points": 3}, "steps": 40}
SAMPLES = {"samples": {"values": [2, 3]}, "dimension": 50, "noise_std": 0.1}

DIGITS = {"source": "digits", "inputs": "standardised", "targets": "one_vs_rest"}

# Within 40 steps one of the three rates converges: of two axes, too few groups for a collapse.
MAPS = {"phase_diagram", "kernel_change", "onset_step", "order_parameters", "validity", "agreement"}

SHAPES = {
    "no axis": ({}, {"trajectories"}),
    "no axis, end values": ({"record": {"summary": True}}, set()),
    "one axis": ({"network": {"width": 20, **LAZINESS}}, {"kernel_change", "trajectories"}),
    "one axis, end values": ({"network": {"width": 20, **LAZINESS}, "record": {"summary": True}}, {"kernel_change"}),
    "one axis, few observables": (
        {"network": {"width": 20, **LAZINESS}, "record": {"points": 5, "observables": ["ntk_change"]}},
        {"kernel_change"},
    ),
    "one axis, a failed cell": (
        {"training": {"growth_per_step": {"values": [1e-11, 0.2]}, "tau": 5}},
        {"kernel_change", "trajectories"},
    ),
    "one axis of names": (
        {"training": {**BASE["training"], "loss": {"values": ["mse", "half_mse"]}}},
        {"trajectories"},
    ),
    "two axes": (
        {"network": {"width": 20, **LAZINESS}, "training": RATE},
        MAPS | {"kernel_distance"},
    ),
    "two axes, held-out samples": (
        {
            "problem": {**BASE["problem"], "test_samples": 4},
            "network": {"width": 20, **LAZINESS},
            "training": RATE,
        },
        MAPS | {"test_loss", "kernel_distance"},
    ),
    "one axis, held-out samples": (
        {"problem": {**BASE["problem"], "test_samples": 4}, "network": {"width": 20, **LAZINESS}},
        {"kernel_change", "trajectories"},
    ),
    "two axes, end values": (
        {"network": {"width": 20, **LAZINESS}, "training": RATE, "record": {"summary": True, "observables": ["rho"]}},
        {"phase_diagram", "kernel_change", "onset_step", "agreement"},
    ),
    "three axes": (
        {"problem": SAMPLES, "network": {"width": 20, **LAZINESS}, "training": RATE},
        MAPS | {"collapse", "kernel_distance"},
    ),
    "two axes and a name": (
        {"network": {"width": 20, **LAZINESS}, "training": {**RATE, "loss": {"values": ["mse", "half_mse"]}}},
        MAPS | {"collapse", "kernel_distance"},
    ),
    "samples against names": (
        {
            "problem": {**DIGITS, "samples": {"values": [2, 4]}, "classes": {"values": ["3-8", "4-9", "1-7"]}},
            "figures": {"axes": ["classes", "samples"]},
        },
        MAPS,
    ),
    "axes of one's own": (
        {
            "axes": {"scale": {"log": [0.1, 10], "points": 4}, "delta": {"values": [-1, 0, 1]}},
            "problem": {**SAMPLES, "dimension": "50*samples"},
            "network": {"width": 20, "laziness": "scale/exp(delta)", "balance": "exp(delta)"},
            "training": {"growth_per_step": "0.2/max(1, scale)", "steps": 40},
        },
        MAPS | {"collapse", "kernel_distance"},
    ),
    "zipped axes": (
        {"problem": SAMPLES, "network": {"width": {"values": [5, 9]}, **LAZINESS}, "zip": [["samples", "width"]]},
        {"trajectories", "collapse"},
    ),
}


def files(sweep, folder):
    recipe = whole(sweep)
    archive.write(archive.described(simulate(recipe), recipe), folder / "shard.nc")
    shards = [str(folder / "shard.nc")]
    archive.write(summarise(shards, recipe, phases=sweep.phases, figures=sweep.figures), folder / "summary.nc")
    return shards


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_sweep_gets_figures_and_pages(shape, tmp_path):
    changes, expected = SHAPES[shape]
    sweep = load_sweep({**BASE, **changes})
    shards = files(sweep, tmp_path)
    folder = tmp_path / "figures"
    draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=folder)
    captions = json.loads((folder / "captions.json").read_text())
    assert set(captions) == expected
    for name in expected:
        for kind in ("html", "svg", "png", "json"):
            assert (folder / f"{name}.{kind}").stat().st_size > 1000
    page = tmp_path / "report.html"
    write_report(sweep, name="test", summary=tmp_path / "summary.nc", shards=shards, figures=folder, page=page)
    write_index([sweep], reports=[str(page)], figures=[str(folder)], page=tmp_path / "index.html")
    assert "Test" in page.read_text()
    # Its table where its figure is, and theory's scope where networks are not linear.
    assert ("The kernel against T and against Θ∞" in page.read_text()) == ("kernel_distance" in expected)
    assert "Theory of linear networks, networks that are not" not in page.read_text()


def test_a_sweep_with_published_points_and_few_observables_is_drawn(tmp_path):
    (tmp_path / "points.csv").write_text("step,loss,rho_over_v,ntk_error\n0,5,0,1\n40,1,2,0.5\n")
    changes = {"figures": {"published": str(tmp_path / "points.csv")}, "record": {"points": 5, "observables": ["loss"]}}
    sweep = load_sweep({**BASE, **changes})
    shards = files(sweep, tmp_path)
    draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=tmp_path / "figures")
    files_of = {"summary": tmp_path / "summary.nc", "shards": shards, "figures": tmp_path / "figures"}
    write_report(sweep, name="test", page=tmp_path / "page.html", **files_of)


def test_captions_say_what_is_left_out(tmp_path, monkeypatch):
    changes = {
        "problem": {**SAMPLES, "samples": {"values": [1, 2, 3]}},
        "network": {"width": 20, **LAZINESS},
        "training": RATE,
    }
    sweep = load_sweep({**BASE, **changes, "record": {"summary": True}})
    shards = files(sweep, tmp_path)
    draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=tmp_path / "figures")
    captions = json.loads((tmp_path / "figures" / "captions.json").read_text())
    # Axes in the order of the format: samples × laziness are the plane, the three rates its slices, all drawn.
    assert "slices" not in captions["phase_diagram"]
    monkeypatch.setattr(figures, "MOST_SLICES", 2)
    draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=tmp_path / "figures")
    captions = json.loads((tmp_path / "figures" / "captions.json").read_text())
    assert "2 of 3 slices, evenly chosen." in captions["phase_diagram"]


def test_held_out_samples_have_a_map_and_a_panel_of_their_own():
    base = {**BASE, "problem": {**BASE["problem"], "test_samples": 4}, "network": {"width": 20, **LAZINESS}}
    sweep = load_sweep({**base, "training": RATE})
    data = lazyrich.run({**base, "training": RATE})
    summary = lazyrich.analyse(data)
    (diagram,) = (each for each in diagrams(sweep, summary) if each.name == "test_loss")
    assert diagram.caption.startswith("Loss of 4 held-out samples at the end of training, median of 2 replicates")
    cell = data.isel(network=slice(0, 2))
    drawn = curves.panels(cell, None, "matplotlib", "")
    assert [each.opts.get("plot", "matplotlib").kwargs["ylabel"].split(", ")[-1] for each in drawn][:2] == [
        "training loss",
        "loss of held-out samples",
    ]
    # The median's curve has the medians of the records.
    (median,) = (each for each in drawn[1].traverse(lambda x: x, [hv.Curve]) if "median" in each.label)
    both = np.interp(cell["step"].values[0], *median.array().T)
    np.testing.assert_allclose(both, np.median(cell["test_loss"].values, axis=0), rtol=1e-12)
    # Each cell begins a row of two, however many panels it has.
    five = curves.panels(cell, None, "bokeh", "")
    assert len(five) == 5
    order = list(curves.layout([five, five], "bokeh"))
    assert [type(order[i]) for i in (5, 11)] == [hv.Empty, hv.Empty] and len(order) == 12


def test_captions_explain_white_where_cells_were_not_run():
    sweep = load_sweep({**BASE, "network": {"width": 20, **LAZINESS}, "training": RATE})
    summary = lazyrich.analyse(lazyrich.run({**BASE, "network": {"width": 20, **LAZINESS}, "training": RATE}))
    numbers = {d.name for d in diagrams(sweep, summary) if d.codes is None}
    assert not [d.name for d in diagrams(sweep, summary) if "white" in d.caption]
    summary["networks"][0, 1] = 0
    for name in numbers:
        summary[name] = summary[name].astype(float)
        summary[name][0, 1] = np.nan
    said = {d.name: d.caption for d in diagrams(sweep, summary)}
    assert {name for name, caption in said.items() if "; white: not run." in caption} == numbers
    summary["refine_level"] = summary["networks"]
    said = {d.name: d.caption for d in diagrams(sweep, summary)}
    assert {name for name, caption in said.items() if "; white: not run, nor between cells" in caption} == numbers


def test_medians_of_runs_of_different_length_stand_at_their_own_steps():
    steps = np.array([[0, 10, 20], [0, 20, 40], [0, 15, 30]])
    values = np.exp(-0.1 * steps)
    common, median = trajectories.median_curve(steps, values, log=True)
    np.testing.assert_array_equal(common, [0, 20, 40])
    # Exponentials are straight between records in the logarithm: every run gives the same curve where it has values.
    np.testing.assert_allclose(median, np.exp(-0.1 * common), rtol=1e-12)
    values[2] = np.nan  # a diverged network takes nothing from the others
    np.testing.assert_allclose(trajectories.median_curve(steps, values, log=True)[1], np.exp(-0.1 * common), rtol=1e-12)


def test_panels_side_by_side_do_not_overlap():
    """With every name beside the colour bars, and all legends; five slices in two rows, four cells' trajectories."""
    data = {
        **BASE,
        "problem": {**SAMPLES, "samples": {"values": [2, 3, 4, 5, 6]}},
        "network": {"width": 20, **LAZINESS},
        "training": RATE,
    }
    sweep, networks = load_sweep(data), lazyrich.run(data)
    summary = lazyrich.analyse(networks)
    for codes in (PHASES, RICH_VOTES, BEST_THEORY):
        summary[codes.name].values[:] = np.resize(list(codes.words), summary["phase"].shape)
    drawn = figures._maps(sweep, summary, "laziness", "growth_per_step")
    assert set(drawn) == MAPS
    hv.Store.current_backend = "matplotlib"
    pictures = {name: build("matplotlib") for name, (build, _) in drawn.items()}
    cells = [networks.isel(network=slice(2 * i, 2 * i + 2)) for i in (4, 5, 7, 8)]
    pictures["trajectories"] = curves.layout(
        [curves.panels(cell, None, "matplotlib", "n = 2, χ = 0.01, k = 0.3873") for cell in cells], "matplotlib"
    )
    for name, element in pictures.items():
        figure = matplotlib_figure(element)
        boxes = [axes.get_tightbbox() for axes in figure.axes]
        assert len(boxes) == (16 if name == "trajectories" else 5)
        for one, other in combinations(boxes, 2):
            assert not one.overlaps(other), name
        plt.close(figure)


def test_drawing_twice_gives_the_same_svg(tmp_path, monkeypatch):
    sweep = load_sweep({**BASE, "network": {"width": 20, **LAZINESS}, "training": RATE})
    shards = files(sweep, tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)  # what made a figure stands in it, with its folder as it was asked for
        draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder="figures")
    first, second = (tmp_path / name / "figures/phase_diagram.svg" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def check_descriptions(folder, command):
    """Each picture and page says what it shows and what made it."""
    captions = json.loads((folder / "captions.json").read_text())
    assert captions
    for name, caption in captions.items():
        description = f"{caption} Made by: {command}"
        assert Image.open(folder / f"{name}.png").text["Description"] == description
        for kind in ("svg", "html"):
            assert description in html.unescape((folder / f"{name}.{kind}").read_text())


def test_pictures_of_a_call_in_python_name_the_call(tmp_path, monkeypatch):
    """No Snakemake command makes them: there is no project around them."""
    sweep = load_sweep({**BASE, "network": {"width": 20, **LAZINESS}})
    files(sweep, tmp_path)
    monkeypatch.chdir(tmp_path)
    draw_figures(sweep, summary="summary.nc", shards=["shard.nc"], folder=Path("figures"))
    call = "lazyrich.draw_figures(sweep, summary='summary.nc', shards=['shard.nc'], folder='figures')"
    check_descriptions(tmp_path / "figures", call)


def test_many_shards_are_not_all_named():
    """Thousands of paths would make each picture's metadata larger than the picture."""
    call = figures._call("summary.nc", [Path(f"{number}.nc") for number in range(9)], "figures")
    assert call == "lazyrich.draw_figures(sweep, summary='summary.nc', shards=['0.nc', ...], folder='figures')"


SCRIPT = """
import runpy, sys
from types import SimpleNamespace

config, summary, shard, figures, log = sys.argv[2:]
sweep = SimpleNamespace(sweep=config, summary=summary, shards=[shard])
job = SimpleNamespace(log=[log], threads=1, input=sweep, output=SimpleNamespace(figures=figures))
runpy.run_path(sys.argv[1], init_globals={"snakemake": job})
"""


@pytest.mark.parametrize("results", ["results", "elsewhere"])
def test_pictures_of_the_workflow_name_its_command(results, tmp_path):
    """As the rule's script draws them, in the folder of a project."""
    (tmp_path / "sweep.yaml").write_text(json.dumps({**BASE, "network": {"width": 20, **LAZINESS}}))
    recipe = whole(load_sweep(tmp_path / "sweep.yaml"))
    home = tmp_path / results / "line"
    shard = home / "shards" / f"{recipe.name}.nc"
    shard.parent.mkdir(parents=True)
    integrity.write(archive.described(simulate(recipe), recipe), shard)
    integrity.write(summarise([str(shard)], recipe), home / "summary.nc")
    script = Path(lazyrich.__file__).parents[2] / "workflow/scripts/draw_figures.py"
    folder = f"{results}/line/figures"
    files_of = ["sweep.yaml", home / "summary.nc", shard, folder, "log"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, script, *files_of], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    config = "" if results == "results" else "--config results=elsewhere -- "
    check_descriptions(tmp_path / folder, f"snakemake --cores all {config}{folder}")


def test_networks_are_drawn_as_long_as_something_happens():
    """Not long beyond their end, not beyond divergence, and to the last record where neither came."""
    data = lazyrich.run(
        {
            "problem": {"samples": 3, "dimension": 50},
            "network": {"width": 20, "laziness": 0.3},
            "training": {"growth_per_step": {"values": [1e-4, 0.1, 5.0]}, "steps": 1000},
            "record": {"points": 101},
        }
    )
    slow, fast, diverged = trajectories.until(data)
    assert slow == 1000
    assert 70 <= fast < 1000 and fast >= data.end_step[1]
    assert np.isfinite(data.loss[2].where(data.step[2] <= diverged, drop=True)).any()
    assert diverged < 100


def test_pages_are_written_without_matplotlib():
    """It takes half a second to import; what writes report pages draws nothing with it."""
    code = "import sys, lazyrich.draw.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sweep_of_xor_gets_its_page(tmp_path):
    """k, h, χ and the clock τ are not defined where Xᵀy = 0: what needs them is left out, and nothing warns."""
    X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1.0]])
    np.savez(tmp_path / "xor.npz", X=X, y=X.prod(axis=1))
    sweep = load_sweep(
        {
            **BASE,
            "problem": {"source": "file", "path": str(tmp_path / "xor.npz")},
            "network": {"width": 8, "activation": "relu", "v_0": 1, "sigma_0": {"log": [0.5, 4], "points": 3}},
            "training": {"learning_rate": {"values": [1, 4]}, "steps": 40},
        }
    )
    shards = files(sweep, tmp_path)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="lazyrich")
        draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=tmp_path / "figures")
        files_of = {"summary": tmp_path / "summary.nc", "shards": shards, "figures": tmp_path / "figures"}
        write_report(sweep, name="test", page=tmp_path / "page.html", **files_of)
    summary = archive.read(tmp_path / "summary.nc")
    assert np.isnan(summary["conclusions_share"]).all()
    assert (summary["converged_share"] > 0).any()

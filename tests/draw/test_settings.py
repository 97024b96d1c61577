"""Pictures do not depend on a user's matplotlib settings, and drawing them leaves these as they were."""

import os
import subprocess
import sys

import pytest

# A map, curves with a legend, and words: fonts, lines, colours and layout all show.
DRAW = """
import sys
from pathlib import Path
import lazyrich
from lazyrich.draw import curves
from lazyrich.draw.diagrams import diagrams
from lazyrich.draw.pictures import save
from lazyrich.sweep.reader import load_sweep

data = {
    "problem": {"samples": 2, "dimension": 20},
    "network": {"width": 20, "laziness": {"values": [0.1, 3.0]}},
    "training": {"growth_per_step": {"values": [0.1, 0.4]}, "steps": 60},
    "record": {"points": 10},
}
networks = lazyrich.run(data)
summary = lazyrich.analyse(networks)
diagram = diagrams(load_sweep(data), summary)[0]
pictures = {
    "map": diagram.draw(summary, "laziness", "growth_per_step", "matplotlib", "Title"),
    "curves": curves.layout([curves.panels(networks.isel(network=[0]), None, "matplotlib", "Title")], "matplotlib"),
}
for name, picture in pictures.items():
    save(picture, "words", {kind: Path(sys.argv[1], f"{name}.{kind}") for kind in ("svg", "png")})
"""
SETTINGS = """
text.usetex: True
font.family: monospace
font.size: 30
lines.linewidth: 9
axes.facecolor: red
axes.prop_cycle: cycler('color', ['k'])
figure.autolayout: True
savefig.bbox: tight
savefig.dpi: 20
svg.fonttype: none
image.interpolation: bilinear
interactive: True
"""
FILES = {f"{name}.{kind}" for name in ("map", "curves") for kind in ("svg", "png")}


def drawn(folder, code=DRAW, **environment):
    """The bytes of all pictures, drawn by a process of its own."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MPL", "MATPLOTLIB"))}
    done = subprocess.run(
        [sys.executable, "-c", code, folder], env=kept | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    found = drawn(tmp_path_factory.mktemp("plain") / "pictures")
    assert set(found) == FILES
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A user's settings: those of a kernel that this process is none of, and a file of their own."""
    path = tmp_path_factory.mktemp("hostile") / "matplotlibrc"
    path.write_text(SETTINGS)
    return {"MPLBACKEND": "module://nowhere.to_be.found", "MATPLOTLIBRC": str(path)}


def test_pictures_are_the_same_under_any_settings(plain, hostile, tmp_path):
    assert drawn(tmp_path / "pictures", **hostile) == plain


def test_drawing_leaves_settings_and_figures_as_they_were(plain, hostile, tmp_path):
    """In a notebook that draws for itself, before and after."""
    around = f"""
import holoviews as hv
import matplotlib
from matplotlib import _pylab_helpers, pyplot
matplotlib.rcParams["lines.linestyle"] = ":"
pyplot.switch_backend("svg")
mine = pyplot.figure()
before = dict(matplotlib.rcParams)
exec({DRAW!r})
assert dict(matplotlib.rcParams) == before, set(before.items()) ^ set(matplotlib.rcParams.items())
assert matplotlib.is_interactive() and pyplot.get_backend() == "svg"
assert pyplot.get_fignums() == [mine.number] and pyplot.gcf() is mine
"""
    assert drawn(tmp_path / "pictures", around, **hostile) == plain


def test_a_job_draws_though_its_shell_asks_for_an_unknown_backend(plain, tmp_path):
    job = f"from lazyrich.system.job import importing\nwith importing():\n    import matplotlib\nexec({DRAW!r})"
    assert drawn(tmp_path / "pictures", job, MPLBACKEND="qt4agg") == plain

"""Pages and captions of sweeps whose networks start otherwise than the paper's."""

import json

import pytest

from lazyrich.draw.figures import draw_figures
from lazyrich.draw.report import write_report
from lazyrich.sweep.reader import load_sweep
from tests.draw.test_figures import BASE, files

WORDS = "has no margin where start: balanced_neurons."


@pytest.mark.parametrize("start", ["drawn", "balanced_neurons", {"values": ["drawn", "balanced_neurons"]}], ids=str)
def test_the_page_and_captions_say_what_theory_leaves_out_for_the_start(start, tmp_path):
    network = {"width": 20, "laziness": {"values": [0.1, 1.0]}, "start": start}
    sweep = load_sweep({**BASE, "network": network})
    shards = files(sweep, tmp_path)
    folder, page = tmp_path / "figures", tmp_path / "report.html"
    draw_figures(sweep, summary=tmp_path / "summary.nc", shards=shards, folder=folder)
    write_report(sweep, name="test", summary=tmp_path / "summary.nc", shards=shards, figures=folder, page=page)
    captions = json.loads((folder / "captions.json").read_text())
    assert (WORDS in captions["trajectories"]) == (start != "drawn")
    text = page.read_text()
    assert ("Theory and the start" in text and WORDS in text) == (start != "drawn")

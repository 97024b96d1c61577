"""What lies packed in a report page: the summary's numbers and the shards' trajectories, fewer where they would not fit."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.fields import median
from lazyrich.analysis.phases import PHASES
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.draw import atlas as module
from lazyrich.draw.atlas import atlas
from lazyrich.draw.pack import MISSING, TOP
from lazyrich.planning.cell import find_cell
from lazyrich.planning.plan import plan
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

from .test_pack import unpacked

SWEEP = {
    "problem": {"samples": {"values": [2, 3]}, "dimension": 50, "noise_std": 0.1},
    "network": {"width": 20, "laziness": {"log": [0.01, 10], "points": 9}},
    "training": {"growth_per_step": {"log": [0.02, 1.9], "points": 8}, "steps": 60},
    "record": {"points": 70},
    "replicates": 2,
    "figures": {"axes": ["laziness", "growth_per_step"]},
}
AXES = ("laziness", "growth_per_step")


class Text:
    """Numbers of a page where `unpacked` looks for them."""

    def __init__(self, numbers):
        self.numbers = numbers

    def text(self):
        return self.numbers


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(sweep, summary, shards), the networks in several of them, cells and replicates apart."""
    folder = tmp_path_factory.mktemp("trained")
    sweep = load_sweep(SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 37)
        shards = plan(sweep)
    paths = [str(folder / f"{name}.nc") for name in shards]
    for path, shard in zip(paths, shards.values(), strict=True):
        archive.write(archive.described(simulate(shard), shard), path)
    assert len(paths) > 5
    return sweep, summarise_sweep(sweep, paths), paths


@pytest.fixture(scope="module")
def networks():
    return lazyrich.run(SWEEP)


def made(trained):
    sweep, summary, shards = trained
    page = atlas(sweep, "name", summary, *AXES, shards, Path("results"))
    return json.loads(page["data"]), unpacked(Text(page["numbers"]))


def numbers(codes, place):
    """What the page's script makes of a scale's codes, NaN for all that is no number."""
    found = codes[place["offset"] : place["offset"] + place["length"]] / TOP
    low, high = (np.log(place[end]) if place["log"] else place[end] for end in ("low", "high"))
    values = low + found * (high - low)
    return np.where(found <= 1, np.exp(values) if place["log"] else values, np.nan)


def test_maps_hold_the_summary(trained):
    data, codes = made(trained)
    summary = trained[1]
    assert data["step"] == 1
    checked = 0
    for layer in data["layers"]:
        if layer["name"] == "phase_diagram":
            found = codes[layer["offset"] :][: layer["length"]].reshape(2, 8, 9)
            words = np.array(layer["words"])[found]
            expected = np.vectorize(PHASES.words.get)(summary.phase.transpose("samples", AXES[1], AXES[0]).values)
            np.testing.assert_array_equal(words, expected)
        elif layer["name"] in summary:
            expected = median(summary[layer["name"]]).transpose("samples", AXES[1], AXES[0]).values.astype(float)
            found = numbers(codes, layer).reshape(2, 8, 9)
            here = np.isfinite(expected) & (expected != 0)
            scale = (
                np.log(layer["high"] / layer["low"]) * np.abs(expected)
                if layer["log"]
                else layer["high"] - layer["low"]
            )
            error = np.broadcast_to(scale / TOP, expected.shape)
            assert (np.abs(found - expected)[here] <= error[here] + 1e-12).all(), layer["name"]
            checked += 1
    assert checked >= 6


@pytest.mark.parametrize("characters", [module.CHARACTERS, 60_000, 1_000])
def test_trajectories_are_those_of_the_networks_and_fewer_where_they_would_not_fit(
    trained, networks, characters, monkeypatch
):
    monkeypatch.setattr(module, "CHARACTERS", characters)
    data, codes = made(trained)
    kept = data["trajectories"]
    columns, rows = kept["columns"], kept["rows"]
    assert (len(columns), len(rows)) == {5_000_000: (9, 8), 60_000: (5, 4), 1_000: (1, 1)}[characters]
    number = np.array(kept["cells"]).reshape(2, len(rows), len(columns))
    assert sorted(number.ravel()) == list(range(number.size))
    place = next(each for each in kept["curves"] if each["key"] == "rho")
    low, high = next(each["spans"] for each in kept["panels"] if each["name"] == "rho_and_v")
    records = kept["records"]
    assert records == 48  # of 70
    stored_at = np.unique(np.linspace(0, 69, records).round().astype(int))
    for s, samples in enumerate((2, 3)):
        for j, row in enumerate(rows):
            for i, column in enumerate(columns):
                here = number[s, j, i]
                found = codes[place["offset"] + here * records :][:records]
                x, y = data["axes"][0]["values"][column], data["axes"][1]["values"][row]
                network = networks.where(
                    (networks.samples == samples)
                    & np.isclose(networks.laziness, x)
                    & np.isclose(networks.growth_per_step, y)
                    & (networks.replicate == 0),
                    drop=True,
                )
                stored = network.rho.values[0][stored_at]
                inside = (stored > low[here]) & (stored < high[here])
                np.testing.assert_array_equal(found[~inside & (stored > 0)], MISSING)
                span = np.log(high[here]) - np.log(low[here])
                drawn = np.exp(np.log(low[here]) + found[inside] / TOP * span)
                # Half a step of the scale, and float32 on disk.
                assert (np.abs(np.log(drawn / stored[inside])) <= span / TOP / 2 + 2.0**-23).all()


def test_maps_are_thinned_where_they_would_not_fit(trained, monkeypatch):
    monkeypatch.setattr(module, "MAP_NUMBERS", 500)
    data, _ = made(trained)
    step = data["step"]
    assert step > 1
    assert data["axes"][0]["values"] == trained[1].laziness.values[::step].tolist()
    assert all(layer["length"] == 2 * len(range(0, 8, step)) * len(range(0, 9, step)) for layer in data["layers"])


def test_many_vertices_become_fewer_and_lines_keep_their_ends(trained, monkeypatch):
    whole, _ = made(trained)
    monkeypatch.setattr(module, "VERTICES", 20)
    few, _ = made(trained)
    for before, after in zip(whole["lines"], few["lines"], strict=True):
        for name in before:
            assert before[name][0][0] == after[name][0][0]
            assert len(after[name][0]) <= len(before[name][0])
    assert sum(len(xs) for each in few["lines"] for xs, _ in each.values()) < sum(
        len(xs) for each in whole["lines"] for xs, _ in each.values()
    )


def test_the_page_s_command_names_the_cell_that_is_clicked(trained, monkeypatch):
    """As the page's script puts it together."""
    sweep, summary, _ = trained
    monkeypatch.setattr(module, "MAP_NUMBERS", 2 * 8 * 9 * 2)  # every second point along both axes, or fewer
    data, _ = made(trained)
    assert data["step"] > 1
    for k, sample in enumerate(summary.samples.values):
        for i, x in enumerate(summary.laziness.values[:: data["step"]]):
            for j, y in enumerate(summary.growth_per_step.values[:: data["step"]]):
                parts = data["axes"][0]["named"][i], data["axes"][1]["named"][j], data["slices"][0]["named"][k]
                command = shlex.split(data["replay"].replace(data["cell"], " ".join(parts)))
                assert command[:4] == ["lazyrich", "replay", "name", "--cell"]
                assert command[-2:] == ["--replicate", "0"]
                assert list(find_cell(sweep, command[4:-2]).box.values()) == [((sample,),), ((x,),), ((y,),)]

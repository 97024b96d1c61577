"""The kernel against T and against Θ∞: which networks, at which of their steps, and what is left at the end."""

import numpy as np
import pytest

import lazyrich
from lazyrich import archive
from lazyrich.draw.kernel_distance import KERNELS, MARKS, POINTS, distance_figure, distance_table, kernel_distances
from lazyrich.draw.report import write_report
from lazyrich.fields import RICH
from lazyrich.plan import whole
from lazyrich.simulate import simulate
from lazyrich.summary import summarise_sweep
from lazyrich.sweep_file import load_sweep

# Ten images, one of each class: K is far from κI.
SWEEP = {
    "problem": {
        "source": "digits",
        "samples": 10,
        "classes": list(range(10)),
        "inputs": "standardised",
        "targets": "centred",
    },
    "network": {"width": 10**9, "laziness": {"values": [1e-3, 1e-2, 1.0]}},
    "training": {"stability_fraction": 0.1, "steps": 1000},
    "record": {"every": 1},
    "replicates": 2,
}


def files(data, folder):
    sweep = load_sweep(data)
    recipe = whole(sweep).recipe
    archive.write(archive.described(simulate(recipe), recipe), folder / "shard.nc")
    summary = summarise_sweep(sweep, [folder / "shard.nc"])
    archive.write(summary, folder / "summary.nc")
    return sweep, summary, [str(folder / "shard.nc")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return files(SWEEP, tmp_path_factory.mktemp("trained"))


def test_it_is_of_one_replicate_of_every_rich_cell_that_converged(trained):
    found = kernel_distances(*trained)
    run = lazyrich.run(SWEEP)
    own = run.isel(network=np.flatnonzero((run.laziness < RICH) & (run.replicate == 0)))
    assert found.cells == found.networks == own.sizes["network"] == 2
    assert found.step_share == pytest.approx(0.1)


def test_marks_are_the_records_at_onset_at_the_end_and_at_the_last_step(trained):
    """Every step is recorded: no interpolation at whole steps."""
    found = kernel_distances(*trained)
    run = lazyrich.run(SWEEP)
    own = run.isel(network=np.flatnonzero((run.laziness < RICH) & (run.replicate == 0)))
    at = [np.zeros(2, dtype=int), own.onset_step.values, own.end_step.values, own.steps.values]
    for name in KERNELS:
        for mark, steps in enumerate(at):
            stored = own[name].values[np.arange(2), steps.astype(int)]
            np.testing.assert_allclose(found.values[name][:, mark * POINTS], stored, rtol=1e-6, err_msg=(name, mark))
    # Between them, steps are even.
    middle = own.ntk_end_error.values[0]
    step = 0.5 * (float(own.onset_step[0]) + float(own.end_step[0]))
    expected = np.interp(step, own.step.values[0], middle)
    assert found.values["ntk_end_error"][0, 3 * POINTS // 2] == pytest.approx(expected, rel=1e-6)


def test_the_table_holds_medians_over_networks(trained):
    found = kernel_distances(*trained)
    said = distance_table(found, trained[1])
    assert [mark for mark, _ in said["rows"]] == list(MARKS[1:])
    for mark, (_, cells) in enumerate(said["rows"], start=1):
        middles = [np.median(found.values[name][:, mark * POINTS]) for name in KERNELS]
        assert [cells[0], cells[2]] == [f"{value:.3g}" for value in middles]
    assert said["caveat"] == ""


def test_real_data_end_at_the_kernel_of_flow_and_not_at_the_aligned_one():
    """What is left to Θ∞ is of first order in the step, and halves with it; what is left to T is there at any step.

    Of second order is a share of about h, by which the halving may be off.
    """
    steps = [0.2, 0.1, 0.05]
    data = {**SWEEP, "network": {"width": 10**9, "laziness": 1e-2}, "record": {"points": 2}}
    run = lazyrich.run({**data, "training": {"stability_fraction": {"values": steps}, "tau": 100}})
    end, target = (run[name].values[:, -1].reshape(3, 2) for name in ("ntk_end_error", "ntk_target_error"))
    order = np.argsort(run.stability_fraction.values.reshape(3, 2)[:, 0])[::-1]
    end, target = end[order], target[order]
    ratio = end[1:] / end[:-1]
    assert (np.abs(ratio - 0.5) < np.array([[0.2], [0.1]])).all()
    assert (target > 0.1).all() and (end < 0.02 * target).all()
    np.testing.assert_allclose(target[1:], target[:-1], rtol=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"width": 10**9, "laziness": {"values": [0.5, 2.0]}}},
        {"record": {"every": 1, "observables": ["loss", "ntk_target_error"]}},
        {"record": {"summary": True}},
        {"training": {"stability_fraction": 0.1, "steps": 10}},
    ],
)
def test_without_rich_networks_or_records_there_is_nothing(changes, tmp_path):
    parts = files({**SWEEP, **changes}, tmp_path)
    assert kernel_distances(*parts) is None and distance_figure(*parts) is None
    assert distance_table(None, parts[1]) is None


def test_networks_that_are_not_linear_are_said_to_be_held_against_linear_theory(tmp_path):
    network = {"width": 32, "activation": "relu", "laziness": {"values": [1e-2, 1.0]}}
    parts = files({**SWEEP, "network": network, "training": {"stability_fraction": 0.4, "steps": 500}}, tmp_path)
    assert distance_table(kernel_distances(*parts), parts[1])["caveat"] == " (linear theory)"
    (tmp_path / "captions.json").write_text("{}")
    sweep, _, shards = parts
    page = tmp_path / "report.html"
    write_report(sweep, name="a", summary=tmp_path / "summary.nc", shards=shards, figures=tmp_path, page=page)
    text = page.read_text()
    assert "Theory of linear networks, networks that are not" in text
    assert "All networks here are relu" in text and "which gradient flow ends (linear theory)" in text

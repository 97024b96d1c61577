"""The kernel against T and against Θ∞: which networks, at which of their steps, and what is left at the end."""

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.fields import RICH
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.draw import kernel_distance
from lazyrich.draw.kernel_distance import KERNELS, MARKS, POINTS, distance_figure, distance_table, kernel_distances
from lazyrich.draw.report import write_report
from lazyrich.engines.trajectories import Status
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

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
    recipe = whole(sweep)
    archive.write(archive.described(simulate(recipe), recipe), folder / "shard.nc")
    summary = summarise_sweep(sweep, [folder / "shard.nc"])
    archive.write(summary, folder / "summary.nc")
    return sweep, summary, [str(folder / "shard.nc")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return files(SWEEP, tmp_path_factory.mktemp("trained"))


def own_networks(data):
    run = lazyrich.run(data)
    return run.isel(network=np.flatnonzero(run.laziness < RICH))


def test_it_is_of_every_replicate_of_every_rich_cell_that_converged(trained):
    found = kernel_distances(*trained)
    own = own_networks(SWEEP)
    assert found.cells == found.read == 2 and found.networks == own.sizes["network"] == 4
    assert found.replicate.tolist() == own.replicate.values.tolist() and found.replicates == 2
    assert found.step_share == pytest.approx(0.1)


def test_marks_are_the_records_at_onset_at_the_end_and_at_the_last_step(trained):
    """Every step is recorded: no interpolation at whole steps."""
    found = kernel_distances(*trained)
    own = own_networks(SWEEP)
    networks = np.arange(own.sizes["network"])
    at = [np.zeros_like(networks), own.onset_step.values, own.end_step.values, own.steps.values]
    for name in KERNELS:
        for mark, steps in enumerate(at):
            stored = own[name].values[networks, steps.astype(int)]
            np.testing.assert_allclose(found.values[name][:, mark * POINTS], stored, rtol=1e-6, err_msg=(name, mark))
    # Between them, steps are even.
    middle = own.ntk_end_error.values[0]
    step = 0.5 * (float(own.onset_step[0]) + float(own.end_step[0]))
    expected = np.interp(step, own.step.values[0], middle)
    assert found.values["ntk_end_error"][0, 3 * POINTS // 2] == pytest.approx(expected, rel=1e-6)


def test_the_table_holds_medians_over_cells_and_their_range_over_replicates(trained):
    found = kernel_distances(*trained)
    said = distance_table(found, trained[1])
    own = own_networks(SWEEP)
    assert [mark for mark, _ in said["rows"]] == list(MARKS[1:]) and said["replicates"] == 2
    for name, place in zip(KERNELS, (0, 2), strict=True):
        last = own[name].values[:, -1]
        each = sorted(np.median(last[own.replicate.values == replicate]) for replicate in (0, 1))
        assert said["rows"][-1][1][place : place + 2] == [f"{np.mean(each):.3g}", f"{each[0]:.2g} to {each[1]:.2g}"]
    # Other images: what the two tell apart is data, while the cells of one of them agree.
    target = own.ntk_target_error.values[:, -1]
    within = [np.ptp(target[own.replicate.values == replicate]) for replicate in (0, 1)]
    assert max(within) < 0.1 * np.ptp([np.mean(target[own.replicate.values == replicate]) for replicate in (0, 1)])
    assert said["caveat"] == ""


def test_of_very_many_networks_some_cells_are_read_with_all_replicates(trained, monkeypatch):
    monkeypatch.setattr(kernel_distance, "MOST_NETWORKS", 2)
    found = kernel_distances(*trained)
    assert (found.read, found.cells, found.replicate.tolist()) == (1, 2, [0, 1])
    assert distance_table(found, trained[1])["chosen"] == " 1 of 2 cells, evenly chosen."


def test_one_replicate_has_no_range_and_no_thin_curve(tmp_path):
    data = {**SWEEP, "replicates": 1}
    parts = files(data, tmp_path)
    build, caption = distance_figure(*parts)
    assert "Median." in caption and "Thin" not in caption
    assert len(build("bokeh")) == len(KERNELS) + 2  # and the lines at t₁ and t₂
    assert kernel_distances(*parts).medians("ntk_end_error").shape == (1, 3 * POINTS + 1)


def ends(width, step_shares, replicates):
    """‖Θ − Θ∞‖/‖Θ∞‖ at the end, (widths, step shares, replicates), NaN where a network has not converged."""
    data = {
        **SWEEP,
        "network": {"width": {"values": width}, "laziness": 0.09},
        "training": {"stability_fraction": {"values": step_shares}, "tau": 400},  # the slowest mode's, too
        "record": {"points": 2},
        "replicates": replicates,
    }
    run = lazyrich.run(data)
    found = np.full((len(width), len(step_shares), replicates), np.nan)
    done = np.flatnonzero(run.status.values == Status.converged)
    place = (
        np.abs(run.width.values[done, None] / np.array(width) - 1).argmin(axis=1),
        np.abs(run.stability_fraction.values[done, None] / np.array(step_shares) - 1).argmin(axis=1),
        run.replicate.values[done],
    )
    found[place] = run.ntk_end_error.values[done, -1]
    return found


def test_a_network_of_small_width_stays_away_from_theta_infinity_however_small_its_steps():
    """The other cause of what is left: of 32 neurons the random start, beside which halving the step is nothing."""
    (coarse, fine), (wide_coarse, wide_fine) = ends([32, 10**9], [0.1, 0.05], 16)
    # Of the wide one all is the step's, as below; the narrow one's step is as large, which is a bound on what it may lose.
    known = np.isfinite(coarse + fine + wide_coarse + wide_fine)
    assert known.sum() >= 8
    halved = wide_fine[known] / wide_coarse[known]
    assert (np.abs(halved - 0.5) < 0.1).all()
    assert (np.abs(fine - coarse)[known] < wide_coarse[known] * 2).all()
    assert np.median(fine[known] / coarse[known]) > 0.9


def test_what_is_left_to_theta_infinity_at_small_steps_falls_as_the_root_of_the_width():
    """Four times the width halves it: in the mean of the logarithm, to four standard errors and the step's own part."""
    widths, step = [128, 512, 2048], 0.0125
    left = ends([*widths, 10**9], [step], 64)[:, 0]
    left = left[:, np.isfinite(left).all(axis=0)]
    assert left.shape[1] >= 32
    powers = np.diff(np.log(left[:3]), axis=0) / np.log(4)
    error = powers.std(axis=1, ddof=1) / np.sqrt(left.shape[1])
    assert (error < 0.04).all()
    # At most the step's part is added, that of the widest network.
    part = np.log1p(np.median(left[3]) / np.median(left[1:3], axis=1)) / np.log(4)
    assert (np.abs(powers.mean(axis=1) + 0.5) < 4 * error + part).all()


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
    assert "All networks here are relu" in text and "ends from a wide start (linear theory)" in text
    assert "has two causes" not in text

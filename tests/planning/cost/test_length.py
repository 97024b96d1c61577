"""Estimated lengths against those of networks whose data are drawn, and against where engines really stop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.batch import networks
from lazyrich.planning.cost.length import _power_sum, length
from lazyrich.planning.plan import whole
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

PROBLEM = {"samples": 10, "dimension": 5000, "noise_std": 0.1}


def cell_of(recipe):
    box = recipe.grid
    cell = dict(recipe.fixed)
    for key, points in box.items():
        cell.update(zip(key.split(), points[0], strict=True))
    return cell


def recipe(problem=PROBLEM, network=None, training=None, **top):
    network = {"width": 64, "sigma_0": 0.1, "v_0": 0.1, **(network or {})}
    data = {"problem": problem, "network": network, "training": training or {"stability_fraction": 0.1, "tau": 30}}
    return whole(load_sweep({**data, **top}))


@pytest.mark.parametrize(
    "training",
    [{"stability_fraction": 0.1}, {"growth_per_step": 0.05}, {"learning_rate": 0.5}],
    ids=lambda t: next(iter(t)),
)
@pytest.mark.parametrize("sigma_0", [0.001, 0.3, 3.0])
@pytest.mark.parametrize(
    "problem",
    [
        PROBLEM,
        {"samples": 4, "dimension": 400, "target_norm": 3.0, "gram_scale": 7.0},
        {"samples": 20, "dimension": 2000, "teacher_norm": 0.5},
        {"samples": 8, "dimension": 2000, "spectrum": "spiked", "spikes": 3, "spike_strength": 2.0},
    ],
    ids=["isotropic", "rescaled", "teacher", "spiked"],
)
def test_steps_are_those_of_drawn_networks_but_for_the_draw(problem, sigma_0, training):
    """h, and with it T, follows from ‖y‖ and κ, by at most their product.

    ln ‖y‖² of n samples scatters by √(2/n) and lies 1/n below that of its mean; κ scatters less. The median of 30 draws
    scatters by 1.25/√30 of one; three of these.
    """
    asked = recipe(problem, {"sigma_0": sigma_0}, {**training, "tau": 300}, replicates=30)
    (found,) = networks(asked)
    estimated = length(cell_of(asked)).steps
    n = problem["samples"]
    assert abs(np.log(np.median(found.steps) / estimated)) < 3 * 1.25 / np.sqrt(30) * np.sqrt(2 / n) + 1 / n


def test_steps_that_are_given_are_the_length():
    assert length(cell_of(recipe(training={"learning_rate": 0.1, "steps": 77}))).steps == 77


@pytest.mark.parametrize("laziness", [0.001, 0.1, 1.0, 10.0])
def test_engines_stop_by_the_estimated_end_and_not_much_before(laziness):
    """A network that is given so many steps has all but converged to rounding, and one with half of them has not."""
    problem, training = {**PROBLEM, "dimension": 10**6}, {"stability_fraction": 0.1}
    data = {"problem": problem, "network": {"width": 64, "laziness": laziness}, "replicates": 4}
    long = whole(load_sweep({**data, "training": {**training, "tau": 1000}}))
    run = length(cell_of(long)).run
    assert run < length(cell_of(long)).steps
    ends = {}
    for share in (0.4, 1.0):
        steps = {**training, "steps": max(1, round(share * run))}
        ended = simulate(whole(load_sweep({**data, "training": steps, "record": {"summary": True}})))
        ends[share] = np.sqrt(2 * 10 * ended["loss"].values[:, 0]) / ended["y_norm"].values
    assert (ends[1.0] < 1e-10).all()
    assert (ends[0.4] > 1e-13).all()


@given(st.integers(1, 10**4), st.floats(0, 3))
def test_power_sums(d, exponent):
    exact = float(np.sum(np.arange(1, d + 1, dtype=float) ** -exponent))
    # Midpoints of a convex function: the error of a term is its curvature/24, which sums to less than its slope at 16/24.
    assert abs(_power_sum(d, exponent) - exact) <= exponent * 16.0 ** (-exponent - 1) / 24 + 1e-9 * exact


def test_a_data_file_gives_its_own_sizes(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 30)), rng.standard_normal(6)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    data = {
        "problem": {"source": "file", "path": str(tmp_path / "data.npz")},
        "network": {"width": 8, "sigma_0": 0.5, "v_0": 0.5},
        "training": {"learning_rate": 0.01, "tau": 5},
    }
    asked = whole(load_sweep(data))
    (found,) = networks(asked)
    # Both as if K = κI, which 6 of 30 are only roughly: λ_max/κ ≤ (1 + √(6/30))² / (1 − √(6/30))².
    assert 0.15 < length(cell_of(asked)).steps / found.steps[0] < 6.9


@pytest.mark.parametrize(
    ("problem", "network"),
    [
        (PROBLEM, {"sigma_0": 1e160}),
        ({**PROBLEM, "teacher_norm": 1e200}, {}),
        ({**PROBLEM, "target_norm": 1e-200}, {}),
    ],
)
def test_sizes_whose_squares_are_no_numbers_are_planned_all_the_same(problem, network):
    """Their networks fail one by one; the others of the grid do not."""
    asked = recipe(problem, network, {"learning_rate": 0.1, "tau": 30})
    assert 1 <= length(cell_of(asked)).run <= length(cell_of(asked)).steps < np.inf

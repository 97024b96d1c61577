"""Boundaries of regimes against the exact engine and against sampling."""

import numpy as np
import pytest

import lazyrich
from lazyrich.engines.dense import train
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.theory import boundaries
from tests.theory.common import anisotropic, trained


def test_kernel_change_of_flow_and_its_isotropic_form():
    """Measured at small steps and large width; sampled K with n = 8, d = 20 far from isotropic."""
    run = lazyrich.run(
        {
            "problem": {"samples": 8, "dimension": 20, "noise_std": 0.5},
            "network": {"width": 10**14, "laziness": {"log": [0.01, 10], "points": 5}},
            "training": {"stability_fraction": 0.002, "tau": 60},
            "record": {"summary": True},
        }
    )
    size = run.sigma_0.values**2 + run.v_0.values**2
    predicted = boundaries.kernel_change(
        size, run.b.values, run.gamma.values, run.gram_norm.values, run.y_norm.values**2
    )
    # First order in the step h = 0.002, with a factor of a few.
    np.testing.assert_allclose(run.ntk_change.values[:, -1], predicted, rtol=0.01)

    n, kappa, y = 10, 7.0, 3.0
    chi = np.array([0.1, 1.0, 10.0])
    b = y / np.sqrt(kappa)
    general = boundaries.kernel_change(2 * b * chi, np.full(3, b), kappa * y**2, kappa * np.sqrt(n), y**2)
    np.testing.assert_allclose(general, boundaries.kernel_change_isotropic(chi, n), rtol=1e-12)
    np.testing.assert_allclose(boundaries.critical_laziness(general, n), chi, rtol=1e-10)
    assert boundaries.kernel_change_isotropic(1.0, 10) == pytest.approx(0.236, abs=5e-4)
    assert boundaries.critical_laziness(1.0, 10) == pytest.approx(0.39, abs=5e-3)


def balanced(k, starts=40, steps=4000):
    """Rich balanced starts with n = 1 at growth per step k, spread over a factor (1 + k)² so that they come by every phase."""
    first = 1e-6
    return trained(
        network={"laziness": {"log": [first, first * (1 + k) ** 2], "points": starts}}, k=k, steps=steps, width=10**12
    )


def rises(run):
    """By what the loss of each network ever rises from one step to the next, relative to its start."""
    return np.max(np.diff(run.loss.values, axis=1), axis=1) / run.loss_start.values


def test_the_loss_of_rich_starts_is_monotone_below_its_threshold_only():
    assert (rises(balanced(boundaries.MONOTONE_FROM_SMALL - 0.003, 300, steps=200)) < 1e-12).all()
    # By δk above it, a share √δk of the starts' phases rise, by the order of δk times what is left of the loss.
    assert (rises(balanced(boundaries.MONOTONE_FROM_SMALL + 0.003, 300, steps=200)) > 1e-6).any()
    # Where a start above the solution would rise, a small one has long overshot and does not.
    overshot = balanced(boundaries.MONOTONE + 0.05, 300, steps=200)
    assert (rises(overshot) < 1e-12).all() and (overshot.target_overlap.max() > 1.05)


@pytest.mark.parametrize(("k", "monotone"), [(boundaries.MONOTONE - 0.002, True), (boundaries.MONOTONE + 0.002, False)])
def test_the_loss_of_any_balanced_start_is_monotone_below_its_threshold_only(k, monotone):
    """One weight in each layer, w = v = x, X = y = 1, so that k = η; losses rise first from x² = 1 + (2 − k)/(2k) = 1.71."""
    one = np.ones(1)
    growth = []
    for x in np.sqrt(1 + (2 - k) / (2 * k)) + np.array([-0.3, -0.02, 0.0, 0.02, 0.2]):
        run = train(
            one[None], one, x * one[None], x * one, learning_rate=k, loss_factor=1.0, record_steps=np.arange(20)
        )
        growth.append(np.max(np.diff(run.observables[0, :, observables.NAMES.index("loss")])))
    # By δk above the threshold the worst start rises by the order of δk, others at a distance of √δk or more do not.
    assert (max(growth) < 1e-15) == monotone
    assert np.argmax(growth) == 2 or monotone


def test_the_threshold_of_small_starts_solves_its_equation():
    k = boundaries.MONOTONE_FROM_SMALL
    np.testing.assert_allclose(8 * (1 + k) ** 3 + 27 * np.sqrt(k**2 + 4 * k - 4), 27 * (k + 2), rtol=1e-14)


def test_rich_descent_converges_up_to_k_1_and_is_periodic_beyond():
    """At a distance of 2 % the multiplier at the fixed point is 1 − 2k = −0.96: 4000 steps forget the start."""
    below = balanced(0.98 * boundaries.STABLE, 5)
    assert (below.status == Status.converged).all() and (below.period == 0).all()
    above = balanced(1.02 * boundaries.STABLE, 5)
    assert (above.status == Status.running).all() and (above.period == 2).all()
    assert (balanced(0.99 * boundaries.PERIOD_FOUR, 5).period == 2).all()
    assert (balanced(1.01 * boundaries.PERIOD_FOUR, 5).period == 4).all()


def test_descent_diverges_above_the_largest_bounded_k():
    """From 2 on a start of the whole interval is thrown out; just below it stays, if it lies on the line ρ = √γ v."""
    assert (balanced(boundaries.BOUNDED + 0.02, 5).status == Status.diverged).all()
    assert (balanced(boundaries.BOUNDED - 0.02, 5, steps=200).status == Status.running).all()


@pytest.mark.parametrize("laziness", [10.0, 20.0, 30.0])
def test_a_lazy_start_is_monotone_catapults_or_diverges_by_its_clock(laziness):
    clocks = np.array([0.97 * boundaries.MONOTONE_CLOCK, 1.03 * boundaries.MONOTONE_CLOCK])
    clocks = np.append(clocks, [0.97 * boundaries.CATAPULT_CLOCK, 1.03 * boundaries.CATAPULT_CLOCK])
    run = trained(
        laziness=laziness,
        k={"values": list(clocks / (2 * laziness))},
        steps=4000,
        width=10**16,
    )
    clock = run.learning_rate.values * run.sharpness_start.values
    np.testing.assert_allclose(clock, clocks, rtol=1e-6)  # 2kχ, and a width of 10¹⁶
    # The kernel of a lazy network moves by χ⁻² ≤ 1 % at most before the loss has moved by itself: less than the 3 % to 2.
    growth = run.loss_max.values / run.loss_start.values
    assert growth[0] == 1 and (growth[1:] > 1).all()
    np.testing.assert_array_equal(run.status.values == Status.diverged, clock > boundaries.CATAPULT_CLOCK)
    assert (run.status.values[:3] == Status.converged).all()
    # The catapult has shrunk the kernel below where descent is stable.
    assert (run.learning_rate * run.sharpness_end).values[2] < 2 < clock[2]


def test_no_solution_is_flatter_than_the_floor_and_rich_isotropic_ones_reach_it():
    run = anisotropic(
        network={"width": {"values": [3, 30, 10**9]}, "laziness": {"log": [1e-5, 10], "points": 4}},
        training={"stability_fraction": 0.1, "tau": 400},
        record={"summary": True},
        replicates=5,
    )
    done = run.status.values == Status.converged
    assert done.mean() > 0.9
    floor = boundaries.sharpness_floor(run.gamma.values, run.width.values.astype(float))
    largest = run.sharpness_end.values * run.samples.values / run.loss_factor.values  # of (c/n) λ_max
    assert (largest[done] > floor[done] * (1 - 2 * 1e-3)).all()  # a residual of 1e-3 ‖y‖
    isotropic = trained(laziness=1e-6, k=0.1, steps=400)
    floor = boundaries.sharpness_floor(isotropic.gamma.values, isotropic.width.values.astype(float))
    # Of size χ², and of the step: D has decayed meanwhile.
    np.testing.assert_allclose(isotropic.sharpness_end.values / floor, 1.0, rtol=1e-5)


def test_the_floor_of_the_kernel_change_is_the_mean_of_random_starts():
    run = trained(
        samples=4,
        dimension=10**7,
        network={"laziness": 1e4, "balance": 0.5},
        width=10**4,
        k=1e-6,
        steps=1000,
        replicates=4000,
        record={"summary": True},
    )
    ratio = run.kernel_change.values / boundaries.kernel_change_floor(4, run.sigma_0.values, run.v_0.values, 1e4)
    error = np.std(ratio) / np.sqrt(4000)
    # Sampling; the step, of h = 0.01; and what comes next in n/m = 4e-4 and (√m/χ)² = 1e-4.
    assert abs(np.mean(ratio) - 1) < 4 * error + 0.01
    assert error < 0.012


@pytest.mark.parametrize(("samples", "dimension"), [(5, 14), (14, 5)])
def test_expected_b_square_is_the_mean_of_samples(samples, dimension):
    run = lazyrich.run(
        {
            "problem": {
                "samples": samples,
                "dimension": dimension,
                "teacher_norm": {"values": [1.5, 0.0, 1.0]},
                "noise_std": {"values": [0.0, 0.8, 0.7]},
            },
            "network": {"width": 10, "sigma_0": 0.1, "v_0": 0.1},
            "training": {"learning_rate": 1e-3, "steps": 1},
            "record": {"summary": True},
            "replicates": 2000,
            "zip": [["teacher_norm", "noise_std"]],
        }
    )
    b_square = run.b.values.reshape(3, -1) ** 2
    predicted = boundaries.expected_b_square(samples, dimension, np.array([1.5, 0.0, 1.0]), np.array([0.0, 0.8, 0.7]))
    # Without noise and with n > d it is ‖β‖² itself, to rounding.
    error = np.std(b_square, axis=1) / np.sqrt(2000)
    assert (np.abs(np.mean(b_square, axis=1) - predicted) < 4 * error + 1e-12).all()
    assert (error < 0.025 * predicted).all()


def test_expected_b_square_is_infinite_in_the_mean_near_the_square():
    found = boundaries.expected_b_square(np.array([8.0, 9.0, 10.0, 11.0, 12.0]), 10, 1.0, 1.0)
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, True, False])


def slopes(p, s):
    """d log/d log m of the kernel's and the first layer's relative change, over m = 10⁵ to 10⁹."""
    run = lazyrich.run(
        {
            "problem": {"samples": 3, "dimension": 50, "target_norm": 1.0, "gram_scale": 1.0},
            "network": {
                "width": {"values": [10**5, 10**6, 10**7, 10**8, 10**9]},
                "width_exponent_p": p,
                "width_exponent_s": s,
            },
            "training": {"stability_fraction": 0.05, "tau": 40},
            "record": {"points": 2, "observables": ["ntk_change", "weight_change"]},
        }
    )
    assert (run.status == Status.converged).all()
    log_m = np.log(run.width.values)
    return [np.polyfit(log_m, np.log(run[name].values[:, -1]), 1)[0] for name in ("ntk_change", "weight_change")]


@pytest.mark.parametrize(
    ("p", "s"),
    [
        (0.0, 0.0),
        (0.3, 0.3),
        (-0.2, 0.1),
        (0.1, -0.2),
        (-0.2, -0.2),
        (-0.2, 0.6),
        (0.6, -0.2),
        (0.5, 0.0),
        (0.0, 0.5),
        (0.25, 0.1),
        (0.1, 0.25),
    ],
)
def test_width_exponents_decide_what_moves_in_wide_networks(p, s):
    kernel, weights = slopes(p, s)
    # Powers of m here are 0, with corrections that vanish, or at least 0.1 in size.
    assert (kernel < -0.05) == boundaries.kernel_lazy(p, s)
    expected = boundaries.weight_change_exponent_region(p, s)
    assert (-1 if weights < -0.05 else 1 if weights > 0.05 else 0) == expected

"""The wide-limit flow against another integrator, the closed form, its end and the exact engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from lazyrich.theory import closed_form, end_state, scalars, wide
from tests.theory.common import anisotropic

# What `overlap` promises, relative to ‖y‖²: each step errs by 1e-7, and the ten or so that rise from the start pass it on.
PROMISED = 1e-6


def problem(seed, n, rank):
    """Eigenvalues (1, n), of which n − rank are 0, and targets on the others."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, rank)) @ np.diag(rng.uniform(0.3, 1.0, rank))
    eigenvalues, U = np.linalg.eigh(X @ X.T)
    eigenvalues[: n - rank] = 0.0
    targets = np.where(eigenvalues > 0, U.T @ rng.standard_normal(n), 0.0)
    return eigenvalues[None], targets[None]


def times(eigenvalues, targets, size, tau, records=40):
    """Records up to τ = h t, with a rate at which h = 0.01."""
    rate = 0.02 / end_state.largest_eigenvalue(eigenvalues, targets, size)
    return np.linspace(0, tau / 0.01, records)[None] * np.ones((len(size), 1)), rate


def slope(e, eigenvalues, targets, size):
    """de/dt as the equation is printed, with ê."""
    root = np.sqrt(eigenvalues)
    g = root * (targets - root * e)
    norm = np.linalg.norm(e)
    direction = e / norm if norm > 0 else e
    S = np.sqrt(size**2 + 4 * norm**2)
    return 0.5 * (S + size) * g + 0.5 * (S - size) * direction * (direction @ g)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 2), st.floats(-12, 4))
def test_overlap_is_that_of_another_integrator(seed, rank, missing, log_laziness):
    eigenvalues, targets = problem(seed, rank + missing, rank)
    size = 2 * scalars.minimum_norm(eigenvalues, targets) * 10**log_laziness
    steps, rate = times(eigenvalues, targets, size, 20.0)
    found = wide.overlap(steps, eigenvalues, targets, size, rate)[0]
    # In units of the small numbers that it starts from, a tight absolute tolerance is a relative one.
    small = 1e-12 * min(size[0], scalars.minimum_norm(eigenvalues, targets)[0])
    e = solve_ivp(
        lambda t, e: rate[0] * slope(e, eigenvalues[0], targets[0], size[0]),
        (0, steps[0, -1]),
        np.zeros(rank + missing),
        method="DOP853",
        t_eval=steps[0],
        rtol=1e-10,
        atol=small,
    ).y
    expected = (np.sqrt(eigenvalues[0]) * targets[0]) @ e
    # 1e-10 a step of the reference, over up to a thousand steps.
    assert np.max(np.abs(found - expected)) < (PROMISED + 1e-7) * np.sum(targets**2)


@pytest.mark.parametrize("laziness", [1e-100, 1e-20, 1e-7, 1e-3, 1.0, 100.0])
def test_an_isotropic_kernel_has_the_closed_form(laziness):
    kappa, y = 3.0, np.array([[0.5, -1.0, 2.0]])
    y_norm = np.linalg.norm(y)
    eigenvalues = np.full((1, 3), kappa)
    size = np.array([2 * laziness * y_norm / np.sqrt(kappa)])
    # So far that the deepest start, which learns after τ = ln(1/χ)/2 or so, does.
    steps, rate = times(eigenvalues, y, size, 10 - 0.5 * np.log(min(laziness, 1.0)))
    k = rate[0] * np.sqrt(kappa) * y_norm
    # Half of D in each layer, as the closed form is told ⟨p̃²⟩ and ⟨v²⟩; the wide start has no ⟨p̃v⟩.
    expected = closed_form.overlap(steps[0], size[0] / 2, size[0] / 2, 0.0, k, kappa, y_norm)
    found = wide.overlap(steps, eigenvalues, y, size, rate)[0] / y_norm**2
    assert expected[-1] > 0.999
    # Stage one multiplies the closed form's rounding by the exponent 2kt, of at most 500.
    assert np.max(np.abs(found - expected)) < PROMISED


def test_training_ends_at_the_targets_and_long_records_cost_nothing():
    eigenvalues, targets = problem(1, 6, 4)
    size = scalars.minimum_norm(eigenvalues, targets)
    steps, rate = times(eigenvalues, targets, size, 1e9)
    found = wide.overlap(steps, eigenvalues, targets, size, rate)[0]
    np.testing.assert_allclose(found[1:], np.sum(targets**2), rtol=2e-12)  # a residual of 1e-12
    assert found[0] == 0


def test_targets_beyond_the_rank_are_not_learnt():
    eigenvalues, targets = problem(2, 5, 3)
    size = scalars.minimum_norm(eigenvalues, targets)
    steps, rate = times(eigenvalues, targets, size, 20.0)
    more = targets + (eigenvalues == 0) * 5.0
    np.testing.assert_array_equal(
        wide.overlap(steps, eigenvalues, more, size, rate), wide.overlap(steps, eigenvalues, targets, size, rate)
    )


def test_what_cannot_move_stays_and_what_is_no_number_is_nan():
    steps = np.array([[0, 10, 1000]] * 5)
    eigenvalues, targets = np.ones((5, 2)), np.ones((5, 2))
    size, rate = np.ones(5), np.full(5, 0.01)
    targets[1] = 0.0  # nothing to learn
    size[2] = 0.0  # nothing to learn with
    size[3] = np.inf
    rate[4] = np.nan
    found = wide.overlap(steps, eigenvalues, targets, size, rate)
    assert found[0, -1] == pytest.approx(2.0)
    assert (found[1:3] == 0).all()
    assert np.isnan(found[3:]).all()


def test_overlap_is_the_limit_of_small_steps_and_balance_does_not_matter():
    """Random K, far from isotropic; deep rich to lazy, σ0/v0 from 0.1 to 10."""
    errors = []
    for h in (0.002, 0.001):
        run = anisotropic(
            network={
                "width": 10**17,
                "laziness": {"values": [1e-4, 0.1, 1.0, 10.0]},
                "balance": {"values": [0.1, 1.0, 10.0]},
            },
            training={"stability_fraction": h, "tau": 20},
        )
        size = run.sigma_0.values**2 + run.v_0.values**2
        rate = run.growth_per_step.values / np.sqrt(run.gamma.values)
        predicted = wide.overlap(run.step.values, run.eigenvalues.values, run.targets.values, size, rate)
        difference = predicted / run.y_norm.values[:, None] ** 2 - run.target_overlap.values
        errors.append(np.max(np.abs(difference), axis=1))
    # The onset of the deepest start, after ln(1/χ)/2 = 5 in τ, is off by h/2 of itself.
    assert np.max(errors[1]) < 0.5 * 0.001 * 5 * 2
    np.testing.assert_allclose(errors[0] / errors[1], 2.0, rtol=0.1)  # first order in h


def test_the_kernel_begins_and_ends_where_it_should_and_is_symmetric_between():
    eigenvalues, targets = problem(3, 4, 4)
    size, width = np.array([0.3]), np.array([10.0])
    start = wide.kernel(np.zeros((1, 4)), eigenvalues, size, width)
    np.testing.assert_allclose(start[0], 0.03 * np.diag(eigenvalues[0]), rtol=1e-14)
    end = wide.kernel(targets / np.sqrt(eigenvalues), eigenvalues, size, width)
    np.testing.assert_allclose(end, end_state.kernel(eigenvalues, targets, size, width), rtol=1e-12, atol=1e-14)


def test_the_flow_of_the_output_is_that_of_the_kernel():
    """Between: df/dt = (cη/n) Θ (y − f), with Θ from the weights and f from the equation of e."""
    eigenvalues, targets = problem(4, 5, 5)
    e = np.random.default_rng(4).standard_normal(5)
    size, width = 0.7, 10.0
    root = np.sqrt(eigenvalues[0])
    kernel = wide.kernel(e, eigenvalues[0], np.float64(size), np.float64(width))
    moved = root * slope(e, eigenvalues[0], targets[0], size) / width
    np.testing.assert_allclose(kernel @ (targets[0] - root * e), moved, rtol=1e-12, atol=1e-13)

"""The lazy reference against its recursion and the exact engine."""

import numpy as np
import pytest

from lazyrich.theory import lazy
from tests.theory.common import anisotropic, trained


def of_run(run):
    """Target overlap of the linearised network from a wide start, at the run's records."""
    size = run.sigma_0.values**2 + run.v_0.values**2
    rate = run.growth_per_step.values / np.sqrt(run.gamma.values)
    found = lazy.overlap(run.step.values.astype(float), run.eigenvalues.values, run.targets.values, size, rate)
    return found / run.y_norm.values[:, None] ** 2


def test_the_lazy_reference_is_approached_with_the_square_of_the_laziness():
    errors = []
    for laziness in (10.0, 20.0, 40.0):
        # So wide that Θ(0) is (Dκ/m) I far below the errors that are compared.
        run = trained(laziness=laziness, k=0.02 / laziness, steps=300, width=10**16)
        predicted = of_run(run)
        measured = run.target_overlap.values
        errors.append(np.max(np.abs(predicted - measured)))
        # The engine's own distance to the linearised network is the same quantity for n = 1.
        assert np.max(run.lazy_error.values) == pytest.approx(errors[-1], rel=0.02)
    # Falls as χ⁻²; corrections are of relative order χ⁻².
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.05)


def test_the_residual_is_that_of_the_recursion():
    rng = np.random.default_rng(0)
    J = rng.standard_normal((3, 4, 6))
    kernel, start, rate = J @ np.swapaxes(J, 1, 2), rng.standard_normal((3, 4)), np.array([0.01, 0.1, 0.3])
    t = np.arange(30.0)
    found = lazy.residual(t, kernel, start, rate)
    residual, largest = start, np.abs(start)
    for step in range(30):
        # Rounding of each step, relative to the largest value so far: the last network diverges.
        assert (np.abs(found[:, step] - residual) < 1e-12 * largest.max(axis=1)[:, None]).all()
        residual = residual - rate[:, None] * np.einsum("aij,aj->ai", kernel, residual)
        largest = np.maximum(largest, np.abs(residual))
    assert largest[2].max() > 1e3 and largest[0].max() < 10


def test_the_wide_linearised_network_is_the_residual_with_its_kernel():
    rng = np.random.default_rng(1)
    eigenvalues, targets, size = rng.uniform(0.1, 1, (2, 5)), rng.standard_normal((2, 5)), np.array([0.5, 2.0])
    rate, t = np.array([0.1, 0.7]), np.arange(0.0, 40, 3)
    found = lazy.overlap(t[None] * np.ones((2, 1)), eigenvalues, targets, size, rate)
    kernel = size[:, None, None] * eigenvalues[:, :, None] * np.eye(5)
    left = lazy.residual(t, kernel, targets, rate)
    expected = np.sum(targets**2, axis=1)[:, None] - np.einsum("ai,ati->at", targets, left)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    # With every eigenvalue κ it is an exponential in the clock 2kχ.
    kappa, y_norm, chi, k = 3.0, np.linalg.norm(targets[0]), 5.0, 0.01
    isotropic = lazy.overlap(
        t[None],
        np.full((1, 5), kappa),
        targets[:1],
        2 * chi * y_norm / np.sqrt(kappa) * np.ones(1),
        k / (np.sqrt(kappa) * y_norm) * np.ones(1),
    )
    np.testing.assert_allclose(isotropic[0] / y_norm**2, 1 - (1 - 2 * k * chi) ** t, rtol=1e-12)


def test_lazy_networks_are_as_close_to_it_as_the_engine_says():
    run = anisotropic(
        network={"width": 10**18, "laziness": {"values": [10.0, 100.0]}},
        training={"stability_fraction": 0.3, "tau": 20},
    )
    predicted = of_run(run)
    difference = np.abs(predicted - run.target_overlap.values)
    # |⟨y, f − f_lin⟩| ≤ ‖y‖‖f − f_lin‖; of finite width, Θ(0) and f(0) are off by a few χ/√m.
    assert (difference < run.lazy_error.values + 10 * 100 / 1e9).all()
    largest = np.max(run.lazy_error.values, axis=1)
    assert largest[0] < 0.02 and largest[1] == pytest.approx(largest[0] / 100, rel=0.05)
    assert (predicted[:, -1] > 0.9).all()

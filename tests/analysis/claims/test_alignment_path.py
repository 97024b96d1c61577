"""rms ρ_r and the loss at any time, against gradient descent on explicit weights."""

import numpy as np
import pytest

from lazyrich.analysis.claims.alignment_path import path
from lazyrich.analysis.follow import Followed, Snapshot
from lazyrich.theory import scalars, stage_one, times

N, D, M = 3, 7, 9
STEPS = 160
RATE, FACTOR = 0.4, 2.0  # η and c


def explicit(sigma_0, v_0, steps=STEPS, scale=1.0):
    """Return (X, y, W(0), v(0), rms ρ_r and ‖y − f‖² at each step), by plain descent on W (D, M) and v, L = ‖f − y‖²/n."""
    generator = np.random.default_rng(5)
    X = generator.standard_normal((N, D))
    y = scale * (X @ generator.standard_normal(D))
    W = W_0 = sigma_0 * generator.standard_normal((D, M))
    v = v_start = v_0 * generator.choice([-1.0, 1.0], M)
    rho, residual = [], []
    for _ in range(steps + 1):
        left = y - X @ W @ v / M
        rho.append(np.sqrt(np.mean(((W - W_0).T @ X.T @ y) ** 2)))
        residual.append(left @ left)
        force = FACTOR * RATE / (M * N) * X.T @ left
        W, v = W + np.outer(force, v), v + W.T @ force
    return X, y, W_0, v_start, np.array(rho), np.array(residual)


def followed(X, y, W, v):
    """Return the same network as claims follow it: in the eigenbasis of K, with every neuron explicit."""
    U, root, V = np.linalg.svd(X, full_matrices=False)
    z = np.column_stack([v, W.T @ V.T])
    start = Snapshot(step=0, moments=z.T @ z / M, neurons=z)
    return Followed(root**2, U.T @ y, float(M), FACTOR * RATE / (M * N), float("nan"), start)


@pytest.mark.parametrize(("sigma_0", "v_0"), [(1e-9, 1e-3), (1e-3, 1e-9)])
def test_a_path_is_that_of_explicit_weights(sigma_0, v_0):
    X, y, W, v, rho, residual = explicit(sigma_0, v_0)
    found = path(followed(X, y, W, v), STEPS)
    assert residual[-1] < 0.1 * residual[0] < residual[STEPS // 8]  # through the whole of training
    # 160 steps of rounding, and W(t) − W(0) from weights that begin far above it.
    np.testing.assert_allclose(found.rho, rho, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.left, residual / residual[0], rtol=1e-9)
    for step in (0, 1, 2, 40, STEPS):
        assert found.rho_at(float(step)) == pytest.approx(found.rho[step], rel=1e-12)
    assert found.rho_at(0.5) == pytest.approx(found.rho[1] / 2)
    assert found.rho_at(39.5) == pytest.approx(np.sqrt(found.rho[39] * found.rho[40]), rel=1e-12)


def test_rho_between_steps_is_that_of_stage_one():
    """Its exact modes, taken at t that are no whole numbers: ρ = √γ v₀ ½((1 + k)ᵗ − (1 − k)ᵗ) where σ₀ ≪ v₀."""
    X, y, W, v, *_ = explicit(0.0, 1e-9, steps=60)
    found = path(followed(X, y, W, v), 60)
    gamma = float(y @ X @ X.T @ y)
    k = float(scalars.growth_per_step(RATE, gamma, float(M), N, FACTOR))
    for t in (20.3, 41.7, 55.5):
        rms, _ = stage_one.magnitudes(t, 0.0, 1e-9, 0.0, k, gamma)
        # Of the decaying mode a share (1 − k)ᵗ/(1 + k)ᵗ is left, and the step between is straight to that share.
        assert found.rho_at(t) == pytest.approx(rms, rel=max(((1 - k) / (1 + k)) ** (t - 1), 1e-9))


def test_the_loss_when_rho_is_1_is_the_stated_share():
    """Isotropic K, √γ‖y‖² = 20: at rms ρ_r = 1 the overlap is 1/20, and so L/L(0) = 0.95²."""
    k, v_0 = 0.01, 1e-6
    y = np.array([2.0, -1.0, 1.0])
    X = np.sqrt((20 / (y @ y)) ** 2 / (y @ y)) * np.eye(3)  # √γ = √κ‖y‖ = 20/‖y‖²
    gamma = float(y @ X @ X.T @ y)
    W, v, rate = np.zeros((3, 4)), v_0 * np.array([1.0, -1, 1, 1]), k / np.sqrt(gamma)
    rho = 0.0
    while rho < 1:
        left = y - X @ W @ v / 4
        share = left @ left / (y @ y)
        force = rate * X.T @ left
        W, v = W + np.outer(force, v), v + W.T @ force
        rho = np.sqrt(np.mean((W.T @ X.T @ y) ** 2))
    # A step more or less changes ρ² by 2k.
    assert 1 - share == pytest.approx(1 - times.loss_at_alignment(np.sqrt(gamma) * (y @ y)), rel=2.5 * k)

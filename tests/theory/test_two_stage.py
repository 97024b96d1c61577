"""Stage two: its two recursions against each other, their continuous limit and the exact engine."""

import numpy as np
import pytest

from lazyrich.analysis.theories import predictions
from lazyrich.theory import two_stage
from tests.theory.common import trained


def test_eq_10_on_the_line_is_eq_11_and_both_end_at_the_limit():
    steps = np.arange(400)[None]
    one = {"k": np.array([0.1]), "gamma": np.array([9.0]), "gamma_2": np.array([30.0])}
    start = (np.array([0]), np.array([1e-3]))
    full = two_stage.evolve(steps, start[0], np.sqrt(9.0) * start[1], start[1], **one)
    aligned = two_stage.evolve_aligned(steps, *start, **one)
    np.testing.assert_allclose(full, aligned, rtol=1e-10)  # 400 steps of rounding
    limit = two_stage.limit(one["gamma"], one["gamma_2"])
    np.testing.assert_allclose(aligned[:, -1] * np.sqrt(9.0), limit, rtol=1e-10)


def test_continuous_eq_11_is_the_small_step_limit():
    errors = []
    for k in (0.02, 0.01):
        steps = np.arange(0, round(8 / k) + 1)[None]
        one = {"k": np.array([k]), "gamma": np.array([9.0]), "gamma_2": np.array([30.0])}
        discrete = two_stage.evolve_aligned(steps, np.array([0]), np.array([0.01]), **one)[0] * 3.0
        rho_limit = np.sqrt(two_stage.limit(9.0, 30.0))
        smooth = two_stage.continuous(steps[0].astype(float), 0.03, k, rho_limit)
        errors.append(np.max(np.abs(discrete - smooth)) / rho_limit**2)
    assert errors[0] < 0.1
    assert errors[1] / errors[0] == pytest.approx(0.5, rel=0.1)  # first order in k


def test_the_two_stage_recursion_follows_rich_networks():
    """n = 1, deep rich: Eq. 10 is exact but for the part that stage one left unaligned, of order χ/δ."""
    run = trained(laziness=1e-6, k=0.3, steps=60)
    predicted, measured = predictions(run)["eq_10"], run.target_overlap.values
    after = run.step.values >= run.onset_step.values[:, None]
    # Begun with stage one's amplitude at onset, which is too large by the overlap there (about δ/2 to δ), it runs ahead by
    # at most that share of an e-folding.
    assert np.nanmax(np.abs(predicted - measured)[after]) < 0.05
    assert np.isnan(predicted[~after]).all()


def test_the_proxy_grows_exponentially_in_continuous_time():
    """From the logistic curve, 1 − ρ²/ρ∞² = (ρ∞²/ρ² − 1)(ρ²/ρ∞²), so ρ̃² = ρ∞²/(ρ∞²/ρ²(0) − 1) e^{2kt}."""
    t, k, rho_limit = np.linspace(0, 100, 50), 0.1, 3.0
    rho = np.sqrt(two_stage.continuous(t, 0.01, k, rho_limit))
    found = two_stage.proxy(rho, rho_limit)
    # At the end 1 − ρ²/ρ∞² = 1e-4, of which its difference loses four digits.
    np.testing.assert_allclose(found, two_stage.proxy(0.01, rho_limit) * np.exp(k * t), rtol=1e-10)
    assert two_stage.proxy(rho_limit, rho_limit) == np.inf
    assert np.isnan(two_stage.proxy(1.1 * rho_limit, rho_limit))


@pytest.mark.parametrize("k", [0.1, 0.01])
def test_the_proxy_of_the_recursion_grows_exponentially_to_first_order(k):
    """A step multiplies ρ̃² by (1 + k(1 − x))²/(1 − 2kx − k²x(1 − x)), x = ρ²/ρ∞²: from (1 + k)² at 0 to 1/(1 − 2k) at 1."""
    steps = np.arange(round(8 / k))[None]
    gamma, phi = np.array([9.0]), np.array([30.0])
    product = two_stage.evolve_aligned(steps, np.array([0]), np.array([0.01]), np.array([k]), gamma, phi)[0]
    rho_limit = np.sqrt(two_stage.limit(9.0, 30.0))
    proxy = two_stage.proxy(np.sqrt(3.0 * product), rho_limit)
    growth = np.log(proxy[1:] / proxy[:-1])
    assert (3.0 * product[-1] > 0.99 * rho_limit**2) and (3.0 * product[0] < 1e-3 * rho_limit**2)
    # Both ends are k to first order; the last rounding is that of 1 − ρ²/ρ∞² ≥ 1e-4.
    assert growth.min() > np.log1p(k) - 1e-9
    assert growth.max() < -0.5 * np.log1p(-2 * k) + 1e-9
    assert np.abs(growth - k).max() < 1.5 * k**2


def test_eq_10_off_the_line_is_the_recursion_as_printed():
    """From ρ and v of their own, at records that skip steps."""
    steps, k, gamma, phi = np.array([[0, 2, 5, 5, 40]]), 0.2, 9.0, 30.0
    rho, v = 0.3, -0.05
    found = two_stage.evolve(
        steps, np.array([2]), np.array([rho]), np.array([v]), np.array([k]), np.array([gamma]), np.array([phi])
    )[0]
    expected = {2: rho * v}
    for t in range(3, 41):
        rho, v = (
            rho + k / gamma**0.5 * (gamma * v - phi / gamma * v**2 * rho),
            v + k / gamma**0.5 * (rho - phi / gamma**2 * rho**2 * v),
        )
        expected[t] = rho * v
    assert np.isnan(found[0])
    # Rounding of 40 steps of numbers of size one.
    np.testing.assert_allclose(found[1:], [expected[t] for t in steps[0, 1:]], rtol=1e-12)


@pytest.mark.parametrize("k", [0.3, 0.05])
def test_the_proxy_of_explicit_weights_grows_as_said_within_the_bounds_of_the_proof(k):
    """Two-layer descent with K = κI from W = v yᵀX/√γ, so that ρ = √γ v throughout (b_r = 0 but for 10⁻⁶ of the start)."""
    rng = np.random.default_rng(1)
    n, d, m, kappa = 3, 12, 4, 7.0
    X = np.sqrt(kappa) * np.linalg.qr(rng.standard_normal((d, n)))[0].T
    y = rng.standard_normal(n)
    gamma, trace = y @ X @ X.T @ y, kappa
    v = 1e-6 * rng.choice([-1.0, 1.0], m)
    W = np.outer(v, X.T @ y) / np.sqrt(gamma)
    start, rate = W, k / np.sqrt(gamma)
    rho_limit = np.sqrt(two_stage.isotropic_limit(gamma, trace))
    assert rho_limit == pytest.approx(np.sqrt(two_stage.limit(gamma, y @ X @ X.T @ X @ X.T @ y)), rel=1e-12)
    rho, residual = [], []
    while not residual or residual[-1] > 1e-3:
        s = rate * (y - X @ W.T @ v / m)
        W, v = W + np.outer(v, X.T @ s), v + W @ X.T @ s
        rho.append(np.sqrt(np.mean(((W - start) @ X.T @ y) ** 2)))
        residual.append(np.linalg.norm(y - X @ W.T @ v / m) / np.linalg.norm(y))
    rho, residual = (np.array(values)[np.array(rho) > 0.01 * rho_limit] for values in (rho, residual))
    proxy = two_stage.proxy(rho, rho_limit)
    growth = proxy[1:] / proxy[:-1]
    # ρ leaves out the start, 10⁻⁶ √γ: 2 · 10⁻⁴ of it at first, and 2 · 10⁻⁶ at the end, where 1 − ρ²/ρ∞² = 10⁻³ magnifies it.
    share = (rho / rho_limit) ** 2
    np.testing.assert_allclose(growth, two_stage.proxy_growth(share[:-1], k), rtol=3e-3)
    low, high = two_stage.proxy_growth_bounds(k)
    assert low <= growth.min() and growth.max() <= high
    np.testing.assert_allclose(proxy / rho_limit, two_stage.proxy_at(residual), rtol=2e-3)
    np.testing.assert_allclose(two_stage.share_of_proxy(proxy / rho_limit), share, rtol=1e-9)


def test_the_growth_of_the_proxy_is_that_of_a_step_of_eq_11():
    gamma, phi, k = 9.0, 30.0, 0.2
    rho_limit = np.sqrt(two_stage.limit(gamma, phi))
    rho = rho_limit * np.sqrt(np.array([1e-6, 0.1, 0.5, 0.9, 0.99]))
    after = two_stage.aligned_step(rho, k, gamma, phi)
    growth = two_stage.proxy(after, rho_limit) / two_stage.proxy(rho, rho_limit)
    np.testing.assert_allclose(two_stage.proxy_growth((rho / rho_limit) ** 2, k), growth, rtol=1e-11)
    assert two_stage.proxy_growth(0.0, k) == pytest.approx(1 + k)
    assert two_stage.proxy_growth(1.0, k) == pytest.approx(1 / np.sqrt(1 - 2 * k))


def test_the_printed_end_of_the_proxy_leaves_a_loss_below_4_epsilon():
    """For K = κI it leaves ‖y − f‖ = (1 − share)‖y‖; the loss is nε²/(2‖y‖²) to leading order, ε/‖y‖² times what is needed."""
    samples, y_norm, accuracy = 10, 3.0, 1e-4
    end = two_stage.printed_proxy_end(accuracy, y_norm, samples)
    left = 1 - two_stage.share_of_proxy(end)
    assert two_stage.proxy_at(left) == pytest.approx(end, rel=1e-9)
    loss = (left * y_norm) ** 2 / (2 * samples)
    assert loss == pytest.approx(samples * accuracy**2 / (2 * y_norm**2), rel=1e-3)
    assert loss < 4 * accuracy

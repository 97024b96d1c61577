"""Lemmas A.3 and A.4: the distributions, against inputs drawn in full."""

import numpy as np
import pytest
from scipy import stats

from lazyrich.theory import concentration, conditions

DRAWS = 4000
# Binomial share of so many draws; two-sided, six cases below: a correct law fails once in 10⁵ seeds.
ERRORS = 5.0


def drawn(n, spectrum, draws=DRAWS):
    """Return ‖y‖²/(n‖β̃‖²) and γ/(tr Σ n‖β̃‖²) of explicit X = ZΣ^½ and y = Xβ, β the first eigenvector, (draws,) each."""
    rng = np.random.default_rng(0)
    norms, gammas = np.empty(draws), np.empty(draws)
    for i in range(draws):
        X = rng.standard_normal((n, len(spectrum))) * np.sqrt(spectrum)
        y = X[:, 0] * 3.0  # ‖β‖ = 3
        signal = 9.0 * spectrum[0]
        norms[i] = y @ y / (n * signal)
        gammas[i] = np.sum((X.T @ y) ** 2) / (spectrum.sum() * n * signal)
    return norms, gammas


def agree(outside, law):
    assert 0 < law < 1
    assert abs(outside.mean() - law) < ERRORS * np.sqrt(law * (1 - law) / len(outside))


@pytest.mark.parametrize(
    ("n", "spectrum"),
    [
        (3, np.full(8, 2.0)),
        (8, np.full(60, 0.5)),
        (20, np.full(52, 1.0)),
        (8, np.r_[5.0, np.full(100, 0.5)]),  # a spike along β
        (8, np.r_[0.01, np.full(100, 0.5)]),  # β along a small eigenvalue
    ],
)
def test_the_laws_are_those_of_explicit_inputs(n, spectrum):
    norms, gammas = drawn(n, spectrum)
    agree((norms < 0.5) | (norms > 2), concentration.target_norm_outside(np.array([n]), 0.5, 2.0)[0])
    share = spectrum[0] / spectrum.sum()
    agree((gammas < 0.5) | (gammas > 1.5), concentration.gamma_outside(n, share, len(spectrum) - 1, 0.5, 1.5))
    # Each end by itself.
    agree(gammas > 1.5, concentration.gamma_outside(n, share, len(spectrum) - 1, 0.0, 1.5))
    agree(gammas < 0.5, concentration.gamma_outside(n, share, len(spectrum) - 1, 0.5, np.inf))


@pytest.mark.parametrize("n", [4, 64, 512])
def test_in_many_dimensions_gamma_is_distributed_as_the_norm_of_the_targets(n):
    """For p → ∞ without a spike γ/(tr Σ n‖β̃‖²) = χ²_n/n, and a large p is close to it."""
    limit = concentration.gamma_outside(n, 0.0, np.inf, 0.5, 1.5)
    assert limit == pytest.approx(stats.chi2.cdf(n / 2, n) + stats.chi2.sf(1.5 * n, n), rel=1e-12)
    # V/p has the variance 2/p, a share of n/p of that of Q/n: it moves a tail of z deviations by about z² n/(2p) of itself.
    deviations = 0.5 / np.sqrt(2 / n)
    assert concentration.gamma_outside(n, 1e-9, 1e7, 0.5, 1.5) == pytest.approx(
        limit, rel=(1 + deviations**2) * n / 1e7
    )


def test_a_spike_with_many_others_is_the_limit_of_infinitely_many():
    for n in (8, 64):
        share = concentration.spike_share(n, 4.0)
        limit = concentration.gamma_outside(n, share, np.inf, 0.5, 1.5)
        assert concentration.gamma_outside(n, share, 1e6, 0.5, 1.5) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize(("n", "p", "digits"), [(2, 5, 6), (15, 400, 9), (512, 12000, 9)])
def test_the_quadrature_is_converged(n, p, digits, monkeypatch):
    """Six digits at the smallest n and p that the ledger asks for, where the integrand has a kink of order 5/2."""
    found = concentration.gamma_outside(n, 1 / (p + 1), p, 0.5, 1.5)
    monkeypatch.setattr(concentration, "POINTS", 4 * concentration.POINTS)
    monkeypatch.setattr(concentration, "LEAST", 16 * concentration.LEAST)
    assert concentration.gamma_outside(n, 1 / (p + 1), p, 0.5, 1.5) == pytest.approx(found, rel=10.0**-digits)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("n", [2, 29, 512])
def test_the_covariances_lie_on_the_edge_of_condition_6(ratio, n):
    d = concentration.isotropic_dimension(n, ratio)
    assert d >= ratio * conditions.spread(float(n), 1.0, np.sqrt(d)) * (1 - 1e-9)
    assert d - 1 < ratio * conditions.spread(float(n), 1.0, np.sqrt(d - 1))
    share, others = concentration.spike_share(n, ratio), 10**7
    frobenius = np.sqrt(share**2 + (1 - share) ** 2 / others)
    # The rest adds (1 − a)²/p to ‖Σ‖_F² = a².
    slack = 1 / (others * share**2)
    assert 1 / conditions.spread(float(n), share, frobenius) == pytest.approx(ratio, rel=slack)

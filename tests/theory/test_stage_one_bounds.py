"""Eq. 13 against plain descent on explicit weights, and its constants against planted ones."""

import numpy as np
import pytest

from lazyrich.theory import stage_one_bounds


class Explicit:
    """Gradient descent on W (m, d) and v (m,) of ½/n ‖X Wᵀv/m − y‖², written out."""

    def __init__(self, *, sigma_0, v_0, k, samples=4, dimension=400, width=50, steps=120, scale=1.0):
        rng = np.random.default_rng(7)
        X = scale * rng.standard_normal((samples, dimension))
        y = X @ rng.standard_normal(dimension) / np.sqrt(dimension)
        W, v = sigma_0 * rng.standard_normal((width, dimension)), v_0 * rng.choice([-1.0, 1.0], width)
        self.gamma, self.trace = y @ X @ X.T @ y, scale**2 * dimension
        rate = k * width * samples / np.sqrt(self.gamma)  # η, as k = η√γ/(mn)
        start = W
        self.t, self.v_start = np.arange(1.0, steps + 1), v
        self.rho, self.v = np.empty((2, steps, width))
        for step in range(steps):
            s = rate / (width * samples) * (y - X @ W.T @ v / width)
            W, v = W + np.outer(v, X.T @ s), v + W @ X.T @ s
            self.rho[step], self.v[step] = (W - start) @ X.T @ y, v

    def needed(self, k):
        return stage_one_bounds.needed(self.t, self.rho, self.v, self.v_start, k, self.gamma, self.trace)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
def test_the_bounds_are_a_network_of_another_growth_and_the_same_prefactor(factor):
    """From W = 0 and f ≈ 0 the network of k' is the bound of k': with √γ in front of ρ whatever k' is."""
    k = 0.1 * factor
    net = Explicit(sigma_0=0.0, v_0=1e-8, k=k)
    rho, v = stage_one_bounds.bounds(net.t, 1e-8, k, net.gamma)
    # What f takes off: its share of y, √γ v_0²/‖y‖² ≈ 1e-15 at the start, times (1.13)^120 = 2e6 at the end of these steps.
    early = net.t < 60
    for measured, bound in ((net.rho, rho), (net.v, v)):
        np.testing.assert_allclose((measured * net.v_start)[early], np.tile(bound[early, None], 50), rtol=1e-6)


def test_growths_come_back():
    t = np.array([1.0, 2.0, 3.0, 40.0, 301.0, 1000.0])
    for k in (1e-6, 0.05, 0.9, 2.5):
        with np.errstate(over="ignore", invalid="ignore"):
            up, down = (1 + k) ** t, (1 - k) ** t
        fits = np.isfinite(up)
        sinh, cosh = 0.5 * (up - down)[fits], 0.5 * (up + down)[fits]
        # 1 ± k are rounded: by some ε/k of k, and their powers by tε, where cosh differs from 1 by (kt)²/2.
        some = 1e-15 * (1 + 1 / k)
        error = np.abs(stage_one_bounds.growth_of_sinh(t[fits], sinh) / k - 1)
        assert (error <= some).all()
        later = slice(1, None)
        error = np.abs(stage_one_bounds.growth_of_cosh(t[fits][later], cosh[later]) / k - 1)
        assert (error <= some + 1e-15 / (k**2 * t[fits][later])).all()


def test_sizes_that_no_growth_gives():
    two = np.array([2.0, 2.0])
    np.testing.assert_array_equal(stage_one_bounds.growth_of_sinh(two, np.array([-1e-9, 0.0])), [np.nan, 0.0])
    np.testing.assert_array_equal(stage_one_bounds.growth_of_cosh(two, np.array([1 - 1e-9, 1.0])), [np.nan, 0.0])


@pytest.mark.parametrize("constants", [(0.0, 0.0), (0.3, 2.0), (4.0, 0.01)])
def test_planted_constants_come_back(constants):
    """Neurons on the bounds of C₁ and C₂, one each, and others in between."""
    t, v_0, k, gamma, trace = np.arange(1.0, 201.0), 1e-5, 0.07, 90.0, 25.0
    unit = trace / gamma**1.5
    lower, upper = constants
    shares = np.array([-lower, upper, 0.0, 0.4 * upper, -0.9 * lower])
    v_start = v_0 * np.array([1, -1, 1, -1, -1])
    rho, v = (
        values / v_start
        for values in stage_one_bounds.bounds(t[:, None], v_0, k * (1 + shares * unit), np.float64(gamma))
    )
    found = stage_one_bounds.needed(t, rho, v, v_start, k, gamma, trace)
    # Of the growth, 1e-13 is known (above); that is over tr Σ/γ^{3/2} = 0.03.
    np.testing.assert_allclose(found, [lower, upper, lower, upper], rtol=0, atol=1e-11)


def test_no_constant_will_do_for_a_neuron_of_the_other_sign():
    t, v_start = np.arange(1.0, 4.0), np.array([1.0, -1.0])
    rho, v = stage_one_bounds.bounds(t[:, None], v_start, 0.1, 4.0)
    rho, v = rho / v_start, v / v_start
    rho[2, 1] *= -1
    found = stage_one_bounds.needed(t, rho, v, v_start, 0.1, 4.0, 1.0)
    assert found.rho_lower == np.inf
    np.testing.assert_allclose([found.rho_upper, found.v_lower, found.v_upper], 0, atol=1e-11)
    v[1, 0] = 0.999  # |v_r| below |v_r(0)|, which even growth 0 keeps
    assert stage_one_bounds.needed(t, rho, v, v_start, 0.1, 4.0, 1.0).v_lower == np.inf
    v[0, 0] = 0.5  # step 1, of which the bounds on v_r say nothing that a constant could help
    v[1, 0] = stage_one_bounds.bounds(2.0, 1.0, 0.1, 4.0)[1]
    assert stage_one_bounds.needed(t, rho, v, v_start, 0.1, 4.0, 1.0).v_lower < 1e-11


@pytest.mark.parametrize("sigma_0", [1e-13, 1e-9])
def test_the_constants_of_a_trained_network_are_just_enough(sigma_0):
    """Every step and neuron of plain descent keeps within the bounds of C, and some break those of less."""
    k = 0.1
    net = Explicit(sigma_0=sigma_0, v_0=1e-6, k=k, steps=100)
    unit = net.trace / net.gamma**1.5
    found = net.needed(k)
    assert found.rho_lower > 1e-3
    products = {"rho": net.rho * net.v_start, "v": net.v * net.v_start}

    def margins(name, constant):
        """Return how far each step and neuron keeps within a bound, relative to it."""
        which, side = name.split("_")
        sign = {"lower": -1, "upper": 1}[side]
        bound = stage_one_bounds.bounds(net.t[:, None], 1e-6, k * (1 + sign * constant * unit), net.gamma)
        limit = bound[("rho", "v").index(which)]
        margin = sign * (limit - products[which]) / limit
        return margin[1:] if which == "v" else margin

    for name, constant in found._asdict().items():
        # Rounding of a hundred steps.
        assert margins(name, constant).min() > -1e-12, name
        if constant * unit > 1e-9:
            assert margins(name, 0.99 * constant).min() < -1e-13, name
            assert (margins(name, 1.01 * constant) > 0).all(), name


def test_b_outgrows_the_constants():
    """Ten times the σ₀, ten times the constants, once b_r counts more than f does; the wrong sign where σ₀ ≫ v₀."""
    k = 0.1
    first, second = (Explicit(sigma_0=s, v_0=1e-8, k=k, steps=60).needed(k) for s in (1e-12, 1e-11))
    # As b_r/(√γ v_r(0)), but for its square: 0.3 % at most for the larger, over k = 0.1 for v_r, which starts with k².
    np.testing.assert_allclose(np.array(second) / np.array(first), 10, rtol=0.06)
    large = Explicit(sigma_0=1e-6, v_0=1e-8, k=k, steps=60).needed(k)
    assert large.rho_lower == large.v_lower == np.inf

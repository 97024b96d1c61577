"""The theorem's times without unnamed constants, against gradient descent on explicit weights."""

import numpy as np
import pytest

from lazyrich.theory import scalars, times

ROOT_GAMMA_V = 1e-6  # √γ v₀


def times_of_descent(eigenvalues, y, k, share, sigma_0=0.0, neurons=12, root_gamma_v=ROOT_GAMMA_V, seed=0):
    """Return (rms ρ_r = 1, ‖y − f‖ = δ‖y‖ for each δ of `share`, χ, γ): plain descent on W (d, m) and v, L = ‖f − y‖²/(2n).

    Times are interpolated linearly in the logarithm between steps.
    """
    generator = np.random.default_rng(seed)
    n, d = len(y), 2 * len(y)
    rotation = np.linalg.qr(generator.standard_normal((d, d)))[0][:, :n]
    X = np.sqrt(eigenvalues)[:, None] * rotation.T  # XXᵀ is diagonal, with these eigenvalues
    gamma = float(y @ X @ X.T @ y)
    v_0 = root_gamma_v / np.sqrt(gamma)
    W = sigma_0 * v_0 * generator.standard_normal((d, neurons))
    v = v_0 * generator.choice([-1.0, 1.0], neurons)
    rate = k * neurons * n / np.sqrt(gamma)
    start, aligned, left = W.copy(), [], []
    while not left or left[-1] > min(share):
        f = X @ W @ v / neurons
        aligned.append(np.sqrt(np.mean(((W - start).T @ X.T @ y) ** 2)))
        left.append(np.linalg.norm(y - f) / np.linalg.norm(y))
        force = rate / (neurons * n) * (X.T @ (y - f))
        W, v = W + np.outer(force, v), v + W.T @ force
    aligned, left = np.array(aligned[1:]), np.array(left)
    first = 1 + np.interp(0.0, np.log(aligned[: np.argmax(aligned)]), np.arange(np.argmax(aligned)))
    seconds = np.array([np.interp(-np.log(x), -np.log(left), np.arange(len(left))) for x in share])
    size = v_0**2 * (1 + sigma_0**2)
    b = scalars.minimum_norm(eigenvalues, y)
    return first, seconds, size / (2 * b), gamma


SHARE = np.array([1e-2, 1e-4])
Y = np.array([30.0, -20.0, 10.0])


@pytest.mark.parametrize("k", [0.1, 0.01])
def test_rho_is_1_when_the_growing_mode_is(k):
    first, _, _, gamma = times_of_descent(np.full(3, 50.0), Y, k, SHARE[:1])
    # Left out: the decaying mode, a share γv₀² = 1e-12; the force has fallen by 1/(√γ‖y‖²) = 3e-6 at that time.
    assert first == pytest.approx(times.unit_alignment_time(ROOT_GAMMA_V / np.sqrt(gamma), k, gamma), rel=1e-5)


def test_the_decaying_mode_delays_the_alignment_as_stated():
    """√γ v₀ = 0.2: by γv₀²/(4k), to the next order of γv₀²/2 = 2 % and, as (1 − k)ᵗ is not (1 + k)⁻ᵗ, of k ln 10 = 2.3 %."""
    k = 0.01
    first, _, _, gamma = times_of_descent(np.full(3, 50.0), Y, k, SHARE[:1], root_gamma_v=0.2)
    late = first - times.unit_alignment_time(0.2 / np.sqrt(gamma), k, gamma)
    assert late == pytest.approx(0.2**2 / (4 * k), rel=0.043)


@pytest.mark.parametrize("k", [0.1, 0.02])
def test_isotropic_networks_end_when_stated_but_for_the_size_of_the_step(k):
    """Both times, from the start and from ρ = 1; the step makes them earlier, by its gain at the end and less half-way."""
    first, second, laziness, gamma = times_of_descent(np.full(3, 50.0), Y, k, SHARE)
    size = np.linalg.norm(Y)
    early = times.end_time(SHARE, k, laziness) - second
    np.testing.assert_allclose(times.isotropic_fitting_time(SHARE, k, gamma, size) - (second - first), early, atol=1e-3)
    gain = times.step_gain(SHARE, k)
    # Between stage one and the end, where 1 − x falls from 1 to 0, the step is worth another ∫dx of (3/2)k/(2k): below 1.
    assert np.all(np.abs(early - gain) < 1)
    # From δ to δ' the gain is all that there is, but for ρ̃² being ρ∞²(1 − δ)/δ.
    assert early[1] - early[0] == pytest.approx(gain[1] - gain[0], abs=1.1 * SHARE[0] / (2 * k))


def test_a_first_layer_counts_by_its_size():
    """σ₀ = 3v₀, 4000 neurons: the growing mode starts at D up to its sampling error, √(2/m) of D and so 0.011/k steps."""
    k = 0.02
    for seed in range(3):
        _, second, laziness, _ = times_of_descent(np.full(3, 50.0), Y, k, SHARE[:1], 3.0, 4000, seed=seed)
        early = times.end_time(SHARE[:1], k, laziness) - second
        assert np.all(np.abs(early - times.step_gain(SHARE[:1], k)) < 1 + 3 * np.sqrt(2 / 4000) / (2 * k))


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3])
def test_anisotropic_networks_end_later_by_at_most_the_delay(spread):
    """Eigenvalues 50(1 ± spread), whose `anisotropy` is `spread`: between isotropic networks and the delay, to a step."""
    k = 0.02
    eigenvalues = 50 * (1 + spread * np.array([1.0, 0.0, -1.0]))
    first, second, _, gamma = times_of_descent(eigenvalues, Y, k, SHARE)
    late = second - first - times.isotropic_fitting_time(SHARE, k, gamma, np.linalg.norm(Y)) + times.step_gain(SHARE, k)
    delay = times.anisotropy_delay(SHARE, k, spread)
    assert np.all((late > -1) & (late < delay + 1))
    # And the delay is no idle bound where it matters.
    assert late[1] > 0.5 * delay[1]


def fitting_time(eigenvalues, y, k, gamma, share):
    """Return `anisotropic_fitting_time` of one network at each δ of `share`."""
    each = [np.broadcast_to(value, (len(share), *np.shape(value))) for value in (k, gamma, eigenvalues, y)]
    return times.anisotropic_fitting_time(share, *each)


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("k", [0.2, 0.02])
def test_what_is_left_across_y_ends_when_stated(spread, k):
    """From δ to δ' the time passes that is stated, to the square of the spread, as it does from ρ = 1 on to its first order."""
    share = np.array([1e-3, 1e-6, 1e-9])
    eigenvalues = 50 * (1 + spread * np.array([1.0, 0.0, -1.0]))
    first, second, _, gamma = times_of_descent(eigenvalues, Y, k, share)
    stated = fitting_time(eigenvalues, Y, k, gamma, share)
    np.testing.assert_allclose(np.diff(second), np.diff(stated), rtol=spread**2 + 1e-3, atol=0.02 / k)
    # Half-way, the size of the step is worth ∫dx of (3/2)k/(2k) < 1 step.
    assert np.all(np.abs(second - first - stated) < 1 + (share / 2 + spread) / k)


def test_networks_of_fewer_samples_are_filled_up_with_nothing():
    share, k, gamma = np.array([1e-5]), 0.1, float(np.sum(50 * Y**2))
    eigenvalues = np.array([55.0, 50.0, 45.0])
    filled = fitting_time(np.append(eigenvalues, 0.0), np.append(Y, 0.0), k, gamma, share)
    np.testing.assert_allclose(filled, fitting_time(eigenvalues, Y, k, gamma, share), rtol=1e-9)


def test_without_anything_across_y_the_step_is_all_that_it_adds():
    share, k, gamma = np.array([1e-3, 1e-6]), 0.1, float(np.sum(50 * Y**2))
    stated = fitting_time(np.full(3, 50.0), Y, k, gamma, share)
    isotropic = times.isotropic_fitting_time(share, k, gamma, np.linalg.norm(Y)) - times.step_gain(share, k)
    np.testing.assert_allclose(stated, isotropic, rtol=1e-9)


def test_the_delay_vanishes_with_the_anisotropy_and_is_that_of_half_the_rate_beyond():
    assert times.anisotropy_delay(1e-3, 0.1, 0.0) == pytest.approx(0.0, abs=1e-12)
    # Far beyond, the residual is a s = δ, with a third of the rate at a = ½.
    expected = (3 * np.log(0.5e9) - np.log(1e9) / 2) / 0.1
    assert times.anisotropy_delay(1e-9, 0.1, 0.5) == pytest.approx(expected, rel=1e-6)


def test_the_residual_that_a_loss_allows():
    y, residual = 5.0, 0.3
    loss = 2.0 / (2 * 7) * residual**2  # c = 2, n = 7
    assert times.residual_share(loss / 4, 7, 2.0, y) == pytest.approx(residual / y)

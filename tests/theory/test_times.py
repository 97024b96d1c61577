"""The theorem's times against k and the exact engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lazyrich
from lazyrich.theory import scalars, times

POSITIVE = st.floats(1e-3, 1e3)


@given(st.integers(1, 100), POSITIVE, POSITIVE, POSITIVE, POSITIVE, st.floats(1e-12, 0.5))
def test_the_two_forms_of_the_alignment_time_agree_at_the_expected_gamma(samples, width, rate, trace, signal, v_0):
    gamma = trace * samples * signal**2
    k = scalars.growth_per_step(rate, gamma, width, samples, 2.0)
    of_scales = times.alignment_time_of_scales(v_0, width, samples, rate, 2.0, trace, signal)
    np.testing.assert_allclose(of_scales, times.alignment_time(v_0, k), rtol=1e-12)
    # v_r(t₁) is where ρ_r = √γ v_r = 1, and fitting takes 1/k for each factor e in n‖β̃‖trΣ/ε.
    np.testing.assert_allclose(np.sqrt(gamma) * times.alignment_value(samples, trace, signal), 1.0, rtol=1e-12)
    fitting = [times.fitting_time(eps, width, samples, rate, 2.0, trace, signal) for eps in (1e-6, np.e * 1e-6)]
    np.testing.assert_allclose((fitting[0] - fitting[1]) * k, 1.0, rtol=1e-9)  # a difference of logarithms up to 40
    scale = samples * signal * trace
    assert times.fitting_time(scale, width, samples, rate, 2.0, trace, signal) == pytest.approx(0.0, abs=1e-12 / k)


def test_a_start_of_zero_never_aligns():
    assert times.alignment_time(0.0, 0.1) == np.inf


def test_the_measured_alignment_step_is_the_alignment_time_at_small_steps():
    """n = 1, σ0 = 0: ρ_r = √γ v0 ½((1 + k)ᵗ − (1 − k)ᵗ) reaches 1; with √γ = 2 the logarithm is that of 1/v0 alone."""
    for k in (0.2, 0.02):
        run = lazyrich.run(
            {
                "problem": {"samples": 1, "dimension": 100, "target_norm": 1e4, "gram_scale": 4e-8},
                "network": {"width": 10**6, "sigma_0": 0, "v_0": {"values": [1e-3, 1e-6, 1e-9]}},
                "training": {"growth_per_step": k, "steps": round(30 / k)},
                "record": {"every": 1},
            }
        )
        v_0 = run.v_0.values
        ratio = run.alignment_step.values / times.alignment_time(v_0, k)
        # Neglected: ρ/‖y‖² = 1e-8 of output at that time, (1 − k)ᵗ, a share v0² of the other at t₁, and the interpolation
        # between whole steps of a growth that is exponential to the same share.
        np.testing.assert_allclose(ratio, k / np.log1p(k), rtol=1e-6)

"""Every neuron and the whole kernel of a network up to t₁: Eq. 9, Eq. 13 and Lemma 5.2."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.claims.kernels import apart, norm
from lazyrich.analysis.follow import Followed
from lazyrich.theory import stage_one, times


def measure(one: Followed, get: dict[str, float], t1: int) -> dict[str, float]:
    """Return name -> number of one network: the worst over its neurons, at t₁ or over the steps up to it."""
    k, gamma, trace = get["growth_per_step"], get["gamma"], get["covariance_trace"]
    b = one.start.neurons[:, 1:] @ one.direction
    v_0 = one.start.neurons[:, 0]
    low, high = stage_one.effective_gamma(np.float64(gamma), np.float64(trace))
    errors: list[float] = []
    below: list[np.ndarray] = []
    above: list[np.ndarray] = []
    now = one.start
    for now in one.snapshots(range(t1 + 1)):
        rho, v = one.rho(now), now.neurons[:, 0]
        expected_rho, expected_v = stage_one.neuron(float(now.step), b, v_0, k, gamma)
        # ρ and √γ v are of one size once they have grown.
        size = np.sqrt(gamma) * np.abs(expected_v)
        errors.append(np.max(np.hypot(rho - expected_rho, np.sqrt(gamma) * (v - expected_v)) / size))
        if now.step:
            for rates, into in ((low, below), (high, above)):
                bound_rho, _ = stage_one.bounds(float(now.step), np.abs(v_0), k, gamma, rates)
                into.append(np.abs(rho) / bound_rho)
    scale = times.alignment_value(get["samples"], trace, get["signal_norm"])
    rho, v = np.abs(one.rho(now)), np.abs(now.neurons[:, 0])
    printed = one.kernel(now) - one.aligned_kernel(1 / gamma)
    scaled = (one.kernel(now) - one.aligned_kernel(now.v_square)) / (gamma * now.v_square)
    allowed = 1 / (one.width * get["samples"] ** 3 * get["signal_norm"] ** 6 * trace)
    return {
        "neuron_error": float(np.max(errors)),
        "bounds_low": float(np.min(below)),
        "bounds_high": float(np.max(above)),
        "rho_low": float(rho.min()),
        "rho_high": float(rho.max()),
        "v_low": float(v.min() / scale),
        "v_high": float(v.max() / scale),
        "kernel_printed": norm(printed) / allowed,
        "kernel_scaled": norm(scaled) / allowed,
        "kernel_growth": norm(one.kernel(now)) / norm(one.kernel(one.start)),
        "structure_start": apart(one.kernel(one.start), one.aligned_kernel(1.0)),
        "structure_t1": apart(one.kernel(now), one.aligned_kernel(1.0)),
    }

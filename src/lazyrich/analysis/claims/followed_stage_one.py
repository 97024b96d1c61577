"""Every neuron and the whole kernel of a network up to t₁: Eq. 9, Eq. 13, what §5 says of signs and shapes, and Lemma 5.2."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.claims.kernels import apart, norm
from lazyrich.analysis.follow import Followed
from lazyrich.theory import stage_one, stage_one_bounds, times


def measure(one: Followed, get: dict[str, float], t1: int) -> dict[str, float]:
    """Return name -> number of one network: the worst over its neurons, at t₁ or over the steps up to it."""
    k, gamma, trace = get["growth_per_step"], get["gamma"], get["covariance_trace"]
    b = one.start.neurons[:, 1:] @ one.direction
    v_0 = one.start.neurons[:, 0]
    unit = float(stage_one_bounds.share(np.float64(gamma), np.float64(trace)))
    errors, off_target = [0.0], [0.0]
    steps = np.arange(1.0, t1 + 1)
    rhos, vs = np.empty((2, t1, len(v_0)))
    now = one.start
    for now in one.snapshots(range(1, t1 + 1)):
        rho, v = one.rho(now), now.neurons[:, 0]
        rhos[now.step - 1], vs[now.step - 1] = rho, v
        expected_rho, expected_v = stage_one.neuron(float(now.step), b, v_0, k, gamma)
        # ρ and √γ v are of one size once they have grown.
        size = np.sqrt(gamma) * np.abs(expected_v)
        errors.append(np.max(np.hypot(rho - expected_rho, np.sqrt(gamma) * (v - expected_v)) / size))
        off_target.append(np.max(one.off_target(now) * np.sqrt(gamma) / (unit * np.abs(rho))))
    needed = stage_one_bounds.needed(steps, rhos, vs, v_0, k, gamma, trace)
    cosh, sinh = stage_one.cosh_sinh(steps[:, None], k)
    scale = times.alignment_value(get["samples"], trace, get["signal_norm"])
    rho, v = np.abs(one.rho(now)), np.abs(now.neurons[:, 0])
    target = one.aligned_kernel(1 / gamma)
    printed = one.kernel(now) - target
    scaled = one.kernel(now) / (gamma * now.v_square) - target
    allowed = 1 / (one.width * get["samples"] ** 3 * get["signal_norm"] ** 6 * trace)
    return {
        "neuron_error": float(np.max(errors)),
        **{f"bounds_{name}": value for name, value in needed._asdict().items()},
        "bounds_off_target": float(np.max(off_target)),
        "other_sign_rho": _other_sign(rhos, v_0),
        "other_sign_v": _other_sign(vs, v_0),
        "shape_rho": _unlike(rhos / sinh),
        "shape_v": _unlike(vs / cosh),
        "rho_low": float(rho.min()),
        "rho_high": float(rho.max()),
        "v_low": float(v.min() / scale),
        "v_high": float(v.max() / scale),
        "left_t1": float(
            np.sum((one.targets - one.output(now)) ** 2) / np.sum((one.targets - one.output(one.start)) ** 2)
        ),
        "kernel_printed": norm(printed) / allowed,
        "kernel_scaled": norm(scaled) / allowed,
        "kernel_apart": norm(scaled) / norm(target),
        "kernel_growth": norm(one.kernel(now)) / norm(one.kernel(one.start)),
        "structure_start": apart(one.kernel(one.start), one.aligned_kernel(1.0)),
        "structure_t1": apart(one.kernel(now), one.aligned_kernel(1.0)),
    }


def _other_sign(values: np.ndarray, v_0: np.ndarray) -> float:
    """Return the share of neurons that have another sign than v_r(0) at some step; `values` are (steps, neurons)."""
    return float(np.mean((values * np.sign(v_0) <= 0).any(axis=0)))


def _unlike(ratio: np.ndarray) -> float:
    """Return the worst neuron's range of a ratio (steps, neurons) over its largest size: 0 where it is constant."""
    return float(np.max(np.ptp(ratio, axis=0) / np.abs(ratio).max(axis=0)))

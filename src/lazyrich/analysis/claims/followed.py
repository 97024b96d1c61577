"""Every neuron of the sweep `neurons`, step by step: what Lemmas 5.2, 5.3 and Eq. 9 say of single neurons and whole kernels.

One number a network for each statement: the worst over its neurons, and over the steps that the statement is about.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lazyrich.analysis.follow import Followed, Snapshot, follow
from lazyrich.theory import stage_one, times, two_stage


def measure(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Return name -> (networks,); NaN for networks that do not reach t₁ and t₂."""
    rows = [_measure(data, i) for i in range(data.sizes["network"])]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _measure(data: xr.Dataset, network: int) -> dict[str, float]:
    one = follow(data, network)
    get = {name: float(data[name].values[network]) for name in SCALARS}
    first, last = get["alignment_step"], get["end_step"]
    if np.isnan(first) or np.isnan(last):
        return dict.fromkeys(NAMES, np.nan)
    # t₁ lies between two steps; the statements at t₁ are read at the first step where rms ρ_r ≥ 1.
    t1, t2 = int(np.ceil(first)), int(last)
    found = _stage_one(one, get, t1)
    found |= _stage_two(one, get, t1, t2)
    return {name: found[name] for name in NAMES}


SCALARS = (
    "samples",
    "growth_per_step",
    "gamma",
    "phi",
    "v_0",
    "covariance_trace",
    "signal_norm",
    "alignment_step",
    "end_step",
    "loss_factor",
    "y_norm",
)
NAMES = (
    "neuron_error",
    "bounds_low",
    "bounds_high",
    "rho_low",
    "rho_high",
    "v_low",
    "v_high",
    "kernel_printed",
    "kernel_scaled",
    "kernel_growth",
    "structure_start",
    "structure_t1",
    "off_target",
    "imbalance",
    "imbalance_printed",
    "kernel_constant",
    "rho_largest",
    "proxy_end",
    "proxy_expected",
    "proxy_rate",
    "structure_change",
    "eq_10_error",
    "eq_11_error",
    "rho_end",
)


def _stage_one(one: Followed, get: dict[str, float], t1: int) -> dict[str, float]:
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
        "kernel_printed": _norm(printed) / allowed,
        "kernel_scaled": _norm(scaled) / allowed,
        "kernel_growth": _norm(one.kernel(now)) / _norm(one.kernel(one.start)),
        "structure_start": _apart(one.kernel(one.start), one.aligned_kernel(1.0)),
        "structure_t1": _apart(one.kernel(now), one.aligned_kernel(1.0)),
    }


def _stage_two(one: Followed, get: dict[str, float], t1: int, t2: int) -> dict[str, float]:
    root, trace = np.sqrt(get["gamma"]), get["covariance_trace"]
    printed_root = 1 / times.alignment_value(get["samples"], trace, get["signal_norm"])
    limit = float(np.sqrt(two_stage.limit(np.float64(get["gamma"]), np.float64(get["phi"]))))
    worst = dict.fromkeys(("off_target", "imbalance", "imbalance_printed", "kernel_constant", "rho_largest"), 0.0)
    proxies, steps = [], []
    stage_two = _StageTwo(get["growth_per_step"], get["gamma"], get["phi"], limit)
    at_t1, structure_change = None, 0.0
    now: Snapshot = one.start
    for now in one.snapshots(range(t1, t2 + 1)):
        rho, v = one.rho(now), now.neurons[:, 0]
        gap = _norm(one.kernel(now) - one.aligned_kernel(now.v_square))
        seen = {
            "off_target": np.max(one.off_target(now) * root / np.abs(rho)),
            "imbalance": np.max(np.abs(rho - root * v) / np.abs(rho)),
            "imbalance_printed": np.max(np.abs(rho - printed_root * v) / np.abs(rho)),
            "kernel_constant": gap * one.width / (now.v_square * trace),
            "rho_largest": np.max(np.abs(rho)) / printed_root,
        }
        worst = {name: max(worst[name], float(value)) for name, value in seen.items()}
        stage_two.compare(rho, v)
        at_t1 = one.kernel(now) if at_t1 is None else at_t1
        structure_change = max(structure_change, _apart(one.kernel(now), at_t1))
        size = float(np.sqrt(np.mean(rho**2)))
        if size < limit:
            proxies.append(float(two_stage.proxy(np.float64(size), np.float64(limit))))
            steps.append(now.step)
    # L(t₂) ≤ 4ε where 1 − ρ²/ρ∞² has fallen to the residual's share of ‖y‖.
    left = float(np.linalg.norm(one.targets - one.output(now)) / get["y_norm"])
    reached = bool(steps) and steps[-1] == t2
    return {
        **worst,
        "proxy_end": proxies[-1] if reached else np.nan,
        "proxy_expected": limit * np.sqrt((1 - left) / left),
        "proxy_rate": float(np.polyfit(steps, np.log(proxies), 1)[0] / np.log1p(get["growth_per_step"]))
        if len(steps) > 2
        else np.nan,
        "structure_change": structure_change,
        "eq_10_error": stage_two.errors[0],
        "eq_11_error": stage_two.errors[1],
        "rho_end": float(np.sqrt(np.mean(one.rho(now) ** 2)) / limit),
    }


class _StageTwo:
    """Every neuron by Eq. 10 and Eq. 11, begun with its own (ρ_r, v_r) at t₁, and their largest distance to it over ρ∞."""

    def __init__(self, k: float, gamma: float, phi: float, limit: float) -> None:
        self.numbers = (k, gamma, phi)
        self.limit = limit
        self.errors = [0.0, 0.0]
        # (ρ, v) by Eq. 10 and ρ by Eq. 11; None until the first step.
        self.now: tuple[two_stage.Array, two_stage.Array, two_stage.Array] | None = None

    def compare(self, rho: np.ndarray, v: np.ndarray) -> None:
        """Go one step on (the first call begins) and compare."""
        if self.now is None:
            self.now = rho, v, rho
        else:
            full, full_v, aligned = self.now
            self.now = (
                *two_stage.step(full, full_v, *self.numbers),
                two_stage.aligned_step(aligned, *self.numbers),
            )
        for i, found in enumerate((self.now[0], self.now[2])):
            self.errors[i] = max(self.errors[i], float(np.max(np.abs(found - rho)) / self.limit))


def _apart(kernel: np.ndarray, other: np.ndarray) -> float:
    """Return how far two kernels differ in structure: the distance of both at norm 1 (Frobenius)."""
    return float(np.linalg.norm(kernel / np.linalg.norm(kernel) - other / np.linalg.norm(other)))


def _norm(matrix: np.ndarray) -> float:
    """Return the spectral norm, which the lemmas mean."""
    return float(np.linalg.norm(matrix, 2))

"""Every neuron and the whole kernel of a network from t₁ to t₂: Eq. 10, Eq. 11 and Lemma 5.3."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.claims.kernels import apart, norm
from lazyrich.analysis.follow import Followed, Snapshot
from lazyrich.theory import times, two_stage


def measure(one: Followed, get: dict[str, float], t1: int, t2: int) -> dict[str, float]:
    """Return name -> number of one network: the worst over its neurons and the steps from t₁ to t₂, or at t₂."""
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
        gap = norm(one.kernel(now) - one.aligned_kernel(now.v_square))
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
        structure_change = max(structure_change, apart(one.kernel(now), at_t1))
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

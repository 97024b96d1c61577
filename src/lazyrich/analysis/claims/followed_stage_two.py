"""Every neuron and the whole kernel of a network from t₁ to t₂: Eq. 10, Eq. 11 and Lemma 5.3 (its proxy: `followed_proxy`)."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.claims.kernels import apart, norm
from lazyrich.analysis.follow import Followed, Snapshot
from lazyrich.theory import times, two_stage


def measure(one: Followed, get: dict[str, float], t1: int, t2: int) -> dict[str, float]:
    """Return name -> number of one network: the worst over its neurons and the steps from t₁ to t₂, or at t₂."""
    root, trace = np.sqrt(get["gamma"]), get["covariance_trace"]
    printed_root = 1 / times.alignment_value(get["samples"], trace, get["signal_norm"])
    limit = float(np.sqrt(two_stage.limit(get["gamma"], get["phi"])))
    proof_limit = float(np.sqrt(two_stage.isotropic_limit(get["gamma"], trace)))
    names = ("off_target", "off_target_printed", "imbalance", "kernel_constant", "kernel_constant_each", "rho_largest")
    worst = dict.fromkeys(names, 0.0)
    least = dict.fromkeys(("rise", "rise_rms"), np.inf)
    stage_two = _StageTwo(get["growth_per_step"], get["gamma"], get["phi"], limit)
    aligned = one.aligned_kernel(1.0)
    at_t1: np.ndarray | None = None
    structure_change = 0.0
    before: np.ndarray | None = None
    now: Snapshot = one.start
    for now in one.snapshots(range(t1, t2 + 1)):
        rho, v, kernel = one.rho(now), now.neurons[:, 0], one.kernel(now)
        # The mean; the smallest neuron, whose target may be far too small; the largest, which decides where all are alike.
        squares = np.array([now.v_square, np.min(v**2), np.max(v**2)])
        gaps = (
            np.linalg.norm(kernel - squares[:, None, None] * aligned, ord=2, axis=(1, 2))
            * one.width
            / (squares * trace)
        )
        off_target = np.max(one.off_target(now) / np.abs(rho))
        seen = {
            "off_target": off_target * root,
            "off_target_printed": off_target * printed_root,
            "imbalance": np.max(np.abs(rho - root * v) / np.abs(rho)),
            "kernel_constant": gaps[0],
            "kernel_constant_each": gaps.max(),
            "rho_largest": np.max(np.abs(rho)) / proof_limit,
        }
        worst = {name: max(worst[name], float(value)) for name, value in seen.items()}
        if before is not None:
            rises = {"rise": np.min(np.abs(rho / before)), "rise_rms": np.linalg.norm(rho) / np.linalg.norm(before)}
            least = {name: min(least[name], float(value)) for name, value in rises.items()}
        before = rho
        stage_two.compare(rho, v)
        at_t1 = kernel if at_t1 is None else at_t1
        structure_change = max(structure_change, apart(kernel, at_t1))
    end = one.rho(now)
    return {
        **worst,
        **least,
        # In units of ⟨v²⟩ tr Σ/m, as the third bullet has it.
        "aligned_kernel_norm": norm(aligned) * one.width / trace,
        "rho_over_proof": float(np.max(end**2) * one.eigenvalues.max() / get["gamma"] ** 1.5),
        "negative_share": float(np.mean(end < 0)),
        "structure_change": structure_change,
        "eq_10_error": stage_two.errors[0],
        "eq_11_error": stage_two.errors[1],
        "rho_end": float(np.sqrt(np.mean(end**2)) / limit),
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

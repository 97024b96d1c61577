"""Lemma 5.3: what stays so in stage two (its proxy: `proxy`), and what its proof and Section 5.2 say of ρ_r on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Row, paper, reading


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of each bullet, then those about the growth of ρ_r."""
    neurons = NeuronRows(data)
    yield from _off_target(neurons)
    yield _balance(neurons)
    yield from _kernel(neurons)
    yield from _proof(neurons)
    yield from _increase(neurons)


def _signs(neurons: NeuronRows) -> str:
    share = 100 * neurons.measured["negative_share"]
    return (
        "ρ_r on the right is taken as |ρ_r|: it is negative for "
        f"{np.nanmin(share):.0f} to {np.nanmax(share):.0f} % of the neurons, where "
        "the bound as printed is negative too."
    )


def _off_target(neurons: NeuronRows) -> Iterator[Row]:
    misprint = "The paper prints ρ(t)Xᵀy; it is read as (ρ_r/γ)Xᵀy. "
    for name, place, key, scale, unit, remark in (
        (
            "lemma_5_3_i",
            paper("Lemma 5.3, first bullet"),
            "off_target_printed",
            "√(tr Σ n‖β̃‖²)",
            "half of |ρ_r| over √(tr Σ n‖β̃‖²)",
            misprint,
        ),
        (
            "lemma_5_3_i_gamma",
            PROJECT,
            "off_target",
            "√γ",
            "half of |ρ_r| over √γ",
            "The first bullet of Lemma 5.3 with √γ for its √(tr Σ n‖β̃‖²). ",
        ),
    ):
        values = neurons.measured[key]
        judged, small = neurons.judge(values, lambda chosen, varied: verdicts.bound(chosen, 0.5, varied))
        yield neurons.row(
            name,
            place,
            f"‖w_r − w_r(0) − (ρ_r/γ)Xᵀy‖ ≤ ½ρ_r/{scale} for every neuron, from t₁ to t₂",
            f"‖w_r − w_r(0) − (ρ_r/γ)Xᵀy‖ {scale}/|ρ_r|, worst neuron and step",
            judged,
            [values],
            level=(unit, 0.5),
            small_sigma=small,
            remark=remark + _signs(neurons),
            allowed="½",
        )


def _balance(neurons: NeuronRows) -> Row:
    values = neurons.measured["imbalance"]
    judged, small = neurons.judge(values, lambda chosen, varied: verdicts.bound(chosen, 0.5, varied))
    return neurons.row(
        "lemma_5_3_ii",
        paper("Lemma 5.3, second bullet"),
        "|ρ_r − √γ v_r| ≤ ½ρ_r for every neuron, from t₁ to t₂",
        "|ρ_r − √γ v_r|/|ρ_r|, worst neuron and step",
        judged,
        [values],
        level=("allowed", 0.5),
        small_sigma=small,
        remark=_signs(neurons),
        allowed="½",
    )


def _kernel(neurons: NeuronRows) -> Iterator[Row]:
    norm = neurons.measured["aligned_kernel_norm"]
    values = neurons.measured["kernel_constant"]
    # The distance of two positive kernels is at most the larger one's norm: `natural`, as C ≤ 1 is below half of ‖T‖₂.
    judged, small = neurons.judge(values, partial(verdicts.constant, natural=True))
    least = (
        f"‖T‖₂ is {np.nanmin(norm):.3g} to {np.nanmax(norm):.3g} ⟨v²⟩ tr Σ/m, so that C = {np.nanmax(norm):.3g} allows "
        f"every positive kernel no larger than T: C = {np.nanmax(values):.3g} says something only because it is below 2."
    )
    yield neurons.row(
        "lemma_5_3_iii",
        PROJECT,
        "‖Θ − T‖₂ ≤ C ⟨v²⟩ tr Σ/m, from t₁ to t₂",
        "‖Θ − T‖₂ m/(⟨v²⟩ tr Σ), worst step",
        judged,
        [values],
        small_sigma=small,
        remark=f"The third bullet of Lemma 5.3 with the mean ⟨v²⟩ for its v_r². {least}",
    )
    values = neurons.measured["kernel_constant_each"]
    ratio = neurons.sigma_0 / neurons.v_0
    unlike = values[ratio == ratio.max()]
    # A constant may not grow with σ₀/v₀, on which the assumption has no condition.
    varied = {name: column for name, column in neurons.varied.items() if name != "v₀/σ₀"} | {"σ₀/v₀": ratio}
    judged = verdicts.constant(values, varied, natural=True)
    small = verdicts.constant(
        values[neurons.small], {name: column[neurons.small] for name, column in varied.items()}, natural=True
    )
    yield neurons.row(
        "lemma_5_3_iii_each",
        paper("Lemma 5.3, third bullet"),
        "‖Θ − (v_r²/m) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ ≤ C v_r² tr Σ/m for every neuron r, from t₁ to t₂",
        "‖Θ − (v_r²/m) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ m/(v_r² tr Σ), worst neuron and step",
        judged,
        [values],
        level=("‖T‖₂ where all neurons are alike", 2.0),
        small_sigma=small,
        remark="The proof takes the bound for every r′, so that the smallest neuron decides: "
        f"C = {np.nanmin(unlike):.2g} to {np.nanmax(unlike):.2g} at σ₀ = {ratio.max():.3g} v₀. The powers of numbers other "
        "than σ₀/v₀ come from these networks, too: where σ₀ ≪ v₀, C grows with none of them.",
    )


def _proof(neurons: NeuronRows) -> Iterator[Row]:
    """Yield the step of the proof that bounds ρ_r at t₂: as printed, and up to a constant."""
    values = neurons.measured["rho_over_proof"]
    judged, small = neurons.judge(values, lambda chosen, varied: verdicts.bound(chosen, 1.0, varied))
    yield neurons.row(
        "lemma_5_3_proof",
        paper("Proof of Lemma 5.3 (B.2)", 23),
        "ρ_r(t₂)² ≤ γ^{3/2}/‖X‖² for every neuron, which the proof uses",
        "ρ_r(t₂)² ‖X‖²/γ^{3/2}, largest neuron",
        judged,
        [values],
        level=("allowed", 1.0),
        small_sigma=small,
        remark="Training ends at ρ∞² = γ^{5/2}/φ₂, which is no smaller than γ^{3/2}/‖X‖²: where σ₀ ≪ v₀ all neurons end there, "
        f"and the quantity is up to {np.nanmax(values[neurons.small]):.3g}. lemma_5_3_proof_constant takes any constant.",
        allowed="1",
    )
    values = neurons.measured["rho_largest"]
    judged, small = neurons.judge(values, verdicts.constant)
    width = neurons.trained.column("width").max()
    yield neurons.row(
        "lemma_5_3_proof_constant",
        reading("Proof of Lemma 5.3 (B.2)", 23),
        "|ρ_r| ≤ C γ^{3/4}/√(tr Σ) for every neuron up to t₂: ρ_r(t₂)² ≤ γ^{3/2}/‖X‖² up to a constant",
        "|ρ_r| √(tr Σ)/γ^{3/4}, largest neuron and step",
        judged,
        [values],
        small_sigma=small,
        remark="‖X‖² is tr Σ up to K's anisotropy. Where the starts of the neurons differ, the largest of m normal ones is "
        f"about √(2 log m) = {np.sqrt(2 * np.log(width)):.2g} times their root mean square.",
    )


def _increase(neurons: NeuronRows) -> Iterator[Row]:
    for name, statement, size, key, place, remark in (
        (
            "stage_two_increase",
            "|ρ_r| consistently increases in stage two, for every neuron",
            "|ρ_r|",
            "rise",
            paper("§5.2", 8),
            "",
        ),
        (
            "stage_two_increase_rms",
            "rms ρ_r consistently increases in stage two",
            "rms ρ_r",
            "rise_rms",
            reading("§5.2", 8),
            "The printed statement is of every |ρ_r|; this is their root mean square.",
        ),
    ):
        growth = neurons.measured[key] - 1
        judged, small = neurons.judge(growth, partial(_grows, size=size))
        yield neurons.row(
            name,
            place,
            statement,
            f"growth of {size} in a step, (t + 1 over t) − 1, least of all {'neurons and ' if key == 'rise' else ''}steps "
            "from t₁ to t₂",
            judged,
            [growth],
            level=("no growth", 0.0),
            log_y=False,
            small_sigma=small,
            remark=remark,
        )


def _grows(growth: np.ndarray, varied: verdicts.Varied, size: str) -> verdicts.Judged:
    """Judge that it grows at every step; the numbers are the least growth of each network."""
    known = ~np.isnan(growth)
    judged = verdicts.always(growth > 0, known, varied)
    low, high = growth[known].min(), growth[known].max()
    power = f"steps of which {size} grows by {low:.2g} less, the least growth found; {judged.power}"
    return replace(judged, measured=float(np.median(growth[known])), low=low, high=high, expected=0.0, power=power)

"""Lemma 5.3: what stays so in stage two (its proxy: `proxy`), and what its proof and Section 5.2 say of ρ_r on the way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Row, paper


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of each bullet, then those about the growth of ρ_r."""
    neurons = NeuronRows(data)
    yield from _off_target(neurons)
    yield _balance(neurons)
    yield from _kernel(neurons)
    yield _proof(neurons)
    yield from _increase(neurons)


def _signs(neurons: NeuronRows) -> str:
    share = 100 * neurons.measured["negative_share"]
    return (
        f"ρ_r is read as |ρ_r|: it is negative for {np.nanmin(share):.0f} to {np.nanmax(share):.0f} % of the neurons, where "
        "the bound as printed is negative too"
    )


def _off_target(neurons: NeuronRows) -> Iterator[Row]:
    misprint = "printed is ρ(t)Xᵀy for (ρ_r/γ)Xᵀy; "
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
            "the first bullet of Lemma 5.3 with √γ for its √(tr Σ n‖β̃‖²); ",
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
    )


def _kernel(neurons: NeuronRows) -> Iterator[Row]:
    norm = neurons.measured["aligned_kernel_norm"]
    values = neurons.measured["kernel_constant"]
    # The distance of two positive kernels is at most the larger one's norm: `natural`, as C ≤ 1 is below half of ‖T‖₂.
    judged, small = neurons.judge(values, partial(verdicts.constant, natural=True))
    least = (
        f"‖T‖₂ is {np.nanmin(norm):.3g} to {np.nanmax(norm):.3g} ⟨v²⟩ tr Σ/m, so that C = {np.nanmax(norm):.3g} allows "
        f"every positive kernel no larger than T: C = {np.nanmax(values):.3g} says something only because it is below 2"
    )
    yield neurons.row(
        "lemma_5_3_iii",
        PROJECT,
        "‖Θ − T‖₂ ≤ C ⟨v²⟩ tr Σ/m, from t₁ to t₂",
        "‖Θ − T‖₂ m/(⟨v²⟩ tr Σ), worst step",
        judged,
        [values],
        small_sigma=small,
        remark=f"the third bullet of Lemma 5.3 with the mean ⟨v²⟩ for its v_r²; {least}",
    )
    values = neurons.measured["kernel_constant_each"]
    judged, small = neurons.judge(values, partial(verdicts.constant, natural=True))
    ratio = neurons.sigma_0 / neurons.v_0
    unlike = values[ratio == ratio.max()]
    yield neurons.row(
        "lemma_5_3_iii_each",
        paper("Lemma 5.3, third bullet"),
        "‖Θ − (v_r²/m) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ ≤ C v_r² tr Σ/m for every neuron r, from t₁ to t₂",
        "‖Θ − (v_r²/m) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ m/(v_r² tr Σ), worst neuron and step",
        judged,
        [values],
        level=("‖T‖₂ where all neurons are alike", 2.0),
        small_sigma=small,
        remark="the proof takes the bound for every r′, so that the smallest neuron decides: "
        f"C = {np.nanmin(unlike):.2g} to {np.nanmax(unlike):.2g} at σ₀ = {ratio.max():.3g} v₀",
    )


def _proof(neurons: NeuronRows) -> Row:
    values = neurons.measured["rho_largest"]
    judged, small = neurons.judge(values, verdicts.constant)
    literal, alike = neurons.measured["rho_over_proof"], neurons.trained.small_sigma
    width = neurons.trained.column("width").max()
    return neurons.row(
        "lemma_5_3_proof",
        paper("Proof of Lemma 5.3 (B.2)", 23),
        "ρ_r(t₂)² ≤ γ^{3/2}/‖X‖², which the proof uses; up to a constant, |ρ_r| ≤ C γ^{3/4}/√(tr Σ) for every neuron up to t₂",
        "|ρ_r| √(tr Σ)/γ^{3/4}, largest neuron and step",
        judged,
        [values],
        small_sigma=small,
        remark=f"ρ_r(t₂)² ‖X‖²/γ^{{3/2}} itself is up to {np.nanmax(literal[alike]):.3g} where σ₀ ≪ v₀, as ρ∞² = γ^{{5/2}}/φ₂ "
        f"is no smaller than γ^{{3/2}}/‖X‖², and up to {np.nanmax(literal):.3g} where the starts of the neurons differ: the "
        f"largest of m normal ones is about √(2 log m) = {np.sqrt(2 * np.log(width)):.2g} times their root mean square",
    )


def _increase(neurons: NeuronRows) -> Iterator[Row]:
    for name, statement, size, key in (
        ("stage_two_increase", "|ρ_r| consistently increases in stage two, for every neuron", "|ρ_r|", "rise"),
        ("stage_two_increase_rms", "rms ρ_r consistently increases in stage two", "rms ρ_r", "rise_rms"),
    ):
        values = 1 / neurons.measured[key]
        # Below 1 strictly: what stays as it is does not increase.
        judged, small = neurons.judge(
            values, lambda chosen, varied: verdicts.bound(chosen, float(np.nextafter(1.0, 0.0)), varied)
        )
        yield neurons.row(
            name,
            paper("§5.2", 8),
            statement,
            f"{size} at t over {size} at t + 1, largest of all {'neurons and ' if key == 'rise' else ''}steps from t₁ to t₂",
            judged,
            [values],
            level=("no increase", 1.0),
            log_y=False,
            small_sigma=small,
            remark="" if key == "rise" else "the printed statement is of every |ρ_r|; this is their root mean square",
        )

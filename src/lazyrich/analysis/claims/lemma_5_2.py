"""Lemma 5.2: where stage one ends."""

from __future__ import annotations

from collections.abc import Iterator

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import Row, paper
from lazyrich.theory import times


def rows(data: Data) -> Iterator[Row]:
    """Yield one row for each bullet."""
    neurons = NeuronRows(data)
    time = times.alignment_time(neurons.trained.column("v_0"), neurons.trained.column("growth_per_step"))
    ratio = neurons.trained.column("alignment_step") / time
    yield neurons.row(
        "lemma_5_2_i_time",
        paper("Lemma 5.2 (i)"),
        "stage one ends at t₁ ≍ log(1/v₀)/k",
        "t₁ k/log(1/v₀), t₁ where rms ρ_r = 1",
        verdicts.order(ratio, neurons.varied),
        [ratio],
        log_y=False,
    )
    values, repeated = neurons.both("rho")
    yield neurons.row(
        "lemma_5_2_i_alignment",
        paper("Lemma 5.2 (i)"),
        "|ρ_r(t₁)| = Θ(1) for every neuron r",
        "|ρ_r(t₁)|, smallest and largest neuron",
        verdicts.order(values, repeated),
        [neurons.measured["rho_low"], neurons.measured["rho_high"]],
    )
    values, repeated = neurons.both("v")
    yield neurons.row(
        "lemma_5_2_ii",
        paper("Lemma 5.2 (ii)"),
        "|v_r(t₁)| = Θ(1/√(n‖β̃‖² tr Σ)) for every neuron r",
        "|v_r(t₁)| √(n‖β̃‖² tr Σ), smallest and largest neuron",
        verdicts.order(values, repeated),
        [neurons.measured["v_low"], neurons.measured["v_high"]],
    )
    statement = "‖Θ(t₁) − (1/(mγ)) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ ≤ C/(m n³ ‖β̃‖⁶ tr Σ)"
    for name, remark in (
        ("kernel_printed", "as printed, at the first step with rms ρ_r ≥ 1"),
        ("kernel_scaled", "with the measured ⟨v²⟩ for 1/γ, so that only the kernel's structure counts"),
    ):
        yield neurons.row(
            f"lemma_5_2_iii_{name}",
            paper("Lemma 5.2 (iii)"),
            f"{statement}, {remark}",
            "‖Θ(t₁) − …‖₂ m n³‖β̃‖⁶ tr Σ",
            verdicts.constant(neurons.measured[name], neurons.varied),
            [neurons.measured[name]],
        )

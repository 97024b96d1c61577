"""Lemma 5.2: where stage one ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Place, Row, Whose, paper
from lazyrich.theory import times

AT_T1 = "Read at the first step where rms ρ_r ≥ 1, which makes the typical ρ_r of order 1 by itself."


def rows(data: Data) -> Iterator[Row]:
    """Yield one row for each bullet."""
    neurons = NeuronRows(data)
    time = times.alignment_time(neurons.trained.column("v_0"), neurons.trained.column("growth_per_step"))
    ratio = neurons.trained.column("alignment_step") / time
    reason = "as log(1/v₀) stands where log(2/(√γ√(v₀² + σ₀²))) should"
    yield neurons.row(
        "lemma_5_2_i_time",
        Place(Whose.project, "a weaker reading of Lemma 5.2 (i)"),
        "the step at which rms ρ_r = 1 is ≍ log(1/v₀)/k",
        "step at which rms ρ_r = 1, times k/log(1/v₀)",
        verdicts.order(ratio, neurons.varied, reason),
        [ratio],
        log_y=False,
        small_sigma=verdicts.order(ratio[neurons.small], neurons.small_varied, reason),
        remark="The paper defines t₁ by a formula and claims that ρ_r = Θ(1) at that time, which says more: the row "
        "lemma_5_2_i_literal.",
    )
    yield from _sizes(neurons)
    yield from _kernels(neurons)


def _sizes(neurons: NeuronRows) -> Iterator[Row]:
    """Yield (i) and (ii): the sizes of every neuron's ρ_r and v_r at t₁."""
    m, large = neurons.trained.column("width"), neurons.sigma_0 > neurons.v_0
    twice = np.tile(neurons.small, 2)
    for name, place, which, statement, quantity in (
        ("lemma_5_2_i_alignment", "Lemma 5.2 (i)", "rho", "|ρ_r(t₁)| = Θ(1)", "|ρ_r(t₁)|"),
        (
            "lemma_5_2_ii",
            "Lemma 5.2 (ii)",
            "v",
            "|v_r(t₁)| = Θ(1/√(n‖β̃‖² tr Σ))",
            "|v_r(t₁)| √(n‖β̃‖² tr Σ)",
        ),
    ):
        values, varied = neurons.both(which)
        low, high = neurons.measured[f"{which}_low"], neurons.measured[f"{which}_high"]
        least = (m * low)[large]
        yield neurons.row(
            name,
            paper(place),
            f"{statement} for every neuron r",
            f"{quantity}, smallest and largest neuron",
            verdicts.order(values, varied),
            [low, high],
            small_sigma=verdicts.order(values[twice], {key: column[twice] for key, column in varied.items()}),
            remark=f"{AT_T1} Where σ₀ > v₀ it grows from b_r, normal over neurons, and the smallest is about 1/m of the "
            f"typical: m times the smallest is {least.min():.2g} to {least.max():.2g}. "
            "No constant from below serves every width.",
        )


def _kernels(neurons: NeuronRows) -> Iterator[Row]:
    """Yield (iii) as printed, then the same of the kernel's structure alone."""
    apart = neurons.measured["kernel_apart"]
    allowed = "C₂/(m n³ ‖β̃‖⁶ tr Σ)"
    for name, place, statement, quantity, remark in (
        (
            "printed",
            paper("Lemma 5.2 (iii)"),
            f"‖Θ(t₁) − (1/(mγ)) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ ≤ {allowed}",
            "‖Θ(t₁) − …‖₂ m n³‖β̃‖⁶ tr Σ",
            f"{AT_T1} How far beyond 1 it is by then changes the kernel's size, by a factor (1 + k)² at most.",
        ),
        (
            "scaled",
            PROJECT,
            f"Lemma 5.2 (iii) without the kernel's size: ‖Θ(t₁)/(γ⟨v_r²⟩) − (1/(mγ)) X(I + XᵀyyᵀX/γ)Xᵀ‖₂ ≤ {allowed}",
            "‖Θ(t₁)/(γ⟨v_r²⟩) − …‖₂ m n³‖β̃‖⁶ tr Σ",
            "The measured ⟨v_r²(t₁)⟩ stands for the lemma's 1/γ. "
            f"The distance is {apart.min():.2g} to {apart.max():.2g} of the norm of what is subtracted.",
        ),
    ):
        needed = neurons.measured[f"kernel_{name}"]
        yield neurons.row(
            f"lemma_5_2_iii_kernel_{name}",
            place,
            statement,
            quantity,
            verdicts.constant(needed, neurons.varied),
            [needed],
            small_sigma=verdicts.constant(needed[neurons.small], neurons.small_varied),
            allowed="C₂ of this lemma",
            remark=remark,
        )

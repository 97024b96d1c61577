"""What the kernel does in each stage: size and structure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Row, reading

# Most of a way: more than half of it.
HALF = 0.5


def rows(data: Data) -> Iterator[Row]:
    """Yield two rows of stage one and one of stage two."""
    neurons = NeuronRows(data)
    measured, small = neurons.measured, neurons.small
    growth = measured["kernel_growth"]
    # ⟨v²⟩ is 1/γ at t₁ and about b at the end of rich training.
    left = 1 / (neurons.trained.column("gamma") * neurons.trained.column("b"))
    yield neurons.row(
        "kernel_stage_one_size",
        reading("§1", 2),
        "in stage one the kernel is to “maintain its norm while evolving”: ‖Θ(t₁)‖ ≍ ‖Θ(0)‖",
        "‖Θ(t₁)‖₂/‖Θ(0)‖₂",
        verdicts.order(growth, neurons.varied),
        [growth],
        small_sigma=verdicts.order(growth[small], neurons.small_varied),
        remark="The paper does not say with what it compares the norm: this row compares ‖Θ(t₁)‖, at the first step where "
        "rms ρ_r ≥ 1, with ‖Θ(0)‖. Compared with the trained kernel it stays small: ‖Θ(t₁)‖ is about 1/(γb) of that, "
        f"{left.min():.1g} to {left.max():.1g}.",
    )
    turned = measured["structure_t1"] / measured["structure_start"]
    yield neurons.row(
        "kernel_stage_one_structure",
        reading("§6 (iii)"),
        "in stage one the kernel's structure converges to that of T: by t₁ more than half of the way there is done",
        "‖Θ/‖Θ‖ − T/‖T‖‖ at t₁ over that at the start (Frobenius)",
        verdicts.bound(turned, HALF, neurons.varied),
        [turned],
        level=("half-way", HALF),
        small_sigma=verdicts.bound(turned[small], HALF, neurons.small_varied),
        remark="The paper says that it converges to T, not how near it is by t₁: half of the way is this project's threshold. "
        f"The farthest network has {np.nanmax(turned):.2g} of its way left, the median one {np.nanmedian(turned):.1g}.",
        allowed="½",
    )
    turning = measured["structure_change"] / measured["structure_start"]
    yield neurons.row(
        "kernel_stage_two_structure",
        PROJECT,
        "in stage two the kernel grows at fixed structure: it turns by less than half of its way from the start to T",
        "largest ‖Θ/‖Θ‖ − Θ(t₁)/‖Θ(t₁)‖‖ up to t₂ over the way from the start to T (Frobenius)",
        verdicts.bound(turning, HALF, neurons.varied),
        [turning],
        level=("half of the way", HALF),
        small_sigma=verdicts.bound(turning[small], HALF, neurons.small_varied),
        remark="The paper's own statement on the kernel in stage two is the third bullet of Lemma 5.3, which has its own rows.",
        allowed="½",
    )

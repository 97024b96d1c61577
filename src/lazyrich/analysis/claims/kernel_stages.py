"""What the kernel does in each stage: size and structure."""

from __future__ import annotations

from collections.abc import Iterator

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import Row, paper


def rows(data: Data) -> Iterator[Row]:
    """Yield two rows of stage one and one of stage two."""
    neurons = NeuronRows(data)
    yield neurons.row(
        "kernel_stage_one_size",
        paper("§1", 2),
        "in stage one the kernel keeps its size: ‖Θ(t₁)‖ ≍ ‖Θ(0)‖",
        "‖Θ(t₁)‖₂/‖Θ(0)‖₂",
        verdicts.order(neurons.measured["kernel_growth"], neurons.varied),
        [neurons.measured["kernel_growth"]],
    )
    yield neurons.row(
        "kernel_stage_one_structure",
        paper("§1", 2),
        "in stage one the kernel's structure turns to T: by t₁ most of its way there is done",
        "‖Θ/‖Θ‖ − T/‖T‖‖ at t₁ over that at the start (Frobenius)",
        # Most: more than half.
        verdicts.bound(neurons.measured["structure_t1"] / neurons.measured["structure_start"], 0.5, neurons.varied),
        [neurons.measured["structure_t1"] / neurons.measured["structure_start"]],
        level=("half-way", 0.5),
    )
    yield neurons.row(
        "kernel_stage_two_structure",
        paper("§1", 2),
        "in stage two the kernel grows at fixed structure: it turns less than it did in stage one",
        "largest ‖Θ/‖Θ‖ − Θ(t₁)/‖Θ(t₁)‖‖ up to t₂ over the way from the start to T (Frobenius)",
        verdicts.bound(neurons.measured["structure_change"] / neurons.measured["structure_start"], 0.5, neurons.varied),
        [neurons.measured["structure_change"] / neurons.measured["structure_start"]],
        level=("half of stage one's", 0.5),
    )

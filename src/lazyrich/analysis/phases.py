"""Phases: names for networks, from their measured numbers.

Every label follows from numbers that are measured at every step, whatever is recorded: `status`, the loss at the start and the
end, its smallest and largest value, `period` and the kernel change, held against the thresholds of the sweep file.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
from jaxtyping import Bool, Float, Int

from lazyrich.analysis.codes import Codes, Look
from lazyrich.engines.trajectories import Status
from lazyrich.sweep.schema import Phases
from lazyrich.theory.boundaries import kernel_change_isotropic

Array = np.ndarray


class Phase(IntEnum):
    """How a network learnt, in words."""

    lazy = 0  # converged, the kernel hardly moved
    rich_two_stage = 1  # converged, the kernel changed
    catapult = 2  # converged after the loss had first risen
    oscillating = 3  # neither converged nor diverged, the loss goes up and down
    diverging = 4
    unfinished = 5  # the loss still falls: more steps are needed
    failed = 6  # not trained, see `reason`
    not_run = 7


# Okabe–Ito, colour-blind safe, and greys where there is no result.
PHASES = Codes(
    "phase",
    {
        Phase.lazy: Look("lazy", "#56B4E9"),
        Phase.rich_two_stage: Look("rich, two-stage", "#E69F00"),
        Phase.catapult: Look("catapult", "#CC79A7"),
        Phase.oscillating: Look("oscillating", "#0072B2"),
        Phase.diverging: Look("diverging", "#D55E00"),
        Phase.unfinished: Look("unfinished", "#C8C8C8"),
        Phase.failed: Look("failed", "#707070"),
        Phase.not_run: Look("not run", "#FFFFFF"),
    },
    nothing=Phase.not_run,
)

# The last loss stands above the smallest one by more than the rounding of a run that still falls.
RISEN = 1.01


def threshold(phases: Phases, samples: Float[Array, " networks"]) -> Float[Array, " networks"]:
    """Return κ_c, the kernel change between lazy and rich: of the sweep file, or its value at χ = 1 for K = κI."""
    if phases.kernel_change is not None:
        return np.full(len(samples), phases.kernel_change)
    return np.asarray(kernel_change_isotropic(np.ones(len(samples)), samples))


def phase(
    status: Int[Array, " networks"],
    kernel_change: Float[Array, " networks"],
    kernel_threshold: Float[Array, " networks"],
    loss_start: Float[Array, " networks"],
    loss_end: Float[Array, " networks"],
    loss_min: Float[Array, " networks"],
    loss_max: Float[Array, " networks"],
    period: Int[Array, " networks"],
    phases: Phases,
) -> Int[Array, " networks"]:
    """Return the phase of each network; losses are those that training can reduce (without their floor)."""
    converged = status == Status.converged
    with np.errstate(invalid="ignore"):
        rose = loss_max > phases.loss_growth * loss_start
        return np.select(
            [
                status == Status.failed,
                status == Status.diverged,
                converged & rose,
                converged & (kernel_change >= kernel_threshold),
                converged,
                up_and_down(loss_end, loss_min, period),
            ],
            [Phase.failed, Phase.diverging, Phase.catapult, Phase.rich_two_stage, Phase.lazy, Phase.oscillating],
            Phase.unfinished,
        )


def up_and_down(
    loss_end: Float[Array, " networks"], loss_min: Float[Array, " networks"], period: Int[Array, " networks"]
) -> Bool[Array, " networks"]:
    """Return whether the loss of each network that has neither converged nor diverged goes up and down."""
    with np.errstate(invalid="ignore"):
        return (period > 1) | (loss_end > RISEN * loss_min)


class Rich(IntFlag):
    """Which order parameters call a network rich: where they disagree, the phase hangs on the choice among them."""

    kernel = 1
    alignment = 2
    weights = 4


VOTES = IntEnum(
    "VOTES",
    {
        "none_rich": 0,
        "kernel": Rich.kernel,
        "alignment": Rich.alignment,
        "kernel_alignment": Rich.kernel | Rich.alignment,
        "weights": Rich.weights,
        "kernel_weights": Rich.kernel | Rich.weights,
        "alignment_weights": Rich.alignment | Rich.weights,
        "all_rich": Rich.kernel | Rich.alignment | Rich.weights,
        "not_settled": 8,
    },
)
VOTES.__doc__ = "Codes of `votes` as a flag variable."
# Where all order parameters agree the colours are those of the phases.
RICH_VOTES = Codes(
    "rich_votes",
    {
        VOTES.none_rich: Look("none (lazy)", PHASES.colours[Phase.lazy]),
        VOTES.kernel: Look("kernel only", "#CC79A7"),
        VOTES.alignment: Look("alignment only", "#009E73"),
        VOTES.kernel_alignment: Look("kernel, alignment", "#F0E442"),
        VOTES.weights: Look("weights only", "#0072B2"),
        VOTES.kernel_weights: Look("kernel, weights", "#D55E00"),
        VOTES.alignment_weights: Look("alignment, weights", "#000000"),
        VOTES.all_rich: Look("all (rich)", PHASES.colours[Phase.rich_two_stage]),
        VOTES.not_settled: Look("not settled", PHASES.colours[Phase.unfinished]),
    },
    nothing=VOTES.not_settled,
    run=PHASES,
)


def votes(
    phase: Int[Array, " networks"],
    kernel_change: Float[Array, " networks"],
    kernel_threshold: Float[Array, " networks"],
    alignment: Float[Array, " networks"],
    weight_change: Float[Array, " networks"],
    phases: Phases,
) -> tuple[Int[Array, " networks"], Float[Array, " networks"]]:
    """Return (which order parameters say rich, `VOTES`; whether they disagree, 1 or 0, NaN for networks not settled).

    All numbers are those of the end of training; a NaN (not recorded) abstains, and all who vote are `all_rich`.
    """
    parameters = (
        (Rich.kernel, kernel_change, kernel_threshold),
        (Rich.alignment, alignment, phases.alignment),
        (Rich.weights, weight_change, phases.weight_change),
    )
    settled = np.isin(phase, [Phase.lazy, Phase.rich_two_stage])
    code = np.zeros(len(phase), dtype=np.int64)
    for_rich, voting = np.zeros(len(phase)), np.zeros(len(phase))
    for flag, value, level in parameters:
        with np.errstate(invalid="ignore"):
            rich = value >= level
        code += np.where(rich, int(flag), 0)
        for_rich += rich
        voting += ~np.isnan(value)
    disagree = (for_rich > 0) & (for_rich < voting)
    code = np.where((for_rich > 0) & ~disagree, VOTES.all_rich, code)
    return np.where(settled, code, VOTES.not_settled), np.where(settled, disagree, np.nan)

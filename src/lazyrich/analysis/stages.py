"""Where in its training a network is at a time τ."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int

from lazyrich.analysis.codes import Codes, Look
from lazyrich.analysis.phases import PHASES, Phase
from lazyrich.engines.trajectories import Status


class Stage(IntEnum):
    """Stages in their order, and the reasons why a network has none."""

    one = 0  # before t₁
    two = 1  # from t₁ on
    learned = 2  # from t₂ on
    diverged = 3
    ended = 4  # its training ended before
    not_run = 5


# As trajectories are shaded; where training did not come so far, as in maps of phases.
STAGES = Codes(
    "stage",
    {
        Stage.one: Look("stage one, up to t₁", "#E69F00"),
        Stage.two: Look("stage two, up to t₂", "#56B4E9"),
        Stage.learned: Look("learned, after t₂", "#009E73"),
        Stage.diverged: Look("diverged", PHASES.colours[Phase.diverging]),
        Stage.ended: Look("not trained so long", PHASES.colours[Phase.unfinished]),
        Stage.not_run: Look("not run", PHASES.colours[Phase.not_run]),
    },
    nothing=Stage.not_run,
    run=PHASES,
)


def stage(
    tau: float,
    onset: Float[np.ndarray, ...],
    end: Float[np.ndarray, ...],
    last: Float[np.ndarray, ...],
    status: Int[np.ndarray, ...],
) -> Int[np.ndarray, ...]:
    """Return codes of `Stage` at time `tau`, from each network's t₁, t₂ (NaN: not reached), last time, in τ all, and status.

    A network is diverged from its last time on, and one that could not be trained at all times.
    """
    over = tau > last
    return np.select(
        [
            (status == Status.failed) | (over & (status == Status.diverged)),
            tau >= end,
            over,
            tau >= onset,
        ],
        [Stage.diverged, Stage.learned, Stage.ended, Stage.two],
        Stage.one,
    ).astype(np.int8)

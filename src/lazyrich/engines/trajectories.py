"""Input and output of every engine: which steps to record, and the trajectories."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from lazyrich.networks import observables
from lazyrich.networks.losses import CONVERGED_LOSS
from lazyrich.networks.observables import BALANCEDNESS, NEURONS, PROBES, TEST, WEIGHTS

Array = np.ndarray


class Status(IntEnum):
    """How a network's training ended."""

    converged = 0  # ‖Π(y − f)‖ ≤ converged · ‖y‖ at the last step; of others than squares L ≤ converged_loss · L(f = 0)
    running = 1
    diverged = 2  # the loss was not finite, or above 1e12 of its start
    failed = 3  # not trained: see `Reason`


DIVERGED = 1e12  # a loss above this multiple of its start has diverged
LARGEST = float(np.finfo(np.float64).max)  # and so has one that is not finite, at the start, too
WINDOW = 64  # steps that the period is read from


@dataclass(frozen=True)
class Recording:
    """The steps and observables to record of a batch of networks."""

    steps: Int[Array, "networks records"]  # of each record, rising, the last at the end of training
    observables: Bool[Array, " names"]  # which of observables.NAMES are kept
    onset: float  # thresholds of `onset_step` and `end_step`, shares
    converged: float
    keep_probes: int = 0  # number of probes whose ρ_r and v_r are kept at each record
    converged_loss: float = CONVERGED_LOSS  # threshold of `end_step` for losses that are no squares, a share

    def part(self, where: Int[Array, " part"]) -> Recording:
        """Return the recording of some of the networks."""
        return replace(self, steps=self.steps[where])

    @property
    def bytes_each(self) -> int:
        """Memory that the records of one network take."""
        return 8 * self.steps.shape[1] * (len(observables.NAMES) + 2 + 2 * self.keep_probes)

    @property
    def follows_neurons(self) -> bool:
        """Whether the propagator is needed; `alignment_step` needs ρ at several records."""
        needs_neurons = self.asks(NEURONS, PROBES, WEIGHTS, BALANCEDNESS, TEST)
        return self.steps.shape[1] > 1 or self.keep_probes > 0 or needs_neurons

    def asks(self, *needs: str) -> bool:
        """Return whether a kept observable needs any of these."""
        return bool(self.observables[observables.needing(needs)].any())


@dataclass(frozen=True)
class Trajectories:
    """Records and step-resolved scalars of a batch of networks, float64; −1 stands for a step that was not reached."""

    observables: Float[Array, "networks records names"]  # columns: observables.NAMES; NaN where not asked for
    rho_rms: Float[Array, "networks records"]  # rms ρ_r over all neurons
    rho_r: Float[Array, "networks records probes"] | None  # of each probe, where kept
    v_r: Float[Array, "networks records probes"] | None
    onset_step: Int[Array, " networks"]
    end_step: Int[Array, " networks"]
    loss_start: Float[Array, " networks"]
    loss_end: Float[Array, " networks"]
    loss_min: Float[Array, " networks"]
    loss_max: Float[Array, " networks"]
    kernel_change: Float[Array, " networks"]  # ‖Θ − Θ₀‖/‖Θ₀‖ at the end
    period: Int[Array, " networks"]
    sharpness_start: Float[Array, " networks"]
    sharpness_end: Float[Array, " networks"]
    b_rms: Float[Array, " networks"]  # rms over neurons of b_r = ⟨w_r(0), Xᵀy⟩
    status: Int[Array, " networks"]

    def put(self, where: Int[Array, " part"], part: Trajectories) -> None:
        """Fill in the trajectories of some of the networks."""
        for field in fields(self):
            array = getattr(self, field.name)
            if array is not None:
                array[where] = getattr(part, field.name)


def empty(shape: tuple[int, ...], probes: int) -> Trajectories:
    """Return trajectories of `shape` = (networks, records) to fill in: NaN, not reached, failed."""
    count, records = shape

    def floats(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan)

    def integers(value: int) -> np.ndarray:
        return np.full(count, value, dtype=np.int64)

    probe_arrays = [floats(count, records, probes) if probes else None for _ in range(2)]
    return Trajectories(
        observables=floats(count, records, len(observables.NAMES)),
        rho_rms=floats(count, records),
        rho_r=probe_arrays[0],
        v_r=probe_arrays[1],
        onset_step=integers(-1),
        end_step=integers(-1),
        loss_start=floats(count),
        loss_end=floats(count),
        loss_min=floats(count),
        loss_max=floats(count),
        kernel_change=floats(count),
        period=integers(0),
        sharpness_start=floats(count),
        sharpness_end=floats(count),
        b_rms=floats(count),
        status=integers(Status.failed),
    )


def period_of(losses: Float[Array, " window"], newest: int) -> int:
    """Return the smallest period p from 2 to 16 of the last losses (a ring, its newest entry at `newest`), 0 for none.

    Periodic: every loss equals the one p steps before to 1e-3 of the window's range, and the range is no rounding noise.
    A slow monotone change has no period: over p steps of 64 it moves by p/63 of its range.
    """
    window = losses.shape[0]
    lowest = losses[0]
    highest = losses[0]
    for i in range(1, window):
        lowest = min(lowest, losses[i])
        highest = max(highest, losses[i])
    spread = highest - lowest
    if not spread > 1e-9 * highest:
        return 0
    for p in range(2, 17):
        repeats = True
        for i in range(window - p):
            if abs(losses[(newest - i) % window] - losses[(newest - i - p) % window]) > 1e-3 * spread:
                repeats = False
                break
        if repeats:
            return p
    return 0

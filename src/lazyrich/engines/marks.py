"""The events of a training, by one rule for all engines: onset, end, convergence to rounding, divergence.

Plain arithmetic with a free name `xp` (`networks.backends`): on the numbers of one network (numba, Triton, Python) or on arrays
of networks (torch).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lazyrich.engines.trajectories import DIVERGED, LARGEST, Recording
from lazyrich.networks.losses import FINISHED

xp: Any  # with `minimum`


class Shares(NamedTuple):
    """Thresholds as shares of the reducible loss at the start, or of a network with output 0; numbers, or tensors of one."""

    onset: Any
    end: Any
    finished: Any
    diverged: Any
    largest: Any  # no share: a loss above it is not finite


class Marks(NamedTuple):
    """Thresholds of one network, or of arrays of them: three of the reducible sum ‖Π(y − f)‖², one of the loss."""

    onset: Any
    end: Any
    finished: Any
    limit: Any


def shares(onset: float, converged: float, *, converged_loss: float | None = None) -> Shares:
    """Return the shares of a recording's `onset` and `converged`; the latter is of a residual, whose square is left.

    Of losses that are no squares, `converged_loss` is the share of the loss itself, and training never stops early.
    """
    end, finished = converged * converged, FINISHED * FINISHED
    if converged_loss is not None:
        end, finished = converged_loss, -1.0
    return Shares(onset=1.0 - onset, end=end, finished=finished, diverged=DIVERGED, largest=LARGEST)


def shares_of(recording: Recording, *, square: bool) -> Shares:
    """Return the shares of a recording for networks whose loss is a square, or not."""
    converged_loss = None if square else recording.converged_loss
    return shares(recording.onset, recording.converged, converged_loss=converged_loss)


def marks(start, whole, loss, onset, end, finished, diverged, largest):
    """Return onset, end, finished and limit, as in `Marks`, from a training's start and its `Shares`.

    `start` is the reducible summed loss ‖Π(y − f)‖² at the start, `whole` the summed loss of a network with output 0, and
    `loss` the loss at the start.
    """
    return onset * start, end * whole, finished * whole, xp.minimum(diverged * loss, largest)


def passed(left, loss, onset, end, finished, limit):
    """Return whether onset, end and finish are passed, and whether the loss is sound (NaN is not)."""
    return left < onset, left <= end, left <= finished, loss <= limit

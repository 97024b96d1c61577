"""The one loop of the engines that run in torch: look, pull, step, until no network trains any more."""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lazyrich.engines.observing import Reference, Seen, Watch
from lazyrich.engines.trajectories import Recording, Trajectories
from lazyrich.networks.batch import Networks
from lazyrich.networks.losses import Loss

# Networks that have ended are dropped once fewer than this share still train: a copy costs about a step.
KEPT = 0.75


class System(Protocol):
    """Networks of one piece in a representation of their own, in which outputs and targets have k entries."""

    reference: Reference  # of all networks of the piece
    loss: Loss  # bound to torch
    b_rms: Float[Tensor, " networks"]
    rows: Int[Tensor, " rows"]  # which of them are still computed, rising
    y: Float[Tensor, "rows k"]
    rate: Float[Tensor, "rows _"]  # k columns or 1: the factor from a pull to the force of `step`

    def output(self) -> Float[Tensor, "rows k"]:
        """Return f."""

    def left(self, output: Float[Tensor, "rows k"], pull: Float[Tensor, "rows k"]) -> Float[Tensor, " rows"]:
        """Return what is left of Σ value(f_i, y_i): of a square ‖Π(y − f)‖²; Π projects on what the networks can fit."""

    def see(self, where: Int[Tensor, " some"]) -> Seen:
        """Return the record of the networks at these positions in the piece."""

    def keep(self, active: Bool[Tensor, " rows"]) -> None:
        """Drop the other rows."""

    def step(self, force: Float[Tensor, "rows k"]) -> None:
        """Move the weights by this force on the outputs, 0 of networks that have ended."""


def descend(networks: Networks, recording: Recording, system: System) -> Trajectories:
    """Train the networks of one piece, whose `system` is at its start."""
    watch = Watch(networks, recording, system.reference)
    left = torch.zeros_like(system.b_rms)
    t = 0
    while True:
        output = system.output()
        pull = system.loss.pull(output, system.y)
        left[system.rows] = system.left(output, pull)
        if not watch.look(t, left, system.see):
            break
        active = watch.active[system.rows]
        if active.sum() < KEPT * len(active):
            system.keep(active)
            pull, active = pull[active], active[active]
        system.step(torch.where(active[:, None], system.rate * pull, 0.0))
        t += 1
    watch.outcome.b_rms = system.b_rms
    return watch.outcome.trajectories(networks, recording)

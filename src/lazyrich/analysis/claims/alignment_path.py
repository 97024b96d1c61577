"""rms ρ_r and the residual of the networks of `neurons` at any time, followed step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lazyrich.analysis.follow import Followed


@dataclass(frozen=True)
class Path:
    """One network at every step from the start on."""

    rho: Float[np.ndarray, " steps"]  # rms ρ_r over the explicit neurons; 0 at the start
    left: Float[np.ndarray, " steps"]  # ‖y − f‖²/‖y − f(0)‖², the share of the loss that is left

    def rho_at(self, time: float) -> float:
        """Return rms ρ_r at a time from 0 to the last step: log ρ_r is linear between steps, ρ_r itself from the start."""
        step = int(np.ceil(time))
        if step <= 1:
            return float(self.rho[1] * time)
        before, after = np.log(self.rho[step - 1 : step + 1])
        return float(np.exp(after + (time - step) * (after - before)))

    def left_at(self, time: float) -> float:
        """Return the share of the loss that is left at a time from 0 to the last step, linear between steps."""
        return float(np.interp(time, np.arange(len(self.left)), self.left))


def path(one: Followed, steps: int) -> Path:
    """Return a network's path from its start through `steps` steps."""
    rho, residual = [], []
    for now in one.snapshots(range(steps + 1)):
        rho.append(np.sqrt(np.mean(one.rho(now) ** 2)))
        residual.append(np.sum((one.targets - one.output(now)) ** 2))
    return Path(np.array(rho), np.array(residual) / residual[0])

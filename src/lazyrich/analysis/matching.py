"""The initial size of a ReLU network, matched by simulation: with it, learning starts at the onset of a published figure.

There is no formula in σ₀ and v₀ for stage one of a ReLU network. Neurons with v_r of the wrong sign switch off one by one, a
neuron that is off for all inputs never moves, and σ₀/v₀ decides how fast. But ReLU networks are homogeneous: if all weights are
s times as large, and f is small, every neuron takes the same path, s times as large. |ρ|/|v| stays, f is s² times as large,
and onset comes ln s/ln(1 + k) steps earlier. So one run at any small size, for each σ₀/v₀, gives the size with the published
onset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lazyrich.analysis.recovery import before_onset, curves, read
from lazyrich.shards.memory import run

BALANCES = (0.1, 0.25, 0.5, 1.0, 2.0)
# Steps that are trained, in published onsets: a start half as large is still in time at k·t₁ = 5.
LONGEST = 1.15


@dataclass(frozen=True)
class Match:
    """The start with which a sweep's networks have the published onset, at one σ₀/v₀."""

    balance: float  # σ₀/v₀
    v_eff: float  # √(σ₀² + v₀²), median over networks
    v_eff_low: float  # least and largest over networks, which differ in their images and draws
    v_eff_high: float
    rise: float  # rms distance of |ρ|/|v| to the points until the loss falls, relative to √γ, median over networks
    rise_nearest: float  # that of the nearest network


def match_start(
    sweep: dict[str, Any], published: dict[str, np.ndarray], balances: tuple[float, ...] = BALANCES
) -> list[Match]:
    """Return, for each σ₀/v₀, the initial size at which networks of a sweep have the onset of published curves.

    `sweep` is a sweep file's content of one cell, with `network.sigma_0`, `network.v_0` (the size to try first, small enough
    for a stage one) and `training.growth_per_step`; its replicates are the networks. `published` is as of `load_published`.

    Raises
    ------
    ValueError
        where published curves, or those of a network, show no stage one (as in `recovery.read`).
    """
    reading = read(published)
    early = before_onset(published)
    network, training = sweep["network"], sweep["training"]
    k, size = training["growth_per_step"], float(np.hypot(network["sigma_0"], network["v_0"]))
    trial = {name: value for name, value in sweep.items() if name != "figures"}
    trial["training"] = training | {"steps": round(LONGEST * reading.onset)}
    matches = []
    for balance in balances:
        v_0 = size / float(np.hypot(1.0, balance))
        networks = run(trial | {"network": network | {"sigma_0": balance * v_0, "v_0": v_0}})
        sizes, rises = [], []
        for row in range(networks.sizes["network"]):
            network_curves = curves(networks, row)
            sizes.append(size * (1 + k) ** (read(network_curves).onset - reading.onset))
            away = (
                np.interp(published["step"][early], network_curves["step"], network_curves["rho_over_v"])
                - published["rho_over_v"][early]
            )
            rises.append(np.sqrt(np.mean(away**2)) / reading.root_gamma)
        low, middle, high = (float(value) for value in np.quantile(sizes, (0.0, 0.5, 1.0)))
        matches.append(Match(balance, middle, low, high, float(np.median(rises)), float(np.min(rises))))
    return matches

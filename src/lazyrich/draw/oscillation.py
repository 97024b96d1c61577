"""Oscillations that are faster than the records, which a line would show as slow wandering.

An orbit of period 2 looks like a random zigzag if it is recorded every 21 steps, and like a plateau if every 20 steps. So no
line joins such records: they are dots.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from lazyrich.analysis.phases import up_and_down
from lazyrich.draw.trajectories import PANELS
from lazyrich.engines.trajectories import WINDOW, Status

ROUNDING = 1e-6  # relative, below which a loss that rises is rounding
TURN = 1e-3  # relative, from which a change between two records can be seen
SMALLEST = 1e-9  # of an observable's largest value, below which it is rounding


def resolved(networks: xr.Dataset) -> Bool[np.ndarray, "networks gaps"]:
    """Return whether a line may join each record with the next one.

    Neighbouring steps are always joined. Other records are not where an observable turns at every record, nor where the network
    oscillates at its end: from onset on, or from an earlier rise of the loss. No record says when after onset it began.
    """
    steps = networks["step"].values.astype(float)
    turning = np.zeros((len(steps), max(steps.shape[1] - 1, 0)), dtype=bool)
    for name in (name for panel in PANELS for name in panel.observables if name in networks):
        turning |= _turning(networks[name].values.astype(float))
    late = oscillating(networks)[:, None] & (steps[:, 1:] > _since(networks)[:, None])
    return ~((np.diff(steps, axis=1) > 1) & (turning | late))


def resolved_theory(steps: np.ndarray, values: np.ndarray) -> Bool[np.ndarray, "networks gaps"]:
    """Return whether a line may join a theory's values at the records: it ends once they turn at every record."""
    return ~((np.diff(steps, axis=1) > 1) & np.logical_or.accumulate(_turning(values), axis=1))


def oscillating(networks: xr.Dataset) -> Bool[np.ndarray, " networks"]:
    """Return which networks end neither converged nor diverged, their loss going up and down."""
    end, least = (networks[name].values - networks["loss_floor"].values for name in ("loss_end", "loss_min"))
    return (networks["status"].values == Status.running) & up_and_down(end, least, networks["period"].values)


def words(networks: xr.Dataset) -> str:
    """Return the legend of dots, with the period if all networks that oscillate share one."""
    periods = set(networks["period"].values[oscillating(networks)].tolist())
    return f"oscillates, period {periods.pop()}" if len(periods) == 1 and min(periods) > 1 else BETWEEN


BETWEEN = "oscillates between records"


def _turning(values: Float[np.ndarray, "networks records"]) -> Bool[np.ndarray, "networks gaps"]:
    """Return the gaps beside two turns in a row; a motion that is resolved has several records between its turns."""
    with np.errstate(invalid="ignore"):
        change = np.diff(values, axis=1)
        size = np.fmax(np.abs(values[:, 1:]), np.abs(values[:, :-1]))
        largest = np.max(np.abs(values), axis=1, initial=0.0, where=np.isfinite(values))
        seen = (np.abs(change) > TURN * size) & (size > SMALLEST * largest[:, None])
    sign = np.where(seen, np.sign(change), 0.0)
    turns = sign[:, 1:] * sign[:, :-1] < 0
    twice = turns[:, 1:] & turns[:, :-1]
    gaps = np.zeros(change.shape, dtype=bool)
    for first in range(3):
        gaps[:, first : first + twice.shape[1]] |= twice
    return gaps


def _since(networks: xr.Dataset) -> Float[np.ndarray, " networks"]:
    """Return the earliest step at which a network that oscillates at its end may have begun to."""
    steps = networks["step"].values.astype(float)
    since = np.where(np.isfinite(networks["onset_step"].values), networks["onset_step"].values, np.inf)
    if "loss" in networks:
        loss = networks["loss"].values - networks["loss_floor"].values[:, None]
        with np.errstate(invalid="ignore"):
            rises = loss[:, 1:] > (1 + ROUNDING) * np.fmin.accumulate(loss[:, :-1], axis=1)
        since = np.minimum(since, np.min(steps[:, :-1], axis=1, initial=np.inf, where=rises))
    return np.minimum(since, steps[:, -1] - WINDOW)


Curve = tuple[np.ndarray, np.ndarray]  # (steps, values), (points,) each


def parted(steps: np.ndarray, values: np.ndarray, joined: np.ndarray) -> Curve:
    """Return all networks' lines, (networks, records), as one curve that NaN parts, also where records are not `joined`."""
    ends = np.concatenate([~joined, np.ones((len(steps), 1), dtype=bool)], axis=1).ravel()
    after = np.flatnonzero(ends) + 1
    return (
        np.insert(steps.ravel().astype(float), after, np.nan),
        np.insert(values.ravel().astype(float), after, np.nan),
    )


def dots(steps: np.ndarray, values: np.ndarray, joined: np.ndarray) -> Curve:
    """Return the records, of all networks one after the other, beside which a gap is not `joined`."""
    edge = np.zeros((len(steps), 1), dtype=bool)
    beside = np.concatenate([~joined, edge], axis=1) | np.concatenate([edge, ~joined], axis=1)
    return steps[beside], values[beside]


def has_line(values: np.ndarray) -> bool:
    """Return whether a curve, (points,), has two neighbouring points."""
    finite = np.isfinite(values)
    return bool((finite[1:] & finite[:-1]).any())

"""Phases: from what was measured of a network to a name, and from a grid of numbers to boundaries.

Every label follows from numbers that are measured at every step, whatever is recorded: `status`, the loss at the start and the
end, its smallest and largest value, `period` and the kernel change, held against the thresholds of the sweep file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import contourpy
import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Real

from lazyrich.engines.trajectories import Status
from lazyrich.sweep import Phases
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


TEXT = {
    Phase.lazy: "lazy",
    Phase.rich_two_stage: "rich, two-stage",
    Phase.catapult: "catapult",
    Phase.oscillating: "oscillating",
    Phase.diverging: "diverging",
    Phase.unfinished: "unfinished",
    Phase.failed: "failed",
    Phase.not_run: "not run",
}

# The last loss stands above the smallest one by more than the rounding of a run that still falls.
RISEN = 1.01


def threshold(phases: Phases, samples: Float[Array, " networks"]) -> Float[Array, " networks"]:
    """κ_c, the kernel change between lazy and rich: of the sweep file, or its value at χ = 1 for K = κI."""
    if phases.kernel_change is not None:
        return np.full(len(samples), phases.kernel_change)
    return kernel_change_isotropic(np.ones(len(samples)), samples)


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
    """The phase of each network; losses are those that training can reduce (without their floor)."""
    converged = status == Status.converged
    with np.errstate(invalid="ignore"):
        rose = loss_max > phases.loss_growth * loss_start
        up_and_down = (period > 1) | (loss_end > RISEN * loss_min)
        return np.select(
            [
                status == Status.failed,
                status == Status.diverged,
                converged & rose,
                converged & (kernel_change >= kernel_threshold),
                converged,
                up_and_down,
            ],
            [Phase.failed, Phase.diverging, Phase.catapult, Phase.rich_two_stage, Phase.lazy, Phase.oscillating],
            Phase.unfinished,
        )


@dataclass(frozen=True)
class Boundary:
    """A level set of a summary's field, predicted or measured, in the cells where it means something."""

    field: str
    level: float
    text: str
    predicted: bool
    within: Callable[[xr.Dataset], xr.DataArray] | None = None


def _settled(summary: xr.Dataset) -> xr.DataArray:
    return summary["phase"].isin([Phase.lazy, Phase.rich_two_stage])


def _stable(summary: xr.Dataset) -> xr.DataArray:
    return _median(summary["stability_fraction"]) < 1


def _median(field: xr.DataArray) -> xr.DataArray:
    return field.sel(quantile=0.5) if "quantile" in field.dims else field


BOUNDARIES = {
    "lazy_rich_predicted": Boundary(
        "kernel_change_ratio_predicted", 1.0, "lazy–rich, predicted: ‖Θ∞ − Θ₀‖/‖Θ₀‖ = κ_c", True, _stable
    ),
    "lazy_rich_measured": Boundary("kernel_change_ratio", 1.0, "lazy–rich, measured", False, _settled),
    "stability_predicted": Boundary("stability_fraction", 1.0, "flow's solution unstable, predicted: h = 1", True),
    "lazy_divergence_predicted": Boundary(
        "lazy_clock", 4.0, "divergence of a lazy start, predicted: cηλ_max(Θ₀)/n = 4", True
    ),
    "convergence_measured": Boundary("converged_share", 0.5, "half of the networks converge, measured", False),
}


def coordinate(values: Real[Array, " points"]) -> tuple[Float[Array, " points"], bool]:
    """Axis values in the coordinate in which they are evenly spaced (log₁₀ or themselves), and whether it is the log."""
    values = np.asarray(values, dtype=float)
    if len(values) > 2 and (values > 0).all():
        ratios, gaps = np.diff(np.log(values)), np.diff(values)
        if np.ptp(ratios) / np.abs(ratios).max() < np.ptp(gaps) / np.abs(gaps).max():
            return np.log10(values), True
    return values, False


def level_set(
    x: Real[Array, " nx"], y: Real[Array, " ny"], field: Float[Array, "nx ny"], level: float
) -> list[Float[Array, "vertices 2"]]:
    """Lines along which a field over a grid equals a level, in the units of x and y.

    Fields of one sign are interpolated in their logarithm, axes in their own spacing; cells with NaN are left out.
    """
    if min(field.shape) < 2:
        return []
    (u, x_log), (v, y_log) = coordinate(x), coordinate(y)
    usable = np.isfinite(field)
    if not usable.any():
        return []
    if level > 0 and (field[usable] > 0).all():
        field, level = np.log(np.where(usable, field, 1.0)), np.log(level)
    u_order, v_order = np.argsort(u), np.argsort(v)
    values = np.ma.masked_array(field, mask=~usable)[np.ix_(u_order, v_order)].T
    lines = contourpy.contour_generator(u[u_order], v[v_order], values).lines(level)
    return [
        np.column_stack([10 ** line[:, 0] if x_log else line[:, 0], 10 ** line[:, 1] if y_log else line[:, 1]])
        for line in lines
    ]


def boundaries(summary: xr.Dataset, x: str, y: str) -> dict[str, list[np.ndarray]]:
    """The boundaries of a summary that has been sliced to the two axes x and y, name -> lines in their units."""
    result = {}
    for name, boundary in BOUNDARIES.items():
        if boundary.field not in summary:
            continue
        field = _median(summary[boundary.field])
        if boundary.within is not None:
            field = field.where(boundary.within(summary))
        lines = level_set(summary[x].values, summary[y].values, field.transpose(x, y).values, boundary.level)
        if lines:
            result[name] = lines
    return result

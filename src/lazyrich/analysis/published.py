"""A network's distance to published curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis.follow import follow, followable
from lazyrich.sweep.points import read_points

# Observables whose records are compared with published points.
PUBLISHED_OBSERVABLES = ("loss", "rho_over_v", "ntk_target_error")


def load_published(path: str | Path) -> dict[str, np.ndarray]:
    """Return columns step, loss, rho_over_v and ntk_error of a published figure, (points,) each; errors as in `read_points`."""
    return {name: np.array(values) for name, values in read_points(path).items()}


def plateau(published: dict[str, np.ndarray]) -> np.ndarray:
    """Return which published points lie on the plateau of |ρ|/|v|: within 1 % of its largest value, (points,) bool."""
    ratio = published["rho_over_v"]
    return ratio > 0.99 * ratio.max()


def lagged_kernel_error(data: xr.Dataset) -> np.ndarray:
    """Return ‖Θ(t + 1) − T(t)‖/‖T(t)‖ at every record, (networks, records): the kernel one step late, as in the paper's figure.

    T ∝ ⟨v²⟩, which grows by (1 + k)² per step in stage one: the lag alone gives a plateau at (1 + k)² − 1. Networks are trained
    again step by step, since records have kernel and target of the same step; NaN for networks that cannot be followed.
    """
    result = np.full(data["step"].shape, np.nan)
    for network in np.flatnonzero(followable(data)).tolist():
        trajectory = follow(data, network)
        steps = data["step"].values[network]
        needed_steps = sorted({int(step) + late for step in steps for late in (0, 1)})
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges
            states = {now.step: (trajectory.kernel(now), now.v_square) for now in trajectory.snapshots(needed_steps)}
            for record, step in enumerate(map(int, steps)):
                target = trajectory.aligned_kernel(states[step][1])
                result[network, record] = np.linalg.norm(states[step + 1][0] - target) / np.linalg.norm(target)
    return result


def stage_one_plateau(published: dict[str, np.ndarray]) -> np.ndarray:
    """Return which published points are aligned while the loss has not yet fallen by a hundredth, (points,) bool."""
    return plateau(published) & (published["loss"] > 0.99 * published["loss"][0])


def loss_error(data: xr.Dataset, published: dict[str, np.ndarray]) -> np.ndarray:
    """Return max |L − L_published|/L_published(0) over the points, (networks,); NaN for a run that ends before them."""
    losses = at_steps(published["step"], data["step"].values, data["loss"].values)
    return np.max(np.abs(losses - published["loss"]), axis=1) / published["loss"][0]


def compare_published(data: xr.Dataset, published: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the distance of each network to published points, name -> (networks,); records between steps are interpolated.

    `published_loss_error` is `loss_error`; `published_plateau_error` the largest relative distance of |ρ|/|v| on the published
    plateau, `published_ratio_error` its largest distance at all points, relative to the plateau. The kernel's distance to T is
    given on the plateau (median; NaN if the points have none in stage one) and at the last published step: `kernel_same_…` for
    kernel and T of one step, `kernel_lagged_…` for the kernel one step late. Both need a record of every step.
    """
    result = {}
    if "loss" in data:
        result["published_loss_error"] = loss_error(data, published)
    if "rho_over_v" in data:
        ratio, on = published["rho_over_v"], plateau(published)
        away = np.abs(at_steps(published["step"], data["step"].values, data["rho_over_v"].values) - ratio)
        result["published_plateau_error"] = np.max(away[:, on] / ratio[on], axis=1)
        result["published_ratio_error"] = np.max(away, axis=1) / ratio.max()
    every_step = (np.diff(data["step"].values, axis=1) == 1).all(axis=1)
    if "ntk_target_error" in data and every_step.any():
        on = stage_one_plateau(published)
        dense = data.isel(network=every_step)
        for name, curves in (("same", dense["ntk_target_error"].values), ("lagged", lagged_kernel_error(dense))):
            errors = np.full((len(every_step), len(on)), np.nan)
            errors[every_step] = at_steps(published["step"], dense["step"].values, curves)
            result[f"kernel_{name}_plateau"] = np.median(errors[:, on], axis=1) if on.any() else errors[:, 0] * np.nan
            result[f"kernel_{name}_end"] = errors[:, -1]
    return result


def at_steps(points: np.ndarray, steps: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Return curves (networks, records) at the published steps, (networks, points); NaN beyond their end."""
    return np.stack([np.interp(points, s, c, right=np.nan) for s, c in zip(steps, curves, strict=True)])

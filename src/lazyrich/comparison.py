"""Networks against theory: what a summary keeps of each network of a shard.

End values and times, order parameters with their predictions, distances to the theories, and the phase that follows.
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from lazyrich import observables
from lazyrich.engines.trajectories import Status
from lazyrich.phases import phase, threshold
from lazyrich.published import compare_published
from lazyrich.sweep import Phases
from lazyrich.theory import boundaries as theory_boundaries
from lazyrich.theory import closed_form, stage_one, two_stage

# What a summary keeps of each network beside its end values: name -> (long_name, symbol).
COLUMNS = {
    "kernel_change_predicted": ("kernel change of gradient flow from a wide start", "‖Θ∞ − Θ₀‖/‖Θ₀‖"),
    "kernel_threshold": ("kernel change between lazy and rich", "κ_c"),
    "kernel_change_ratio": ("kernel change relative to the threshold between lazy and rich", "‖Θ − Θ₀‖/‖Θ₀‖/κ_c"),
    "kernel_change_ratio_predicted": ("predicted kernel change relative to the threshold", "‖Θ∞ − Θ₀‖/‖Θ₀‖/κ_c"),
    "loss_growth": ("largest reducible loss relative to that at the start", "max L/L₀"),
    "lazy_clock": ("c eta lambda_max(Theta_0)/n, rate of a lazy start", "cηλ_max(Θ₀)/n"),
    "onset_step_predicted": ("onset predicted by stage one, ln(delta/chi)/(2 ln(1 + k))", "t₁(δ)"),
    "stage_one_error": (
        "largest distance of the target overlap to stage one up to onset, relative to its size there",
        "",
    ),
    "two_stage_error": ("largest distance of the target overlap to Eq. 10 from onset on", ""),
    "aligned_error": ("largest distance of the target overlap to Eq. 11 from onset on", ""),
    "closed_form_error": ("largest distance of the target overlap to the closed form for K = kappa I", ""),
    "linearised_error": ("largest distance of the output to that of the network linearised at its start, over |y|", ""),
    "published_loss_error": ("largest distance of the loss to the published points, relative to their first", ""),
    "published_plateau_error": ("largest relative distance of |rho|/|v| to the published points on their plateau", ""),
}
SCALARS = (
    "learning_rate",
    "growth_per_step",
    "stability_fraction",
    "laziness",
    "sigma_0",
    "v_0",
    "steps",
    "y_norm",
    "fitted_norm",
    "gamma",
    "kappa",
    "b",
    "gram_error",
    "onset_step",
    "end_step",
    "alignment_step",
    "kernel_change",
    "sharpness_start",
    "sharpness_end",
    "period",
)


def compare(data: xr.Dataset, phases: Phases, published: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """What the summary keeps of each network of a shard (or a slice of one), name -> (networks,).

    Theories are compared in the target overlap ⟨y, f⟩/‖y‖², whose scale is 1; stage one, which ends at onset, relative to
    its own size there. NaN where a theory's range holds no record but the start, or the network diverged.
    """
    columns = {name: np.asarray(data[name].values, dtype=float) for name in SCALARS}
    for name in observables.NAMES:
        if name in data:
            columns[name] = data[name].values[:, -1].astype(float)
    columns |= _order_parameters(data, phases)
    if "target_overlap" in data:
        columns |= _theory_errors(data)
    if "lazy_error" in data:
        columns["linearised_error"] = np.max(data["lazy_error"].values, axis=1).astype(float)
    if published is not None:
        columns |= compare_published(data, published)
    status = data["status"].values
    columns["converged_share"] = (status == Status.converged).astype(float)
    losses = [
        data[name].values - data["loss_floor"].values for name in ("loss_start", "loss_end", "loss_min", "loss_max")
    ]
    columns["loss_growth"] = losses[3] / losses[0]
    columns["phase"] = phase(
        status, columns["kernel_change"], columns["kernel_threshold"], *losses, data["period"].values, phases
    )
    return columns


def _scalars(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Every number per network, as float64."""
    return {
        str(name): variable.values.astype(float)
        for name, variable in data.variables.items()
        if variable.ndim == 1 and variable.dtype.kind in "fiu"
    }


def _order_parameters(data: xr.Dataset, phases: Phases) -> dict[str, np.ndarray]:
    get = _scalars(data)
    y_square = fitted_square(get)
    size = get["sigma_0"] ** 2 + get["v_0"] ** 2
    kernel_threshold = threshold(phases, get["samples"])
    with np.errstate(divide="ignore", invalid="ignore"):
        predicted = theory_boundaries.kernel_change(size, get["b"], get["gamma"], get["gram_norm"], y_square)
        onset = json.loads(data.attrs["recipe"])["settings"]["record"]["onset"]
        result = {
            "kernel_threshold": kernel_threshold,
            "kernel_change_predicted": predicted,
            "kernel_change_ratio_predicted": predicted / kernel_threshold,
            "lazy_clock": get["learning_rate"] * get["sharpness_start"],
            "onset_step_predicted": stage_one.onset_time(onset, get["laziness"], get["growth_per_step"]),
        }
        result["kernel_change_ratio"] = get["kernel_change"] / kernel_threshold
    return result


def fitted_square(scalars: dict[str, np.ndarray]) -> np.ndarray:
    """‖Πy‖², what of ‖y‖² a linear network can fit."""
    return scalars["fitted_norm"] ** 2


def predictions(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Target overlap at every record by each theory, name -> (networks, records); needs the first record at step 0.

    `stage_one` and `closed_form` from the start on; `two_stage` (Eq. 10) and `aligned` (Eq. 11) from the measured onset,
    begun with the growing mode of stage one, NaN before.
    """
    get = _scalars(data)
    steps = data["step"].values.astype(float)
    start_overlap = data["target_overlap"].values[:, 0].astype(float)
    k, gamma, y_norm = get["growth_per_step"], get["gamma"], get["y_norm"]
    b_v = start_overlap * y_norm**2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        growing = stage_one.growing_mode(get["b_rms"], get["v_0"], b_v, gamma)
        decaying = stage_one.decaying_mode(get["b_rms"], get["v_0"], b_v, gamma)
        onset = np.nan_to_num(get["onset_step"], nan=-1.0)
        v_start = stage_one.aligned_v(onset, growing, k)
        # The closed form knows only the targets that can be fitted.
        fitted = fitted_square(get)
        arguments = (data["step"].values, onset.astype(np.int64), v_start, k, gamma, get["phi"])

        def column(values: np.ndarray) -> np.ndarray:
            return values[:, None]

        return {
            "stage_one": stage_one.overlap(
                steps, column(growing), column(decaying), column(k), column(gamma), column(y_norm)
            ),
            "two_stage": two_stage.evolve(*arguments) / column(y_norm) ** 2,
            "aligned": two_stage.evolve_aligned(*arguments) / column(y_norm) ** 2,
            "closed_form": closed_form.overlap(
                steps,
                column(get["b_rms"] ** 2 / gamma),
                column(get["v_0"] ** 2),
                column(b_v / np.sqrt(gamma)),
                column(k),
                column(gamma / fitted),
                column(np.sqrt(fitted)),
            )
            * column(fitted / y_norm**2),
        }


def _theory_errors(data: xr.Dataset) -> dict[str, np.ndarray]:
    steps = data["step"].values
    if (steps[:, 0] != 0).any():  # end values only: no trajectory to hold a theory against
        return {}
    measured = data["target_overlap"].values.astype(float)
    predicted = predictions(data)
    onset = np.asarray(data["onset_step"].values, dtype=float)[:, None]
    # Until a network learns, all of its run is stage one.
    before = (steps <= np.where(np.isnan(onset), np.inf, onset)) & (steps > 0)
    after = steps >= onset
    everywhere = np.ones_like(before)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.max(np.where(before, np.abs(measured), 0.0), axis=1)
        return {
            "stage_one_error": _largest(predicted["stage_one"] - measured, before) / size,
            "two_stage_error": _largest(predicted["two_stage"] - measured, after),
            "aligned_error": _largest(predicted["aligned"] - measured, after),
            "closed_form_error": _largest(predicted["closed_form"] - measured, everywhere),
        }


def _largest(difference: np.ndarray, where: np.ndarray) -> np.ndarray:
    """max |difference| over the records `where`; NaN where there are none, or where the simulation or theory has no value."""
    largest = np.max(np.where(where, np.abs(difference), 0.0), axis=1)
    return np.where(where.any(axis=1), largest, np.nan)

"""What each theory says of networks that were trained: the target overlap at every record, and how far it is off.

Theories are compared in the target overlap ⟨y, f⟩/‖y‖², whose scale is 1, so that their errors can be set beside each other.
Only the network linearised at its own start is compared in the whole output, ‖f − f_lin‖/‖y‖, a bound on its error.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.theory import closed_form, lazy, stage_one, two_stage, wide


class Theory(IntEnum):
    """Accounts of a whole run, from the special to the general."""

    two_stage = 0  # stage one (Eq. 9, exact discrete) until onset, Eq. 10 from there on
    closed_form = 1  # K = κI, flow, any width
    wide_flow = 2  # any K, flow, infinitely wide
    linearised = 3  # the network linearised at its start
    none = 4  # all of them are off by more than the sweep file's `phases.theory_error`
    not_compared = 5  # not trained, or no trajectory recorded


TEXT = {
    Theory.two_stage: "two stages (Eq. 9, 10)",
    Theory.closed_form: "closed form, K = κI",
    Theory.wide_flow: "wide-limit flow, any K",
    Theory.linearised: "linearised at the start",
    Theory.none: "none",
    Theory.not_compared: "not compared",
}

# What a summary keeps of each network: name -> (long_name, symbol).
COLUMNS = {
    "stage_one_error": (
        "largest distance of the target overlap to stage one up to onset, relative to its size there",
        "",
    ),
    "aligned_error": ("largest distance of the target overlap to Eq. 11 from onset on", ""),
    "eq_10_error": ("largest distance of the target overlap to Eq. 10 from onset on", ""),
    "two_stage_error": (
        "largest distance of the target overlap to stage one up to onset and Eq. 10 from there on",
        "",
    ),
    "closed_form_error": ("largest distance of the target overlap to the closed form for K = kappa I", ""),
    "wide_flow_error": ("largest distance of the target overlap to gradient flow of an infinitely wide network", ""),
    "lazy_limit_error": ("largest distance of the target overlap to the linearised network of a wide start", ""),
    "linearised_error": ("largest distance of the output to that of the network linearised at its start, over |y|", ""),
    "best_theory_error": ("smallest error among the theories of a whole run", ""),
    "best_theory": ("theory of smallest error", ""),
}


def scalars(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Every number per network, as float64."""
    return {
        str(name): variable.values.astype(float)
        for name, variable in data.variables.items()
        if variable.dims == ("network",) and variable.dtype.kind in "fiu"
    }


def fitted_square(scalars: dict[str, np.ndarray]) -> np.ndarray:
    """‖Πy‖², what of ‖y‖² a linear network can fit."""
    return scalars["fitted_norm"] ** 2


def predictions(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Target overlap at every record by each theory, name -> (networks, records); needs the first record at step 0.

    `stage_one`, `closed_form`, `wide_flow` and `lazy_limit` (linearised, wide) from the start on; `eq_10` and `aligned`
    (Eq. 11) from the measured onset, begun with what stage one has made of (ρ̂, v) by then, and with its growing mode alone;
    NaN before. Of networks that are not linear, what `scope` leaves out is NaN.
    """
    linear = np.flatnonzero(scope.of_networks(data) == scope.LINEAR)
    result = _of_any(data)
    for name, known in _of_linear(data.isel(network=linear)).items():
        result[name] = np.full(data["step"].shape, np.nan)
        result[name][linear] = known
    return result


def _column(values: np.ndarray) -> np.ndarray:
    """Numbers of networks against records."""
    return values[:, None]


def _of_any(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Stage one and stage two, which may carry over to networks that are not linear."""
    get = scalars(data)
    steps = data["step"].values.astype(float)
    start_overlap = data["target_overlap"].values[:, 0].astype(float)
    k, gamma, y_norm = get["growth_per_step"], get["gamma"], get["y_norm"]
    b_v = start_overlap * y_norm**2

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        growing = stage_one.growing_mode(get["b_rms"], get["v_0"], b_v, gamma)
        decaying = stage_one.decaying_mode(get["b_rms"], get["v_0"], b_v, gamma)
        onset = np.nan_to_num(get["onset_step"], nan=-1.0)
        rho_start, v_start = stage_one.magnitudes(onset, get["b_rms"], get["v_0"], b_v, k, gamma)
        aligned_start = stage_one.aligned_v(onset, growing, k)
        when, numbers = (data["step"].values, onset.astype(np.int64)), (k, gamma, get["phi"])
        return {
            "stage_one": stage_one.overlap(
                steps, _column(growing), _column(decaying), _column(k), _column(gamma), _column(y_norm)
            ),
            "eq_10": two_stage.evolve(*when, rho_start, v_start, *numbers) / _column(y_norm) ** 2,
            "aligned": two_stage.evolve_aligned(*when, aligned_start, *numbers) / _column(y_norm) ** 2,
        }


def _of_linear(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Theories of a whole run, which are about linear networks alone (`scope.LEFT_OUT`)."""
    get = scalars(data)
    steps = data["step"].values.astype(float)
    k, gamma, y_norm = get["growth_per_step"], get["gamma"], get["y_norm"]
    b_v = data["target_overlap"].values[:, 0].astype(float) * y_norm**2

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # The closed form knows only the targets that can be fitted.
        fitted = fitted_square(get)
        size = get["sigma_0"] ** 2 + get["v_0"] ** 2
        spectrum = data["eigenvalues"].values, data["targets"].values
        rate = get["loss_factor"] * get["learning_rate"] / (get["width"] * get["samples"])
        return {
            "closed_form": closed_form.overlap(
                steps,
                _column(get["b_rms"] ** 2 / gamma),
                _column(get["v_0"] ** 2),
                _column(b_v / np.sqrt(gamma)),
                _column(k),
                _column(gamma / fitted),
                _column(np.sqrt(fitted)),
            )
            * _column(fitted / y_norm**2),
            "wide_flow": wide.overlap(steps, *spectrum, size, rate) / _column(y_norm) ** 2,
            "lazy_limit": lazy.overlap(steps, *spectrum, size, rate) / _column(y_norm) ** 2,
        }


def errors(data: xr.Dataset, tolerance: float) -> dict[str, np.ndarray]:
    """Largest distance of each theory over its own range, name in `COLUMNS` -> (networks,).

    NaN where a theory's range holds no record but the start, or the network diverged. `tolerance` is what makes the best of
    them good enough for `best_theory`.
    """
    result = {}
    if "target_overlap" in data and (data["step"].values[:, 0] == 0).all():  # else there is no trajectory to compare
        result |= _overlap_errors(data)
    if "lazy_error" in data:
        result["linearised_error"] = np.max(data["lazy_error"].values, axis=1).astype(float)
    if all(f"{theory.name}_error" in result for theory in WHOLE):
        result["best_theory"], result["best_theory_error"] = best(result, tolerance)
    return result


# Accounts of a whole run, which can be the best one.
WHOLE = tuple(Theory)[: Theory.none]


def best(errors: dict[str, np.ndarray], tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """(the theory of smallest error, `none` where that is beyond the tolerance; that error), of whatever the errors are of."""
    table = np.stack([errors[f"{theory.name}_error"] for theory in WHOLE])
    known = np.isfinite(table).any(axis=0)
    table = np.where(np.isnan(table), np.inf, table)
    smallest = table.min(axis=0)
    code = np.where(smallest <= tolerance, table.argmin(axis=0), Theory.none)
    return np.where(known, code, Theory.not_compared), np.where(known, smallest, np.nan)


def _overlap_errors(data: xr.Dataset) -> dict[str, np.ndarray]:
    steps = data["step"].values
    measured = data["target_overlap"].values.astype(float)
    predicted = predictions(data)
    onset = np.asarray(data["onset_step"].values, dtype=float)[:, None]
    # Until a network learns, all of its run is stage one.
    before = (steps <= np.where(np.isnan(onset), np.inf, onset)) & (steps > 0)
    after = steps >= onset
    everywhere = np.ones_like(before)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        size = np.max(np.where(before, np.abs(measured), 0.0), axis=1)
        first = _largest(predicted["stage_one"] - measured, before)
        second = _largest(predicted["eq_10"] - measured, after)
        return {
            "stage_one_error": first / size,
            "eq_10_error": second,
            "aligned_error": _largest(predicted["aligned"] - measured, after),
            # A run may end before onset, or have no record but the start before it.
            "two_stage_error": np.where(
                before.any(axis=1), np.where(after.any(axis=1), np.maximum(first, second), first), second
            ),
            "closed_form_error": _largest(predicted["closed_form"] - measured, everywhere),
            "wide_flow_error": _largest(predicted["wide_flow"] - measured, everywhere),
            "lazy_limit_error": _largest(predicted["lazy_limit"] - measured, everywhere),
        }


def _largest(difference: np.ndarray, where: np.ndarray) -> np.ndarray:
    """max |difference| over the records `where`; NaN where there are none, or where the simulation or theory has no value."""
    largest = np.max(np.where(where, np.abs(difference), 0.0), axis=1)
    return np.where(where.any(axis=1), largest, np.nan)

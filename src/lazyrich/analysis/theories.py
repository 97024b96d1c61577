"""Predictions of each theory for trained networks: the target overlap at every record, and its error.

Theories are compared in the target overlap ⟨y, f⟩/‖y‖², whose scale is 1, so that their errors can be set beside each other.
Which ones there are says `accounts`.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.analysis.account import Account, Array, Run
from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.analysis.codes import Codes, Look
from lazyrich.analysis.phases import PHASES

# Accounts of a whole run, which can be the best one.
WHOLE = tuple(account for account in ACCOUNTS if account.best is not None)

NONE, NOT_COMPARED = "none", "not_compared"
_CODES = {account.name: account.best.code for account in WHOLE if account.best} | {NONE: 4, NOT_COMPARED: 5}
Theory: type[IntEnum] = unique(IntEnum("Theory", _CODES))  # type: ignore[assignment, type-var]  # no member
Theory.__doc__ = """Codes of `best_theory`.

`none`: all accounts of a whole run are off by more than the sweep file's `phases.theory_error`; `not_compared`: not trained, or
no trajectory recorded.
"""

BEST_THEORY = Codes(
    "best_theory",
    {Theory[account.name]: account.best.look for account in WHOLE if account.best}
    | {Theory[NONE]: Look("none", "#C8C8C8"), Theory[NOT_COMPARED]: Look("not compared", "#707070")},
    nothing=Theory[NOT_COMPARED],
    run=PHASES,
)

# Columns of a summary: name -> (long_name, symbol).
COLUMNS = {f"{account.name}_error": (account.error, "") for account in ACCOUNTS} | {
    "best_theory_error": ("smallest error among the theories of a whole run", ""),
    "best_theory": ("theory of smallest error", ""),
}

# Observables of theory that are measured beside networks that it was not derived for: distances of the kernel to T and Θ∞.
_OF_OBSERVABLES: dict[str, scope.HoldsFor] = {
    "ntk_target_error": scope.carried,
    "ntk_end_error": scope.squares_only(scope.carried, "Θ∞ is where flow ends that fits the targets, as a square does"),
    "lazy_error": scope.squares_only(scope.derived, "the linearised network is followed for squares only"),
}


def holds_for(name: str) -> scope.HoldsFor:
    """Return what becomes of a variable of a summary, the error of a theory or another, beside networks."""
    for account in ACCOUNTS:
        if name == f"{account.name}_error":
            return account.holds_for
    return _OF_OBSERVABLES.get(name, scope.derived)


def remark(summary: xr.Dataset, name: str) -> str:
    """Return the remark on a summary's variable `name`, the error of a theory or a margin; empty if it is of all networks."""
    if name.endswith("_margin"):
        return scope.start_remark(summary)
    return scope.remark(holds_for(name), scope.activations(summary), scope.losses(summary))


def predictions(data: xr.Dataset) -> dict[str, Array]:
    """Return the target overlap at every record by each account that has one, name -> (networks, records).

    Needs the first record at step 0. NaN for networks for which an account does not hold (`scope`), and before the measured
    onset if the account begins there.
    """
    activations, losses = scope.of_networks(data), scope.losses_of_networks(data)
    runs: dict[bytes, Run] = {}  # of the same networks, one
    result: dict[str, Array] = {}
    for account in ACCOUNTS:
        if account.overlap is None:
            continue
        mask = scope.compared(account.holds_for, activations, losses)
        if mask.tobytes() not in runs:
            runs[mask.tobytes()] = Run(data if mask.all() else data.isel(network=np.flatnonzero(mask)))
        result[account.name] = np.full(data["step"].shape, np.nan)
        if mask.any():
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                result[account.name][mask] = account.overlap(runs[mask.tobytes()])
    return result


def errors(data: xr.Dataset, tolerance: float) -> dict[str, Array]:
    """Return the largest distance of each theory over its own range, name in `COLUMNS` -> (networks,).

    NaN if a theory's range holds no record but the start, or the network diverged. `tolerance` is the largest error of a
    `best_theory`.
    """
    result: dict[str, Array] = {}
    if "target_overlap" in data and (data["step"].values[:, 0] == 0).all():  # else there is no trajectory to compare
        result |= _overlap_errors(data)
    for account in ACCOUNTS:
        if account.observable in data:
            result[f"{account.name}_error"] = np.max(data[account.observable].values, axis=1).astype(float)
    if all(f"{account.name}_error" in result for account in WHOLE):
        result["best_theory"], result["best_theory_error"] = best(result, tolerance)
    return result


def best(errors: dict[str, Array], tolerance: float) -> tuple[Array, Array]:
    """Return the theory of smallest error (`none` if it exceeds the tolerance), and that error, elementwise."""
    table = np.stack([errors[f"{account.name}_error"] for account in WHOLE])
    codes = np.array([Theory[account.name] for account in WHOLE])
    finite = np.isfinite(table).any(axis=0)
    table = np.where(np.isnan(table), np.inf, table)
    smallest = table.min(axis=0)
    code = np.where(smallest <= tolerance, codes[table.argmin(axis=0)], Theory[NONE])
    return np.where(finite, code, Theory[NOT_COMPARED]), np.where(finite, smallest, np.nan)


def _overlap_errors(data: xr.Dataset) -> dict[str, Array]:
    steps = data["step"].values
    measured = data["target_overlap"].values.astype(float)
    predicted = predictions(data)
    onset = np.asarray(data["onset_step"].values, dtype=float)[:, None]
    within = {account.name: account.range(steps, onset) for account in ACCOUNTS if account.name in predicted}
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        apart = {name: _largest(predicted[name] - measured, where) for name, where in within.items()}
        result = {}
        for account in ACCOUNTS:
            if account.parts:
                result[f"{account.name}_error"] = _of_parts(account, apart, within)
            elif account.name in apart:
                result[f"{account.name}_error"] = apart[account.name]
            if account.relative:
                size = np.max(np.where(within[account.name], np.abs(measured), 0.0), axis=1)
                result[f"{account.name}_error"] = apart[account.name] / size
            if account.parts:  # the first of which may be held against more networks than the whole
                held = scope.compared(account.holds_for, scope.of_networks(data), scope.losses_of_networks(data))
                result[f"{account.name}_error"] = np.where(held, result[f"{account.name}_error"], np.nan)
    return result


def _of_parts(account: Account, apart: dict[str, Array], within: dict[str, Array]) -> Array:
    """Return the largest distance over the ranges of an account's parts; a run may have no record in one of them."""
    first, *others = account.parts
    largest, begun = apart[first], within[first].any(axis=1)
    for part in others:
        has = within[part].any(axis=1)
        largest = np.where(begun, np.where(has, np.maximum(largest, apart[part]), largest), apart[part])
        begun = begun | has
    return largest


def _largest(difference: Array, where: Array) -> Array:
    """Return max |difference| over the records `where`; NaN without any, or where simulation or theory has no value."""
    largest = np.max(np.where(where, np.abs(difference), 0.0), axis=1)
    return np.where(where.any(axis=1), largest, np.nan)

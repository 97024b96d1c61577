"""Beyond the paper: networks of all sweeps as one family in k and χ, and where they leave it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import xarray as xr

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, Setting
from lazyrich.analysis.collapse import collapse, points
from lazyrich.analysis.fields import median

# Sweeps with K ≈ κI, and those that leave it one way: what they vary, the symbol of it, and its value where they do not.
NEAR = ("initial_scale", "learning_rate", "conditions", "onset")
DOMAINS = {
    "": (NEAR, ""),
    "_n_d": ((*NEAR, "overparameterization"), ", for any n/d"),
    "_spectrum": ((*NEAR, "spectrum"), ", for any spectrum"),
}
OBSERVABLES = {
    "kernel": ("kernel_change_ratio", "the change of the kernel (over its value at χ = 1)"),
    "onset": ("onset_clock", "the clock of onset 2 ln(1 + k)·t₁(δ)"),
    "fit": ("fit_clock", "the length of stage two 2 ln(1 + k)(t₂ − t₁(δ))"),
}
LABELS = {
    "kernel_change_ratio": "‖Θ − Θ₀‖/‖Θ₀‖/κ_c, change of the kernel",
    "onset_clock": "2 ln(1 + k)·t₁(δ), clock of onset",
    "fit_clock": "2 ln(1 + k)(t₂ − t₁(δ)), length of stage two",
    "loss_growth": "max L/L₀, rise of the loss",
}
# Step sizes up to which descent is flow, to the tolerance of a collapse.
SMALL_STEP = 0.11
TOLERANCE = 0.05, "decades, 12 %: what steps of h ≤ 0.1, and draws, make"
# Groups that a figure tells apart; beyond, it tells sweeps apart.
MOST_SERIES = 8


def rows(data: Data) -> Iterator[Row]:
    """Yield rows against χ where steps are small, near K = κI and away from it; then over (k, χ) where they are not."""
    for ending, (names, words) in DOMAINS.items():
        chosen = {sweep: _converged(data[sweep].summary, SMALL_STEP) for sweep in names}
        for name, (field, what) in OBSERVABLES.items():
            found = collapse(points(chosen, field))
            statement = f"{what} depends on χ only{words} ({', '.join(names)} together)"
            picture = _far(found) if ending else _near(found)
            yield _row(f"collapse_{name}{ending}", statement, found, picture, {sweep: data[sweep] for sweep in names})
    universal = {"universality": _converged(data["universality"].summary, np.inf)}
    for name, field, what in (
        ("kernel_k", "kernel_change_ratio", OBSERVABLES["kernel"][1]),
        ("growth_k", "loss_growth", "the rise of the loss max L/L₀"),
    ):
        found = collapse(points(universal, field, ("laziness", "growth_per_step")))
        statement = f"{what} depends on (k, χ) only, steps of any size, for n = 1, 10, 40 and two widths"
        yield _row(f"collapse_{name}", statement, found, _near(found), {"universality": data["universality"]})


def _converged(summary: xr.Dataset, step: float) -> xr.Dataset:
    """Return the fields to be compared, in cells whose networks have all converged with steps of h up to `step`."""
    # numpy's stubs promise an array of every ufunc; of a DataArray it returns a DataArray.
    rate = cast("xr.DataArray", 2 * np.log1p(median(summary["growth_per_step"])))
    onset, end = median(summary["onset_step"]), median(summary["end_step"])
    good = (summary["converged_share"] == 1) & (median(summary["stability_fraction"]) <= step)
    growth = median(summary["loss_growth"])
    fields: dict[str, xr.DataArray] = {
        "kernel_change_ratio": median(summary["kernel_change_ratio"]),
        "onset_clock": rate * onset,
        "fit_clock": rate * (end - onset),
        # Where the loss does not rise there is nothing to compare.
        "loss_growth": growth.where(growth > 1.01),
    }
    return summary.assign({name: field.where(good) for name, field in fields.items()})


def _setting(found: xr.Dataset, sweeps: dict[str, Trained]) -> Setting:
    """Return all sweeps in words, and the margins over all of them."""
    words = " ".join(f"{name}: {trained.setting.words}" for name, trained in sweeps.items())
    counts = f"{found.sizes['of_group']} settings, {found.sizes['point']} cells that converged"
    every = [trained.setting.margins for trained in sweeps.values()]
    margins = {
        name: (float(np.nanmin([each[name][0] for each in every])), float(np.nanmax([each[name][1] for each in every])))
        for name in every[0]
    }
    return Setting(f"{counts}. {words}", margins)


def _row(name: str, statement: str, found: xr.Dataset, picture: Picture, sweeps: dict[str, Trained]) -> Row:
    """Return the row of each group's distance to the common curve, with the numbers that may explain it."""
    # Sweeps that do not vary a number have an isotropic spectrum, α = 0, and the largest d.
    conditions = {
        symbol: np.nan_to_num(values, nan=0.0 if symbol == "α" else np.nanmax(values))
        for symbol, values in _conditions(found).items()
    }
    settings = found.sizes["of_group"]
    few = f"The draws of this row are {settings} settings: it says little of settings that are not among them."
    remark = few if settings <= MOST_SERIES else ""
    return Row(
        name,
        PROJECT,
        statement,
        f"distance of each setting to the curve through all others, in decades (all cells: {found.attrs['quality']:.2g})",
        _setting(found, sweeps),
        verdicts.agreement(found["group_error"].values, *TOLERANCE, conditions),
        picture,
        remark=remark,
    )


def _conditions(found: xr.Dataset) -> dict[str, np.ndarray]:
    """Return what the groups' labels give of n, d and α, symbol -> (groups,), NaN where a group does not vary it."""
    labels = found["group_name"].values
    values = {symbol: np.array([_of_label(label, symbol) for label in labels]) for symbol in ("n", "d", "α")}
    values["d/n"] = values["d"] / values["n"]
    return {symbol: column for symbol, column in values.items() if np.isfinite(column).any()}


def _of_label(label: str, symbol: str) -> float:
    for part in str(label).split(", "):
        left, _, right = part.partition(" = ")
        if left == symbol:
            return float(right)
    return np.nan


def _near(found: xr.Dataset) -> Picture:
    """Return a picture of the points themselves against χ."""
    groups = found["group"].values
    sweeps = np.array([str(group).partition(",")[0] for group in groups])
    # The name of an only sweep says nothing.
    only = f"{sweeps[0]}, " if len(np.unique(sweeps)) == 1 else ""
    few = found.sizes["of_group"] <= MOST_SERIES
    shown = np.array([str(group).removeprefix(only) for group in groups]) if few else sweeps
    return Picture(
        "χ, laziness",
        LABELS[found.attrs["observable"]],
        {
            series: (found["laziness"].values[shown == series], found["value"].values[shown == series])
            for series in np.unique(shown)
        },
    )


def _far(found: xr.Dataset) -> Picture:
    """Return a picture of how far each setting is from the common curve, against what takes it away from there."""
    conditions = _conditions(found)
    symbol = "α" if "α" in conditions else "d/n"
    x, n = conditions[symbol], conditions["n"]
    error = found["group_error"].values
    ends = np.array([np.nanmin(x), np.nanmax(x)])
    return Picture(
        "α, exponent of the spectrum" if symbol == "α" else symbol,
        f"distance to the common curve, decades: {LABELS[found.attrs['observable']]}",
        {f"n = {level:g}": (x[n == level], error[n == level]) for level in np.unique(n[np.isfinite(n)])},
        {"allowed": (ends, np.full(2, TOLERANCE[0]))},
        log_x=symbol != "α",
    )

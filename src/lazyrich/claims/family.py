"""Beyond the paper: networks of all sweeps as one family in k and χ, and where they leave it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data
from lazyrich.claims.row import Picture, Row
from lazyrich.collapse import collapse, points

# Step sizes up to which descent is flow, to the tolerance of a collapse.
SMALL_STEP = 0.11
# Groups that a figure tells apart; beyond, it tells sweeps apart.
MOST_SERIES = 8


def rows(data: Data) -> Iterator[Row]:
    """Where K ≈ κI, then where it is not."""
    near = ("initial_scale", "learning_rate", "conditions", "onset")
    chi, both = ("laziness",), ("laziness", "growth_per_step")
    for name, names, field, statement, against in (
        ("kernel", near, "kernel_change_ratio", "the kernel change (over its value at χ = 1) depends on χ only", chi),
        ("onset", near, "onset_clock", "2 ln(1 + k)·t₁(δ) depends on χ only", chi),
        (
            "kernel_k",
            ("universality",),
            "kernel_change_ratio",
            "beyond small steps, the kernel change depends on (k, χ) only",
            both,
        ),
        ("growth_k", ("universality",), "loss_growth", "the rise of the loss (max L/L₀) depends on (k, χ) only", both),
        (
            "kernel_n_d",
            (*near, "overparameterization"),
            "kernel_change_ratio",
            "the kernel change depends on χ only, for any n/d",
            chi,
        ),
        (
            "onset_n_d",
            (*near, "overparameterization"),
            "onset_clock",
            "2 ln(1 + k)·t₁(δ) depends on χ only, for any n/d",
            chi,
        ),
        (
            "kernel_spectrum",
            (*near, "spectrum"),
            "kernel_change_ratio",
            "the kernel change depends on χ only, for any spectrum",
            chi,
        ),
        (
            "onset_spectrum",
            (*near, "spectrum"),
            "onset_clock",
            "2 ln(1 + k)·t₁(δ) depends on χ only, for any spectrum",
            chi,
        ),
    ):
        chosen = {sweep: _for_collapse(data[sweep].summary, small_steps=against == chi) for sweep in names}
        found = collapse(points(chosen, field, against))
        yield _collapse_row(name, statement, field, found, names)


def _for_collapse(summary: xr.Dataset, *, small_steps: bool) -> xr.Dataset:
    """Cells whose networks have all converged, of small steps where asked for, with the clock of onset."""
    median = summary["onset_step"].sel(quantile=0.5)
    k = summary["growth_per_step"]
    k = k.sel(quantile=0.5) if "quantile" in k.dims else k
    # Where the loss does not rise there is nothing to compare.
    rise = summary["loss_growth"].where(summary["loss_growth"] > 1.01)
    summary = summary.assign(onset_clock=2 * np.log1p(k) * median, loss_growth=rise)
    h = summary["stability_fraction"]
    h = h.sel(quantile=0.5) if "quantile" in h.dims else h
    good = (summary["converged_share"] == 1) & ((h <= SMALL_STEP) if small_steps else (h > 0))
    return summary.assign(
        {name: summary[name].where(good) for name in ("kernel_change_ratio", "onset_clock", "loss_growth")}
    )


def _collapse_row(name: str, statement: str, field: str, found: xr.Dataset, names: tuple[str, ...]) -> Row:
    # Each group's distance to the common curve, with the numbers that may explain it.
    groups = found["group_name"].values
    conditions = {}
    for symbol in ("d", "α", "n"):
        values = np.array([_of_label(group, symbol) for group in groups])
        if np.isfinite(values).any():
            conditions[symbol] = values
    if {"n", "d"} <= conditions.keys():
        conditions["d/n"] = conditions["d"] / conditions["n"]
    conditions = {symbol: np.nan_to_num(values, nan=np.nanmax(values)) for symbol, values in conditions.items()}
    # The name of an only sweep says nothing.
    only = f"{names[0]}, " if len(names) == 1 else ""
    shown = np.array([str(group).removeprefix(only) for group in found["group"].values])
    if found.sizes["of_group"] > MOST_SERIES:
        shown = np.array([str(group).partition(",")[0] for group in found["group"].values])
    return Row(
        f"collapse_{name}",
        "beyond the paper",
        f"{statement} ({', '.join(names)} together)",
        f"distance of each setting to the curve through all others, in decades (all cells: {found.attrs['quality']:.2g})",
        f"{found.sizes['of_group']} settings, {found.sizes['point']} cells",
        verdicts.agreement(
            found["group_error"].values, 0.05, "12 %: what steps of h ≤ 0.1, and draws, make", conditions
        ),
        Picture(
            "χ, laziness",
            field.replace("_", " "),
            {
                series: (found["laziness"].values[shown == series], found["value"].values[shown == series])
                for series in np.unique(shown)
            },
        ),
    )


def _of_label(group: str, symbol: str) -> float:
    """The number that a group's label gives a symbol; NaN where it gives none."""
    for part in str(group).split(", "):
        left, _, right = part.partition(" = ")
        if left == symbol:
            return float(right)
    return np.nan

"""Dimensionless numbers of a cell that may be a map's coordinates, and the pairs of them to choose from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lazyrich.analysis.fields import median
from lazyrich.networks.recipe import Recipe


@dataclass(frozen=True)
class Number:
    """A dimensionless number of a cell."""

    of: Callable[[Callable[[str], xr.DataArray]], xr.DataArray]  # from a function that gives the cell's parameters
    symbol: str
    long_name: str


NUMBERS = {
    "laziness": Number(lambda get: get("laziness"), "χ", "laziness"),
    "growth_per_step": Number(lambda get: get("growth_per_step"), "k", "growth per step of the aligned mode"),
    "stability_fraction": Number(lambda get: get("stability_fraction"), "h", "share of the largest stable step"),
    "first_layer": Number(
        lambda get: get("sigma_0") ** 2 / (2 * get("b")), "σ₀²/(2b)", "first layer's part of the laziness"
    ),
    "second_layer": Number(
        lambda get: get("v_0") ** 2 / (2 * get("b")), "v₀²/(2b)", "second layer's part of the laziness"
    ),
    "balance": Number(lambda get: get("sigma_0") / get("v_0"), "σ₀/v₀", "balance of the initial scales"),
    "excess": Number(lambda get: get("dimension") / get("samples"), "d/n", "dimensions per sample"),
}
PAIRS = (
    ("laziness", "growth_per_step"),
    ("laziness", "stability_fraction"),
    ("first_layer", "second_layer"),
    ("laziness", "balance"),
    ("excess", "laziness"),
    ("excess", "growth_per_step"),
)


# What a summary must give for these.
FIELDS = ("phase", "laziness", "growth_per_step", "stability_fraction", "sigma_0", "v_0", "b", "dimension", "samples")


def number(plane: xr.Dataset, name: str) -> xr.DataArray:
    """Return one of `NUMBERS` for every cell of a plane, which must give the `FIELDS` that its recipe does not."""
    fixed = Recipe.of(plane).fixed
    with np.errstate(divide="ignore", invalid="ignore"):
        return NUMBERS[name].of(lambda key: median(plane[key]) if key in plane else xr.DataArray(fixed[key]))

"""Fields of a summary: their median over replicates, and their axes."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from lazyrich.networks.table import variable
from lazyrich.sweep.schema import bare


def median(field: xr.DataArray) -> xr.DataArray:
    """Return a field's median over replicates, or the field itself if it has no quantiles."""
    return field.sel(quantile=0.5, drop=True) if "quantile" in field.dims else field


def names_along(summary: xr.Dataset, dim: str) -> xr.DataArray | None:
    """Return the coordinate of names along a dimension; None for an axis of numbers."""
    coordinates = [
        coordinate
        for coordinate in summary.coords.values()
        if coordinate.dims == (dim,) and coordinate.dtype.kind not in "fiu"
    ]
    return coordinates[0] if coordinates else None


def map_axes(summary: xr.Dataset, first: Sequence[str] = ()) -> list[str]:
    """Return grid dimensions that maps are drawn over: as `numeric_axes`, but those of `first` may be axes of names, too."""
    variables = [variable(bare(name)) for name in first]
    dim_of_name = {
        str(names.name): dim
        for dim in map(str, summary["phase"].dims)
        if (names := names_along(summary, dim)) is not None
    }
    dims = [dim_of_name.get(name, name) for name in variables]
    return list(dict.fromkeys([dim for dim in dims if summary.sizes.get(dim, 1) > 1] + numeric_axes(summary)))


def placed(summary: xr.Dataset, axes: Sequence[str]) -> xr.Dataset:
    """Return the summary with numbers 0, 1, … along those of `axes` that are axes of names, as coordinates to draw at."""
    for dim in axes:
        if (names := names_along(summary, dim)) is not None and dim not in summary.coords:
            summary = summary.assign_coords({dim: (dim, range(summary.sizes[dim]), names.attrs)})
    return summary


# χ below which training is deep in the rich regime, where T is claimed.
RICH = 0.1


def rich(summary: xr.Dataset) -> xr.DataArray:
    """Return the cells that are rich (χ < `RICH`) and whose networks all converged, over the dimensions of the grid."""
    is_rich = (summary["converged_share"] == 1) & (summary["networks"] > 0) & (median(summary["laziness"]) < RICH)
    return is_rich.transpose(*summary["phase"].dims)


def numeric_axes(summary: xr.Dataset, first: Sequence[str] = ()) -> list[str]:
    """Return grid dimensions with more than one number along them: those of `first`, then the others in the sweep's order."""
    axes = [
        str(dim)
        for dim in summary["phase"].dims
        if dim in summary.coords and summary[dim].dtype.kind in "fiu" and summary.sizes[dim] > 1
    ]
    first = [name for name in map(variable, map(bare, first)) if name in axes]
    return first + [name for name in axes if name not in first]

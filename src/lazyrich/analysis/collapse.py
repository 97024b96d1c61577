"""Collapse: do networks of different sweeps fall on one curve when an observable is drawn against χ, or over (k, χ)?

Where K ≈ κI the whole family (σ0, v0, m, n, d, η, ‖β‖, tr Σ) depends on k and χ only. How well it does is one number: the
distance of each setting's points to the curve through those of all other settings (as in Bhattacharjee and Seno 2001).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lazyrich.analysis.fields import median

# Bins a decade that the common curve (or surface) runs through.
BINS = 8


# Axes that set χ or k: a cell's place on the curve, not a group of its own.
SCALES = ("sigma_0", "v_0", "laziness", "growth_per_step", "stability_fraction", "learning_rate")


def points(
    summaries: Mapping[str, xr.Dataset],
    observable: str,
    against: Sequence[str] = ("laziness",),
    along: Sequence[str] = SCALES,
) -> xr.Dataset:
    """Return every cell of several summaries as a point: its value, its coordinates and the group it belongs to.

    A group is a sweep at one value of each axis that is neither among `against` nor `along` (the initial scales, which are the
    coordinates by other names). Cells without a positive value are left out.

    Returns
    -------
    Dataset
        on `point`: `value`, the names in `against`, `group` (text), and `cell`, the point's place in its summary (flat).
    """
    parts = []
    for name, summary in summaries.items():
        fields = {field: median(summary[field]).broadcast_like(summary["phase"]) for field in (observable, *against)}
        flat = {field: values.transpose(*summary["phase"].dims).values.ravel() for field, values in fields.items()}
        labels = np.full(summary["phase"].size, name, dtype=object)
        for coordinate in summary.coords.values():
            if coordinate.name in ("quantile", *against, *along) or coordinate.ndim != 1:
                continue
            values = coordinate.broadcast_like(summary["phase"]).transpose(*summary["phase"].dims).values.ravel()
            texts = [str(v) if isinstance(v, str) else f"{v:.4g}" for v in values.tolist()]
            symbol = coordinate.attrs.get("symbol") or coordinate.name
            labels = labels + np.array([f", {symbol} = {text}" for text in texts], dtype=object)
        good = np.all([np.isfinite(values) & (values > 0) for values in flat.values()], axis=0)
        columns = {field: ("point", values[good].astype(float)) for field, values in flat.items()}
        columns = {("value" if field == observable else field): values for field, values in columns.items()}
        columns |= {"group": ("point", labels[good].astype(str)), "cell": ("point", np.flatnonzero(good))}
        parts.append(xr.Dataset(columns))
    return xr.concat(parts, "point").assign_attrs(observable=observable, against=" ".join(against))


def collapse(data: xr.Dataset) -> xr.Dataset:
    """Return how well points (as `points` returns them) fall on one curve.

    Returns
    -------
    Dataset
        the points with `error`, the distance in decades to the curve through all other groups (NaN beyond its ends), and on
        `of_group` each group's `group_name` and median `group_error`; attribute `quality` is the median error of all points.
    """
    against = data.attrs["against"].split()
    place = np.stack([np.log10(data[name].values) for name in against], axis=1)
    value = np.log10(data["value"].values)
    names, group = np.unique(data["group"].values, return_inverse=True)
    error = np.full(len(value), np.nan)
    for number in range(len(names)):
        in_group = group == number
        error[in_group] = np.abs(value[in_group] - _curve(place[~in_group], value[~in_group], place[in_group]))
    finite = ~np.isnan(error)
    of_group = [
        np.median(error[finite & (group == number)]) if (finite & (group == number)).any() else np.nan
        for number in range(len(names))
    ]
    result = data.assign(error=("point", error), group_name=("of_group", names), group_error=("of_group", of_group))
    return result.assign_attrs(quality=float(np.median(error[finite])) if finite.any() else np.nan)


def middles(place: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of `place` (points, 1 or 2) and of `value` in bins of `place`, in their order."""
    bins, index = np.unique(np.floor(place * BINS).astype(int), axis=0, return_inverse=True)
    # A bin's own middle, not its centre: points of one bin may all stand at its edge.
    middle = np.stack([np.median(place[index == i], axis=0) for i in range(len(bins))])
    return middle, np.array([np.median(value[index == i]) for i in range(len(bins))])


def _curve(place: np.ndarray, value: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the median of `value` in bins of `place` (points, 1 or 2), linear between them, at the places `at`."""
    if not len(place):
        return np.full(len(at), np.nan)
    middle, height = middles(place, value)
    if place.shape[1] == 1:
        x = middle[:, 0]
        # A bin's middle may lie a little inside the outermost point that it stands for.
        inside = (at[:, 0] >= x[0] - 1 / BINS) & (at[:, 0] <= x[-1] + 1 / BINS)
        return np.where(inside, np.interp(at[:, 0], x, height), np.nan)
    from scipy.interpolate import LinearNDInterpolator  # a tenth of a second, and most curves are lines

    if len(middle) < 4 or np.linalg.matrix_rank(middle[1:] - middle[0], tol=1e-6) < 2:
        return np.full(len(at), np.nan)  # no surface through points on one line, or next to none
    return LinearNDInterpolator(middle, height)(at)

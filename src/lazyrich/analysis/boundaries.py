"""Phase boundaries: level sets of a summary's fields, with confidence bands over replicates and distances to predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import contourpy
import numpy as np
import xarray as xr
from jaxtyping import Float, Real

from lazyrich.analysis import scope
from lazyrich.analysis.fields import median, names_along
from lazyrich.analysis.phases import Phase

Array = np.ndarray

# Resampled sets of replicates that a band is read from, and the interval that it covers:
# ±1 standard deviation of a normal distribution.
RESAMPLES = 200
BAND = (0.16, 0.84)
ENTRIES = 2**20  # of the largest array at a time
DECADE = 10 * (1 - 1e-11)  # to the 12 digits that a sweep keeps


@dataclass(frozen=True)
class Boundary:
    """A level set of a summary's field, predicted or measured, in the cells where the field is meaningful."""

    field: str
    level: float
    text: str
    predicted: bool
    words: str = ""  # of a prediction, in sentences
    holds_for: scope.HoldsFor = scope.derived
    within: Callable[[xr.Dataset], xr.DataArray] | None = None
    against: tuple[str, ...] = ()  # predicted boundaries to compare a measured one with

    def called(self, summary: xr.Dataset) -> str:
        """Return its name in a picture of a summary; a prediction's has a caveat where networks are not its linear ones."""
        return self.text + scope.caveat(summary) if self.predicted else self.text


def _settled(summary: xr.Dataset) -> xr.DataArray:
    return summary["phase"].isin([Phase.lazy, Phase.rich_two_stage])


def _stable(summary: xr.Dataset) -> xr.DataArray:
    return median(summary["stability_fraction"]) < 1


_FITTED = "it speaks of networks that end where they fit the targets, as squares make them"

BOUNDARIES = {
    "lazy_rich_predicted": Boundary(
        "kernel_change_ratio_predicted",
        1.0,
        "lazy–rich, predicted: ‖Θ∞ − Θ₀‖/‖Θ₀‖ = κ_c",
        True,
        "the lazy–rich boundary",
        scope.squares_only(scope.carried, _FITTED),
        _stable,
    ),
    "lazy_rich_measured": Boundary(
        "kernel_change_ratio", 1.0, "lazy–rich, measured", False, within=_settled, against=("lazy_rich_predicted",)
    ),
    "flow_stability_predicted": Boundary(
        "stability_fraction",
        1.0,
        "flow's solution unstable, predicted: h = 1",
        True,
        "boundary h = 1",
        scope.squares_only(
            scope.linear_only("h measures the step by λ_max(Θ∞), the kernel where linear networks end"), _FITTED
        ),
    ),
    "no_stable_solution_predicted": Boundary(
        "growth_per_step",
        1.0,
        "no stable solution, predicted: k = 1",
        True,
        "boundary k = 1",
        scope.squares_only(scope.linear_only("λ_max(Θ) ≥ 2√γ/m holds for solutions of linear networks"), _FITTED),
    ),
    "lazy_divergence_predicted": Boundary(
        "lazy_clock",
        4.0,
        "divergence of a lazy start, predicted: cηλ_max(Θ₀)/n = 4",
        True,
        "boundary cηλ_max(Θ₀)/n = 4",
        scope.squares_only(scope.linear_only("4 is the bound of linear networks"), "4 is the bound of squares"),
    ),
    "convergence_measured": Boundary(
        "converged_share",
        0.5,
        "half of the networks converge, measured",
        False,
        against=("no_stable_solution_predicted", "lazy_divergence_predicted"),
    ),
    "assumption_predicted": Boundary(
        "assumption_margin",
        1.0,
        "Assumption 4.1 holds, all constants 1",
        True,
        "boundary of Assumption 4.1",
        scope.squares_only(scope.linear_only("Theorem 4.1 is about linear networks"), "Theorem 4.1 is about squares"),
    ),
    "conclusions_measured": Boundary(
        "conclusions_share", 0.5, "Theorem 4.1's conclusions hold, measured", False, against=("assumption_predicted",)
    ),
}
# Fields over replicates whose bands a summary keeps: how replicates become one number.
BANDED = {
    boundary.field: np.mean if boundary.field.endswith("_share") else np.median
    for boundary in BOUNDARIES.values()
    if not boundary.predicted
}


def band(
    table: Float[Array, "cells replicates"], reduce: Callable[..., np.ndarray]
) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """Return the bootstrap interval `BAND` of the replicates' median or mean in each cell; NaN for fewer than two replicates.

    Replicates share their random numbers over the whole diagram, and are resampled together over it.
    """
    cells, replicates = table.shape
    if replicates < 2:
        return np.full(cells, np.nan), np.full(cells, np.nan)
    resamples = np.random.default_rng(0).integers(0, replicates, (RESAMPLES, replicates))
    low, high = np.empty(cells), np.empty(cells)
    step = max(1, ENTRIES // resamples.size)
    for start in range(0, cells, step):
        rows = slice(start, start + step)
        statistics = np.sort(reduce(table[rows][:, resamples], axis=2), axis=1)
        # Order statistics: an interpolation between 0 and ∞ would be no number.
        low[rows], high[rows] = (statistics[:, round(q * (RESAMPLES - 1))] for q in BAND)
    missing = np.isnan(table).any(axis=1)
    low[missing] = high[missing] = np.nan
    return low, high


def coordinate(values: Real[Array, " points"]) -> tuple[Float[Array, " points"], bool]:
    """Return axis values in the coordinate in which they are evenly spaced (log₁₀ or themselves), and whether it is the log.

    Two values are evenly spaced in both: it is the log where they are a decade apart or more.
    """
    values = np.asarray(values, dtype=float)
    if len(values) == 2 and (values > 0).all() and values.max() >= DECADE * values.min():
        return np.log10(values), True
    if len(values) > 2 and (values > 0).all():
        ratios, gaps = np.diff(np.log(values)), np.diff(values)
        if np.ptp(ratios) / np.abs(ratios).max() < np.ptp(gaps) / np.abs(gaps).max():
            return np.log10(values), True
    return values, False


def level_set(
    x: Real[Array, " nx"], y: Real[Array, " ny"], field: Float[Array, "nx ny"], level: float
) -> list[Float[Array, "vertices 2"]]:
    """Return the lines along which a field over a grid equals a level, in the units of x and y.

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
    generator = contourpy.contour_generator(
        u[u_order], v[v_order], values, name="serial", line_type=contourpy.LineType.Separate
    )
    # `lines` is typed for every line type at once; `Separate` gives one array of vertices for each line.
    lines = cast("list[Array]", generator.lines(level))
    return [
        np.column_stack([10 ** line[:, 0] if x_log else line[:, 0], 10 ** line[:, 1] if y_log else line[:, 1]])
        for line in lines
    ]


def boundaries(summary: xr.Dataset, x: str, y: str) -> dict[str, list[np.ndarray]]:
    """Return the boundaries of a summary that has been sliced to the two axes x and y, name -> lines in their units.

    None along an axis of names, between which nothing lies.
    Predictions lie only in cells of networks that they hold for. The edges of a measured
    boundary's band follow it as `<name>_low` and `<name>_high`.
    """
    result: dict[str, list[np.ndarray]] = {}
    if any(names_along(summary, axis) is not None for axis in (x, y)):
        return result
    for name, boundary in BOUNDARIES.items():
        for end in ("", "_low", "_high"):
            # Without the boundary there are no edges of its band: they would only reach the level at the grid's rim.
            if boundary.field + end not in summary or (end and name not in result):
                continue
            # A field that is an axis itself, or the same all over the plane, has fewer dimensions.
            field = median(summary[boundary.field + end]).broadcast_like(summary["phase"])
            cells, losses = xr.broadcast(scope.of_cells(summary), scope.losses_of_cells(summary))
            field = field.where(cells.copy(data=scope.compared(boundary.holds_for, cells.values, losses.values)))
            if boundary.within is not None:
                field = field.where(boundary.within(summary))
            lines = level_set(summary[x].values, summary[y].values, field.transpose(x, y).values, boundary.level)
            if lines:
                result[name + end] = lines
    return result


def distances(
    lines: dict[str, list[np.ndarray]], x: Real[Array, " nx"], y: Real[Array, " ny"]
) -> dict[str, Float[Array, " vertices"]]:
    """Return the distance of each measured boundary's vertices to the nearest point of its predictions, in cells of the grid.

    `lines` as `boundaries` returns them; boundaries without a prediction in the plane are left out.
    """
    result = {}
    for name, curves in lines.items():
        boundary = BOUNDARIES.get(name)
        against = (
            [line for prediction in boundary.against if prediction in lines for line in lines[prediction]]
            if boundary
            else []
        )
        if against:
            predicted = [_in_cells(line, x, y) for line in against]
            result[name] = np.concatenate([_to_lines(_in_cells(line, x, y), predicted) for line in curves])
    return result


def _in_cells(line: Float[Array, "vertices 2"], x: np.ndarray, y: np.ndarray) -> Float[Array, "vertices 2"]:
    """Return vertices in units of the grid's spacing."""
    columns = []
    for values, axis in zip(line.T, (x, y), strict=True):
        points, log = coordinate(axis)
        columns.append((np.log10(values) if log else values) / np.abs(np.diff(points)).mean())
    return np.column_stack(columns)


def _to_lines(points: Float[Array, "points 2"], lines: list[np.ndarray]) -> Float[Array, " points"]:
    """Return the distance of each point to the nearest point on any of the lines, vertices or between them."""
    start = np.concatenate([line[:-1] for line in lines])
    along = np.concatenate([np.diff(line, axis=0) for line in lines])
    length = np.maximum(np.sum(along**2, axis=1), np.finfo(float).tiny)
    nearest = np.empty(len(points))
    step = max(1, ENTRIES // along.size)
    for first in range(0, len(points), step):
        to_start = points[first : first + step, None] - start
        share = np.clip(np.sum(to_start * along, axis=2) / length, 0.0, 1.0)
        nearest[first : first + step] = np.min(np.linalg.norm(to_start - share[..., None] * along, axis=2), axis=1)
    return nearest

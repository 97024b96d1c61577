"""Shards against theory: from every network's trajectory to one summary on the sweep's grid, through Dask.

A shard is opened lazily and read a slice at a time; each network becomes a few numbers (end values, times, distances to the
theories, its phase), and replicates become medians and quantiles before the next shard is touched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr

from lazyrich import archive, observables
from lazyrich.engines.trajectories import Status
from lazyrich.networks import LOSS_FACTOR
from lazyrich.phases import Phase, boundaries, phase, threshold
from lazyrich.plan import positions
from lazyrich.published import compare_published, load_published
from lazyrich.sweep import Figures, Phases
from lazyrich.sweep_file import validated
from lazyrich.table import variable
from lazyrich.theory import boundaries as theory_boundaries
from lazyrich.theory import closed_form, stage_one, two_stage

QUANTILES = (0.16, 0.5, 0.84)
SLICE = 4096  # networks in memory at a time, a few tens of MB of trajectories

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


# ---- one network ------------------------------------------------------------------------------------------------------


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
    """‖Πy‖², what of ‖y‖² a network can fit."""
    return scalars["y_norm"] ** 2 - scalars["loss_floor"] * 2 * scalars["samples"] / scalars["loss_factor"]


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


# ---- a group of shards ---------------------------------------------------------------------------------------------------


def _columns(data: xr.Dataset, phases: Phases, published: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """`compare` slice by slice, so that memory does not depend on the size of the shard."""
    parts = []
    for start in range(0, data.sizes["network"], SLICE):
        with archive.LOCK:
            part = data.isel(network=slice(start, start + SLICE)).load()
        parts.append(compare(part, phases, published))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _cells(data: xr.Dataset, wanted: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """For each network of a shard its cell in the grid (flat, −1 outside) and its replicate's position."""
    (target,) = wanted["boxes"]
    shape = [len(points) for points in target.values()][:-1]
    recipe = json.loads(data.attrs["recipe"])
    cells, replicates = [], []
    for box in recipe["boxes"]:
        where = positions(recipe, box, wanted)
        networks = math.prod(map(len, box.values()))
        if where is None:
            cells.append(np.full(networks, -1))
            replicates.append(np.full(networks, -1))
            continue
        # Points of the box run over the box's own axes; axes of the grid that the box holds fixed have one place.
        grids = np.meshgrid(*where, indexing="ij")
        flat = np.zeros(grids[0].size, dtype=np.int64)
        outside = np.zeros(grids[0].size, dtype=bool)
        for places, length in zip(grids[:-1], shape, strict=True):
            flat = flat * length + places.ravel()
            outside |= places.ravel() < 0
        outside |= grids[-1].ravel() < 0
        cells.append(np.where(outside, -1, flat))
        replicates.append(np.where(outside, -1, grids[-1].ravel()))
    return np.concatenate(cells), np.concatenate(replicates)


def _reduce(
    shards: list[xr.Dataset | str], wanted: dict[str, Any], phases: Phases, published: dict[str, np.ndarray] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Cells that a group of shards holds between them, and their values over replicates.

    Returns flat cell numbers (cells,) and name -> (cells, quantiles), or (cells,) for `phase`, `agreement`, `networks`.
    """
    parts, cells, replicates = [], [], []
    for shard in shards:
        with archive.LOCK:
            data = archive.read(shard) if isinstance(shard, str) else shard
        where, replicate = _cells(data, wanted)
        part = _columns(data, phases, published)
        inside = where >= 0
        parts.append({name: values[inside] for name, values in part.items()})
        cells.append(where[inside])
        replicates.append(replicate[inside])
        if isinstance(shard, str):
            with archive.LOCK:
                data.close()
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    (target,) = wanted["boxes"]
    present, row = np.unique(np.concatenate(cells), return_inverse=True)
    column = np.concatenate(replicates)
    values = {}
    for name, flat in columns.items():
        table = np.full((len(present), len(target["replicate"])), np.nan)
        table[row, column] = flat
        if name == "phase":
            counts = np.stack([(table == code).sum(axis=1) for code in Phase], axis=1)
            values["networks"] = counts.sum(axis=1)
            values["phase"] = np.argmax(counts, axis=1)
            values["agreement"] = counts.max(axis=1) / values["networks"]
        elif name == "converged_share":
            values[name] = np.nanmean(table, axis=1)
        else:
            values[name] = _quantiles(table)
            if name.startswith("published_"):
                values[f"{name}_worst"] = np.max(table, axis=1)
    return present, values


def _quantiles(table: np.ndarray) -> np.ndarray:
    """`QUANTILES` along rows, linear between order statistics, NaN left out (numpy.nanquantile goes row by row in Python)."""
    ordered = np.sort(table, axis=1)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=1)
    result = np.full((len(table), len(QUANTILES)), np.nan)
    rows = np.arange(len(table))
    for i, q in enumerate(QUANTILES):
        place = q * np.maximum(count - 1, 0)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        lower, upper = ordered[rows, low], ordered[rows, high]
        with np.errstate(invalid="ignore"):
            # An order statistic itself where it is one: ∞ − ∞ and 0 · ∞ are no numbers.
            exact = (lower == upper) | (place == low)
            result[:, i] = np.where(exact, lower, lower + (place - low) * (upper - lower))
    return result


def _groups(recipes: dict[str, dict[str, Any]], wanted: dict[str, Any]) -> list[list[str]]:
    """Shards that must be reduced together, because a cell's replicates lie in more than one of them."""
    (target,) = wanted["boxes"]
    alone, shared = [], []
    for path, recipe in recipes.items():
        where = [places for box in recipe["boxes"] if (places := positions(recipe, box, wanted)) is not None]
        complete = all(set(places[-1]) >= set(range(len(target["replicate"]))) for places in where)
        (alone if complete else shared).append((path, where))
    groups: list[tuple[list[str], list[list[list[int]]]]] = []
    for path, where in shared:
        joined = ([path], list(where))
        apart = []
        for group in groups:
            if any(_overlap(a, b) for a in group[1] for b in where):
                joined = (group[0] + joined[0], group[1] + joined[1])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [[path] for path, where in alone if where] + [group[0] for group in groups if group[1]]


def _overlap(a: list[list[int]], b: list[list[int]]) -> bool:
    return all(set(x) & set(y) - {-1} for x, y in zip(a[:-1], b[:-1], strict=True))


def cell(shards: Iterable[str | Path], wanted: dict[str, Any], flat: int) -> xr.Dataset:
    """The networks of one grid cell (`flat` in grid order), all replicates, from the shards that hold them, loaded."""
    found = []
    for path in shards:
        with archive.read(path) as data:
            rows = np.flatnonzero(_cells(data, wanted)[0] == flat)
            if len(rows):
                found.append(data.isel(network=rows).load())
    return xr.concat(found, "network", combine_attrs="override") if len(found) > 1 else found[0]


# ---- the summary ---------------------------------------------------------------------------------------------------------


def summarise(
    shards: Iterable[str | Path],
    wanted: dict[str, Any],
    *,
    phases: Phases | None = None,
    figures: Figures | None = None,
    threads: int = 1,
) -> xr.Dataset:
    """The summary of a sweep from its shards on disk.

    Parameters
    ----------
    shards
        paths of shards.
    wanted
        the sweep as a one-box recipe (`plan.whole(sweep).recipe`): its box is the grid.
    phases, figures
        the sweep file's sections of these names.
    threads
        shards reduced side by side.

    Returns
    -------
    Dataset
        in the layout of a summary (docs/datasets.md).
    """
    recipes = {}
    for path in map(str, shards):
        with archive.read(path) as data:
            recipes[path] = json.loads(data.attrs["recipe"])
    phases = phases or Phases()
    published = load_published(figures.published) if figures and figures.published else None
    tasks = [dask.delayed(_reduce)(group, wanted, phases, published) for group in _groups(recipes, wanted)]
    parts = dask.compute(*tasks, scheduler="threads", num_workers=threads)
    return _assemble(parts, wanted)


def analyse(data: xr.Dataset, *, phases: Phases | dict | None = None) -> xr.Dataset:
    """The summary of a dataset that `run` returned; `phases` are thresholds as in a sweep file."""
    recipe = json.loads(data.attrs["recipe"])
    if len(recipe["boxes"]) != 1:
        raise ValueError(
            "this dataset is a shard that holds pieces of a grid; give `analyse` what `lazyrich.run` returned"
        )
    thresholds = phases if isinstance(phases, Phases) else validated(Phases, phases or {}, "phases")
    return _assemble([_reduce([data], recipe, thresholds, None)], recipe)


def _assemble(parts: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]], wanted: dict[str, Any]) -> xr.Dataset:
    parts = list(parts)
    (target,) = wanted["boxes"]
    groups = [key.split() for key in target][:-1]
    dims = [_dimension(names, points) for names, points in zip(groups, target.values(), strict=False)]
    shape = [len(points) for points in target.values()][:-1]
    data = xr.Dataset()
    names = list(dict.fromkeys(name for _, values in parts for name in values))
    for name in names:
        width = (len(QUANTILES),) if any(v[name].ndim > 1 for _, v in parts if name in v) else ()
        fill = {"phase": Phase.not_run, "networks": 0}.get(name, np.nan)
        flat = np.full((math.prod(shape), *width), fill, dtype=float)
        for cells, values in parts:
            if name in values:
                flat[cells] = values[name]
        data[name] = ([*dims, *(["quantile"] if width else [])], flat.reshape((*shape, *width)))
    data = data.assign_coords(_coordinates(target, groups, dims))
    data = data.assign_coords(quantile=("quantile", list(QUANTILES)))
    data = data.drop_vars([name for name in data.data_vars if name in data.coords])
    _add_boundaries(data, dims)
    return archive.described_summary(data, wanted, COLUMNS, {"phase": Phase})


def _dimension(names: list[str], points: list[list]) -> str:
    """A dimension's name: the key's where its values can be a coordinate, which CF wants to be numbers in order."""
    single = len(names) == 1 and not isinstance(points[0][0], str)
    return variable(names[0]) if single else f"{variable(names[0])}_index"


def _coordinates(target: dict[str, list], groups: list[list[str]], dims: list[str]) -> dict[str, Any]:
    coordinates = {}
    for key, names, dim in zip(target, groups, dims, strict=False):
        for member, name in enumerate(names):
            values = [point[member] for point in target[key]]
            coordinates[variable(name)] = (dim, [LOSS_FACTOR[v] for v in values] if name == "loss" else values)
    return coordinates


def _add_boundaries(data: xr.Dataset, dims: list[str]) -> None:
    """Boundaries in the plane of the first two axes, further axes at their first value, as one list of vertices."""
    axes = [dim for dim in dims if dim in data.coords and data[dim].dtype.kind in "fiu" and data.sizes[dim] > 1]
    if len(axes) < 2:
        return
    x, y = axes[:2]
    plane = data.isel({dim: 0 for dim in dims if dim not in (x, y)})
    names, line_numbers, vertices = [], [], []
    for name, lines in boundaries(plane, x, y).items():
        for number, line in enumerate(lines):
            names += [name] * len(line)
            line_numbers += [number] * len(line)
            vertices.append(line)
    if not vertices:
        return
    points = np.concatenate(vertices)
    data["boundary"] = ("vertex", np.array(names, dtype=str))
    data["boundary_line"] = ("vertex", np.array(line_numbers))
    data["boundary_x"] = ("vertex", points[:, 0])
    data["boundary_y"] = ("vertex", points[:, 1])
    data["boundary_x"].attrs["axis_name"] = x
    data["boundary_y"].attrs["axis_name"] = y

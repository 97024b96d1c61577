"""The trajectories in a report page: one replicate of all or some cells with theories, and panels to draw them in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import xarray as xr
from bokeh.embed.standalone import StandaloneEmbedJson
from jaxtyping import Bool

from lazyrich.analysis import scope
from lazyrich.analysis.summary import places
from lazyrich.draw import curves, oscillation
from lazyrich.draw.item import item
from lazyrich.draw.pack import Pack, quantised
from lazyrich.draw.trajectories import PANELS, RECORDED, Panel, limits, simulated, stages, theory, until
from lazyrich.networks.recipe import Recipe
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.concatenate import concatenate
from lazyrich.sweep.sweep import Sweep

RECORDS = 48  # of a trajectory
MOST_CURVES = 24  # of a network, its steps and the marks of joined records among them
NEAR, MOST = 256, 8192  # networks of a chunk on disk; networks to read at once
PANEL_SIZE = (220, 215)  # four side by side on a wide page, two on a narrow one
REPLICATE = 0  # the one in the page


def kept_trajectories(
    sweep: Sweep,
    summary: xr.Dataset,
    x: str,
    y: str,
    dims: Sequence[str],
    shards: Sequence[str],
    pack: Pack,
    numbers: float,
) -> tuple[dict[str, Any] | None, dict[str, StandaloneEmbedJson]]:
    """Pack one replicate's trajectories of some or all cells with theories; return where they lie, and empty panels for them.

    Without any trajectory these are None and no panels. `numbers` limits how many numbers are packed. Every curve of a network
    is on the scale of its panel's vertical axis.
    """
    if sweep.record.summary:
        return None, {}
    step = max(1, int(np.ceil(np.sqrt(summary["phase"].size * RECORDS * MOST_CURVES / numbers))))
    columns, rows = (np.arange(0, summary.sizes[axis], step) for axis in (x, y))
    grid = [str(dim) for dim in summary["phase"].dims]
    mask = np.zeros([summary.sizes[dim] for dim in grid], dtype=bool)
    kept = {x: columns, y: rows}
    mask[np.ix_(*(kept.get(dim, np.arange(summary.sizes[dim])) for dim in grid))] = True
    networks, cells = read_networks(whole(sweep), mask, shards, RECORDED, RECORDS)
    panels = [panel for panel in PANELS if any(name in networks for name in panel.observables)]
    if not networks.sizes["network"] or not panels:
        return None, {}
    steps = networks["step"].values.astype(float)
    last = steps[:, -1]
    onset, end = stages(networks)
    drawn_until = until(networks)
    seen = steps <= drawn_until[:, None]
    predicted = theory(networks)
    joined = pack.add(_ended(oscillation.resolved(networks)))
    curve_places, spans = [], {}
    for panel in panels:
        observables = simulated(networks, panel)
        heights = [
            *observables.values(),
            *(predicted[panel.name][key] for key in ("limit",) if key in predicted[panel.name]),
        ]
        rows_of = np.concatenate([np.where(seen, each, np.nan) for each in heights], axis=1)
        span = [[float(f"{v:.4g}") for v in limits(row, panel, legend_inside=False)] for row in rows_of]
        spans[panel.name] = low, high = list(zip(*span, strict=True))
        scale = np.array(low)[:, None], np.array(high)[:, None], panel.log
        for key, values in (observables | predicted[panel.name]).items():
            place = pack.add(quantised(values, *scale))
            # Whether a line joins each record with the next one.
            lines = joined if key in observables else pack.add(_ended(oscillation.resolved_theory(steps, values)))
            curve_places.append({"panel": panel.name, "key": key, "joined": lines["offset"]} | place)
    trajectories = {
        "columns": columns.tolist(),
        "rows": rows.tolist(),
        "cells": _numbered(cells, summary, x, y, dims, columns, rows),
        "records": steps.shape[1],
        "steps": pack.add(quantised(steps, 0.0, np.maximum(last[:, None], 1.0), log=False)),
        "last": last.astype(int).tolist(),
        "onset": _or_none(onset),
        "end": _or_none(end),
        "until": drawn_until.tolist(),
        "panels": [{"name": panel.name, "log": panel.log, "spans": spans[panel.name]} for panel in panels],
        "curves": curve_places,
        "replicate": REPLICATE,
    }
    return trajectories, {f"panel-{panel.name}": _panel(panel, networks, predicted) for panel in panels}


def read_networks(
    recipe: Recipe,
    chosen: Bool[np.ndarray, ...],
    shards: Sequence[str],
    names: Collection[str],
    most: int,
    replicates: Collection[int] = (REPLICATE,),
) -> tuple[xr.Dataset, np.ndarray]:
    """Read the `replicates` of the cells `chosen` of a recipe's grid; return them and the cell (flat) of each network.

    Recorded variables come for `names` alone, at no more than `most` of the records, evenly chosen.
    """
    parts, cells = [], []
    for path in shards:
        with archive.opened(path) as data:
            where, replicate = places(Recipe.of(data), recipe)
            rows = np.flatnonzero(np.isin(replicate, list(replicates)) & (where >= 0))
            rows = rows[chosen.ravel()[where[rows]]]
            records = np.unique(np.linspace(0, data.sizes["record"] - 1, most).round().astype(int))
            data = data.drop_vars([n for n in data if "record" in data[n].dims and n not in names])
            for run in _runs(rows):
                some = data.isel(network=slice(run[0], run[-1] + 1)).load()
                parts.append(some.isel(network=run - run[0], record=records))
            cells.append(where[rows])
    return concatenate(parts), np.concatenate(cells)


def _runs(rows: np.ndarray) -> list[np.ndarray]:
    """Split rising rows into runs to read at once: neighbours on disk, and not too many."""
    new = (np.diff(rows, prepend=rows[:1]) > NEAR) if len(rows) else np.empty(0, dtype=bool)
    starts = np.flatnonzero(new)
    runs = [run for run in np.split(rows, starts) if len(run)]
    return [part for run in runs for part in np.split(run, np.flatnonzero(np.diff((run - run[0]) // MOST)) + 1)]


def _numbered(
    cells: np.ndarray,
    summary: xr.Dataset,
    x: str,
    y: str,
    dims: Sequence[str],
    columns: np.ndarray,
    rows: np.ndarray,
) -> list[int]:
    """Return the number of each kept cell's trajectory, (slices..., y, x) flat; −1 where there is none."""
    number = xr.DataArray(
        np.full([summary.sizes[dim] for dim in summary["phase"].dims], -1), dims=summary["phase"].dims
    )
    number.values.ravel()[cells] = np.arange(len(cells))
    return number.transpose(*dims, y, x).isel({x: columns, y: rows}).values.ravel().tolist()


def _ended(joined: Bool[np.ndarray, "networks gaps"]) -> Bool[np.ndarray, "networks records"]:
    """Return whether a line goes on after each record; nothing parts it after the last one."""
    return np.pad(joined, ((0, 0), (0, 1)), constant_values=True)


def _or_none(steps: np.ndarray) -> list[int | None]:
    return [int(value) if np.isfinite(value) else None for value in steps]


def _panel(panel: Panel, networks: xr.Dataset, predicted: dict[str, dict[str, np.ndarray]]) -> StandaloneEmbedJson:
    """Draw a panel with an empty curve for all that some network may have."""
    observables = [name for name in panel.observables if name in networks]
    nothing = curves.empty(panel, observables, list(predicted[panel.name]), PANEL_SIZE, caveat=scope.caveat(networks))
    return item(nothing, f"panel-{panel.name}")

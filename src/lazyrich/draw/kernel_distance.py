"""Distance of the kernel to T and to Θ∞ through training, over the rich networks of a sweep.

All cells of a replicate share their random numbers, and so their data unless an axis changes these. Differences between cells
are therefore no spread over data: medians are taken over the cells of a replicate first, and spreads are over replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from lazyrich.analysis import scope
from lazyrich.analysis.fields import RICH, rich
from lazyrich.draw import style
from lazyrich.draw.chosen import chosen, some
from lazyrich.draw.kept import read_networks
from lazyrich.draw.trajectories import KERNELS, stages, theory_called
from lazyrich.planning.plan import whole
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting

MOST_NETWORKS = 4000  # to read
MOST_RECORDS = 1000  # of a network
SIZE, INCHES = 420, 5.0
# Whole numbers of the stage: where training begins, t₁, t₂, where it ends; and points between.
MARKS = ("start", "t₁", "t₂", "end of run")
POINTS = 30


@dataclass(frozen=True)
class Distances:
    """Both distances at the same stages of every network: name in `KERNELS` -> (networks, stages)."""

    stage: Float[np.ndarray, " stages"]
    values: dict[str, Float[np.ndarray, "networks stages"]]
    replicate: Int[np.ndarray, " networks"]
    read: int  # number of cells whose networks were read
    cells: int  # number of rich cells
    step_share: float  # h, median

    @property
    def networks(self) -> int:
        """Number of networks."""
        return len(self.values["ntk_target_error"])

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return len(np.unique(self.replicate))

    def medians(self, name: str) -> Float[np.ndarray, "replicates stages"]:
        """Return the median over the cells of each replicate at every stage."""
        groups = [self.values[name][self.replicate == replicate] for replicate in np.unique(self.replicate)]
        return np.stack([np.median(values, axis=0) for values in groups])


def kernel_distances(sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]) -> Distances | None:
    """Read the networks of each rich cell, or of some; None if no cell is rich or a distance is not recorded."""
    if sweep.record.summary or not set(KERNELS) <= set(sweep.record.observables):
        return None
    # Θ∞ is where training ends by squares only.
    cells = np.flatnonzero((rich(summary) & scope.squares_of_cells(summary)).transpose(*summary["phase"].dims).values)
    mask = np.zeros(summary["phase"].shape, dtype=bool)
    mask.ravel()[cells[some(len(cells), max(1, MOST_NETWORKS // sweep.replicates))]] = True
    if not mask.any():
        return None
    names, most = ("step", *KERNELS), sweep.record.points or MOST_RECORDS
    networks, _ = read_networks(whole(sweep), mask, shards, names, most, range(sweep.replicates))
    stage = np.linspace(0.0, 3.0, 3 * POINTS + 1)
    steps = networks["step"].values.astype(float)
    at = _steps_at(stage, *stages(networks), steps[:, -1])
    within = np.isfinite(at).all(axis=1)
    if not within.any():
        return None
    values = {
        name: np.stack(
            [np.interp(*each) for each in zip(at[within], steps[within], networks[name].values[within], strict=True)]
        )
        for name in KERNELS
    }
    share = float(np.median(networks["stability_fraction"].values[within]))
    return Distances(stage, values, networks["replicate"].values[within], int(mask.sum()), len(cells), share)


def _steps_at(
    stage: Float[np.ndarray, " stages"],
    onset: Float[np.ndarray, " networks"],
    end: Float[np.ndarray, " networks"],
    last: Float[np.ndarray, " networks"],
) -> Float[np.ndarray, "networks stages"]:
    """Return each network's steps at stages from 0 (start) by 1 (t₁) and 2 (t₂) to 3 (last step); NaN without t₁ or t₂."""
    ends = np.stack([np.zeros_like(last), onset, end, last], axis=1)
    part = np.minimum(stage.astype(int), 2)
    return ends[:, part] + (stage - part) * (ends[:, part + 1] - ends[:, part])


def distance_figure(
    sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]
) -> tuple[Callable[[str], hv.Overlay], str] | None:
    """Return (builder, caption) of the figure; None if `kernel_distances` has none."""
    distances = kernel_distances(sweep, summary, shards)
    if distances is None:
        return None
    thin = (
        "Thin: each replicate, median over its cells; thick: median of these."
        if distances.replicates > 1
        else "Median."
    )
    caption = (
        "Relative distance of the neural tangent kernel to the target-aligned T ∝ K + KyyᵀK/γ of the same step and to the end "
        f"kernel Θ∞ = Θ₀ + (G/m)(K + yyᵀ/b²), over {selection(distances)}{scope.sentence(summary)} {thin} Every network's own "
        "clock: onset t₁ and end t₂ of learning lie above each other, steps are even in between."
        f"{chosen(distances.read, distances.cells, 'cells')}"
    )
    return (lambda backend: _draw(distances, summary, backend)), f"{caption} {setting(sweep)}"


def selection(distances: Distances) -> str:
    """Return the words that say which networks these are."""
    return (
        f"all cells with χ < {RICH:g} whose networks converged, in all {distances.networks} networks that passed t₁ and t₂ "
        f"(h = {distances.step_share:.2g} in the median). "
        "Cells of a replicate share their random numbers, those of data included."
    )


def distance_table(distances: Distances | None, summary: xr.Dataset) -> dict[str, Any] | None:
    """Return the report's table: both distances at t₁, t₂ and the end of the run, as median and range of the replicates."""
    if distances is None:
        return None
    rows = []
    for mark in range(1, len(MARKS)):
        place = mark * POINTS
        cells = []
        for name in KERNELS:
            medians = distances.medians(name)[:, place]
            cells += [f"{np.median(medians):.3g}", f"{medians.min():.2g} to {medians.max():.2g}"]
        rows.append((MARKS[mark], cells))
    return {
        "rows": rows,
        "selection": selection(distances),
        "chosen": chosen(distances.read, distances.cells, "cells"),
        "replicates": distances.replicates,
        "caveat": scope.caveat(summary),
    }


def _draw(distances: Distances, summary: xr.Dataset, backend: str) -> hv.Overlay:
    bokeh = backend == "bokeh"
    caveat = scope.caveat(summary)
    thin, curves, heights = [], [], []
    for colour, (name, words) in zip(style.CURVES, KERNELS.items(), strict=False):
        medians = distances.medians(name)
        medians = np.where(medians > 0, medians, np.nan)
        heights.append(medians.ravel())
        label = theory_called(name, words, caveat)
        if distances.replicates > 1:
            label += f", median of {distances.replicates}"
            # All as one curve, parted by NaN, as in `curves`.
            parted = [
                np.concatenate([np.append(row, np.nan) for row in rows])
                for rows in (np.broadcast_to(distances.stage, medians.shape), medians)
            ]
            each = hv.Curve(tuple(parted), kdims=["stage"], vdims=["distance"])
            thin.append(each.opts(backend=backend, color=colour, alpha=0.4, **style.line(backend, 1.0)))
        curve = hv.Curve(
            (distances.stage, np.median(medians, axis=0)), kdims=["stage"], vdims=["distance"], label=label
        )
        curves.append(curve.opts(backend=backend, color=colour, **style.line(backend, 2.5)))
    values = np.concatenate(heights)
    low, high = np.nanmin(values), np.nanmax(values)
    span = low / 2, high * max((high / low) ** 0.3, 3.0)
    for mark in (1, 2):
        line = hv.Curve(([mark, mark], span), kdims=["stage"], vdims=["distance"])
        curves.append(line.opts(backend=backend, color="#888888", **style.line(backend, 1.0, style.DOTTED)))
    options = {
        "title": f"Distance of the kernel to T and to Θ∞{caveat}",
        "logy": True,
        "xlabel": "stage of training",
        "ylabel": "‖Θ − ·‖/‖·‖, distance of the kernel",
        "xlim": (-0.05, 3.05),
        "ylim": span,
        "xticks": list(enumerate(MARKS)),
        "legend_position": "top_right",
        "show_legend": True,
    }
    overlay = hv.Overlay(thin + curves)
    if bokeh:
        return overlay.opts(
            backend=backend, frame_width=SIZE, frame_height=SIZE, toolbar="above", active_tools=[], **options
        )
    return overlay.opts(backend=backend, fig_inches=INCHES, aspect="auto", hooks=[style.framed(1)], **options)

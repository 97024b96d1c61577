"""How far the kernel is from T and from Θ∞ through training, side by side, over the rich networks of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import holoviews.plotting.mpl
import numpy as np
import xarray as xr
from jaxtyping import Float

from lazyrich import scope
from lazyrich.draw import style
from lazyrich.draw.chosen import chosen, some
from lazyrich.draw.kept import REPLICATE, read_networks
from lazyrich.draw.trajectories import stages
from lazyrich.fields import RICH, rich
from lazyrich.plan import whole
from lazyrich.quantiles import QUANTILES
from lazyrich.setting import setting
from lazyrich.sweep import Sweep

KERNELS = {"ntk_target_error": "to T, of stage one", "ntk_end_error": "to Θ∞, where flow ends"}
MOST_CELLS = 1000  # whose networks are read
SIZE, INCHES = 420, 5.0
# Whole numbers of the stage: where training begins, t₁, t₂, where it ends; and points between.
MARKS = ("start", "t₁", "t₂", "end of run")
POINTS = 30


@dataclass(frozen=True)
class Distances:
    """Both distances at the same stages of every network: name in `KERNELS` -> (networks, stages)."""

    stage: Float[np.ndarray, " stages"]
    values: dict[str, Float[np.ndarray, "networks stages"]]
    cells: int  # that are rich, of which some were read
    step_share: float  # h, median

    @property
    def networks(self) -> int:
        """Number of networks."""
        return len(self.values["ntk_target_error"])

    def quantiles(self, name: str) -> Float[np.ndarray, "quantiles stages"]:
        """`QUANTILES` over networks at every stage."""
        return np.quantile(self.values[name], QUANTILES, axis=0)


def kernel_distances(sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]) -> Distances | None:
    """One network of each rich cell, or of some; None where there is none, or where either distance is not recorded."""
    if sweep.record.summary or not set(KERNELS) <= set(sweep.record.observables):
        return None
    cells = np.flatnonzero(rich(summary).values)
    wanted = np.zeros(summary["phase"].shape, dtype=bool)
    wanted.ravel()[cells[some(len(cells), MOST_CELLS)]] = True
    if not wanted.any():
        return None
    networks, _ = read_networks(
        whole(sweep).recipe, wanted, shards, ("step", *KERNELS), sweep.record.points or MOST_CELLS
    )
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
    return Distances(stage, values, len(cells), float(np.median(networks["stability_fraction"].values[within])))


def _steps_at(
    stage: Float[np.ndarray, " stages"],
    onset: Float[np.ndarray, " networks"],
    end: Float[np.ndarray, " networks"],
    last: Float[np.ndarray, " networks"],
) -> Float[np.ndarray, "networks stages"]:
    """The steps at stages from 0 (start) by 1 (t₁) and 2 (t₂) to 3 (last step) of each network; NaN without t₁ or t₂."""
    ends = np.stack([np.zeros_like(last), onset, end, last], axis=1)
    part = np.minimum(stage.astype(int), 2)
    return ends[:, part] + (stage - part) * (ends[:, part + 1] - ends[:, part])


def distance_figure(
    sweep: Sweep, summary: xr.Dataset, shards: Sequence[str]
) -> tuple[Callable[[str], hv.Overlay], str] | None:
    """(builder, caption) of the figure; None where `kernel_distances` is."""
    found = kernel_distances(sweep, summary, shards)
    if found is None:
        return None
    caption = (
        "Relative distance of the neural tangent kernel to the target-aligned T ∝ K + KyyᵀK/γ of the same step and to the end "
        "kernel Θ∞ = Θ₀ + (G/m)(K + yyᵀ/b²), median and 16–84 % over the networks of "
        f"{selection(found)} Every network's own clock: onset t₁ and end t₂ of learning lie above each other, steps are even "
        f"in between.{chosen(found.networks, found.cells, 'cells')}"
    )
    return (lambda backend: _draw(found, summary, backend)), f"{caption} {setting(sweep)}"


def selection(found: Distances) -> str:
    """Which networks these are."""
    return (
        f"all cells with χ < {RICH:g} whose networks converged and passed t₁ and t₂ (replicate {REPLICATE} of each, "
        f"{found.networks} networks; h = {found.step_share:.2g} in the median)."
    )


def distance_table(found: Distances | None, summary: xr.Dataset) -> dict[str, Any] | None:
    """What the report's table takes: for t₁, t₂ and the end of the run both distances, median and 16–84 %."""
    if found is None:
        return None
    rows = []
    for mark in range(1, len(MARKS)):
        place = mark * POINTS
        cells = []
        for name in KERNELS:
            low, middle, high = found.quantiles(name)[:, place]
            cells += [f"{middle:.3g}", f"{low:.2g} to {high:.2g}"]
        rows.append((MARKS[mark], cells))
    return {"rows": rows, "selection": selection(found), "caveat": scope.caveat(summary)}


def _draw(found: Distances, summary: xr.Dataset, backend: str) -> hv.Overlay:
    bokeh = backend == "bokeh"
    width, dash = ("line_width", "line_dash") if bokeh else ("linewidth", "linestyle")
    bands, curves, shown = [], [], []
    for colour, (name, words) in zip(style.CURVES, KERNELS.items(), strict=False):
        low, middle, high = (np.where(row > 0, row, np.nan) for row in found.quantiles(name))
        shown += [low, high]
        area = hv.Area((found.stage, low, high), kdims=["stage"], vdims=["distance", "high"])
        bands.append(
            area.opts(backend=backend, color=colour, alpha=0.2, **({"line_alpha": 0} if bokeh else {"linewidth": 0}))
        )
        curve = hv.Curve((found.stage, middle), kdims=["stage"], vdims=["distance"], label=words)
        curves.append(curve.opts(backend=backend, color=colour, **{width: 2.5}))
    known = np.concatenate(shown)
    low, high = np.nanmin(known), np.nanmax(known)
    span = low / 2, high * max((high / low) ** 0.3, 3.0)
    for mark in (1, 2):
        line = hv.Curve(([mark, mark], span), kdims=["stage"], vdims=["distance"])
        curves.append(line.opts(backend=backend, color="#888888", **{width: 1.0, dash: "dotted" if bokeh else ":"}))
    options = {
        "title": f"Distance of the kernel to T and to Θ∞{scope.caveat(summary)}",
        "logy": True,
        "xlabel": "stage of training",
        "ylabel": "‖Θ − ·‖/‖·‖, distance of the kernel",
        "xlim": (-0.05, 3.05),
        "ylim": span,
        "xticks": list(enumerate(MARKS)),
        "legend_position": "top_right",
        "show_legend": True,
    }
    overlay = hv.Overlay(bands + curves)
    if bokeh:
        return overlay.opts(
            backend=backend, frame_width=SIZE, frame_height=SIZE, toolbar="above", active_tools=[], **options
        )
    return overlay.opts(backend=backend, fig_inches=INCHES, aspect="auto", hooks=[style.framed(1)], **options)

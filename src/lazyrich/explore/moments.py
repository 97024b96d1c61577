"""A sweep's map during training: recorded observables of all cells, and the stage that each cell is in, at common times τ."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from lazyrich.analysis.codes import Codes
from lazyrich.analysis.quantiles import quantiles
from lazyrich.analysis.stages import STAGES, Stage, stage
from lazyrich.draw.diagrams import LAZY_RICH, Diagram, at_quantile, most
from lazyrich.draw.maps import scale
from lazyrich.engines.trajectories import Status
from lazyrich.explore.results import Results
from lazyrich.networks.observables import NAMES
from lazyrich.shards import archive
from lazyrich.system.compiled import cached_njit

MOMENTS = 49  # evenly spaced, so that both ends and the middle are among them
# Runs that are not equally long are looked at from this share of the longest one on, on a logarithmic scale.
EARLIEST = 1e-4
DURING = "during_"  # before the names of diagrams of moments
LINES = LAZY_RICH[1:]  # of the end, to compare with
SLACK = 1e-6  # of float32 times


def moment_diagrams(source: Results) -> list[Diagram]:
    """Return diagrams of the stage and of recorded observables during training; none where no trajectories are kept."""
    if source.sweep.record.summary:
        return []
    recorded = [name for name in NAMES if name in source.recorded.data_vars]
    replicates = source.sweep.replicates
    entries: list[tuple[str, str, Codes | None, str]] = [(STAGES.name, "Stage", STAGES, most(replicates))]
    for name in recorded:
        text = f"{at_quantile(0.5, replicates)}; grey: no value (diverged, or training had ended); white: not run"
        entries.append((name, _first(source.recorded[name]), None, text))
    return [
        Diagram(DURING + name, f"{what} at time τ", name, codes, LINES, f"{what} at time τ, {caption}.", figure=False)
        for name, what, codes, caption in entries
    ]


def _first(variable: xr.DataArray) -> str:
    text = str(variable.attrs.get("long_name", variable.name)).split(" (")[0]
    return text[0].upper() + text[1:]


def moments(share: Float[np.ndarray, ...], steps: Float[np.ndarray, ...]) -> Float[np.ndarray, " moments"]:
    """Return the times τ of maps during training, for cells with these h and numbers of steps.

    They are even from 0 on if all runs are equally long, else logarithmic, and end with the longest run that may converge
    (h < 1).
    """
    last = share * steps
    finite = np.isfinite(last)
    if not finite.any():  # all that has been trained so far has failed
        return np.zeros(1)
    last = last[finite & (share < 1)] if (finite & (share < 1)).any() else last[finite]
    longest, shortest = float(last.max()), float(last.min())
    if longest < 2 * shortest:
        return np.linspace(0.0, longest, MOMENTS)
    return np.geomspace(EARLIEST * longest, longest, MOMENTS)


class Moments:
    """One observable of all networks of a source, or their stages, at its moments; read from the shards once.

    Attributes
    ----------
    times
        τ of the moments, (moments,).
    whole
        the dataset that sets the colours, the same at all moments, as `Diagram.draw` takes it.
    """

    def __init__(self, source: Results, diagram: Diagram, times: Float[np.ndarray, " moments"]) -> None:
        self.source, self.diagram, self.times = source, diagram, times
        read, missing = (_stages, np.int8(Stage.not_run)) if diagram.codes else (self._observable, np.float32(np.nan))
        shape = len(self.times), source.summary["phase"].size, source.sweep.replicates
        self.values = np.full(shape, missing)
        diverged = np.zeros(shape[1:], dtype=bool)
        for name in source.there:
            with archive.opened(source.path(name)) as data:
                cells, replicates = source.places(name)
                inside = np.flatnonzero(cells >= 0)
                self.values[:, cells[inside], replicates[inside]] = read(data, self.times)[:, inside]
                diverged[cells[inside], replicates[inside]] = data["status"].values[inside] == Status.diverged
        # Numbers on their way to infinity would leave no colours for the others.
        others = self.values[:, ~diverged] if not diverged.all() else self.values
        ends = np.unique(self.values) if diagram.codes else np.array(scale(others)[:2])
        # Captions and legends need the grid and the summary's attributes.
        self.whole = source.grid.assign({diagram.variable: ("colour", ends)}).assign_attrs(source.summary.attrs)

    def is_of(self, source: Results, diagram: Diagram) -> bool:
        """Return whether it is this diagram of this source."""
        return self.source is source and self.diagram.name == diagram.name

    def plane(self, place: dict[str, int], moment: int, quantile: float) -> xr.DataArray:
        """Return the map at a moment, at `place` of further dimensions: a quantile over replicates, or the stage of most."""
        grid = self.source.summary["phase"]
        cells = xr.DataArray(np.arange(grid.size).reshape(grid.shape), dims=grid.dims).isel(place)
        replicates = self.values[moment, cells.values.ravel()]
        if self.diagram.codes:
            counts = np.stack([(replicates == code).sum(axis=1) for code in Stage], axis=1)
            values = np.argmax(counts, axis=1)
        else:
            values = quantiles(replicates, (quantile,))[:, 0]
        attributes = {} if self.diagram.codes else self.source.recorded[self.diagram.variable].attrs
        return cells.copy(data=values.reshape(cells.shape)).assign_attrs(attributes)

    def _observable(self, data: xr.Dataset, times: np.ndarray) -> np.ndarray:
        values = data[self.diagram.variable].values.astype(np.float32)
        held = data["status"].values == Status.converged
        return _at(data["tau"].values.astype(np.float32), values, held, times)


def _stages(data: xr.Dataset, times: np.ndarray) -> np.ndarray:
    """Return codes of `Stage`, (moments, networks)."""
    share = data["stability_fraction"].values
    onset, end = (share * data[name].values for name in ("onset_step", "end_step"))
    tau = data["tau"].values
    finite = np.isfinite(data[next(name for name in NAMES if name in data)].values)
    last = np.max(np.where(finite, tau, 0.0), axis=1) * (1 + SLACK)
    return np.stack([stage(time, onset, end, last, data["status"].values) for time in times])


@partial(cached_njit, nogil=True)
def _at(
    tau: Float[np.ndarray, "networks records"],
    values: Float[np.ndarray, "networks records"],
    held: Bool[np.ndarray, " networks"],
    times: Float[np.ndarray, " moments"],
) -> Float[np.ndarray, "moments networks"]:
    """Return each network's value at rising times: that of the last record before; after the last it is `held`, or NaN."""
    networks, records = tau.shape
    result = np.full((len(times), networks), np.nan, np.float32)
    for i in range(networks):
        record = 0
        for j in range(len(times)):
            latest = times[j] * (1 + SLACK)
            while record + 1 < records and tau[i, record + 1] <= latest:
                record += 1
            ended = record == records - 1 and times[j] * (1 - SLACK) > tau[i, record]
            if tau[i, record] <= latest and (held[i] or not ended):
                result[j, i] = values[i, record]
    return result

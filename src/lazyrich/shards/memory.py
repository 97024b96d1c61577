"""A sweep in memory, without Snakemake: for notebooks and tests."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep


def run(
    sweep: str | Path | dict, *, engine: str | None = None, device: str = "auto", threads: int | None = None
) -> xr.Dataset:
    """Train all networks of a sweep and return them as one dataset in the layout of a shard, in float64.

    Parameters
    ----------
    sweep
        a sweep file, or a dictionary of the same form. The whole grid is trained; `refine` and `dask` are for the workflow.
    engine
        by default `propagator` (exact and fast) for linear networks and `gram` (exact, every neuron explicit) for others; or
        `dense` (explicit weights, the ground truth).
    device
        `cpu`, `cuda` or `auto`, the GPU where there is one.
    threads
        default: all cores.

    Raises
    ------
    SweepError
        before any work, with file, key, value and mend.
    """
    recipe = whole(load_sweep(sweep)).recipe
    data = simulate(recipe, engine=engine, device=device, threads=threads or os.cpu_count() or 1)
    return archive.described(data, recipe)

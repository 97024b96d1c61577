"""A sweep in memory, without Snakemake: for notebooks and tests."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from lazyrich.planning.cost import work
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.system import extras


@extras.named()
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
        before any work, with file, key, value and fix.
    MissingExtra
        where torch is not installed, for networks that are not linear, for linear ones of no more neurons than samples or of
        more than 512 samples, for losses that are no squares and observables of single samples (`accuracy`), for `dense` and on
        a GPU.
    """
    checked = load_sweep(sweep)
    if work.in_torch(checked, engine):
        extras.check("torch")  # before any network is trained in vain
    recipe = whole(checked)
    data = simulate(recipe, engine=engine, device=device, threads=threads or os.cpu_count() or 1)
    return archive.described(data, recipe)

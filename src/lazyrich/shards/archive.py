"""The netCDF layout: variables and their attributes, written atomically, read by plain xarray.

Only this module knows netCDF. In memory a dataset is float64, and a step that was not reached is NaN; on disk observables
are float32 (`loss` float64), and such a step is a missing integer.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import math
import os
import threading
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.networks.batch import Reason
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.variables import VARIABLES
from lazyrich.planning.rules import source
from lazyrich.shards.source import source_of
from lazyrich.system.disk import replacing
from lazyrich.system.errors import LazyrichError
from lazyrich.system.provenance import commit
from lazyrich.system.version import __version__

CONVENTIONS = "CF-1.11"
REFERENCE = (
    "W. Huang, W. Chen, Z. Xu, Z. Wang, T. Suzuki: Exact and Rich Feature Learning Dynamics of Two-Layer Linear Networks. "
    "CPAL 2025, PMLR 280:1087-1111"
)
# HDF5 is not thread-safe, and neither opening nor closing a file takes xarray's own lock: threads take this one.
LOCK = threading.RLock()
# Networks in a chunk, fewer for long trajectories: a reader of one trajectory touches one chunk.
CHUNK_NETWORKS = 256
CHUNK_BYTES = 2**20
# What HDF5 keeps of each variable that it has read, by default 64 MiB: one chunk is enough for readers in order.
netCDF4.set_chunk_cache(size=CHUNK_BYTES)

FLAGS = {"status": Status, "reason": Reason}
STEPS = ("onset_step", "end_step")
INTEGERS = (
    "samples",
    "test_samples",
    "positive_class",
    "dimension",
    "width",
    "steps",
    "spikes",
    "replicate",
    "step",
    "period",
)


def describe(data: xr.Dataset, name: str, long_name: str, symbol: str, flags: Iterable[IntEnum] | None = None) -> None:
    """Set a variable's CF attributes, and a flag variable's type and meanings; existing attributes stay."""
    attributes = {**data[name].attrs, "long_name": long_name}
    if symbol:
        attributes["symbol"] = symbol
    if flags is not None:
        data[name] = data[name].astype(np.int8)
        attributes["flag_values"] = np.array([int(flag) for flag in flags], dtype=np.int8)
        attributes["flag_meanings"] = " ".join(flag.name for flag in flags)
    elif data[name].dtype.kind in "fiu":
        attributes["units"] = "1"
    data[name].attrs = attributes


def _meaning(name: str, recipe: Recipe) -> tuple[str, str]:
    """Return (long_name, symbol) of a variable that shards and summaries share; a user's own axis has its name alone."""
    if name in recipe.own_axes:
        return name, ""
    observable = observables.OBSERVABLES.get(name)
    return (observable.long_name, observable.symbol) if observable else VARIABLES[name]


def described(data: xr.Dataset, recipe: Recipe) -> xr.Dataset:
    """Return a simulated dataset with the attributes of a shard: CF, and the full provenance of its numbers."""
    for name in STEPS:
        data[name] = data[name].where(data[name] >= 0)
    for name in map(str, data.variables):
        if name in INTEGERS:
            data[name] = data[name].astype(np.int64)
        describe(data, name, *_meaning(name, recipe), FLAGS.get(name))
    data.attrs = {
        "Conventions": CONVENTIONS,
        "title": "Trajectories of two-layer networks trained by gradient descent",
        "institution": "lazyrich",
        "references": REFERENCE,
        "comment": "One row for each network. `ntk` is the neural tangent kernel. A record of NaN follows divergence "
        "(status diverged) or a network that could not be trained (status failed, reason in `reason`).",
        "recipe": recipe.text,
        "engine": data.attrs["engine"],
        "device": data.attrs["device"],
        "data_checksum": recipe.settings.get("data") or _checksum(data),
        **provenance(source_of(data.attrs["engine"].split(", "))),
    }
    return data


def provenance(fingerprint: str) -> dict[str, Any]:
    """Return global attributes that say which code made a file: that with this fingerprint."""
    revision, dirty = commit()
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return {
        "source": f"lazyrich {__version__}",
        "history": f"{now.isoformat()} written by lazyrich {__version__}",
        "source_fingerprint": fingerprint,
        "lazyrich_version": __version__,
        "commit": revision,
        "dirty": int(dirty),
    }


def _checksum(data: xr.Dataset) -> str:
    """Return SHA-256 of what the networks were trained on: the scalars of every network's K and y (of data: of their files)."""
    digest = hashlib.sha256()
    for name in ("samples", "dimension", "y_norm", "gamma", "phi", "b", "gram_norm"):
        digest.update(np.ascontiguousarray(data[name].values, dtype=np.float64).tobytes())
    return digest.hexdigest()


def _encoding(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    encoding = {}
    for name, array in data.variables.items():
        settings: dict[str, Any] = {}
        if array.dtype.kind in "fiu":
            # Level 1 halves a shard; more costs time and saves little.
            settings = {"zlib": True, "complevel": 1, "shuffle": True, "_FillValue": None}
        if array.dtype.kind == "f" and name not in data.coords:  # CF: coordinates have no missing values
            settings["_FillValue"] = np.nan
        if name in STEPS and "network" in array.dims:
            settings |= {"dtype": "int64", "_FillValue": -1}
        if "record" in array.dims and "network" in array.dims:
            observable = observables.OBSERVABLES.get(str(name))
            if observable is not None or name in ("rho_r", "v_r"):
                settings["dtype"] = observable.dtype if observable else "float32"
            networks = max(1, min(CHUNK_NETWORKS, len(array), CHUNK_BYTES // (8 * math.prod(array.shape[1:]))))
            settings["chunksizes"] = (networks, *array.shape[1:])
        encoding[str(name)] = settings
    return encoding


def write(data: xr.Dataset, path: str | Path) -> None:
    """Write a dataset under a temporary name beside `path`, then rename it: a reader sees all of it or nothing.

    Raises
    ------
    OSError, ValueError
        of the disk, naming `path`; an earlier file of this name is still there.
    """
    with replacing(path) as temporary:
        temporary.touch()  # the system says why it refuses, netCDF calls everything a denied permission
        try:
            with np.errstate(over="ignore"):  # float32 records of a run on its way to divergence may overflow to inf
                data.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=_encoding(data))
        except (RuntimeError, PermissionError) as error:
            # HDF5 keeps the file open: without this a full disk stays full, and the log is lost.
            os.truncate(temporary, 0)
            raise LazyrichError(
                f"{path}: cannot be written, its disk is full or broken; free some space, then run the same command again"
            ) from error


def read(path: str | Path, **options: Any) -> xr.Dataset:
    """Open a file lazily; flags stay integers, steps that were not reached become NaN. Threads must hold `LOCK`."""
    return xr.open_dataset(path, engine="netcdf4", **options)


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[xr.Dataset]:
    """Open a file lazily as `read` does, close it at the end, and hold `LOCK` in between.

    Raises
    ------
    ValueError
        naming the file, with the fix, where netCDF cannot read it, now or later: it does not say the name itself.
    OSError
        of the system, as for a file that is not there.
    """
    with LOCK:
        try:
            with read(path) as data:
                yield data
        except (OSError, RuntimeError) as error:
            # netCDF's own errors have negative numbers, or none.
            if (getattr(error, "errno", None) or 0) > 0 or "NetCDF: " not in str(error):
                raise
            reason = str(error).partition("NetCDF: ")[2].partition(":")[0]
            raise LazyrichError(f"{path}: is damaged ({reason}); delete it, then run snakemake again") from error


def described_summary(
    data: xr.Dataset, recipe: Recipe, columns: dict[str, tuple[str, str]], flags: dict[str, list[IntEnum]]
) -> xr.Dataset:
    """Return a summary with its attributes; `columns` and `flags` say what its own variables mean."""
    for name in map(str, data.variables):
        base = name
        for ending in SUMMARY_ENDINGS:
            base = base.removesuffix(ending)
        long_name, symbol = SUMMARY_VARIABLES.get(base) or columns.get(base) or _meaning(base, recipe)
        describe(data, name, long_name + SUMMARY_ENDINGS.get(name.removeprefix(base), ""), symbol, flags.get(name))
        if name in data.coords and name in INTEGERS:
            data[name] = data[name].astype(np.int64)
    data.attrs = {
        "Conventions": CONVENTIONS,
        "title": "Summary of a sweep of two-layer networks",
        "institution": "lazyrich",
        "references": REFERENCE,
        "comment": "One cell for each grid point; dimension `quantile` runs over replicates. End values bear the "
        "observable's name. A phase of not_run has no network on disk.",
        "recipe": recipe.text,
        **provenance(source("analyse_sweep")),
    }
    return data


SUMMARY_ENDINGS = {
    "_worst": ", worst replicate",
    "_nearest": ", replicate whose loss is nearest",
    "_low": ", lower end of the bootstrap interval over replicates",
    "_high": ", upper end of the bootstrap interval over replicates",
}
SUMMARY_VARIABLES = {
    "quantile": ("quantile over replicates", ""),
    "phase": ("phase of most replicates", ""),
    "agreement": ("share of replicates in the cell's phase", ""),
    "networks": ("number of networks in the cell", ""),
    "nearest_replicate": ("replicate whose loss is nearest to the published points", ""),
    "refine_level": (
        "coarsest grid that has the cell, -1 where it was not trained and shows what coarser grids say",
        "",
    ),
    "converged_share": ("share of networks that converged", ""),
    "conclusions_share": ("share of networks for which the conclusions of Theorem 4.1 hold", ""),
    "disagreement_share": ("share of settled networks whose order parameters disagree", ""),
    "boundary": ("which boundary the vertex belongs to", ""),
    "boundary_line": ("line of the boundary that the vertex belongs to", ""),
    "boundary_x": ("vertex along the first axis", ""),
    "boundary_y": ("vertex along the second axis", ""),
    "boundary_distance": ("distance of a measured boundary's vertex to its prediction, in cells of the grid", ""),
}

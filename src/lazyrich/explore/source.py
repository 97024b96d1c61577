"""A sweep and what there is of its results, finished or not: its summary in memory, networks read when they are asked for."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich import archive
from lazyrich.concatenate import concatenate
from lazyrich.plan import Shard, whole
from lazyrich.plan_file import needed_shards, shard_file, trained
from lazyrich.summary import places, summarise_sweep
from lazyrich.sweep import Sweep
from lazyrich.sweep_file import load_sweep


def sweeps(config: Path, results: Path) -> dict[str, Path]:
    """Files of the sweeps that can be explored, with two axes of numbers and a shard at least: name -> file."""
    files = {path.stem: path for path in sorted(config.glob("*.yaml"))}
    begun = {name: path for name, path in files.items() if any((results / name / "shards").glob("*.sha256"))}
    return {name: path for name, path in begun.items() if len(load_sweep(path).plane) == 2}


class Source:
    """One sweep of a results folder.

    Raises
    ------
    ValueError
        where no shard is there yet.
    """

    def __init__(self, name: str, file: Path, results: Path) -> None:
        self.name, self.file, self.home = name, file, results / name
        self.sweep: Sweep = load_sweep(file)
        self.wanted = whole(self.sweep).recipe
        self.shards: dict[str, Shard] = needed_shards(self.sweep, self.home)
        self.there = self._there()
        self.summary = self._summary()

    @property
    def complete(self) -> bool:
        """Whether every shard is there."""
        return len(self.there) == len(self.shards)

    def refreshed(self) -> Source:
        """Itself, or anew where shards have come since."""
        return self if self._there() == self.there else Source(self.name, self.file, self.home.parent)

    def networks(self, cell: int) -> xr.Dataset | None:
        """The networks of a cell (flat, in grid order), all replicates, loaded; None where none is there."""
        found = []
        for name in self.there:
            rows = np.flatnonzero(self._cells(name) == cell)
            if len(rows):
                with archive.read(shard_file(self.home, name)) as data:
                    # A cell's replicates lie side by side: one read each, not one an index.
                    near = data.isel(network=slice(rows[0], rows[-1] + 1)).load()
                    found.append(near.isel(network=rows - rows[0]))
        return concatenate(found) if found else None

    @functools.cache  # noqa: B019  as long as its source, of which there are a few
    def _cells(self, name: str) -> np.ndarray:
        return places(self.shards[name].recipe, self.wanted)[0]

    def _there(self) -> list[str]:
        done = trained(self.home, self.shards)
        return [name for name in self.shards if name in done]

    def _summary(self) -> xr.Dataset:
        """The summary on disk, or while the sweep runs one of the shards that are there; cells without any are not run."""
        if not self.there:
            raise ValueError(f"{self.home}: nothing is trained yet; run snakemake --cores all {self.home}/report.html")
        paths = [shard_file(self.home, name) for name in self.there]
        path = self.home / "summary.nc"
        newest = max(path.stat().st_mtime for path in paths)
        if self.complete and path.exists() and path.stat().st_mtime >= newest:
            with archive.read(path) as data:
                return data.load()
        return summarise_sweep(self.sweep.model_copy(update={"dask": None, "refine": None}), paths)

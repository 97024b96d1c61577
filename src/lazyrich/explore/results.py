"""A sweep and its results, finished or not; fields are read when they are needed."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis.boundaries import BOUNDARIES, boundaries
from lazyrich.analysis.fields import numeric_axes
from lazyrich.analysis.summary import places, summarise_sweep
from lazyrich.explore.unopened import Unopened
from lazyrich.networks.recipe import Recipe
from lazyrich.planning.command import snakemake_command
from lazyrich.planning.folder import checksum_file, needed_shards, shard_file, trained
from lazyrich.planning.plan import analysed, whole
from lazyrich.shards import archive, integrity
from lazyrich.shards.concatenate import concatenate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError


def written(file: Path, home: Path) -> tuple[float, ...]:
    """Return when each part of a sweep and its results was last written; 0 for a missing one."""
    paths = file, home / "plan.json", home / "shards", home / "summary.nc", home / "summary.sha256"
    return tuple(path.stat().st_mtime if path.exists() else 0.0 for path in paths)


class Results:
    """The results of one sweep in a results folder, as far as they exist.

    Attributes
    ----------
    summary
        the one on disk (`fields` reads its fields), or while the sweep runs one of the shards that exist.

    Raises
    ------
    ValueError
        where no shard is there yet.
    """

    def __init__(self, name: str, file: Path, results: Path) -> None:
        self.name, self.file, self.home = name, file, results / name
        self.sweep: Sweep = load_sweep(file)
        self.recipe = whole(self.sweep)
        self.shards: dict[str, Recipe] = needed_shards(self.sweep, self.home)
        # In this order: a shard that lands in between is seen at the next look.
        self._state, self.there = written(file, self.home), self._there()
        self._stored = self._whole()
        self.summary = self._stored.outline if self._stored else self._so_far()
        # Caches of this object alone: `functools.cache` on a method would never let go of any source.
        self.lines, self.places = functools.cache(self._lines), functools.cache(self._places)

    @property
    def complete(self) -> bool:
        """Whether every shard is there."""
        return len(self.there) == len(self.shards)

    @property
    def outdated(self) -> bool:
        """Whether its file, its shards or its summary have been written since it was read."""
        return written(self.file, self.home) != self._state

    def fields(self, names: Iterable[str]) -> xr.Dataset:
        """Return those fields of the summary that it has, kept in memory from the first time on."""
        present = [name for name in dict.fromkeys(names) if name in self.summary.variables]
        if self._stored:
            self._stored.fill(present)
        return self.summary[present]

    def plane(self, place: dict[str, int]) -> xr.Dataset:
        """Return all of the summary at `place` along some dimensions, in memory."""
        if self._stored:
            return self._stored.read(map(str, self.summary.data_vars), place)
        return self.summary.isel(place)

    def _lines(
        self, names: tuple[str, ...], x: str, y: str, place: tuple[tuple[str, int], ...]
    ) -> dict[str, list[np.ndarray]]:
        """Return some boundaries of the plane at `place` along the other dimensions, as `boundaries` gives them."""
        ends = [BOUNDARIES[name].field + end for name in names for end in ("", "_low", "_high")]
        plane = self.fields([*ends, "phase", "stability_fraction"]).isel(dict(place))
        return boundaries(plane, x, y)

    @functools.cached_property
    def grid(self) -> xr.Dataset:
        """The coordinates of the cells, and nothing else."""
        return self.summary.coords.to_dataset()

    @property
    def grid_sizes(self) -> dict[str, int]:
        """Lengths of the grid's dimensions, in grid order."""
        return {str(dim): size for dim, size in self.summary["phase"].sizes.items()}

    def place(self, cell: int) -> dict[str, int]:
        """Return where along each dimension a cell (flat, in grid order) lies."""
        sizes = self.grid_sizes
        return dict(zip(sizes, map(int, np.unravel_index(cell, tuple(sizes.values()))), strict=True))

    def cell(self, place: dict[str, int]) -> int:
        """Return the cell (flat, in grid order) at a place."""
        sizes = self.grid_sizes
        return int(np.ravel_multi_index([place[dim] for dim in sizes], tuple(sizes.values())))

    @functools.cached_property
    def axes(self) -> list[str]:
        """Axes that a map may have, the sweep file's choice first."""
        return numeric_axes(self.summary, self.sweep.figures.axes or ())

    @functools.cached_property
    def recorded(self) -> xr.Dataset:
        """A shard without its networks, for the names and meanings of what is recorded."""
        with archive.opened(self.path(self.there[0])) as data:
            return data[[name for name in data if "record" in data[name].dims]].isel(network=[]).load()

    def path(self, name: str) -> Path:
        """Return the path of a shard."""
        return shard_file(self.home, name)

    def _places(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the cell of each of a shard's networks (flat, in grid order, −1 outside), and its replicate."""
        return places(self.shards[name], self.recipe)

    def networks(self, cell: int, names: Sequence[str]) -> xr.Dataset | None:
        """Return the networks of a cell (flat, in grid order), all replicates, loaded; None if there are none.

        Only `names` are read of the recorded variables.
        """
        parts = []
        for name in self.there:
            rows = np.flatnonzero(self.places(name)[0] == cell)
            if len(rows):
                with archive.opened(self.path(name)) as data:
                    unread = [each for each in data if "record" in data[each].dims and each not in names]
                    # A cell's replicates lie side by side: one read for all of them.
                    near = data.drop_vars(unread).isel(network=slice(rows[0], rows[-1] + 1)).load()
                    parts.append(near.isel(network=rows - rows[0]))
        return concatenate(parts) if parts else None

    def _there(self) -> list[str]:
        done = trained(self.home, self.shards)
        return [name for name in self.shards if name in done]

    def _whole(self) -> Unopened | None:
        """Return the summary on disk if it is of all shards and of the present sweep file, else None."""
        if not self.there:
            command = snakemake_command(self.home / "report.html", self.home.parent)
            raise LazyrichError(f"{self.home}: nothing is trained yet; run {command}")
        path = self.home / "summary.nc"
        newest = max(self.path(name).stat().st_mtime for name in self.there)
        # A summary without a checksum is being written, or comes from a version without checksums.
        there = path.exists() and checksum_file(path).exists()
        if not (self.complete and there and path.stat().st_mtime >= newest):
            return None
        if damage := integrity.damage(path):
            command = snakemake_command(self.home / "report.html", self.home.parent)
            raise LazyrichError(f"{path}: {damage}; delete it, then run {command}")
        stored = Unopened(path)
        # Another analysis: the sweep file was edited since, perhaps only its thresholds.
        return stored if stored.outline.attrs.get("analysed") == analysed(self.sweep) else None

    def _so_far(self) -> xr.Dataset:
        """Return a summary of the shards that exist."""
        paths = [self.path(name) for name in self.there]
        return summarise_sweep(self.sweep.model_copy(update={"dask": None, "refine": None}), paths)

"""A sweep and what there is of its results, finished or not, of which only that is read which is looked at."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis.boundaries import BOUNDARIES, boundaries
from lazyrich.analysis.fields import median, numeric_axes
from lazyrich.analysis.summary import places, summarise_sweep
from lazyrich.draw.diagrams import Diagram, diagrams
from lazyrich.explore.moments import Moments, moment_diagrams, moments
from lazyrich.explore.unopened import Unopened
from lazyrich.networks.recipe import Recipe
from lazyrich.planning.command import snakemake_command
from lazyrich.planning.folder import checksum_file, needed_shards, shard_file, trained
from lazyrich.planning.plan import analysed, whole
from lazyrich.shards import archive, integrity
from lazyrich.shards.concatenate import concatenate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.sweep import Sweep


class Sources:
    """The sweeps of a results folder that can be explored: with two axes of numbers and a shard at least.

    All pages of a server share them, so that each is read once; threads may look, read and refresh.

    Attributes
    ----------
    files
        name -> sweep file; without those of which something could not be read, until that is written anew.

    Raises
    ------
    ValueError
        where there is none yet.
    """

    def __init__(self, config: Path, results: Path) -> None:
        self.config, self.results = config, results
        self.files: dict[str, Path] = {}
        self._read: dict[str, Source] = {}
        self._left_out: dict[str, tuple[float, ...]] = {}  # name -> when all that it is made of had been written
        self._reading = threading.Lock()
        self.look()
        if not self.files:
            raise ValueError(f"{results}: holds no sweep yet; run snakemake --cores all, then look again")

    def look(self) -> None:
        """See what has come since."""
        files = {path.stem: path for path in sorted(self.config.glob("*.yaml"))}
        begun = {name: path for name, path in files.items() if any((self.results / name / "shards").glob("*.sha256"))}
        begun = {name: path for name, path in begun.items() if not self._is_left_out(name, path)}
        self.files = {name: path for name, path in begun.items() if self._is_map(name, path)} or self.files

    def _is_left_out(self, name: str, path: Path) -> bool:
        """Whether a sweep could not be read, and is as it was then."""
        return name in self._left_out and self._left_out[name] == _written(path, self.results / name)

    def _is_map(self, name: str, path: Path) -> bool:
        """Whether a sweep has two axes of numbers; of a file that is wrong, or being written, what was known of it."""
        try:
            return _has_plane(path, path.stat().st_mtime)
        except (ValueError, OSError):
            return name in self.files

    def name(self, asked: str) -> str:
        """A sweep's name; any that is none stands for the first."""
        return asked if asked in self.files else next(iter(self.files))

    def readable(self, asked: str = "") -> str:
        """The name of a sweep that can be read: that asked for, or the first.

        Raises
        ------
        ValueError
            where none can be.
        """
        why: Exception | None = None
        while self.files:
            name = self.name(asked)
            try:
                self.get(name)
            except Exception as error:  # whatever is wrong with one, the others can be seen
                why = error
            else:
                return name
        raise ValueError(f"{self.results}: holds no sweep that can be read; {why}")

    def known(self, asked: str) -> Source | None:
        """A sweep as it was read; None where it was not."""
        return self._read.get(self.name(asked))

    def get(self, asked: str) -> Source:
        """A sweep as it was read, now if it was not before; of one that was, nobody waits for who is reading another."""
        if (known := self.known(asked)) is not None:
            return known
        with self._reading:
            name = self.name(asked)
            if name not in self._read:
                self._read[name] = self._new(name)
            return self._read[name]

    def _new(self, name: str) -> Source:
        """Read a sweep; leave one that cannot be read out from now on, and say so on the terminal."""
        path = self.files[name]
        state = _written(path, self.results / name)
        try:
            return Source(name, path, self.results)
        except Exception as error:
            self._left_out[name] = state
            self.files = {other: file for other, file in self.files.items() if other != name}
            logging.getLogger("lazyrich").warning("%s is left out: %s", name, error)
            raise

    def refresh(self, asked: str) -> Source:
        """Look, and read a sweep as it is now; while somebody is writing its file it stays as it was read."""
        self.look()
        known = self.get(asked)
        with self._reading, suppress(ValueError, OSError):
            self._read[known.name] = known.refreshed()
        return self._read[known.name]


def _written(file: Path, home: Path) -> tuple[float, ...]:
    """When all that a sweep's source is made of was written."""
    paths = file, home / "plan.json", home / "shards", home / "summary.nc", home / "summary.sha256"
    return tuple(path.stat().st_mtime if path.exists() else 0.0 for path in paths)


@functools.cache
def _has_plane(path: Path, _written: float) -> bool:
    """Whether a sweep has two axes of numbers, read again when its file has changed."""
    return len(load_sweep(path).plane) == 2


class Source:
    """One sweep of a results folder.

    Attributes
    ----------
    summary
        as on disk (its fields are read by `fields`), or while the sweep runs one of the shards that are there.

    Raises
    ------
    ValueError
        where no shard is there yet.
    """

    def __init__(self, name: str, file: Path, results: Path) -> None:
        self.name, self.file, self.home = name, file, results / name
        self.sweep: Sweep = load_sweep(file)
        self.wanted = whole(self.sweep)
        self.shards: dict[str, Recipe] = needed_shards(self.sweep, self.home)
        # In this order: a shard that lands in between is seen at the next look.
        self._state, self.there = _written(file, self.home), self._there()
        self._stored = self._whole()
        self.summary = self._stored.outline if self._stored else self._so_far()
        self._moments: dict[str, Moments] = {}
        # Its own and gone with it: `functools.cache` on a method would keep every source for ever.
        self.lines, self.places = functools.cache(self._lines), functools.cache(self._places)
        _ = self.diagrams  # what every page asks for first, and what cannot be read is to be known here

    @property
    def complete(self) -> bool:
        """Whether every shard is there."""
        return len(self.there) == len(self.shards)

    def refreshed(self) -> Source:
        """Itself, or anew where its file, its shards or its summary have been written since."""
        if _written(self.file, self.home) == self._state:
            return self
        return Source(self.name, self.file, self.home.parent)

    def fields(self, names: Iterable[str]) -> xr.Dataset:
        """Some fields of the summary (those of the names that it has), in memory from the first time on."""
        found = [name for name in dict.fromkeys(names) if name in self.summary.variables]
        if self._stored:
            self._stored.fill(found)
        return self.summary[found]

    def plane(self, place: dict[str, int]) -> xr.Dataset:
        """All of the summary at `place` along some dimensions, in memory."""
        if self._stored:
            return self._stored.read(map(str, self.summary.data_vars), place)
        return self.summary.isel(place)

    def _lines(
        self, names: tuple[str, ...], x: str, y: str, place: tuple[tuple[str, int], ...]
    ) -> dict[str, list[np.ndarray]]:
        """Some boundaries of the plane at `place` along the other dimensions, as `boundaries` gives them."""
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
        """Where along each dimension a cell (flat, in grid order) lies."""
        sizes = self.grid_sizes
        return dict(zip(sizes, map(int, np.unravel_index(cell, tuple(sizes.values()))), strict=True))

    def cell(self, place: dict[str, int]) -> int:
        """The cell (flat, in grid order) at a place."""
        sizes = self.grid_sizes
        return int(np.ravel_multi_index([place[dim] for dim in sizes], tuple(sizes.values())))

    @functools.cached_property
    def axes(self) -> list[str]:
        """Axes that a map may have, the sweep file's choice first."""
        return numeric_axes(self.summary, self.sweep.figures.axes or ())

    @functools.cached_property
    def diagrams(self) -> list[Diagram]:
        """What a map may show: at the end of training, then during it."""
        # Their captions say in which of them cells were not run.
        if (self.fields(["networks"])["networks"] == 0).any():
            self.fields(map(str, self.summary.data_vars))
        return [*diagrams(self.sweep, self.summary), *moment_diagrams(self)]

    @functools.cached_property
    def times(self) -> np.ndarray:
        """Times τ of maps during training, (moments,)."""
        fields = self.fields(["stability_fraction", "steps"])
        return moments(*(median(fields[name]).values for name in ("stability_fraction", "steps")))

    def known_moments(self, diagram: Diagram) -> Moments | None:
        """A diagram of moments as it was read; None where it was not."""
        return self._moments.get(diagram.name)

    def moments(self, diagram: Diagram) -> Moments:
        """A diagram of moments, of which the last two that were read are kept: some are as large as the shards."""
        if (known := self.known_moments(diagram)) is None:
            known = Moments(self, diagram)
            self._moments = dict([*self._moments.items(), (diagram.name, known)][-2:])
        return known

    @functools.cached_property
    def recorded(self) -> xr.Dataset:
        """A shard without its networks, for the names and meanings of what is recorded."""
        with archive.opened(self.path(self.there[0])) as data:
            return data[[name for name in data if "record" in data[name].dims]].isel(network=[]).load()

    def path(self, name: str) -> Path:
        """Where a shard lies."""
        return shard_file(self.home, name)

    def _places(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The cell of each of a shard's networks (flat, in grid order, −1 outside), and its replicate."""
        return places(self.shards[name], self.wanted)

    def networks(self, cell: int, names: Sequence[str]) -> xr.Dataset | None:
        """The networks of a cell (flat, in grid order), all replicates, loaded; None where none is there.

        Of what is recorded only `names`.
        """
        found = []
        for name in self.there:
            rows = np.flatnonzero(self.places(name)[0] == cell)
            if len(rows):
                with archive.opened(self.path(name)) as data:
                    unread = [each for each in data if "record" in data[each].dims and each not in names]
                    # A cell's replicates lie side by side: one read each, not one an index.
                    near = data.drop_vars(unread).isel(network=slice(rows[0], rows[-1] + 1)).load()
                    found.append(near.isel(network=rows - rows[0]))
        return concatenate(found) if found else None

    def _there(self) -> list[str]:
        done = trained(self.home, self.shards)
        return [name for name in self.shards if name in done]

    def _whole(self) -> Unopened | None:
        """The summary on disk, where it is that of all shards and of the sweep file as it is now."""
        if not self.there:
            command = snakemake_command(self.home / "report.html", self.home.parent)
            raise ValueError(f"{self.home}: nothing is trained yet; run {command}")
        path = self.home / "summary.nc"
        newest = max(self.path(name).stat().st_mtime for name in self.there)
        # Without a checksum it is being written, or of a version before there were any.
        there = path.exists() and checksum_file(path).exists()
        if not (self.complete and there and path.stat().st_mtime >= newest):
            return None
        if found := integrity.damage(path):
            command = snakemake_command(self.home / "report.html", self.home.parent)
            raise ValueError(f"{path}: {found}; delete it, then run {command}")
        found = Unopened(path)
        # Else of the file before somebody edited it, its thresholds alone perhaps.
        return found if found.outline.attrs.get("analysed") == analysed(self.sweep) else None

    def _so_far(self) -> xr.Dataset:
        """A summary of the shards that are there."""
        paths = [self.path(name) for name in self.there]
        return summarise_sweep(self.sweep.model_copy(update={"dask": None, "refine": None}), paths)

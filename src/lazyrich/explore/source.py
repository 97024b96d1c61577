"""The sweeps of a results folder that can be explored, and the maps that each has."""

from __future__ import annotations

import functools
import logging
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from lazyrich.analysis.fields import median
from lazyrich.draw.diagrams import Diagram, diagrams
from lazyrich.explore.moments import Moments, moment_diagrams, moments
from lazyrich.explore.results import Results, written
from lazyrich.sweep.reader import load_sweep
from lazyrich.system.errors import LazyrichError


class Sources:
    """The sweeps of a results folder that can be explored: with two axes of numbers and a shard at least.

    All pages of a server share them, so that each is read once; threads may look, read and refresh.

    Attributes
    ----------
    files
        name -> sweep file; a sweep that cannot be read is left out until its files are written again.

    Raises
    ------
    ValueError
        where there is none yet.
    """

    def __init__(self, config: Path, results: Path) -> None:
        self.config, self.results = config, results
        self.files: dict[str, Path] = {}
        self._read: dict[str, Source] = {}
        self._left_out: dict[str, tuple[float, ...]] = {}  # name -> when its files had been written
        self._reading = threading.Lock()
        self.look()
        if not self.files:
            raise LazyrichError(f"{results}: holds no sweep yet; run snakemake --cores all, then look again")

    def look(self) -> None:
        """Look for sweeps that are new since the last look."""
        files = {path.stem: path for path in sorted(self.config.glob("*.yaml"))}
        begun = {name: path for name, path in files.items() if any((self.results / name / "shards").glob("*.sha256"))}
        begun = {name: path for name, path in begun.items() if not self._is_left_out(name, path)}
        self.files = {name: path for name, path in begun.items() if self._is_map(name, path)} or self.files

    def _is_left_out(self, name: str, path: Path) -> bool:
        """Return whether a sweep could not be read and has not changed since."""
        return name in self._left_out and self._left_out[name] == written(path, self.results / name)

    def _is_map(self, name: str, path: Path) -> bool:
        """Return whether a sweep has two axes of numbers; for a file that is wrong or being written, the earlier answer."""
        try:
            return _has_plane(path, path.stat().st_mtime)
        except (ValueError, OSError):
            return name in self.files

    def name(self, choice: str) -> str:
        """Return the chosen sweep's name, or the first if the choice is no sweep."""
        return choice if choice in self.files else next(iter(self.files))

    def readable(self, choice: str = "") -> str:
        """Return the name of a sweep that can be read: the choice, or the first.

        Raises
        ------
        ValueError
            if none can be read.
        """
        why: Exception | None = None
        while self.files:
            name = self.name(choice)
            try:
                self.get(name)
            except Exception as error:  # of any kind: the other sweeps can still be seen
                why = error
            else:
                return name
        raise LazyrichError(f"{self.results}: holds no sweep that can be read; {why}")

    def cached(self, choice: str) -> Source | None:
        """Return a sweep as it was read; None if it was not."""
        return self._read.get(self.name(choice))

    def get(self, choice: str) -> Source:
        """Return a sweep, read now if not before; one that was read is returned at once, even while another is being read."""
        if (source := self.cached(choice)) is not None:
            return source
        with self._reading:
            name = self.name(choice)
            if name not in self._read:
                self._read[name] = self._new(name)
            return self._read[name]

    def _new(self, name: str) -> Source:
        """Read a sweep; if it cannot be read, leave it out from now on and say so on the terminal."""
        path = self.files[name]
        state = written(path, self.results / name)
        try:
            return Source(name, path, self.results)
        except Exception as error:
            self._left_out[name] = state
            self.files = {other: file for other, file in self.files.items() if other != name}
            logging.getLogger("lazyrich").warning("%s is left out: %s", name, error)
            raise

    def refresh(self, choice: str) -> Source:
        """Look, and return a sweep as it is now, or as it was read while its file is being written."""
        self.look()
        source = self.get(choice)
        with self._reading, suppress(ValueError, OSError):
            self._read[source.name] = source.refreshed()
        return self._read[source.name]


@functools.cache
def _has_plane(path: Path, _written: float) -> bool:
    """Return whether a sweep has two axes of numbers, read again when its file has changed."""
    return len(load_sweep(path).plane) == 2


class Source(Results):
    """One sweep that is explored: its results and its diagrams."""

    def __init__(self, name: str, file: Path, results: Path) -> None:
        super().__init__(name, file, results)
        self._moments: dict[str, Moments] = {}
        _ = self.diagrams  # every page needs them first; if they cannot be read, it fails here

    def refreshed(self) -> Source:
        """Return itself, or a new source if its file, its shards or its summary have been written since."""
        return Source(self.name, self.file, self.home.parent) if self.outdated else self

    @functools.cached_property
    def diagrams(self) -> list[Diagram]:
        """The diagrams at the end of training, then those during it."""
        # Captions say whether a diagram has cells that were not run.
        if (self.fields(["networks"])["networks"] == 0).any():
            self.fields(map(str, self.summary.data_vars))
        return [*diagrams(self.sweep, self.summary), *moment_diagrams(self)]

    @functools.cached_property
    def times(self) -> np.ndarray:
        """Times τ of maps during training, (moments,)."""
        fields = self.fields(["stability_fraction", "steps"])
        return moments(*(median(fields[name]).values for name in ("stability_fraction", "steps")))

    def cached_moments(self, diagram: Diagram) -> Moments | None:
        """Return a diagram of moments as it was read; None if it was not."""
        return self._moments.get(diagram.name)

    def moments(self, diagram: Diagram) -> Moments:
        """Return a diagram of moments; only the last two are kept, since some are as large as the shards."""
        if (read := self.cached_moments(diagram)) is None:
            read = Moments(self, diagram, self.times)
            self._moments = dict([*self._moments.items(), (diagram.name, read)][-2:])
        return read

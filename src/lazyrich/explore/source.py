"""The sweeps of a results folder that can be explored, and what maps of each may show."""

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
            raise LazyrichError(f"{results}: holds no sweep yet; run snakemake --cores all, then look again")

    def look(self) -> None:
        """See what has come since."""
        files = {path.stem: path for path in sorted(self.config.glob("*.yaml"))}
        begun = {name: path for name, path in files.items() if any((self.results / name / "shards").glob("*.sha256"))}
        begun = {name: path for name, path in begun.items() if not self._is_left_out(name, path)}
        self.files = {name: path for name, path in begun.items() if self._is_map(name, path)} or self.files

    def _is_left_out(self, name: str, path: Path) -> bool:
        """Return whether a sweep could not be read, and is as it was then."""
        return name in self._left_out and self._left_out[name] == written(path, self.results / name)

    def _is_map(self, name: str, path: Path) -> bool:
        """Return whether a sweep has two axes of numbers; of a file that is wrong, or being written, what was known of it."""
        try:
            return _has_plane(path, path.stat().st_mtime)
        except (ValueError, OSError):
            return name in self.files

    def name(self, choice: str) -> str:
        """Return a sweep's name; any that is none stands for the first."""
        return choice if choice in self.files else next(iter(self.files))

    def readable(self, choice: str = "") -> str:
        """Return the name of a sweep that can be read: the choice, or the first.

        Raises
        ------
        ValueError
            where none can be.
        """
        why: Exception | None = None
        while self.files:
            name = self.name(choice)
            try:
                self.get(name)
            except Exception as error:  # whatever is wrong with one, the others can be seen
                why = error
            else:
                return name
        raise LazyrichError(f"{self.results}: holds no sweep that can be read; {why}")

    def cached(self, choice: str) -> Source | None:
        """Return a sweep as it was read; None where it was not."""
        return self._read.get(self.name(choice))

    def get(self, choice: str) -> Source:
        """Return a sweep as it was read, now if not before; for one that was, nobody waits while another is read."""
        if (source := self.cached(choice)) is not None:
            return source
        with self._reading:
            name = self.name(choice)
            if name not in self._read:
                self._read[name] = self._new(name)
            return self._read[name]

    def _new(self, name: str) -> Source:
        """Read a sweep; leave one that cannot be read out from now on, and say so on the terminal."""
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
        """Look, and return a sweep as it is now; while somebody is writing its file it stays as it was read."""
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
    """One sweep that is explored: its results, and the diagrams that a map of them may show."""

    def __init__(self, name: str, file: Path, results: Path) -> None:
        super().__init__(name, file, results)
        self._moments: dict[str, Moments] = {}
        _ = self.diagrams  # what every page asks for first, and what cannot be read is to be known here

    def refreshed(self) -> Source:
        """Return itself, or anew where its file, its shards or its summary have been written since."""
        return Source(self.name, self.file, self.home.parent) if self.outdated else self

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

    def cached_moments(self, diagram: Diagram) -> Moments | None:
        """Return a diagram of moments as it was read; None where it was not."""
        return self._moments.get(diagram.name)

    def moments(self, diagram: Diagram) -> Moments:
        """Return a diagram of moments; the last two that were read are kept, for some are as large as the shards."""
        if (read := self.cached_moments(diagram)) is None:
            read = Moments(self, diagram, self.times)
            self._moments = dict([*self._moments.items(), (diagram.name, read)][-2:])
        return read

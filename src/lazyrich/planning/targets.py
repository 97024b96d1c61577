"""Which sweeps a target of the workflow needs, and all files that it is made of.

Snakemake makes a missing file again only if it is a target itself, or a target needs it anew: a report page that is there
would be left as it is when a shard of its sweep is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from lazyrich.networks.data import SOURCES
from lazyrich.sweep.config import RESERVED
from lazyrich.sweep.sweep import Sweep

Files = Callable[[str], list[Path]]

# What each result of a whole sweep is made of beside its shards, or comes with.
_OF_SWEEP = {
    "summary.nc": ("summary.sha256",),
    "summary.sha256": ("summary.nc",),
    "figures": ("summary.nc", "summary.sha256"),
    "report.html": ("summary.nc", "summary.sha256", "figures"),
}
# The same of the ledger of claims, beside the sweeps that it reads.
_OF_LEDGER = {"ledger.nc": (), "figures": ("ledger.nc",), "ledger.md": ("ledger.nc",), "ledger.html": ("ledger.nc",)}


class Targets(NamedTuple):
    """Targets below the folder `results`: those of `sweeps` that the configuration lists, and of `claimed` by the ledger."""

    results: Path
    sweeps: tuple[str, ...]
    claimed: tuple[str, ...]

    def sweeps_of(self, targets: Iterable[str]) -> set[str]:
        """Return the names of the sweeps that targets name; `claims` and files of the ledger name all those it reads."""
        depth = len(self.results.parts)
        names = set()
        for target in targets:
            parts = Path(target).parts
            if target == RESERVED:
                names.add(RESERVED)
            elif parts[:depth] == self.results.parts and len(parts) > depth + 1:
                names.add(parts[depth])
        return names - {RESERVED} | set(self.claimed if RESERVED in names else ())

    @property
    def ledger(self) -> Path:
        """The page of the ledger of claims."""
        return self.results / RESERVED / "ledger.html"

    def made_of(self, target: Path, files: Files) -> list[Path]:
        """Return all that a target is made of, where that is whole sweeps.

        `files` gives the shards of a sweep, name -> paths, and their checksums.
        """
        home = target.parent
        if target == self.results / "index.html":
            pages = [self.results / name / "report.html" for name in self.sweeps]
            return self._with_parts(pages, files)
        if home == self.results / RESERVED and target.name in _OF_LEDGER:
            summaries = [self.results / name / "summary.nc" for name in self.claimed]
            return [home / each for each in _OF_LEDGER[target.name]] + self._with_parts(summaries, files)
        if home.parent != self.results or home.name == RESERVED or target.name not in _OF_SWEEP:
            return []
        return [home / each for each in _OF_SWEEP[target.name]] + files(home.name)

    def _with_parts(self, targets: list[Path], files: Files) -> list[Path]:
        return targets + [path for target in targets for path in self.made_of(target, files)]

    def to_complete(self, targets: Iterable[str], files: Files) -> list[str]:
        """Return those of the targets that are there, while something that they are made of is not."""
        # Other targets are rules, and need not be names that a file could have.
        made = [target for target in dict.fromkeys(targets) if self.made_of(Path(target), lambda name: [])]
        there = [target for target in made if Path(target).exists()]
        return [target for target in there if not all(path.exists() for path in self.made_of(Path(target), files))]


def data_files(sweep: Sweep) -> list[Path]:
    """Return the files of the data that a sweep trains on; none where data are drawn."""
    problem = sweep.problem
    of_data = [source for name, source in SOURCES.items() if name == problem.source]  # which may be an axis of laws
    return [path for source in of_data for path in source.files(problem.path or "")]

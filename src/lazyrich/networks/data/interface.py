"""The interface of a source of data. Neither this module nor sources import numpy: sweep files are read without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lazyrich.system.errors import LazyrichError

if TYPE_CHECKING:
    from lazyrich.networks.data.pool import Pool


class DataError(LazyrichError):
    """Data that cannot be used; the message names file, fault and fix."""


def no_files(path: str) -> list[Path]:
    """Return no file: the data are part of the project."""
    return []


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of data; `name` is its value of `problem.source`.

    Every function takes `problem.path`, empty if the source takes none, and imports numpy when it is called. Functions raise
    DataError for data that cannot be used.
    """

    name: str
    description: str  # completes "data: …" in the help text of `problem.source`
    pool: Callable[[str], Pool]  # all samples
    digest: Callable[[str], str]  # SHA-256 that stands for all data: other data are other networks
    files: Callable[[str], list[Path]] = no_files  # files that decide the data, beside those of the project
    check: Callable[[str], None] | None = None  # a check made once, before any work, and not at each call of `pool`
    title: str = ""  # as people call it; by default the name
    takes_path: Literal["file", "folder"] | None = None
    path_description: str = ""  # of the file or folder, in the help text of `problem.path`
    path_fix: str = "check the path"  # where there is none
    test_description: str = (
        ""  # of its test samples, where it sets some apart, in the help text of `problem.test_samples`
    )
    test_fix: str = ""  # how a user gives it test samples
    # A user's own arrays: training uses all of them without `samples`, and they may include weights.
    own: bool = False

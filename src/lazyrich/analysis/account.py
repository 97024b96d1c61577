"""Accounts of training: a theory that predicts the target overlap, its range, and its curves in figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr

from lazyrich.analysis.codes import Look
from lazyrich.analysis.scope import HoldsFor, derived, squares

Array = np.ndarray


def scalars(data: xr.Dataset) -> dict[str, Array]:
    """Return every number per network, as float64."""
    return {
        str(name): variable.values.astype(float)
        for name, variable in data.variables.items()
        if variable.dims == ("network",) and variable.dtype.kind in "fiu"
    }


def fitted_square(scalars: dict[str, Array]) -> Array:
    """Return ‖Πy‖², the part of ‖y‖² that a linear network can fit."""
    return scalars["fitted_norm"] ** 2


def column(values: Array) -> Array:
    """Return numbers of networks, (networks,), against records, (networks, 1)."""
    return values[:, None]


class Run:
    """Networks of a shard, as accounts see them: their numbers, (networks,), and records, (networks, records)."""

    def __init__(self, data: xr.Dataset) -> None:
        self.data = data

    @cached_property
    def get(self) -> dict[str, Array]:
        """Return every number per network."""
        return scalars(self.data)

    @cached_property
    def steps(self) -> Array:
        """Return the step of each record."""
        return self.data["step"].values.astype(float)

    @property
    def start(self) -> Array:
        """Return ⟨y, f⟩ at the first record."""
        return self.data["target_overlap"].values[:, 0].astype(float) * self.get["y_norm"] ** 2

    @property
    def rich(self) -> Array:
        """Return which networks are rich, χ < 1, (networks, 1)."""
        return column(self.get["laziness"] < 1)

    @property
    def share(self) -> Array:
        """Return the target overlap of the best fit, ‖Πy‖²/‖y‖², (networks, 1)."""
        return column(fitted_square(self.get)) / column(self.get["y_norm"]) ** 2

    def loss(self, overlap: Array) -> Array:
        """Return the loss of an output that has no part but that along y; NaN where it is no square."""
        get = self.get
        scale = column(get["loss_factor"]) / (2 * column(get["samples"])) * column(fitted_square(get))
        with np.errstate(over="ignore", invalid="ignore"):
            loss = column(get["loss_floor"]) + scale * (1 - overlap / self.share) ** 2
        return np.where(column(squares(self.data)), loss, np.nan)


Overlap = Callable[[Run], Array]  # ⟨y, f⟩/‖y‖² at every record, (networks, records)
Range = Callable[
    [Array, Array], Array
]  # of steps (networks, records) and onset (networks, 1; NaN: none): which records


def up_to_onset(steps: Array, onset: Array) -> Array:
    """Return the records after the start up to onset; until a network learns, that is all of its run."""
    return (steps <= np.where(np.isnan(onset), np.inf, onset)) & (steps > 0)


def from_onset(steps: Array, onset: Array) -> Array:
    """Return the records from onset on."""
    return steps >= onset


def whole_run(steps: Array, onset: Array) -> Array:
    """Return all records."""
    return np.ones(steps.shape, dtype=bool)


@dataclass(frozen=True)
class Curve:
    """A curve of an account in one of `draw.trajectories.PANELS`."""

    panel: str
    key: str
    words: str  # in the legend
    values: Callable[[Run, Array], Array]  # of networks and the account's overlap: in the panel's units, NaN: not drawn
    short: str = ""  # the words where a caveat follows them


class Best(NamedTuple):
    """How a map shows where an account of a whole run is the best one."""

    code: int  # of `best_theory` on disk: never another one, and none that another account has or had
    look: Look


@dataclass(frozen=True, kw_only=True)
class Account:
    """A theory of a run, or of a part of it, as it is compared with networks and drawn.

    Its distance to a network is the largest one of the target overlap over the records of its `range`: that of `overlap`, or
    that of the `parts` which make it up, or what the engines measure themselves as `observable`.
    """

    name: str  # with `_error`, a variable of summaries
    error: str  # what its error is: long_name of that variable
    words: str  # in sentences and tables
    row: str = ""  # the words in the report's table of errors; empty: it has no row
    overlap: Overlap | None = None
    parts: tuple[str, ...] = ()
    observable: str = ""
    range: Range = whole_run
    relative: bool = False  # to the largest measured overlap in its range
    holds_for: HoldsFor = derived
    best: Best | None = None  # None: not compared with other accounts of a whole run
    curves: tuple[Curve, ...] = ()

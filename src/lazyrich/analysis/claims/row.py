"""A row of the ledger: a statement, what was measured of it, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lazyrich.analysis.claims.verdicts import Judged


@dataclass(frozen=True)
class Picture:
    """What a row's figure shows: measured points by series, and curves that theory or the statement gives."""

    x: str  # labels, symbol and meaning
    y: str
    points: dict[str, tuple[np.ndarray, np.ndarray]]  # series -> (x, y)
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    log_x: bool = True
    log_y: bool = True


@dataclass(frozen=True)
class Row:
    """One statement of the paper, or of what goes beyond it."""

    name: str  # lower case, also of its figure's file
    source: str  # where it stands
    statement: str
    quantity: str  # what `judged.measured` is
    setting: str
    judged: Judged
    picture: Picture

"""A row of the ledger: a statement, where it stands, what was measured of it, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from lazyrich.analysis.claims.verdicts import Judged

FIRST_PAGE = 1087  # of the paper in the proceedings, PMLR 280


class Whose(StrEnum):
    """Who makes a statement."""

    paper = "the paper"
    reading = "the paper, as read here"  # with a number, a repair or a setting that the paper does not give
    folklore = "folklore"
    project = "this project"


@dataclass(frozen=True)
class Place:
    """Where a statement stands, and whose it is."""

    whose: Whose
    where: str  # section, equation or lemma; for folklore the source
    page: int | None = None  # 1 is the paper's first; None where the ledger does not know it

    @property
    def printed(self) -> int | None:
        """The page's number in the proceedings."""
        return None if self.page is None else FIRST_PAGE - 1 + self.page


def paper(where: str, page: int | None = None) -> Place:
    """Return a place in the paper; `page` counts from its first page, 1."""
    return Place(Whose.paper, where, page)


def reading(where: str, page: int | None = None) -> Place:
    """Return the place of a statement of the paper's that this project made precise, repaired or moved to another setting."""
    return Place(Whose.reading, where, page)


def folklore(where: str) -> Place:
    """Return the place of a statement that is widely made, with a source for it."""
    return Place(Whose.folklore, where)


PROJECT = Place(Whose.project, "beyond the paper")


@dataclass(frozen=True)
class Setting:
    """The networks that a row is about, in words, and how far within Assumption 4.1 they lie."""

    words: str
    # Condition -> smallest and largest margin over the networks (`theory.conditions`); empty where the row has none.
    margins: dict[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, words: str) -> Setting:
        """Return the same networks with further words in front."""
        return replace(self, words=f"{words}; {self.words}")


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
    """One statement of the paper, of folklore or of this project."""

    name: str  # lower case, also of its figure's file
    place: Place
    statement: str
    quantity: str  # what `judged.measured` is
    setting: Setting
    judged: Judged
    picture: Picture
    # The same statement about networks with σ₀ ≪ v₀ only, where the setting has others too (`data.Trained.small_sigma`).
    judged_small_sigma: Judged | None = None
    remark: str = ""  # which form of a condition was used, what is misprinted, why a rule is weak
    # What the networks of `judged_small_sigma` are, where a row needs more than σ₀ ≪ v₀; by name, as `remark` is a text, too.
    small_sigma: str = field(default="σ₀ ≪ v₀", kw_only=True)

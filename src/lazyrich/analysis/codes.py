"""Variables of codes: the name of each code on disk and in words, its colour, and the code of empty cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import xarray as xr


class Look(NamedTuple):
    """A code in pictures."""

    words: str
    colour: str


@dataclass(frozen=True)
class Codes:
    """A variable of codes, the members of one enum; a new code is a member of it and an entry of `looks`.

    Their names are those of CF's `flag_meanings`; the order of `looks` is that of legends and tables.
    """

    name: str
    looks: Mapping[IntEnum, Look]
    nothing: IntEnum  # of a cell without networks
    run: Codes | None = None  # the codes that show which cells were run; None: these

    @property
    def members(self) -> list[IntEnum]:
        """Return the codes in the order of their values."""
        return sorted(self.looks)

    @property
    def words(self) -> dict[int, str]:
        """Return the words of each code."""
        return {code: look.words for code, look in self.looks.items()}

    @property
    def colours(self) -> dict[int, str]:
        """Return the colour of each code."""
        return {code: look.colour for code, look in self.looks.items()}

    def present(self, summary: xr.Dataset) -> list[int]:
        """Return the codes that occur, in their order."""
        return [code for code in self.looks if (summary[self.name] == code).any()]

    def numbered(self, data: xr.Dataset, present: Sequence[int]) -> xr.DataArray:
        """Return each cell's place among the codes `present`; NaN for another code, and where nothing was run that has one."""
        code = data[self.name]
        has_place = code.isin(present)
        if self.run is not None:
            has_place &= data[self.run.name] != self.run.nothing
        place = np.zeros(code.shape, dtype=int)
        for number, value in enumerate(present):
            place[code.values == value] = number
        return code.copy(data=place).where(has_place)

    def counts(self, data: xr.Dataset) -> list[tuple[str, int, str]]:
        """Return (words, cells, share of all cells) of the codes that occur, in their order."""
        values = data[self.name].values
        numbers = {words: int((values == code).sum()) for code, words in self.words.items()}
        return [(words, number, f"{number / values.size:.1%}") for words, number in numbers.items() if number]

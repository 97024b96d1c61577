"""Checks of axes of one's own and of formulas: names, then values in every cell."""

from __future__ import annotations

import difflib
import keyword
import re

from lazyrich.networks import observables
from lazyrich.networks.formulas import RESERVED, Formula, where
from lazyrich.networks.variables import OF_SUMMARIES, VARIABLES
from lazyrich.sweep.grid import Grid
from lazyrich.sweep.schema import NUMBERS, SECTION_OF, dotted

# Dimensions of datasets, and what pages and figures call their own columns.
_DIMENSIONS = (
    "network",
    "record",
    "mode",
    "probe",
    "quantile",
    "vertex",
    "cell",
    "point",
    "x",
    "y",
    "horizontal",
    "vertical",
)
TAKEN = {*SECTION_OF, *VARIABLES, *observables.NAMES, *OF_SUMMARIES, *_DIMENSIONS}
# Endings of variables that are made of others.
_ENDINGS = ("_index", "_worst", "_nearest", "_low", "_high", "_share", "_error", "_margin", "_predicted")


def check_names(sweep: Grid) -> None:
    """Raise ValueError for an axis of one's own whose name is taken or that decides nothing, or a formula of unknown names."""
    for name in sweep.axes:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
            raise ValueError(f"axes.{name}: is no name for an axis; write a letter, then letters, digits or _")
        if name in RESERVED:
            raise ValueError(f"axes.{name}: means something else in formulas; write another name")
        if name in SECTION_OF:
            raise ValueError(f"axes.{name}: is a key; write this axis under {dotted(name)}, or another name")
        if name in TAKEN or name.endswith(_ENDINGS):
            raise ValueError(f"axes.{name}: is the name of a variable of datasets; write another name")
    formulas = {name: value for name, value in sweep.parameters.items() if isinstance(value, Formula)}
    numbers = [name for name in sweep.parameters if name in NUMBERS or name in sweep.axes]
    for key, formula in formulas.items():
        for name in formula.names:
            if name in numbers:
                continue
            close = difflib.get_close_matches(name, numbers, 1)
            hint = f"did you mean {close[0]}?" if close else f"write one of {', '.join(numbers)}, or add it under axes"
            raise ValueError(f"{dotted(key)} = {formula.text}: {name} is no axis and no number of this sweep; {hint}")
    used = {name for formula in formulas.values() for name in formula.names}
    for name in sweep.axes:
        if name not in used:
            raise ValueError(f"axes.{name}: decides nothing; write it in the formula of a key, or remove it")


def check_values(sweep: Grid) -> None:
    """Raise ValueError for a formula without a value in a cell, or with one that its key does not take; it names the cell."""
    for key, value in sweep.parameters.items():
        if not isinstance(value, Formula):
            continue
        values = sweep.values_of(key)
        for point in (min(values, key=values.__getitem__), max(values, key=values.__getitem__)):
            try:
                NUMBERS[key](values[point])
            except ValueError as error:
                wrong, _, fix = str(error).partition("; ")
                cell = where(dict(zip(sweep.axes_of(key), point, strict=True)))
                raise ValueError(f"{dotted(key)} = {value.text}: {values[point]:.12g}{cell} {wrong}; {fix}") from None

"""Codes of a variable: places in the order of legends, whatever their values; nothing where nothing was run."""

from enum import IntEnum

import numpy as np
import xarray as xr

from lazyrich.analysis.codes import Codes, Look
from lazyrich.analysis.phases import PHASES, Phase

Fruit = IntEnum("Fruit", {"apple": 0, "none": 4, "quince": 6, "pear": 1})
FRUITS = Codes(
    "fruit",
    {
        Fruit.apple: Look("apples", "#000001"),
        Fruit.quince: Look("quinces", "#000002"),
        Fruit.pear: Look("pears", "#000003"),
        Fruit.none: Look("none", "#000004"),
    },
    nothing=Fruit.none,
    run=PHASES,
)
# One cell of each, and one that was not run.
DATA = xr.Dataset({"fruit": ("cell", [0, 4, 6, 6, 4]), "phase": ("cell", [Phase.lazy] * 4 + [Phase.not_run])})


def test_codes_are_numbered_in_the_order_of_their_looks():
    """A later code may stand before an earlier one, as a new theory does before `none`."""
    present = FRUITS.present(DATA)
    assert present == [Fruit.apple, Fruit.quince, Fruit.none]
    np.testing.assert_array_equal(FRUITS.numbered(DATA, present), [0, 2, 1, 1, np.nan])
    np.testing.assert_array_equal(FRUITS.numbered(DATA, present[:2]), [0, np.nan, 1, 1, np.nan])


def test_counts_are_of_all_cells_and_files_have_codes_by_value():
    assert FRUITS.counts(DATA) == [("apples", 1, "20.0%"), ("quinces", 2, "40.0%"), ("none", 2, "40.0%")]
    assert FRUITS.members == [Fruit.apple, Fruit.pear, Fruit.none, Fruit.quince]
    # Phases are what tells where nothing was run, and do themselves.
    np.testing.assert_array_equal(PHASES.numbered(DATA, PHASES.present(DATA)), [0, 0, 0, 0, 1])

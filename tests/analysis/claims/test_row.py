"""Rows: what is a remark, and what a setting, a quantity and a rule of one topic say."""

from dataclasses import replace

import numpy as np
import pytest

from lazyrich.analysis.claims import lemma_5_3, verdicts
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, Setting
from lazyrich.analysis.claims.verdicts import Verdict

JUDGED = verdicts.bound(np.array([0.5]), 1.0, {})
PICTURE = Picture("x", "y", {})


def test_the_text_after_both_verdicts_is_the_remark():
    """Most topics pass it by its place; what the networks of the second verdict are has to be named."""
    row = Row("name", PROJECT, "statement", "quantity", Setting("words"), JUDGED, PICTURE, JUDGED, "what is misprinted")
    assert row.remark == "what is misprinted"
    assert row.small_sigma == "σ₀ ≪ v₀"
    assert replace(row, small_sigma="σ₀ ≪ v₀/2").remark == row.remark
    with pytest.raises(TypeError):
        Row("name", PROJECT, "statement", "quantity", Setting("words"), JUDGED, PICTURE, JUDGED, "remark", "σ₀ ≪ v₀/2")


@pytest.mark.parametrize(
    ("growth", "verdict"),
    [
        (np.array([2e-5, 1e-6, np.nan, 5e-5]), Verdict.holds),
        (np.array([2e-5, 0.0, np.nan, 5e-5]), Verdict.fails),  # what stays as it is does not increase
        (np.array([2e-5, -1e-6, np.nan, 5e-5]), Verdict.fails),
    ],
)
def test_what_increases_grows_at_every_step_by_the_growth_that_is_shown(growth, verdict):
    judged = lemma_5_3._grows(growth, {"n": np.arange(1.0, 5.0)}, "ρ")
    assert judged.verdict == verdict
    assert (judged.measured, judged.low, judged.high) == (2e-5, np.nanmin(growth), 5e-5)
    assert judged.expected == 0
    if verdict == Verdict.holds:
        assert judged.power.startswith("steps of which ρ grows by 1e-06 less")

"""Verdicts: from measured numbers and a statement's form to what may be said of it.

Statements have few forms: an inequality with its constant (`bound`), an order of magnitude with an unnamed constant from above
(`constant`) or from both sides (`order`), a power (`exponent`), a formula (`agreement`). Each has one function here, which
returns a `Judged`. NaN are draws of which the statement says nothing; where all are, it is not defined there.

`conditions` are the numbers that a setting varies, name -> (draws,), in the direction in which the statement gets easier (n, d,
1/v₀, …): they say where a statement fails, and whether an unnamed constant is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray
Conditions = dict[str, np.ndarray]

# Exponents in the statements are multiples of ½: one that is off by more than ¼ is nearer to another statement.
HALF_WAY = 0.25
# A threshold says where a statement fails if it tells failures from the rest better than this (½ is by chance).
TELLING = 0.75


class Verdict(IntEnum):
    """What may be said of a statement."""

    holds = 0
    holds_with_constant = 1
    fails = 2
    not_defined = 3


@dataclass(frozen=True)
class Judged:
    """A verdict, in words too, with the numbers behind it: median and range of what was measured, what was expected."""

    verdict: Verdict
    text: str
    measured: float
    low: float
    high: float
    expected: float = np.nan


def bound(ratio: Float[Array, " draws"], conditions: Conditions, share: float = 1.0) -> Judged:
    """Of "measured ≤ allowed", every constant named: `ratio` is measured/allowed, `share` the probability promised."""
    ratio, conditions = _defined(ratio, conditions)
    if not ratio.size:
        return _undefined()
    within = ratio <= 1
    # Two standard deviations of a share of so many draws; none where every draw must obey.
    error = 2 * np.sqrt(share * (1 - share) / ratio.size)
    found = f"{_percent(within.mean())} of {ratio.size:,} draws are within"
    promised = "" if share == 1 else f", {_percent(share)} promised"
    numbers = (float(np.median(ratio)), float(ratio.min()), float(ratio.max()), 1.0)
    if within.mean() >= share - error:
        return Judged(Verdict.holds, f"holds: {found}{promised}", *numbers)
    return Judged(Verdict.fails, f"fails {where(~within, conditions)}: {found}{promised}", *numbers)


def shares(
    within: Bool[Array, " draws"], groups: Float[Array, " draws"], promised: Float[Array, " draws"], name: str
) -> Judged:
    """Of "holds with probability at least …", promised for each group of draws (each n, say), of name `name`."""
    values = np.unique(groups)
    found = np.array([within[groups == value].mean() for value in values])
    wanted = np.array([promised[groups == value][0] for value in values])
    draws = np.array([(groups == value).sum() for value in values])
    # Two standard deviations of the promised share, and never less than one draw.
    short = found < wanted - np.maximum(2 * np.sqrt(wanted * (1 - wanted) / draws), 1 / draws)
    numbers = (float(found.mean()), float(found.min()), float(found.max()), float(wanted.mean()))
    text = f"{_percent(found.min())} to {_percent(found.max())} of the draws of each {name}"
    if not short.any():
        return Judged(
            Verdict.holds, f"holds: {text}, {_percent(wanted.min())} to {_percent(wanted.max())} promised", *numbers
        )
    listed = ", ".join(
        f"{_percent(f)} at {name} = {v:g} ({_percent(w)} promised)"
        for v, f, w in zip(values[short], found[short], wanted[short], strict=True)
    )
    return Judged(Verdict.fails, f"fails: {listed}", *numbers)


def constant(ratio: Float[Array, " draws"], conditions: Conditions) -> Judged:
    """Of "measured ≤ C · scale", C unnamed: the C that all draws need; fails where it exceeds 1 and grows like a power."""
    ratio, conditions = _defined(ratio, conditions)
    if not ratio.size:
        return _undefined()
    numbers = (float(np.median(ratio)), float(ratio.min()), float(ratio.max()))
    growing = _powers(ratio, conditions, np.max, upward=True)
    # A constant below 1 wherever it was looked for is one, whatever it does below.
    if growing and ratio.max() > 1:
        return Judged(Verdict.fails, f"fails: the constant grows as {growing}, up to {ratio.max():.3g}", *numbers)
    remark = f", which grows as {growing}" if growing else ""
    return Judged(Verdict.holds_with_constant, f"holds with constant C = {ratio.max():.3g}{remark}", *numbers)


def order(ratio: Float[Array, " draws"], conditions: Conditions) -> Judged:
    """Of "measured ≍ scale" or "= Θ(scale)": constants from below and above, unless they drift along a condition."""
    ratio, conditions = _defined(ratio, conditions)
    if not ratio.size:
        return _undefined()
    numbers = (float(np.median(ratio)), float(ratio.min()), float(ratio.max()))
    drift = _powers(ratio, conditions, np.median, upward=False)
    text = f"from {ratio.min():.3g} to {ratio.max():.3g}"
    if drift:
        return Judged(Verdict.fails, f"fails: the ratio goes as {drift}, {text}", *numbers)
    return Judged(Verdict.holds_with_constant, f"holds with constants {text}", *numbers)


def exponent(found: float, error: float, claimed: float, span: float) -> Judged:
    """Of "∝ x^claimed": `found` ± `error` fitted over a range of x whose ends have the ratio `span`."""
    numbers = (found, found - error, found + error, claimed)
    text = f"exponent {found:.3f} ± {error:.3f}, {claimed:g} claimed"
    off = abs(found - claimed)
    if off <= 2 * error:
        return Judged(Verdict.holds, f"holds: {text}", *numbers)
    if off <= HALF_WAY:
        return Judged(
            Verdict.holds_with_constant,
            f"holds with constant C = {span**off:.3g} over a range of {span:.3g} ({text})",
            *numbers,
        )
    return Judged(Verdict.fails, f"fails: {text}", *numbers)


def room(margin: Float[Array, " draws"], holding: Bool[Array, " draws"]) -> Judged:
    """Of "holds where margin ≥ 1": how far beyond it does, as the constant that all margins might be divided by."""
    known = ~np.isnan(margin)
    if not (known & holding).any():
        return _undefined()
    kept = margin[known & holding]
    numbers = (float(np.median(kept)), float(kept.min()), float(kept.max()), 1.0)
    if not (known & ~holding).any():
        return Judged(Verdict.holds, "holds at every setting tried", *numbers)
    first = float(margin[known & ~holding].max())
    if first >= 1:
        return Judged(Verdict.fails, f"fails: a margin of {first:.3g} is too little", *numbers)
    text = f"holds with constant C = {1 / first:.3g}: the conclusions first fail at a margin of {first:.3g}"
    return Judged(Verdict.holds_with_constant, text, *numbers)


def agreement(error: Float[Array, " draws"], tolerance: float, why: str, conditions: Conditions) -> Judged:
    """Of a formula: `error` is its distance to what was measured, `tolerance` what it may be, for the reason `why`."""
    error, conditions = _defined(error, conditions)
    if not error.size:
        return _undefined()
    numbers = (float(np.median(error)), float(error.min()), float(error.max()), tolerance)
    within = error <= tolerance
    found = f"off by {np.median(error):.2g} in the median, {error.max():.2g} at most; {tolerance:.2g} allowed ({why})"
    if within.all():
        return Judged(Verdict.holds, f"holds: {found}", *numbers)
    return Judged(
        Verdict.fails,
        f"fails {where(~within, conditions)}: {found}, {_percent(within.mean())} of draws within",
        *numbers,
    )


def number(found: float, low: float, high: float, expected: float, tolerance: float, why: str) -> Judged:
    """Of a number that theory gives: `found`, its range `low` … `high`, and how far it may be off, for the reason `why`."""
    if not np.isfinite(found):
        return _undefined()
    text = f"{found:.4g} ({low:.4g} to {high:.4g}), {expected:.4g} expected, {tolerance:.2g} allowed ({why})"
    verdict = Verdict.holds if abs(found - expected) <= tolerance else Verdict.fails
    return Judged(verdict, f"{verdict.name}: {text}", found, low, high, expected)


def where(failing: Bool[Array, " draws"], conditions: Conditions) -> str:
    """The one threshold on one condition that best tells failing draws from the others, in words."""
    best, text = TELLING, "at no setting in particular"
    if failing.all():
        return "everywhere"
    for name, values in conditions.items():
        for threshold in np.unique(values)[:-1]:
            low = values <= threshold
            for side, words in ((low, f"where {name} ≤ {threshold:.3g}"), (~low, f"where {name} > {threshold:.3g}")):
                # Balanced: failures may be few.
                told = 0.5 * (side[failing].mean() + (~side)[~failing].mean())
                if told > best:
                    best = told
                    inside = (_percent(side[mask].mean()) for mask in (failing, ~failing))
                    text = "{} ({} of the failures, {} of the rest)".format(words, *inside)
    return text


def _powers(ratio: np.ndarray, conditions: Conditions, reduce, *, upward: bool) -> str:
    """Conditions along which the ratio's `reduce` goes like a power beyond `HALF_WAY`, in words."""
    found = []
    for name, values in conditions.items():
        levels = np.unique(values)
        if len(levels) < 2 or levels[0] <= 0 or not levels[-1] >= 2 * levels[0]:
            continue
        logs = np.log([max(reduce(ratio[values == level]), np.finfo(float).tiny) for level in levels])
        slope = float(np.polyfit(np.log(levels), logs, 1)[0])
        if slope > HALF_WAY or (not upward and slope < -HALF_WAY):
            found.append(f"({name})^{slope:.2f}")
    return " · ".join(found)


def _defined(values: np.ndarray, conditions: Conditions) -> tuple[np.ndarray, Conditions]:
    known = ~np.isnan(values)
    return values[known], {name: column[known] for name, column in conditions.items()}


def _undefined() -> Judged:
    return Judged(Verdict.not_defined, "not defined here", np.nan, np.nan, np.nan)


def _percent(share: float) -> str:
    """A share in per cent, with enough digits to be told from 0 and 1."""
    for digits in (0, 1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if 0 < share < 1 and float(text) in (0.0, 100.0):
            continue
        return f"{text} %"
    return f"{100 * share:.4f} %"

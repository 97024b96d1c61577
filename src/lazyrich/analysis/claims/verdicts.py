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
# Another order of magnitude than the median.
MAGNITUDE = 10.0
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


def bound(
    measured: Float[Array, " draws"],
    allowed: Float[Array, " draws"] | float,
    conditions: Conditions,
    share: float = 1.0,
) -> Judged:
    """Judge "measured ≤ allowed", every constant named; `share` is the probability promised."""
    allowed = np.broadcast_to(np.asarray(allowed, dtype=float), measured.shape)
    known = ~np.isnan(measured) & ~np.isnan(allowed)
    if not known.any():
        return _undefined()
    measured, allowed = measured[known], allowed[known]
    within = measured <= allowed
    # Two standard deviations of a share of so many draws; none where every draw must obey.
    error = 2 * np.sqrt(share * (1 - share) / within.size)
    found = f"{_percent(within.mean())} of {within.size:,} draws are within"
    promised = "" if share == 1 else f", {_percent(share)} promised"
    numbers = (*_spread(measured), float(np.median(allowed)))
    if within.mean() >= share - error:
        return Judged(Verdict.holds, f"holds: {found}{promised}", *numbers)
    conditions = {name: column[known] for name, column in conditions.items()}
    return Judged(Verdict.fails, f"fails {where(~within, conditions)}: {found}{promised}", *numbers)


def always(holding: Bool[Array, " draws"], of: Bool[Array, " draws"], conditions: Conditions) -> Judged:
    """Judge a statement that is true or false of each draw, over the draws `of` which it is made."""
    if not of.any():
        return _undefined()
    share = float(holding[of].mean())
    numbers = (share, float(holding[of].min()), float(holding[of].max()), 1.0)
    if share == 1:
        return Judged(Verdict.holds, f"holds in all of {of.sum():,} cases", *numbers)
    text = where(~holding[of], {name: column[of] for name, column in conditions.items()})
    return Judged(Verdict.fails, f"fails {text}: true of {_percent(share)} of {of.sum():,} cases", *numbers)


def shares(
    within: Bool[Array, " draws"],
    groups: Float[Array, " draws"],
    promised: Float[Array, " draws"],
    name: str,
) -> Judged:
    """Judge "holds with probability at least …", promised for each group of draws (each n, say), of name `name`.

    Statements of concentration are about large `name`: where it fails below some value and holds from there on, it says so.
    """
    values = np.unique(groups)
    if not values.size:
        return _undefined()
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
    last = values[short].max()
    place = f"where {name} ≤ {last:g}" if short[values <= last].all() and last < values.max() else "at some " + name
    return Judged(Verdict.fails, f"fails {'everywhere' if short.all() else place}: {listed}", *numbers)


def constant(ratio: Float[Array, " draws"], conditions: Conditions, *, natural: bool = False) -> Judged:
    """Judge "measured ≤ C · scale", C unnamed: the C that all draws need; fails where it grows along a condition like a power.

    `natural` says that the scale is as large as what is measured can be at all, so that C ≤ 1 is no matter of how far one has
    looked.
    """
    ratio, conditions = _defined(ratio, conditions)
    if not ratio.size:
        return _undefined()
    if not np.isfinite(ratio).all():
        return Judged(Verdict.fails, f"fails {where(np.isinf(ratio), conditions)}: without bound", *_spread(ratio))
    growing = _powers(ratio, conditions, np.max, upward=True)
    if growing and not (natural and ratio.max() <= 1):
        return Judged(
            Verdict.fails, f"fails: the constant grows as {growing}, up to {ratio.max():.3g}", *_spread(ratio)
        )
    return Judged(Verdict.holds_with_constant, f"holds with constant C = {ratio.max():.3g}", *_spread(ratio))


def order(ratio: Float[Array, " draws"], conditions: Conditions) -> Judged:
    """Judge "measured ≍ scale" or "= Θ(scale)": constants from below and above.

    Fails where the ratio drifts along a condition like a power, or where some draws are another order of magnitude than most.
    """
    ratio, conditions = _defined(ratio, conditions)
    if not ratio.size:
        return _undefined()
    text = f"from {ratio.min():.3g} to {ratio.max():.3g}"
    middle = np.median(ratio)
    # Neither nothing nor infinity is of the order of anything.
    other = (ratio * MAGNITUDE < middle) | (ratio > MAGNITUDE * middle) | ~np.isfinite(ratio) | (ratio <= 0)
    drift = "" if (ratio <= 0).any() else _powers(ratio, conditions, np.median, upward=False)
    if drift:
        return Judged(Verdict.fails, f"fails: the ratio goes as {drift}, {text}", *_spread(ratio))
    if other.any():
        return Judged(Verdict.fails, f"fails {where(other, conditions)}: {text}, around {middle:.3g}", *_spread(ratio))
    return Judged(Verdict.holds_with_constant, f"holds with constants {text}", *_spread(ratio))


def exponent(found: float, error: float, claimed: float, span: float) -> Judged:
    """Judge "∝ x^claimed": `found` ± `error` fitted over a range of x whose ends have the ratio `span`."""
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
    """Judge "holds where margin ≥ 1": how far beyond it does, as the constant C by which conditions may be exceeded."""
    known = ~np.isnan(margin)
    if not known.any() or not holding[known].any() and margin[known].max() < 1:
        return _undefined()
    kept = known & holding
    numbers = (*_spread(margin[kept if kept.any() else known]), 1.0)
    if holding[known].all():
        return Judged(Verdict.holds, "holds at every setting tried", *numbers)
    first = float(margin[known & ~holding].max())
    if first >= 1:
        return Judged(Verdict.fails, f"fails: a margin of {first:.3g} is too little", *numbers)
    beyond = f"{1 / first:.3g}" if first > 0 else "∞"
    text = f"holds with constant C = {beyond}: the conclusions first fail at a margin of {first:.3g}"
    return Judged(Verdict.holds_with_constant, text, *numbers)


def agreement(error: Float[Array, " draws"], tolerance: float, why: str, conditions: Conditions) -> Judged:
    """Judge a formula: `error` is its distance to what was measured, `tolerance` what it may be, for the reason `why`."""
    error, conditions = _defined(error, conditions)
    if not error.size:
        return _undefined()
    numbers = (*_spread(error), tolerance)
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
    """Judge a number that theory gives: `found`, its range `low` … `high`, and how far it may be off, for the reason `why`."""
    if np.isnan(found):
        return _undefined()
    text = f"{found:.4g} ({low:.4g} to {high:.4g}), {expected:.4g} expected, {tolerance:.2g} allowed ({why})"
    verdict = Verdict.holds if abs(found - expected) <= tolerance else Verdict.fails
    return Judged(verdict, f"{verdict.name}: {text}", found, low, high, expected)


def where(failing: Bool[Array, " draws"], conditions: Conditions) -> str:
    """Return the one threshold on one condition that best tells failing draws from the others, in words."""
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
    """Return the conditions along which the ratio's `reduce` goes like a power beyond `HALF_WAY`, in words."""
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


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return the median, the smallest and the largest."""
    return float(np.median(values)), float(values.min()), float(values.max())


def _defined(values: np.ndarray, conditions: Conditions) -> tuple[np.ndarray, Conditions]:
    known = ~np.isnan(values)
    return values[known], {name: column[known] for name, column in conditions.items()}


def _undefined() -> Judged:
    return Judged(Verdict.not_defined, "not defined here", np.nan, np.nan, np.nan)


def _percent(share: float) -> str:
    """Return a share in per cent, with enough digits to be told from 0 and 1."""
    for digits in (0, 1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if 0 < share < 1 and float(text) in (0.0, 100.0):
            continue
        return f"{text} %"
    return f"{100 * share:.4f} %"

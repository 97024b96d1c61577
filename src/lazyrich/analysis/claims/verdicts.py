"""Verdicts: from measured numbers and a statement's form to what may be said of it.

Statements have few forms: an inequality with its constant (`bound`), a property (`always`), a probability of draws
(`shares`) or one of the form 1 − O(n⁻²) (`probability`), an order of magnitude with an unnamed constant from above
(`constant`), from below (`at_least`) or from both sides (`order`), a power (`exponent`), a formula (`agreement`), a number
(`number`), a condition with an unnamed constant (`threshold`). Each has one function here, which returns a
`Judged`; `claimed` limits any of them to where the statement is made. NaN are draws of which the statement says nothing; where
all are, it is not defined.

`varied` are the numbers that a setting varies, name -> (draws,), in the direction in which the statement gets easier (n, d,
1/v₀, …): they say where a statement fails, and whether an unnamed constant is one.

Every form states its power: the deviation from the statement that it would have noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from lazyrich.analysis.claims.trends import (
    DRIFTING_FACTOR,
    HALF_WAY,
    Varied,
    drift_power,
    percent,
    powers,
    slopes,
    slow_drifts,
    where,
)

Array = np.ndarray
Groups = dict[str, np.ndarray]  # name -> numbers or words

# A factor over the whole range tried that is no departure from a statement: 5 %.
NEGLIGIBLE = 1.05
# Another order of magnitude than the median; also the largest factor that still is a matter of a constant.
MAGNITUDE = 10.0
# A failure that happens in a share p of draws is seen at least once in N of them with probability 1 − (1 − p)^N ≥ 95 % for
# p ≥ 3/N.
SEEN = 3.0
# What happens by chance less often than this is not put down to chance.
CHANCE = 0.05


class Verdict(IntEnum):
    """What may be said of a statement."""

    holds = 0
    holds_with_constant = 1
    holds_up_to_logarithms = 2
    fails = 3
    not_claimed = 4
    not_defined = 5


class Severity(IntEnum):
    """How badly a statement fails: by a constant factor, in a region of its parameters, or everywhere."""

    none = 0
    constant = 1
    region = 2
    everywhere = 3


@dataclass(frozen=True)
class Judged:
    """A verdict, in words too, with the numbers behind it: median and range of what was measured, what was expected."""

    verdict: Verdict
    text: str
    measured: float
    low: float
    high: float
    expected: float = np.nan
    severity: Severity = Severity.none
    power: str = ""  # the deviation that would have been noticed


def claimed(inside: Bool[Array, " draws"], judge: Callable[[Array], Judged], words: str) -> Judged:
    """Judge by `judge(inside)`, the draws that the statement is made of; where there is none, it is not claimed.

    `words` say what is outside: "fails" then never speaks of what nobody claims.
    """
    if inside.any():
        return judge(inside)
    return Judged(Verdict.not_claimed, f"not claimed: outside the assumption, {words}", np.nan, np.nan, np.nan)


def bound(
    measured: Float[Array, " draws"],
    allowed: Float[Array, " draws"] | float,
    varied: Varied,
    share: float = 1.0,
) -> Judged:
    """Judge "measured ≤ allowed", every constant named; `share` is the probability promised."""
    allowed = np.broadcast_to(np.asarray(allowed, dtype=float), measured.shape)
    known = ~np.isnan(measured) & ~np.isnan(allowed)
    if not known.any():
        return _undefined()
    measured, allowed = measured[known], allowed[known]
    varied = {name: column[known] for name, column in varied.items()}
    within = measured <= allowed
    # Two standard deviations of a share of so many draws; none where every draw must obey.
    error = 2 * np.sqrt(share * (1 - share) / within.size)
    counted = f"{percent(within.mean())} of {within.size:,} draws are within"
    promised = "" if share == 1 else f", {percent(share)} promised"
    numbers = (*_spread(measured), float(np.median(allowed)))
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(within, np.minimum(measured / allowed, 1.0), measured / allowed)
    power = f"{_slack(excess)}, {_rate(within.size)}"
    if within.mean() >= share - error:
        return Judged(Verdict.holds, f"holds: {counted}{promised}", *numbers, power=power)
    severity, words = _severity(excess, within, varied)
    return Judged(Verdict.fails, f"fails {words}: {counted}{promised}", *numbers, severity, power)


def always(holding: Bool[Array, " draws"], of: Bool[Array, " draws"], varied: Varied) -> Judged:
    """Judge a statement that is true or false of each draw, over the draws `of` which it is made."""
    if not of.any():
        return _undefined()
    share = float(holding[of].mean())
    numbers = (share, float(holding[of].min()), float(holding[of].max()), 1.0)
    power = _rate(int(of.sum()))
    if share == 1:
        return Judged(Verdict.holds, f"holds in all of {of.sum():,} cases", *numbers, power=power)
    text = where(~holding[of], {name: column[of] for name, column in varied.items()})
    severity = Severity.everywhere if share == 0 else Severity.region
    return Judged(
        Verdict.fails, f"fails {text}: true of {percent(share)} of {of.sum():,} cases", *numbers, severity, power
    )


def shares(within: Bool[Array, " draws"], groups: Groups, promised: Float[Array, " draws"]) -> Judged:
    """Judge "holds with probability at least …", promised for each group of draws; the worst group decides.

    A group is all draws that agree in every one of `groups`, name -> (draws,) numbers or words. Never pool over what may decide
    whether a statement holds: a group that fails would be diluted.
    """
    if not within.size:
        return _undefined()
    found: dict[tuple, list[int]] = {}
    for i, label in enumerate(zip(*groups.values(), strict=True)):
        found.setdefault(label, []).append(i)
    measured = np.array([within[i].mean() for i in found.values()])
    wanted = np.array([promised[i[0]] for i in found.values()])
    draws = np.array([len(i) for i in found.values()])
    # As likely for all groups together as two standard deviations for one; and never less than one draw.
    deviations = stats.norm.isf(stats.norm.sf(2) / draws.size)
    error = np.maximum(deviations * np.sqrt(wanted * (1 - wanted) / draws), 1 / draws)
    short = measured < wanted - error
    numbers = (float(measured.mean()), float(measured.min()), float(measured.max()), float(wanted.mean()))
    power = f"a share of {percent(error.max())} less than promised in one group of {draws.min()} draws"
    worst = int(np.argmax((wanted - measured) / error))
    names = [
        f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}"
        for name, value in zip(groups, list(found)[worst], strict=True)
    ]
    text = f"the worst of {draws.size} groups is {', '.join(names)}: {percent(measured[worst])} of {draws[worst]} draws within"
    text = f"{text}, {percent(wanted[worst])} promised"
    if not short.any():
        return Judged(Verdict.holds, f"holds: {text}", *numbers, power=power)
    varied = {
        name: np.array(values)
        for name, values in zip(groups, zip(*found, strict=True), strict=True)
        if not isinstance(values[0], str)
    }
    severity = Severity.everywhere if short.all() else Severity.region
    return Judged(Verdict.fails, f"fails {where(short, varied)}: {text}", *numbers, severity, power)


def probability(failing: Float[Array, " levels"], levels: Float[Array, " levels"], name: str, power: float) -> Judged:
    """Judge "holds with probability at least 1 − O(n^−power)" from exact probabilities of failure at rising `levels` of n.

    C = max n^power P(fail) is the constant, where n^power P(fail) does not grow any more over the last factor of two; where it
    grows like a power there, no constant is one as far as was looked, and the statement fails so far.
    """
    failing, varied = _defined(failing, {name: levels})
    if not failing.size:
        return _undefined()
    levels = varied[name]
    scaled = failing * levels**power
    needed, at, last = float(scaled.max()), levels[np.argmax(scaled)], levels[-1]
    what = f"{name}^{power:g} P(failure)"
    octave = levels >= last / 2
    noticed = f"a growth of {what} faster than a power of {HALF_WAY:g} of {name} from {levels[octave][0]:g} to {last:g}"
    if needed == 0:
        return Judged(Verdict.holds, f"holds: never fails up to {name} = {last:g}", *_spread(scaled), power=noticed)
    # Of what is as good as nothing at both ends nothing can be said but that it does not grow.
    first, end = np.maximum(scaled[octave][[0, -1]], np.finfo(float).tiny)
    if octave.sum() < 2 or np.log(end / first) > HALF_WAY * np.log(last / levels[octave][0]):
        severity = Severity.everywhere if failing[-1] == failing.max() else Severity.region
        text = (
            f"fails as far as {name} = {last:g}: {what} is {scaled[-1]:.3g} there and still grows; "
            f"P(failure) is {failing[-1]:.2g}"
        )
        return Judged(Verdict.fails, text, *_spread(scaled), np.nan, severity, noticed)
    beyond = levels[levels > levels[scaled > 1].max()] if (scaled > 1).any() else levels
    unit = f"; C = 1 is enough from {name} = {beyond[0]:g} on" if beyond.size and beyond[0] > levels[0] else ""
    return Judged(
        Verdict.holds_with_constant,
        f"holds with constant C = {needed:.3g}, which the statement leaves unnamed: needed at {name} = {at:g}, "
        f"{scaled[-1]:.2g} at {name} = {last:g}{unit}",
        *_spread(scaled),
        power=noticed,
    )


def constant(ratio: Float[Array, " draws"], varied: Varied, reason: str = "", *, natural: bool = False) -> Judged:
    """Judge "measured ≤ C · scale", C unnamed: the C that all draws need; fails where it grows along `varied` like a power.

    Where it grows slower than a power, but beyond its error, it holds up to logarithms, for the `reason` given.

    `natural` says that the scale is as large as what is measured can be at all, so that C ≤ 1 is no matter of how far one has
    looked.
    """
    ratio, varied = _defined(ratio, varied)
    if not ratio.size:
        return _undefined()
    power = f"{drift_power(varied, 'growth')}, a slower one to more than {DRIFTING_FACTOR:g} times over these ranges"
    if not np.isfinite(ratio).all():
        without = np.isinf(ratio)
        severity = Severity.everywhere if without.all() else Severity.region
        return Judged(
            Verdict.fails, f"fails {where(without, varied)}: without bound", *_spread(ratio), np.nan, severity, power
        )
    growing = powers(ratio, varied, np.max, upward=True)
    bounded = natural and ratio.max() <= 1
    if growing and not bounded:
        return Judged(
            Verdict.fails,
            f"fails: the constant grows as {growing}, up to {ratio.max():.3g}",
            *_spread(ratio),
            np.nan,
            Severity.region,
            power,
        )
    slow = "" if bounded or (ratio <= 0).any() else slow_drifts(ratio, varied, 1)
    if slow:
        because = reason or "for a reason that this row does not know"
        return Judged(
            Verdict.holds_up_to_logarithms,
            f"holds up to logarithms only, no constant does: it grows as {slow}, to {ratio.max():.3g} so far, {because}",
            *_spread(ratio),
            power=power,
        )
    return Judged(
        Verdict.holds_with_constant,
        f"holds with constant C = {ratio.max():.3g}, which the statement leaves unnamed",
        *_spread(ratio),
        power=power,
    )


def at_least(ratio: Float[Array, " draws"], varied: Varied, reason: str = "") -> Judged:
    """Judge "measured = Ω(scale)": measured ≥ c · scale, c > 0 unnamed: the c that all draws leave.

    Fails where the ratio falls along `varied` towards nothing like a power; where it falls slower, but beyond its error, there
    is no such c either, and it holds up to logarithms only, for the `reason` given.
    """
    ratio, varied = _defined(ratio, varied)
    if not ratio.size:
        return _undefined()
    text = f"from {ratio.min():.3g} to {ratio.max():.3g}"
    power = f"{drift_power(varied, 'fall')}, a slower one to less than 1/{DRIFTING_FACTOR:g} over these ranges"
    nothing = ratio <= 0
    if nothing.any():
        severity = Severity.everywhere if nothing.all() else Severity.region
        words = f"fails {where(nothing, varied)}: {text}"
        return Judged(Verdict.fails, words, *_spread(ratio), severity=severity, power=power)
    steep = {name: slope for name, slope in slopes(ratio, varied, np.min).items() if slope < -HALF_WAY}
    if steep:
        falling = " · ".join(f"({name})^{slope:.2f}" for name, slope in steep.items())
        words = f"fails: the ratio falls as {falling}, {text}"
        return Judged(Verdict.fails, words, *_spread(ratio), severity=Severity.region, power=power)
    slow = slow_drifts(ratio, varied, -1)
    if slow:
        because = f", {reason}" if reason else ""
        words = f"holds up to logarithms only, no constant c > 0 does: the ratio falls as {slow}, {text}{because}"
        return Judged(Verdict.holds_up_to_logarithms, words, *_spread(ratio), power=power)
    return Judged(
        Verdict.holds_with_constant,
        f"holds with constant c = {ratio.min():.3g}, which the statement leaves unnamed",
        *_spread(ratio),
        power=power,
    )


def order(ratio: Float[Array, " draws"], varied: Varied, reason: str = "") -> Judged:
    """Judge "measured ≍ scale" or "= Θ(scale)": constants from below and above.

    Fails where the ratio drifts along `varied` like a power, or where some draws are another order of magnitude than most. A
    drift that is slower than a power, but beyond its error, holds up to logarithms, for the `reason` given.
    """
    ratio, varied = _defined(ratio, varied)
    if not ratio.size:
        return _undefined()
    text = f"from {ratio.min():.3g} to {ratio.max():.3g}"
    power = f"{drift_power(varied, 'drift')}, a draw {MAGNITUDE:g} times off the median"
    middle = np.median(ratio)
    # Neither nothing nor infinity is of the order of anything.
    other = (ratio * MAGNITUDE < middle) | (ratio > MAGNITUDE * middle) | ~np.isfinite(ratio) | (ratio <= 0)
    positive = not (ratio <= 0).any() and bool(np.isfinite(ratio).all())
    drift = powers(ratio, varied, np.median, upward=False) if positive else ""
    if drift:
        return Judged(
            Verdict.fails,
            f"fails: the ratio goes as {drift}, {text}",
            *_spread(ratio),
            severity=Severity.region,
            power=power,
        )
    if other.any():
        return Judged(
            Verdict.fails,
            f"fails {where(other, varied)}: {text}, around {middle:.3g}",
            *_spread(ratio),
            severity=Severity.everywhere if other.all() else Severity.region,
            power=power,
        )
    slow = slow_drifts(ratio, varied)
    if slow:
        because = reason or "for a reason that this row does not know"
        return Judged(
            Verdict.holds_up_to_logarithms,
            f"holds up to logarithms only, no constants do: the ratio drifts as {slow}, {text}, {because}",
            *_spread(ratio),
            power=power,
        )
    return Judged(
        Verdict.holds_with_constant,
        f"holds with constants {text}, which the statement leaves unnamed",
        *_spread(ratio),
        power=power,
    )


def exponent(measured: float, error: float, stated: float, span: float, reason: str = "") -> Judged:
    """Judge "∝ x^stated": `measured` ± `error` was fitted over a range of x whose ends have the ratio `span`.

    It holds where it is off by no more than its error, or by what changes nothing over the range tried (`NEGLIGIBLE`). Off by
    more, but by less than half of the way to another statement, it holds up to logarithms, for the `reason` given.
    """
    numbers = (measured, measured - error, measured + error, stated)
    off = abs(measured - stated)
    least = max(2 * error, float(np.log(NEGLIGIBLE) / np.log(span)))
    text = f"exponent {measured:.3f} ± {error:.2g}, {stated:g} stated"
    power = f"an exponent off by {least:.2g}"
    if off <= least:
        small = f", off by a factor of {span**off:.3f} over the range" if off > 2 * error else ""
        return Judged(Verdict.holds, f"holds: {text}{small}", *numbers, power=power)
    if off <= HALF_WAY:
        because = reason or "for a reason that this row does not know"
        errors = f" ({off / error:.0f} standard errors)" if error else ""
        words = f"holds up to logarithms: {text}, off by {off:.2g}{errors}, {because}"
        return Judged(Verdict.holds_up_to_logarithms, words, *numbers, power=power)
    return Judged(Verdict.fails, f"fails: {text}", *numbers, Severity.everywhere, power)


def threshold(
    holding: Bool[Array, " draws"],
    ratio: Float[Array, " draws"],
    words: Callable[[str], str],
    measured: Float[Array, " draws"] | None = None,
    *,
    upper: bool = False,
) -> Judged:
    """Judge "holds where ratio ≥ C", C unnamed: the smallest ratio from which on every draw holds; below, nothing is claimed.

    `words` name a constant by its number, such as "C₂ = 3.2"; with `upper` the condition is "… ≤ C", and a ratio r is C = 1/r.
    `measured` is what the numbers are about (by default the ratio), given for the draws that keep the condition. It fails where
    too few draws are left above the last failure to tell a condition from luck: if the ratio did not matter, all of them would
    hold in 5 % of cases or more.
    """
    measured = ratio if measured is None else measured
    known = ~np.isnan(ratio) & ~np.isnan(measured)
    if not known.any():
        return _undefined()
    holding, ratio, measured = holding[known], ratio[known], measured[known]
    numbers = _spread(measured)
    if holding.all():
        (least,) = _told_apart(ratio.min(), upper=upper)
        text = f"holds in all of {holding.size:,} cases, {'even' if upper else 'already'} with {words(least)}"
        return Judged(Verdict.holds, text, *numbers, power=_rate(holding.size))
    failing = float((~holding).mean())
    last = float(ratio[~holding].max())
    above = ratio > last
    count = int(above.sum())
    power = f"failures in {percent(min(SEEN / count, 1.0))} of the draws within the constant" if count else "none"
    if (1 - failing) ** count > CHANCE:
        severity = Severity.region if holding.any() else Severity.everywhere
        (at,) = _told_apart(last, upper=upper)
        text = f"fails: in {percent(failing)} of {holding.size:,} cases, the last with {words(at)}, beyond which {count} hold"
        return Judged(Verdict.fails, text, *numbers, np.nan, severity, power)
    enough, short = map(words, _told_apart(float(ratio[above].min()), last, upper=upper))
    where_it_does = f"up to {enough}" if upper else enough
    where_not = f"from {short} on" if upper else f"up to {short}"
    text = (
        f"holds with constant {where_it_does}, which the statement leaves unnamed: in all of {count:,} cases within, which are "
        f"the ones measured; {where_not} it fails in some"
    )
    return Judged(Verdict.holds_with_constant, text, *_spread(measured[above]), power=power)


def _told_apart(*ratios: float, upper: bool) -> list[str]:
    """Return ratios, or with `upper` what they are one over, with three digits or as many as it takes to tell them apart."""
    numbers = [1 / ratio if ratio else np.inf for ratio in ratios] if upper else ratios
    for digits in range(3, 17):
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) == len(set(numbers)):
            break
    return texts


def agreement(error: Float[Array, " draws"], tolerance: float, why: str, varied: Varied) -> Judged:
    """Judge a formula: `error` is its distance to what was measured, `tolerance` what it may be, for the reason `why`."""
    error, varied = _defined(error, varied)
    if not error.size:
        return _undefined()
    numbers = (*_spread(error), tolerance)
    within = error <= tolerance
    text = f"off by {np.median(error):.2g} in the median, {error.max():.2g} at most; {tolerance:.2g} allowed ({why})"
    power = f"an error of {tolerance:.2g}, {_rate(within.size)}"
    if within.all():
        return Judged(Verdict.holds, f"holds: {text}", *numbers, power=power)
    # A formula has no constant to change.
    severity = Severity.region if within.any() else Severity.everywhere
    words = f"fails {where(~within, varied)}: {text}, {percent(within.mean())} of draws within"
    return Judged(Verdict.fails, words, *numbers, severity, power)


def number(measured: float, low: float, high: float, expected: float, tolerance: float, why: str) -> Judged:
    """Judge a number that theory gives: `measured`, its range `low` … `high`, how far it may be off, and `why`."""
    if np.isnan(measured):
        return _undefined()
    text = f"{measured:.4g} ({low:.4g} to {high:.4g}), {expected:.4g} expected, {tolerance:.2g} allowed ({why})"
    holds = abs(measured - expected) <= tolerance
    verdict = Verdict.holds if holds else Verdict.fails
    severity = Severity.none if holds else Severity.everywhere
    power = f"a number off by {tolerance:.2g}"
    return Judged(verdict, f"{verdict.name}: {text}", measured, low, high, expected, severity, power)


def _severity(excess: np.ndarray, within: np.ndarray, varied: Varied) -> tuple[Severity, str]:
    """Return how badly draws exceed what is allowed (`excess` in units of it), and in words by what or where.

    By a constant where another one of the same order of magnitude would do for all draws, and does not grow like a power.
    """
    finite = bool(np.isfinite(excess).all())
    if finite and excess.max() <= MAGNITUDE and not powers(excess, varied, np.max, upward=True):
        return Severity.constant, f"by a factor of {excess.max():.3g} at most, {where(~within, varied)}"
    return (Severity.region if within.any() else Severity.everywhere), where(~within, varied)


def _slack(excess: np.ndarray) -> str:
    """Return the factor by which the largest could still grow, or has grown, beyond what is allowed."""
    largest = float(excess.max())
    return (
        f"a largest value {1 / largest:.3g} times as large" if 0 < largest <= 1 else "any value beyond what is allowed"
    )


def _rate(draws: int) -> str:
    """Return the rate of failures that so many draws would have shown."""
    return f"failures in {percent(min(SEEN / draws, 1.0))} of draws"


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return the median, the smallest and the largest."""
    return float(np.median(values)), float(values.min()), float(values.max())


def _defined(values: np.ndarray, varied: Varied) -> tuple[np.ndarray, Varied]:
    known = ~np.isnan(values)
    return values[known], {name: column[known] for name, column in varied.items()}


def _undefined() -> Judged:
    return Judged(Verdict.not_defined, "not defined here", np.nan, np.nan, np.nan)

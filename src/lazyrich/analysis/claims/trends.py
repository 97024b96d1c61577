"""How draws depend on what a setting varies, in words: thresholds that tell failures apart, powers, slower drifts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

Array = np.ndarray
Varied = dict[str, np.ndarray]

# Exponents in the statements are multiples of ½: one that is off by more than ¼ is nearer to another statement.
HALF_WAY = 0.25
# A threshold says where a statement fails if it tells failures from the rest better than this (½ is by chance).
TELLING = 0.75
# A ratio drifts if its slope is beyond so many standard errors, and it changes by such a factor from end to end.
DRIFTING_ERRORS, DRIFTING_FACTOR = 5.0, 2.0


def where(failing: Bool[Array, " draws"], varied: Varied) -> str:
    """Return the one threshold on one number that best tells failing draws from the others, in words."""
    best, text = TELLING, "at no setting in particular"
    if failing.all():
        return "everywhere"
    for name, values in varied.items():
        for threshold in np.unique(values)[:-1]:
            low = values <= threshold
            for side, words in ((low, f"where {name} ≤ {threshold:.3g}"), (~low, f"where {name} > {threshold:.3g}")):
                # Balanced: failures may be few.
                told = 0.5 * (side[failing].mean() + (~side)[~failing].mean())
                if told > best:
                    best = told
                    inside = (percent(side[mask].mean()) for mask in (failing, ~failing))
                    text = "{} ({} of the failures, {} of the rest)".format(words, *inside)
    return text


def slopes(ratio: np.ndarray, varied: Varied, reduce: Callable[[np.ndarray], float]) -> dict[str, float]:
    """Return name -> power of it in the ratio's `reduce` at each of its levels, of all that span a factor of two."""
    found = {}
    for name, values in varied.items():
        levels = np.unique(values)
        if len(levels) < 2 or levels[0] <= 0 or not levels[-1] >= 2 * levels[0]:
            continue
        logs = np.log([max(reduce(ratio[values == level]), np.finfo(float).tiny) for level in levels])
        found[name] = float(np.polyfit(np.log(levels), logs, 1)[0])
    return found


def powers(ratio: np.ndarray, varied: Varied, reduce, *, upward: bool) -> str:
    """Return the numbers along which the ratio's `reduce` goes like a power beyond `HALF_WAY`, in words."""
    return " · ".join(
        f"({name})^{slope:.2f}"
        for name, slope in slopes(ratio, varied, reduce).items()
        if slope > HALF_WAY or (not upward and slope < -HALF_WAY)
    )


def slow_drifts(ratio: np.ndarray, varied: Varied, direction: int = 0) -> str:
    """Return the numbers along which a positive ratio drifts slower than a power, but beyond its error, in words.

    With a `direction` of 1 or −1, only where it grows or falls.
    """
    drifts = []
    for name, slope in slopes(ratio, varied, np.median).items():
        x, y = np.log(varied[name]), np.log(ratio)
        fit = np.polyfit(x, y, 1)
        left = y - np.polyval(fit, x)
        error = float(np.sqrt(np.sum(left**2) / max(len(x) - 2, 1) / np.sum((x - x.mean()) ** 2)))
        factor = float(np.exp(abs(slope) * (x.max() - x.min())))
        if abs(slope) > DRIFTING_ERRORS * error and factor > DRIFTING_FACTOR and slope * direction >= 0:
            drifts.append(f"({name})^{slope:.2f}, {factor:.2g}-fold over its range")
    return "; ".join(drifts)


def drift_power(varied: Varied, what: str) -> str:
    """Return the drift that would be noticed, over the ranges that were tried."""
    ranges = []
    for name, values in varied.items():
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if low > 0 and high >= 2 * low:
            ranges.append(f"{name} ({high / low:.2g}-fold)")
    tried = f"a {what} faster than a power of {HALF_WAY:g} of {', '.join(ranges)}" if ranges else ""
    return tried or f"no {what}: nothing was varied"


def percent(share: float) -> str:
    """Return a share in per cent, with enough digits to be told from 0 and 1."""
    for digits in (0, 1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if 0 < share < 1 and float(text) in (0.0, 100.0):
            continue
        return f"{text} %"
    return f"{100 * share:.4f} %"

"""Quantiles over replicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

QUANTILES = (0.16, 0.5, 0.84)  # which summaries keep: the median, and ±1 standard deviation of a normal distribution


def quantiles(
    table: Float[np.ndarray, "rows replicates"], which: Sequence[float] = QUANTILES
) -> Float[np.ndarray, "rows {len(which)}"]:
    """Return quantiles along rows, linear between order statistics, without NaN (numpy.nanquantile loops over rows)."""
    ordered = np.sort(table, axis=1)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=1)
    result = np.full((len(table), len(which)), np.nan)
    rows = np.arange(len(table))
    for i, q in enumerate(which):
        place = q * np.maximum(count - 1, 0)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        lower, upper = ordered[rows, low], ordered[rows, high]
        with np.errstate(invalid="ignore"):
            # An order statistic itself where it is one: ∞ − ∞ and 0 · ∞ are no numbers.
            exact = (lower == upper) | (place == low)
            result[:, i] = np.where(exact, lower, lower + (place - low) * (upper - lower))
    return result

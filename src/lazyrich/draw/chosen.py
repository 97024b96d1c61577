"""An even choice where there are too many to draw, and the words of a caption that say so."""

from __future__ import annotations

import numpy as np


def some(total: int, most: int) -> list[int]:
    """Return at most `most` numbers below `total`, evenly spaced, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, total - 1, min(most, total))})


def chosen(number: int, total: int, what: str) -> str:
    """Return the sentence of a caption that says that `number` of `total` are drawn; empty if all are."""
    return f" {number} of {total} {what}, evenly chosen." if number < total else ""

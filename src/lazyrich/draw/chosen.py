"""Some of many, where all would be no picture, and what a caption says of it."""

from __future__ import annotations

import numpy as np


def some(total: int, most: int) -> list[int]:
    """Return at most `most` numbers below `total`, evenly spaced, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, total - 1, min(most, total))})


def chosen(number: int, total: int, what: str) -> str:
    """Return what a caption says where `number` of `total` are drawn; nothing where these are all."""
    return f" {number} of {total} {what}, evenly chosen." if number < total else ""

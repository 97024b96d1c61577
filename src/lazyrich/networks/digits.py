"""The digits of a number: values have one spelling before use and before hashing."""

from __future__ import annotations

SIGNIFICANT_DIGITS = 12


def rounded(value: float) -> float:
    """Round to 12 significant digits, so that a value has one spelling before use and before hashing."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")

"""Data that are there already: scikit-learn's digits, CIFAR-10, a user's file; which samples are taken, and as what.

`source` is the door for what trains and plans, `check` the one for what reads sweep files.
"""

from __future__ import annotations

# Laws that inputs are drawn from, and sources of data that are there already.
LAWS = ("gaussian", "rademacher", "uniform")
DATA = ("digits", "cifar10", "file")


def classes_of(text: str) -> list[int]:
    """Return the numbers of a choice of classes, such as `3-8`."""
    return [int(number) for number in text.split("-")]

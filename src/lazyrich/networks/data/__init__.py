"""Data that are there already: scikit-learn's digits, CIFAR-10, a user's file; which samples are taken, and as what.

To add a source, write its module with a `SOURCE` (`interface`) and name it in `SOURCES`; sweep files, checks and documents
follow. `source` is the door for what trains and plans, `sweep.data_checks` the one for what reads sweep files.
"""

from __future__ import annotations

from lazyrich.networks.data import cifar10, digits, file

# Laws that inputs are drawn from, and sources of data that are there already.
DISTRIBUTIONS = ("gaussian", "rademacher", "uniform")
SOURCES = {source.name: source for source in (digits.SOURCE, cifar10.SOURCE, file.SOURCE)}
DATA = tuple(SOURCES)
OWN = tuple(name for name, source in SOURCES.items() if source.own)


def classes_of(text: str) -> list[int]:
    """Return the numbers of a choice of classes, such as `3-8`."""
    return [int(number) for number in text.split("-")]

"""Data sets: scikit-learn's digits, CIFAR-10, a user's file; which samples a problem takes, and how it transforms them.

To add a source, write its module with a `SOURCE` (`interface`) and name it in `SOURCES`; sweep files, checks and documents
follow. Training and planning use `source`, checks of sweep files use `sweep.data_checks`.
"""

from __future__ import annotations

from lazyrich.networks.data import cifar10, digits, file

# Distributions of sampled inputs, and sources of data.
DISTRIBUTIONS = ("gaussian", "rademacher", "uniform", "sphere")
SOURCES = {source.name: source for source in (digits.SOURCE, cifar10.SOURCE, file.SOURCE)}
DATA = tuple(SOURCES)
OWN = tuple(name for name, source in SOURCES.items() if source.own)


def classes_of(text: str) -> list[int]:
    """Return the numbers of a choice of classes, such as `3-8`."""
    return [int(number) for number in text.split("-")]

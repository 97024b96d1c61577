"""Random streams: one for each (seed, replicate, role), independent of shard, order and number of threads.

Networks that share a replicate share their draws (common random numbers), so that neighbouring cells of a diagram differ
by their parameters only.
"""

from enum import IntEnum

import numpy as np


class Role(IntEnum):
    """The purpose of a stream."""

    INPUTS = 0
    TEACHER = 1
    NOISE = 2
    WEIGHTS = 3
    TEST_INPUTS = 4
    TEST_NOISE = 5
    TEST_WEIGHTS = 6  # in directions that only test inputs see


def stream(seed: int, replicate: int, role: Role) -> np.random.Generator:
    """Return the counter-based generator (Philox) of one role in one replicate."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, replicate, int(role)])))


def wishart_root(generator: np.random.Generator, size: int, degrees: int) -> np.ndarray:
    """Return a matrix A, (size, min(size, degrees)), such that A Aᵀ ~ W_size(degrees), the identity-scale Wishart distribution.

    Bartlett's triangle for degrees ≥ size, O(size²) random numbers for any number of degrees; plain Gaussian columns below,
    where the distribution is singular; degrees = 0 gives an empty matrix.
    """
    if degrees < size:
        return generator.standard_normal((size, degrees))
    root = np.tril(generator.standard_normal((size, size)), -1)
    root[np.diag_indices(size)] = np.sqrt(generator.chisquare(float(degrees) - np.arange(size)))
    return root


def gaussian_product(
    left: np.random.Generator, right: np.random.Generator, rows: int, inner: int, columns: int
) -> np.ndarray:
    """Return a B, (rows, columns), of independent standard Gaussian A (rows, inner) and B (inner, columns), in law.

    The smaller matrix enters through a root of its Wishart matrix, so that `inner` may be any number, 0 included.
    """
    if columns > rows:
        return gaussian_product(right, left, columns, inner, rows).T
    root = wishart_root(right, columns, inner)
    product: np.ndarray = left.standard_normal((rows, root.shape[1])) @ root.T
    return product

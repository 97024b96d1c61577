"""Samples in batches are those of one array, and so are their moments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.data import pool as pools
from lazyrich.networks.data.pool import Pool


def of_sizes(sizes, dimension, rng):
    batches = tuple(rng.integers(0, 256, (size, dimension), dtype=np.uint8) for size in sizes)
    return Pool(batches, np.arange(float(sum(sizes))), (0.0, 255.0)), np.concatenate(batches).astype(float)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(1, 4))
def test_rows_are_those_of_one_array_in_any_order(seed, sizes, dimension):
    rng = np.random.default_rng(seed)
    pool, whole = of_sizes([*sizes, 1], dimension, rng)
    index = rng.integers(0, len(whole), 9)
    np.testing.assert_array_equal(pool.rows(index), whole[index])
    assert (len(pool), pool.dimension) == whole.shape


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_moments_are_those_of_all_samples(monkeypatch, block):
    monkeypatch.setattr(pools, "BLOCK", block)
    pool, whole = of_sizes([5, 1, 7], 3, np.random.default_rng(0))
    mean, deviation = pool.moments
    # Sums of 13 numbers.
    np.testing.assert_allclose(mean, whole.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(deviation, whole.std(axis=0), rtol=1e-14)


def test_a_constant_feature_has_no_deviation_but_for_rounding():
    """A tenth has no exact mean of three."""
    X = np.array([[0.1, 1.0], [0.1, 1.0 + 1e-6], [0.1, 1.0]])
    _, deviation = Pool((X,), np.zeros(3), (0.1, 1.0)).moments
    assert deviation[0] == 0
    # Of numbers near 1, whose rounding is 1e-16 of them: ten digits of 1e-6.
    np.testing.assert_allclose(deviation[1], 1e-6 * np.sqrt(2) / 3, rtol=1e-9)

"""Largest eigenvalues in lanes against LAPACK."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.engines.simd.sharpness import largest_eigenvalues


def triangles(matrices):
    n = matrices.shape[1]
    return np.ascontiguousarray(matrices[:, *np.tril_indices(n)])


def largest(matrices):
    out = np.full(len(matrices), np.nan)
    largest_eigenvalues(triangles(matrices), matrices.shape[1], out)
    return out


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 24),
    count=st.integers(1, 19),
    rank=st.integers(1, 24),
    spread=st.floats(0, 12),
    size=st.floats(-30, 30),
)
def test_the_largest_eigenvalue_is_that_of_lapack(seed, n, count, rank, spread, size):
    """Full and deficient rank, wide and narrow spectra, large and small numbers, whole and broken octets."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((count, n, min(rank, n))) * 10.0 ** -rng.uniform(0, spread, (count, n, 1))
    matrices = 10.0**size * (root @ root.mT)
    # Both are backward stable: a few n units in the last place of the norm.
    np.testing.assert_allclose(largest(matrices), np.linalg.eigvalsh(matrices)[:, -1], rtol=4e-15 * (n + 10))


def test_simple_matrices_are_exact():
    matrices = np.stack(
        [np.zeros((3, 3)), np.eye(3), np.diag([1.0, 5.0, 2.0]), np.ones((3, 3)), np.diag([0.0, 0.0, 7.0])]
    )
    np.testing.assert_allclose(largest(matrices), [0, 1, 5, 3, 7], rtol=1e-15)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), extra=st.integers(1, 5))
def test_rows_of_zeros_at_the_end_change_no_bit(seed, n, extra):
    """So that a network's numbers do not depend on the ranks of those beside it."""
    root = np.random.default_rng(seed).standard_normal((5, n, n))
    matrices = root @ root.mT
    padded = np.zeros((5, n + extra, n + extra))
    padded[:, :n, :n] = matrices
    np.testing.assert_array_equal(largest(padded), largest(matrices))

"""The end of gradient flow against its matrix, its definition and the exact engine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.theory import end_state
from tests.theory.common import anisotropic, trained


@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_largest_end_eigenvalue_is_that_of_the_matrix(n, seed, size):
    rng = np.random.default_rng(seed)
    eigenvalues, y = np.sort(rng.exponential(size=n))[::-1], rng.standard_normal(n)
    b = np.sqrt(np.sum(y**2 / eigenvalues))
    growth = 0.5 * (np.sqrt(size**2 + 4 * b**2) - size)
    matrix = (size + growth) * np.diag(eigenvalues) + growth * np.outer(y, y) / b**2
    found = end_state.largest_eigenvalue(eigenvalues[None], y[None], np.array([size]))[0]
    # Rounding; the naive G above loses up to 1e-16 size²/b² of itself, a share b²/size² of the matrix.
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrix)[-1], rtol=1e-12)


def test_h_is_k_times_the_root_for_an_isotropic_kernel():
    for laziness in (1e-3, 1.0, 30.0):
        run = trained(laziness=laziness, k=0.01, steps=1)
        expected = run.growth_per_step * np.sqrt(1 + run.laziness**2)
        np.testing.assert_allclose(run.stability_fraction, expected, rtol=1e-12)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e3))
def test_the_end_kernel_is_that_of_its_definition(n, seed, size):
    rng = np.random.default_rng(seed)
    eigenvalues, y, width = rng.uniform(0.1, 1.0, n), rng.standard_normal(n), 7.0
    K = np.diag(eigenvalues)
    b_square = y @ np.linalg.pinv(K) @ y
    growth = 0.5 * (np.sqrt(size**2 + 4 * b_square) - size)
    expected = ((size + growth) * K + growth * np.outer(y, y) / b_square) / width
    found = end_state.kernel(eigenvalues, y, np.float64(size), np.float64(width))
    # Rounding; the naive growth loses up to 1e-16 size²/b² of itself, which is a small share of the matrix.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.max(np.abs(expected)))
    # An eigenvalue as found by bisection is that of the kernel.
    largest = end_state.largest_eigenvalue(eigenvalues[None], y[None], np.array([size]))[0]
    np.testing.assert_allclose(np.linalg.eigvalsh(found)[-1], largest / width, rtol=1e-11)


def test_descent_with_small_steps_ends_at_the_end_kernel():
    run = anisotropic(
        network={"laziness": {"log": [0.01, 10], "points": 4}},
        training={"stability_fraction": 0.002, "tau": 60},
        record={"points": 2, "observables": ["ntk_norm", "ntk_end_error"]},
    )
    size = run.sigma_0.values**2 + run.v_0.values**2
    found = end_state.kernel(run.eigenvalues.values, run.targets.values, size, run.width.values.astype(float))
    # First order in the step h = 0.002, with a factor of a few.
    norm = np.linalg.norm(found, axis=(1, 2))
    np.testing.assert_allclose(run.ntk_norm.values[:, -1], norm, rtol=0.01)
    # Of the sharpness (c/n) λ_max(Θ), too, which tells the kernel's direction.
    np.testing.assert_allclose(run.sharpness_end.values, np.linalg.eigvalsh(found)[:, -1] / 8, rtol=0.01)

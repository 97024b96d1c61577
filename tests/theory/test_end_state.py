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


# ---- the end kernel's distance to T ---------------------------------------------------------------------------------


@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e2), st.floats(0, 1))
def test_the_distance_to_the_aligned_kernel_is_that_of_the_two_matrices(n, seed, size, part):
    rng = np.random.default_rng(seed)
    eigenvalues, y, v_0 = rng.uniform(0.1, 1.0, n), rng.standard_normal(n), np.sqrt(part * size)
    K = np.diag(eigenvalues)
    gain = 0.5 * (np.sqrt(size**2 + 4 * y @ np.linalg.inv(K) @ y) - size)
    aligned = (v_0**2 + gain) * (K + K @ np.outer(y, y) @ K / (y @ K @ y))
    end = (size + gain) * K + gain * np.outer(y, y) / (y @ np.linalg.inv(K) @ y)
    found = end_state.distance_to_aligned(eigenvalues, y, np.float64(size), np.float64(v_0))
    expected = np.linalg.norm(end - aligned) / np.linalg.norm(aligned)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_it_is_zero_for_an_isotropic_kernel_and_a_rich_start():
    eigenvalues, y = np.full(5, 3.0), np.arange(1.0, 6.0)
    assert end_state.distance_to_aligned(eigenvalues, y, np.float64(1e-12), np.float64(1e-6)) < 1e-10


def test_descent_on_explicit_weights_ends_as_far_from_the_aligned_kernel():
    """Plain descent on W and v in small steps, to convergence, on inputs of a spread spectrum, up to h = 0.02."""
    rng = np.random.default_rng(3)
    n, d, m, sigma_0, v_0, rate = 4, 30, 4000, 1e-3, 1e-3, 0.02
    X = rng.standard_normal((n, d)) * np.array([3.0, 2.0, 1.0, 0.5])[:, None]
    y = rng.standard_normal(n)
    W, v = sigma_0 * rng.standard_normal((m, d)), v_0 * np.where(np.arange(m) % 2 == 0, 1.0, -1.0)
    K = X @ X.T
    values, vectors = np.linalg.eigh(K)
    largest = end_state.largest_eigenvalue(values[None], (vectors.T @ y)[None], np.array([sigma_0**2 + v_0**2]))[0]
    step = 2 * rate / largest  # of the force v Xᵀ(y − f)
    for _ in range(20_000):
        residual = y - X @ (v @ W) / m
        if np.linalg.norm(residual) < 1e-4 * np.linalg.norm(y):
            break
        pull = X.T @ residual
        W, v = W + step * np.outer(v, pull), v + step * (W @ pull)
    P = X @ W.T
    theta = (v @ v * K + P @ P.T) / m
    aligned = v @ v / m * (K + K @ np.outer(y, y) @ K / (y @ K @ y))
    measured = np.linalg.norm(theta - aligned) / np.linalg.norm(aligned)
    expected = end_state.distance_to_aligned(values, vectors.T @ y, np.float64(sigma_0**2 + v_0**2), np.float64(v_0))
    assert expected > 0.1  # far from T: the two kernels can be told apart
    np.testing.assert_allclose(measured, expected, rtol=rate)

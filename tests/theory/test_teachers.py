"""Network teachers: mean squares, and the correlation with inputs, over sampled Gaussian inputs."""

import numpy as np
import pytest

from lazyrich.theory.teachers import quadratic_mean_square, relu_mean_square

V = np.array([1.0, -0.7, 0.4])
# Neurons that are the same, opposite, orthogonal, absent: all angles at which a formula may lose its way.
NEURONS = {
    "general": np.random.default_rng(3).standard_normal((4, 3)),
    "same": np.outer([1.0, 2, 0, -1], [1, 2, 0.5]),
    "opposite": np.outer([1.0, 2, 0, -1], [1, -2, -1]),
    "orthogonal": np.eye(4)[:, :3] * [1, 2, 3],
    "one is zero": np.eye(4)[:, :3] * [1, 0, 3],
}
SCALE = np.array([2.0, 1, 0.5, 1])  # √Σ


@pytest.mark.parametrize("U", NEURONS.values(), ids=NEURONS)
def test_mean_squares_are_those_of_sampled_inputs(U):
    X = np.random.default_rng(0).standard_normal((400_000, 4)) * SCALE
    projections = X @ U
    gram = (U.T * SCALE**2) @ U
    for y, found in (
        (np.maximum(projections, 0) @ V, relu_mean_square(V, gram)),
        ((projections**2 - np.diag(gram)) @ V, quadratic_mean_square(V, gram)),
    ):
        error = np.std(y**2) / np.sqrt(len(y))
        assert abs(np.mean(y**2) - found) < 4 * error  # four standard errors


def test_one_neuron():
    """Half of a normal's square; the variance of a χ² of one degree."""
    assert relu_mean_square(np.ones(1), np.array([[3.0]])) == pytest.approx(1.5, rel=1e-15)
    assert quadratic_mean_square(np.ones(1), np.array([[3.0]])) == pytest.approx(18, rel=1e-15)

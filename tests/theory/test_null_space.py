"""The unseen part of the start, against gradient descent on explicit weights in plain numpy."""

import numpy as np

from lazyrich.theory import null_space

SEEDS, n, d, m = 400, 3, 30, 20
SIGMA_0, V_0, LOSS_FACTOR = 0.5, 0.3, 2.0


def test_variance_and_test_loss_are_those_of_explicit_weights():
    """One X and y, many starts, trained to the end: the part of Wᵀv/m orthogonal to the rows of X, and the error on new x."""
    rng = np.random.default_rng(0)
    X, beta = rng.standard_normal((n, d)), rng.standard_normal(d) / 3
    y = X @ beta
    W, v = SIGMA_0 * rng.standard_normal((SEEDS, m, d)), V_0 * rng.choice([-1.0, 1.0], (SEEDS, m))
    start = np.mean(v**2)
    for _ in range(300):
        residual = y - np.einsum("sr,srd,nd->sn", v, W, X) / m
        force = LOSS_FACTOR * 0.4 / (m * n) * residual @ X
        W, v = W + v[:, :, None] * force[:, None], v + np.einsum("srd,sd->sr", W, force)
    assert np.max(np.abs(residual)) < 1e-3 and np.mean(v**2) > 1.5 * start  # trained, and ⟨v²⟩ has changed

    P = np.linalg.pinv(X) @ X
    u = np.einsum("sr,srd->sd", v, W) / m
    unseen = u - u @ P
    predicted = null_space.variance(SIGMA_0, np.mean(v**2, axis=1), m)
    # Mean of SEEDS (d − n) squares of standard normals: standard error √(2/count), of which 4 are allowed.
    count = SEEDS * (d - n)
    assert abs(np.sum(unseen**2 / predicted[:, None]) / count - 1) < 4 * np.sqrt(2 / count)

    # Given the weights, the mean over new isotropic x is ½c‖u − β‖²; what is left random in it is the unseen part.
    inside, outside = np.sum(((u - beta) @ P) ** 2, axis=1), np.sum((beta - beta @ P) ** 2)
    expected = null_space.expected_test_loss(inside, outside, predicted, d - n, LOSS_FACTOR)
    difference = 0.5 * LOSS_FACTOR * np.sum((u - beta) ** 2, axis=1) - expected
    assert abs(np.mean(difference)) < 4 * np.std(difference) / np.sqrt(SEEDS)
    assert np.std(difference) / np.sqrt(SEEDS) < 0.02 * np.mean(expected)

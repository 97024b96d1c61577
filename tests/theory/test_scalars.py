"""The scalars against their definitions with explicit matrices."""

import numpy as np

from lazyrich.theory import scalars


def test_scalars_by_their_definitions():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4, 9)), rng.standard_normal(4)
    K = X @ X.T
    eigenvalues, U = np.linalg.eigh(K)
    targets = U.T @ y
    np.testing.assert_allclose(scalars.gamma(eigenvalues, targets), y @ K @ y, rtol=1e-13)
    np.testing.assert_allclose(scalars.gamma_2(eigenvalues, targets), y @ K @ K @ y, rtol=1e-13)
    np.testing.assert_allclose(
        scalars.minimum_norm(eigenvalues, targets), np.linalg.norm(np.linalg.pinv(X) @ y), rtol=1e-12
    )

"""Distances between kernels."""

import numpy as np


def apart(kernel: np.ndarray, other: np.ndarray) -> float:
    """Return how far two kernels differ in structure: the distance of both at norm 1 (Frobenius)."""
    return float(np.linalg.norm(kernel / np.linalg.norm(kernel) - other / np.linalg.norm(other)))


def norm(matrix: np.ndarray) -> float:
    """Return the spectral norm, which the lemmas mean."""
    return float(np.linalg.norm(matrix, 2))

"""The end of gradient flow from a wide start: the growth of the layers, and the kernel Θ∞.

Shapes: leading axes are free ("..."); the last axis runs over the modes of K. As in `scalars`, targets are Πy.
"""

import numpy as np
from jaxtyping import Float

from lazyrich.theory import scalars

Array = np.ndarray | float  # a network at a time or many


def growth(size: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return G = ½(√(D² + 4b²) − D), the increase of ⟨v²⟩ and of tr(WWᵀ)/m in gradient flow from size D to its end."""
    # The conjugate form: no cancellation where D ≫ b, and no overflow.
    return 2 * b**2 / (np.hypot(size, 2 * b) + size)


def kernel(
    eigenvalues: Float[np.ndarray, "... r"],
    targets: Float[np.ndarray, "... r"],
    size: Float[Array, "..."],
    width: Float[Array, "..."],
) -> Float[np.ndarray, "... r r"]:
    """Return Θ∞ = (1/m)[(D + G) K + G y yᵀ/b²] of a wide start of size D, in the eigenbasis of K."""
    b = np.asarray(scalars.minimum_norm(eigenvalues, targets))
    gain = np.asarray(growth(size, b))
    gram = eigenvalues[..., None] * np.eye(eigenvalues.shape[-1])
    direction = targets / b[..., None]
    update = gain[..., None, None] * direction[..., :, None] * direction[..., None, :]
    theta: np.ndarray = ((size + gain)[..., None, None] * gram + update) / np.asarray(width)[..., None, None]
    return theta


def distance_to_aligned(
    eigenvalues: Float[np.ndarray, "... r"],
    targets: Float[np.ndarray, "... r"],
    size: Float[Array, "..."],
    v_0: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return ‖Θ∞ − T‖/‖T‖ (Frobenius) where flow ends: how far the kernel is then from T.

    T = (⟨v²⟩/m)(K + K y yᵀK/γ), ⟨v²⟩ = v₀² + G. 0 where y is an eigenvector of K and v₀² = D, or training is rich.
    """
    one = np.ones(np.shape(eigenvalues)[:-1])
    b = np.asarray(scalars.minimum_norm(eigenvalues, targets))
    image = eigenvalues * targets
    square = (
        image[..., :, None] * image[..., None, :] / np.asarray(scalars.gamma(eigenvalues, targets))[..., None, None]
    )
    v_square = np.asarray(np.square(v_0) + growth(size, b))[..., None, None]
    aligned = v_square * (eigenvalues[..., None] * np.eye(eigenvalues.shape[-1]) + square)
    gap = kernel(eigenvalues, targets, np.asarray(size), one) - aligned
    distance: np.ndarray = np.linalg.norm(gap, axis=(-2, -1)) / np.linalg.norm(aligned, axis=(-2, -1))
    return distance


def largest_eigenvalue(
    eigenvalues: Float[np.ndarray, "networks r"],
    targets: Float[np.ndarray, "networks r"],
    size: Float[np.ndarray, " networks"],
) -> Float[np.ndarray, " networks"]:
    """Return m λ_max(Θ∞) of a wide start of size D.

    A diagonal plus a rank-one matrix: the largest eigenvalue is the largest root of the secular equation, found to
    rounding by bisection between λ_1 and λ_1 + ‖update‖ (no eigen-decomposition for each network).
    """
    b = np.asarray(scalars.minimum_norm(eigenvalues, targets))
    gain = np.asarray(growth(size, b))
    diagonal = (size + gain)[:, None] * eigenvalues
    update = gain[:, None] * (targets / b[:, None]) ** 2
    low = np.max(diagonal, axis=-1)
    high: np.ndarray = low + scalars.over_modes(update)
    # 1 − Σ u_j/(x − d_j) rises from −∞ to its zero in (low, high]; 60 halvings reach rounding.
    for _ in range(60):
        middle = 0.5 * (low + high)
        gap = middle[:, None] - diagonal
        with np.errstate(divide="ignore", invalid="ignore"):
            total = scalars.over_modes(np.where(update > 0, update / gap, 0.0))
        below = total > 1
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high

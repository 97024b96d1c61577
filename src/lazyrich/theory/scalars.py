"""The scalars of the theory, from the spectrum of the Gram matrix K = XXᵀ and the targets in its eigenbasis.

Shapes: leading axes are free ("..."); the last axis runs over the modes of K. All quantities refer to the projection Πy of
the targets on the row space of X, except κ, which is defined with the whole ‖y‖² (§1 of docs/theory.md).
"""

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many


def over_modes(terms: Float[np.ndarray, "... r"]) -> Float[Array, "..."]:
    """Return the sum over modes, one after the other: bit for bit the same for any number of empty modes at the end."""
    total = np.zeros(np.shape(terms)[:-1])
    for mode in range(np.shape(terms)[-1]):
        total = total + terms[..., mode]
    return total


def gamma(eigenvalues: Float[np.ndarray, "... r"], targets: Float[np.ndarray, "... r"]) -> Float[Array, "..."]:
    """Return γ = yᵀ K y."""
    return over_modes(eigenvalues * targets**2)


def gamma_2(eigenvalues: Float[np.ndarray, "... r"], targets: Float[np.ndarray, "... r"]) -> Float[Array, "..."]:
    """Return γ₂ = yᵀ K² y (the paper's φ)."""
    return over_modes(eigenvalues**2 * targets**2)


def minimum_norm(eigenvalues: Float[np.ndarray, "... r"], targets: Float[np.ndarray, "... r"]) -> Float[Array, "..."]:
    """Return b = √(yᵀ K⁺ y), the norm of the minimum-norm solution; modes of eigenvalue 0 do not count."""
    ratio = np.divide(targets**2, eigenvalues, out=np.zeros(np.shape(targets)), where=eigenvalues > 0)
    return np.sqrt(over_modes(ratio))


def growth_per_step(
    learning_rate: Float[Array, "..."],
    gamma: Float[Array, "..."],
    width: Float[Array, "..."],
    samples: Float[Array, "..."] | int,
    loss_factor: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return k = cη√γ/(mn), the growth per step of the aligned mode: the dimensionless learning rate."""
    return loss_factor * learning_rate * np.sqrt(gamma) / (width * samples)

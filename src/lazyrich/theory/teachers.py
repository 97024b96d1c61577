"""Mean squares of network teachers y = Σ_a v_a φ(u_a·x) over Gaussian inputs, from v and G = UᵀΣU."""

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def relu_mean_square(v: Float[Array, " units"], gram: Float[Array, "units units"]) -> float:
    """Return E y² of y = Σ_a v_a max(0, u_a·x): Σ_ab v_a v_b |u_a||u_b| (sin θ + (π − θ) cos θ)/2π, θ the angle of a and b."""
    norms = np.sqrt(np.diag(gram))
    sizes = np.outer(norms, norms)
    cosine = np.clip(gram / np.where(sizes > 0, sizes, 1.0), -1.0, 1.0)
    np.fill_diagonal(cosine, 1.0)
    theta = np.arccos(cosine)
    return float(v @ (sizes * (np.sqrt(1 - cosine**2) + (np.pi - theta) * cosine)) @ v / (2 * np.pi))


def quadratic_mean_square(v: Float[Array, " units"], gram: Float[Array, "units units"]) -> float:
    """Return E y² of y = Σ_a v_a [(u_a·x)² − E(u_a·x)²]: 2 Σ_ab v_a v_b G_ab²."""
    return float(2 * v @ gram**2 @ v)

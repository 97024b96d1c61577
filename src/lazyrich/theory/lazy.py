"""The lazy reference: the network linearised at its start."""

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def residual(
    t: Float[Array, " records"],
    kernel: Float[Array, "... r r"],
    start: Float[Array, "... r"],
    rate: Float[Array | float, "..."],
) -> Float[Array, "... records r"]:
    """Return y − f(t) = (I − rate Θ(0))ᵗ (y − f(0)) after t whole steps, any kernel Θ(0); `start` = y − f(0), `rate` = cη/n."""
    values, vectors = np.linalg.eigh(kernel)
    parts = np.einsum("...ij,...i->...j", vectors, start)
    with np.errstate(over="ignore", invalid="ignore"):
        factors = (1 - np.asarray(rate)[..., None, None] * values[..., None, :]) ** t[:, None]
        residuals: Array = np.einsum("...ij,...tj->...ti", vectors, factors * parts[..., None, :])
    return residuals


def overlap(
    t: Float[Array, "networks records"],
    eigenvalues: Float[Array, "networks r"],
    targets: Float[Array, "networks r"],
    size: Float[Array, " networks"],
    rate: Float[Array, " networks"],
) -> Float[Array, "networks records"]:
    """Return ⟨y, f⟩ after t whole steps of the linearised network from a wide start (Θ(0) = (D/m) K, f(0) = 0), any K.

    Arguments as in `wide.overlap`, so `rate` = cη/(mn). At finite width the engines measure the distance to the network
    linearised at its own start (`lazy_error`).
    """
    total = np.zeros(t.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for mode in range(eigenvalues.shape[1]):
            factor = 1 - rate * size * eigenvalues[:, mode]
            total = total + targets[:, mode, None] ** 2 * (1 - factor[:, None] ** t)
    return total

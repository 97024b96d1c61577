"""The lazy reference: the network linearised at its start."""

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many


def overlap(
    t: Float[Array, "..."], laziness: Float[Array, "..."], k: Float[Array, "..."], start: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Target overlap after t steps of y − f(t) = (I − (cη/n)Θ(0))ᵗ(y − f(0)), for K = κI and a wide start.

    There Θ(0) = (Dκ/m) I, and (cη/n) Dκ/m = 2kχ. With sampled K and finite width the engines measure the distance to
    the linearised network itself (`lazy_error`).
    """
    with np.errstate(over="ignore"):
        return 1 - (1 - start) * (1 - 2 * k * laziness) ** t


def residual(
    t: Float[Array, " records"],
    kernel: Float[Array, "... r r"],
    start: Float[Array, "... r"],
    rate: Float[Array, "..."],
) -> Float[Array, "... records r"]:
    """y − f(t) = (I − rate Θ(0))ᵗ (y − f(0)) after t whole steps, for any kernel Θ(0); `start` = y − f(0), `rate` = cη/n."""
    values, vectors = np.linalg.eigh(kernel)
    parts = np.einsum("...ij,...i->...j", vectors, start)
    with np.errstate(over="ignore", invalid="ignore"):
        factors = (1 - np.asarray(rate)[..., None, None] * values[..., None, :]) ** t[:, None]
        return np.einsum("...ij,...tj->...ti", vectors, factors * parts[..., None, :])


def overlap_wide(
    t: Float[Array, "networks records"],
    eigenvalues: Float[Array, "networks r"],
    targets: Float[Array, "networks r"],
    size: Float[Array, " networks"],
    rate: Float[Array, " networks"],
) -> Float[Array, "networks records"]:
    """⟨y, f⟩ after t whole steps of the linearised network from a wide start, any K: there Θ(0) = (D/m) K and f(0) = 0.

    Arguments as in `wide.overlap`, so `rate` = cη/(mn).
    """
    total = np.zeros(t.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for mode in range(eigenvalues.shape[1]):
            factor = 1 - rate * size * eigenvalues[:, mode]
            total = total + targets[:, mode, None] ** 2 * (1 - factor[:, None] ** t)
    return total

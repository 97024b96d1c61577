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

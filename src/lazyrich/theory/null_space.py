"""The part of Wᵀv/m that training never changes: orthogonal to the rows of X, but seen by test inputs.

In these directions w_r keeps its start, N(0, σ0² P⊥), and v_r is independent of it. Given v, that part is
N(0, (σ0² ⟨v²⟩/m) P⊥), at every step and width. So test errors need no run in d dimensions.
"""

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many


def variance(
    sigma_0: Float[Array, "..."], v_square: Float[Array, "..."], width: Float[Array, "..."] | int
) -> Float[Array, "..."]:
    """Return σ0²⟨v²⟩/m, the variance in each direction orthogonal to the rows of X; `v_square` is ⟨v²⟩ of the step."""
    return sigma_0**2 * v_square / width


def expected_test_loss(
    inside: Float[Array, "..."],
    outside: Float[Array, "..."],
    variance: Float[Array, "..."],
    directions: Float[Array, "..."] | int,
    loss_factor: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return (c/2) E⟨x, Wᵀv/m − β⟩² for new isotropic x without label noise; the mean is over x and the start outside X's rows.

    Parameters
    ----------
    inside
        ‖P(Wᵀv/m − β)‖², P the projection on the row space of X.
    outside
        ‖(I − P)β‖², which no training can learn.
    directions
        d − r, the dimension outside.
    """
    return 0.5 * loss_factor * (inside + outside + directions * variance)

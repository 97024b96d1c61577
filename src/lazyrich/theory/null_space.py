"""What training never sees: the part of Wᵀv/m orthogonal to the rows of X, which test inputs reach.

There the w_r keep their start, N(0, σ0² P⊥), and the v_r are independent of it: given them, that part is
N(0, (σ0² ⟨v²⟩/m) P⊥), at every step and width. Test errors need no run in d dimensions.
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
    """Return (c/2) E⟨x, Wᵀv/m − β⟩² for new isotropic x without label noise, over x and the unseen part of the start.

    Parameters
    ----------
    inside
        ‖P(Wᵀv/m − β)‖², P the projection on the row space of X.
    outside
        ‖(I − P)β‖², what no training learns.
    directions
        d − r, the dimension outside.
    """
    return 0.5 * loss_factor * (inside + outside + directions * variance)

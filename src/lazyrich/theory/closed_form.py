"""K = κI, gradient flow, output along y: one formula from the deep rich to the lazy regime, for any width."""

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many


def overlap(
    t: Float[Array, "..."],
    a: Float[Array, "..."],
    v_square: Float[Array, "..."],
    u: Float[Array, "..."],
    k: Float[Array, "..."],
    kappa: Float[Array, "..."],
    y_norm: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return the target overlap ŷ·f/‖y‖ after t steps of a small learning rate (docs/theory.md, Closed form).

    Parameters
    ----------
    t
        steps; ηt in the formula, through k = cη√κ‖y‖/(mn).
    a, v_square, u
        ⟨p̃²⟩ with p̃ = ŷ·p/√κ, ⟨v²⟩ and ⟨p̃ v⟩ of the start.
    kappa, y_norm
        κ and ‖y‖.
    """
    size = a + v_square
    # Δ² = S² − 4u²; where all neurons are aligned it vanishes and the logistic limit is approached.
    delta = np.sqrt(np.maximum(size**2 - 4 * u**2, (1e-12 * size) ** 2))
    scale = np.sqrt(kappa) * delta / 2
    r = np.sqrt(y_norm**2 + scale**2)
    above = (y_norm + r) / scale
    below = -scale / (y_norm + r)  # (‖y‖ − R)/𝒜 without its cancellation
    start = (size + 2 * u) / delta
    rate = 2 * k * r / y_norm
    with np.errstate(over="ignore"):
        decay = np.exp(-rate * t)
    E = (above * (start - below) - below * (start - above) * decay) / ((start - below) - (start - above) * decay)
    return scale / 2 * (E - 1 / E) / y_norm

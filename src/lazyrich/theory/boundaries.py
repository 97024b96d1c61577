"""Where regimes meet: order parameters and thresholds of the phase diagrams (docs/theory.md, Phase boundaries)."""

import numpy as np
from jaxtyping import Float

from lazyrich.theory.scalars import end_growth

Array = np.ndarray | float  # a network at a time or many


def kernel_change(
    size: Float[Array, "..."],
    b: Float[Array, "..."],
    gamma: Float[Array, "..."],
    gram_norm: Float[Array, "..."],
    y_square: Float[Array, "..."],
) -> Float[Array, "..."]:
    """‖Θ∞ − Θ₀‖/‖Θ₀‖ = (G/D)‖K + yyᵀ/b²‖/‖K‖ of gradient flow from a wide start, any K; `y_square` is ‖Πy‖²."""
    update = np.sqrt(gram_norm**2 + 2 * gamma / b**2 + y_square**2 / b**4)
    return end_growth(size, b) / size * update / gram_norm


def kernel_change_isotropic(laziness: Float[Array, "..."], samples: Float[Array, "..."] | int) -> Float[Array, "..."]:
    """The same for K = κI: ½√((n + 3)/n)(√(1 + χ⁻²) − 1)."""
    return 0.5 * np.sqrt((samples + 3) / samples) * (np.sqrt(1 + laziness**-2.0) - 1)


def critical_laziness(change: Float[Array, "..."], samples: Float[Array, "..."] | int) -> Float[Array, "..."]:
    """χ at which the kernel change of K = κI equals `change`, the inverse of `kernel_change_isotropic`."""
    return ((1 + 2 * change / np.sqrt((samples + 3) / samples)) ** 2 - 1) ** -0.5

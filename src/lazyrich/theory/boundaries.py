"""Where regimes meet: order parameters and thresholds of the phase diagrams (docs/theory.md, Phase boundaries)."""

import numpy as np
from jaxtyping import Bool, Float, Int

from lazyrich.theory import end_state

Array = np.ndarray | float  # a network at a time or many

# Of k, on the balanced line ρ = √γ v with K = κI, where x = ρ/ρ∞ ← x + kx(1 − x²). Below each value the loss falls
# monotonically from any start, it does so from a small (rich) start, descent converges, its period is 2 and not yet 4, and it
# stays bounded. The second solves 8(1 + k)³ + 27√(k² + 4k − 4) = 27(k + 2): there the map's maximum, the furthest that a small
# start comes, is where losses begin to rise.
MONOTONE = 2 * np.sqrt(2) - 2
MONOTONE_FROM_SMALL = 0.9357557326432508
STABLE = 1.0
PERIOD_FOUR = np.sqrt(5) - 1
BOUNDED = 2.0
# Of cηλ_max(Θ₀)/n, from a lazy start: monotone loss below the first, catapult below the second, divergence above.
MONOTONE_CLOCK = 2.0
CATAPULT_CLOCK = 4.0


def kernel_change(
    size: Float[Array, "..."],
    b: Float[Array, "..."],
    gamma: Float[Array, "..."],
    gram_norm: Float[Array, "..."],
    y_square: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return ‖Θ∞ − Θ₀‖/‖Θ₀‖ = (G/D)‖K + yyᵀ/b²‖/‖K‖ of gradient flow from a wide start, any K; `y_square` is ‖Πy‖²."""
    update = np.sqrt(gram_norm**2 + 2 * gamma / b**2 + y_square**2 / b**4)
    change: Array = end_state.growth(size, b) / size * update / gram_norm
    return change


def kernel_change_isotropic(laziness: Float[Array, "..."], samples: Float[Array, "..."] | int) -> Float[Array, "..."]:
    """Return the kernel change for K = κI: ½√((n + 3)/n)(√(1 + χ⁻²) − 1)."""
    change: Array = 0.5 * np.sqrt((samples + 3) / samples) * (np.sqrt(1 + laziness**-2.0) - 1)
    return change


def critical_laziness(change: Float[Array, "..."], samples: Float[Array, "..."] | int) -> Float[Array, "..."]:
    """Return χ at which the kernel change of K = κI equals `change`, the inverse of `kernel_change_isotropic`."""
    return ((1 + 2 * change / np.sqrt((samples + 3) / samples)) ** 2 - 1) ** -0.5


def kernel_change_floor(
    samples: Float[Array, "..."] | int,
    sigma_0: Float[Array, "..."],
    v_0: Float[Array, "..."],
    width: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return n σ0²v0²/(m D²) √((n + 3)/n), K = κI: mean kernel change of unlearning a random output, the floor for χ ≫ √m."""
    size = sigma_0**2 + v_0**2
    return samples * (sigma_0 * v_0 / size) ** 2 / width * np.sqrt((samples + 3) / samples)


def sharpness_floor(gamma: Float[Array, "..."], width: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return 2√γ/m, the lower bound of λ_max(Θ) over all interpolating solutions; hence k ≤ 1 for stable convergence."""
    return 2 * np.sqrt(gamma) / width


def kernel_lazy(p: Float[Array, "..."], s: Float[Array, "..."]) -> Bool[np.ndarray, "..."]:
    """Return whether the kernel change vanishes as m → ∞ with v0 = m^−p and σ0 = m^−s."""
    return np.asarray(np.minimum(p, s) < 0)


def weight_change_exponent_region(p: Float[Array, "..."], s: Float[Array, "..."]) -> Int[np.ndarray, "..."]:
    """Return what the relative change of the first layer does as m → ∞ with v0 = m^−p and σ0 = m^−s.

    −1 where it vanishes, 0 where it is of order one, 1 where it diverges (Luo et al., JMLR 2021, in this parametrisation).
    """
    g, g_difference = 1 + np.asarray(p) + s, np.asarray(p) - s
    vanishes = (g < 1) | (g_difference > g - 1)
    diverges = (g > 1) & (g_difference < g - 1)
    return np.asarray(diverges.astype(int) - vanishes.astype(int))


def expected_b_square(
    samples: Float[Array, "..."] | int,
    dimension: Float[Array, "..."] | int,
    teacher_norm: Float[Array, "..."],
    noise_std: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return E b² over isotropic Gaussian inputs and label noise: its peak at n ≈ d makes training richer.

    ‖β‖² n/d + σ_y² n/(d − n − 1) for n < d − 1, ‖β‖² + σ_y² d/(n − d − 1) for n > d + 1; NaN between.
    """
    n, d = np.asarray(samples, dtype=float), np.asarray(dimension, dtype=float)
    smaller, larger = np.minimum(n, d), np.maximum(n, d)
    excess = np.where(larger - smaller > 1, larger - smaller - 1, np.nan)
    b_square: Array = teacher_norm**2 * smaller / d + noise_std**2 * smaller / excess
    return b_square

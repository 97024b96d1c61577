"""Stage one, in its exact discrete form: while f ≪ y the aligned part of every neuron grows by a linear recursion.

With ρ̂_r = ⟨w_r, Xᵀy⟩ (so ρ̂_r(0) = b_r), (ρ̂_r ± √γ v_r)(t) = (1 ± k)^t (b_r ± √γ v_r(0)) (Eq. 9 with its missing factor
η/(mn), docs/theory.md). The functions here give moments over neurons, which need only those of the start. Shapes broadcast;
`t` counts steps.
"""

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many


def growing_mode(
    b_rms: Float[Array, "..."], v_rms: Float[Array, "..."], b_v: Float[Array, "..."], gamma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """⟨(b_r/√γ + v_r(0))²⟩, the start of the mode that grows, in units of v².

    `b_v` is ⟨b_r v_r(0)⟩ = ⟨y, f(0)⟩.
    """
    return b_rms**2 / gamma + v_rms**2 + 2 * b_v / np.sqrt(gamma)


def decaying_mode(
    b_rms: Float[Array, "..."], v_rms: Float[Array, "..."], b_v: Float[Array, "..."], gamma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """⟨(b_r/√γ − v_r(0))²⟩, the start of the mode that decays, in units of v²."""
    return b_rms**2 / gamma + v_rms**2 - 2 * b_v / np.sqrt(gamma)


def overlap(
    t: Float[Array, "..."],
    growing: Float[Array, "..."],
    decaying: Float[Array, "..."],
    k: Float[Array, "..."],
    gamma: Float[Array, "..."],
    y_norm: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Target overlap ⟨y, f⟩/‖y‖² = √γ⟨(ρ̂/√γ) v⟩/‖y‖² after t steps."""
    with np.errstate(over="ignore", invalid="ignore"):
        product = (growing * (1 + k) ** (2 * t) - decaying * np.abs(1 - k) ** (2 * t)) / 4
    return np.sqrt(gamma) * product / y_norm**2


def aligned_v(t: Float[Array, "..."], growing: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
    """rms v_r of the growing mode alone, ½√growing (1 + k)^t; there ρ = √γ v."""
    with np.errstate(over="ignore"):
        return 0.5 * np.sqrt(growing) * (1 + k) ** t


def onset_time(share: float, laziness: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
    """t₁(δ) = ln(δ/χ)/(2 ln(1 + k)), steps until the loss has fallen by the share δ (K ≈ κI, χ ≪ δ); at least 0."""
    return np.maximum(np.log(share / laziness) / (2 * np.log1p(k)), 0.0)

"""Stage one, in its exact discrete form: while f ≪ y the aligned part of every neuron grows by a linear recursion.

With ρ̂_r = ⟨w_r, Xᵀy⟩ (so ρ̂_r(0) = b_r), (ρ̂_r ± √γ v_r)(t) = (1 ± k)^t (b_r ± √γ v_r(0)) (Eq. 9 with its missing factor
η/(mn), docs/theory.md). `neuron` follows one neuron; the other functions give moments over neurons, which need only those
of the start. Shapes broadcast; `t` counts steps.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import erf

Array = np.ndarray | float  # a network at a time or many


def cosh_sinh(t: Array, k: Array) -> tuple[Array, Array]:
    """Return ½((1 + k)ᵗ ± (1 − k)ᵗ), the discrete cosh kt and sinh kt."""
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = (1.0 + k) ** t, (1.0 - k) ** t
        return 0.5 * (up + down), 0.5 * (up - down)


def neuron(
    t: Float[Array, "..."],
    b: Float[Array, "..."],
    v: Float[Array, "..."],
    k: Float[Array, "..."],
    gamma: Float[Array, "..."],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return (ρ_r, v_r) after t whole steps of the neuron that starts with b_r = b and v_r = v."""
    cosh, sinh = cosh_sinh(t, k)
    root = np.sqrt(gamma)
    return b * (cosh - 1) + root * v * sinh, v * cosh + b / root * sinh


def growing_mode(
    b_rms: Float[Array, "..."], v_rms: Float[Array, "..."], b_v: Float[Array, "..."], gamma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return ⟨(b_r/√γ + v_r(0))²⟩, the start of the mode that grows, in units of v².

    `b_v` is ⟨b_r v_r(0)⟩ = ⟨y, f(0)⟩.
    """
    return b_rms**2 / gamma + v_rms**2 + 2 * b_v / np.sqrt(gamma)


def decaying_mode(
    b_rms: Float[Array, "..."], v_rms: Float[Array, "..."], b_v: Float[Array, "..."], gamma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return ⟨(b_r/√γ − v_r(0))²⟩, the start of the mode that decays, in units of v²."""
    return b_rms**2 / gamma + v_rms**2 - 2 * b_v / np.sqrt(gamma)


def magnitudes(
    t: Float[Array, "..."],
    b_rms: Float[Array, "..."],
    v_rms: Float[Array, "..."],
    b_v: Float[Array, "..."],
    k: Float[Array, "..."],
    gamma: Float[Array, "..."],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return (rms ρ̂_r, rms v_r) after t steps, of both modes; arguments as in `growing_mode`."""
    growing, decaying = growing_mode(b_rms, v_rms, b_v, gamma), decaying_mode(b_rms, v_rms, b_v, gamma)
    cross = 2 * (b_rms**2 / gamma - v_rms**2)
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = (1.0 + k) ** t, (1.0 - k) ** t
        squares, mixed = growing * up**2 + decaying * down**2, cross * up * down
        # Rounding may take a tiny size below 0.
        rho, v = np.maximum(squares + mixed, 0.0), np.maximum(squares - mixed, 0.0)
    return 0.5 * np.sqrt(gamma * rho), 0.5 * np.sqrt(v)


def mean_sizes(
    t: Float[Array, "..."],
    b_rms: Float[Array, "..."],
    v_0: Float[Array, "..."],
    k: Float[Array, "..."],
    gamma: Float[Array, "..."],
    gaussian: Bool[Array, "..."] | bool = False,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return (⟨|ρ_r|⟩, ⟨|v_r|⟩) after t steps, over infinitely many neurons of Gaussian b_r and v_r(0) = ±v_0.

    Where `gaussian`, v_r(0) ~ N(0, v_0²).
    """
    cosh, sinh = cosh_sinh(t, k)
    root = np.sqrt(gamma)
    with np.errstate(divide="ignore", invalid="ignore"):  # γ = 0: k is NaN, and so is the result
        rho, v = (root * v_0 * sinh, b_rms * (cosh - 1)), (v_0 * cosh, b_rms / root * sinh)
    if np.any(gaussian):
        # The sum of two independent normal numbers is one.
        rho, v = (
            (np.where(gaussian, 0.0, of_v), np.where(gaussian, np.hypot(of_v, of_b), of_b)) for of_v, of_b in (rho, v)
        )
    return _folded(*rho), _folded(*v)


def _folded(mean: Float[Array, "..."], deviation: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ⟨|x|⟩ of x normal."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = mean / (np.sqrt(2) * deviation)
        return np.where(
            deviation == 0,
            np.abs(mean),
            np.sqrt(2 / np.pi) * deviation * np.exp(-(ratio**2)) + mean * erf(ratio),
        )


def overlap(
    t: Float[Array, "..."],
    growing: Float[Array, "..."],
    decaying: Float[Array, "..."],
    k: Float[Array, "..."],
    gamma: Float[Array, "..."],
    y_norm: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return the target overlap ⟨y, f⟩/‖y‖² = √γ⟨(ρ̂/√γ) v⟩/‖y‖² after t steps."""
    with np.errstate(over="ignore", invalid="ignore"):
        product = (growing * (1 + k) ** (2 * t) - decaying * np.abs(1 - k) ** (2 * t)) / 4
    return np.sqrt(gamma) * product / y_norm**2


def aligned_v(t: Float[Array, "..."], growing: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return rms v_r of the growing mode alone, ½√growing (1 + k)^t; in that mode ρ = √γ v."""
    with np.errstate(over="ignore"):
        return 0.5 * np.sqrt(growing) * (1 + k) ** t


def onset_time(share: float, laziness: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return t₁(δ) = ln(δ/χ)/(2 ln(1 + k)), steps until the loss has fallen by the share δ (K ≈ κI, χ ≪ δ); at least 0."""
    steps: Array = np.maximum(np.log(share / laziness) / (2 * np.log1p(k)), 0.0)
    return steps

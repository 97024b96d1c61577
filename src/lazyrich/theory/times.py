"""The paper's time scales (Theorem 4.1, Lemmas 5.2 and 5.3), up to an unnamed constant factor, and this project's without one.

All are in steps. trace = tr Σ, signal = ‖β̃‖ = √(βᵀΣβ), accuracy = ε. Learning rates enter as cη (the paper's equations have
c = 1). `growth` = k, the growth per step; `share` = δ = ‖y − f‖/‖y‖, the residual that is left. "Without a constant" is for
K ≈ κI; `anisotropy_delay` and `step_gain` are what that leaves out.
"""

import numpy as np
from jaxtyping import Float
from scipy.optimize import elementwise

Array = np.ndarray | float  # a network at a time or many


def alignment_time(v_0: Float[Array, "..."], growth: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return t₁ = log(1/v0)/k, when ρ_r reaches the order of 1; `growth` = k, the growth per step."""
    with np.errstate(divide="ignore"):
        return -np.log(v_0) / growth


def _inverse_growth(
    width: Array, samples: Array | int, learning_rate: Array, loss_factor: Array, trace: Array, signal: Array
) -> Array:
    """Return m√n/(cη√trΣ ‖β̃‖), which is 1/k where γ = trΣ n‖β̃‖²."""
    inverse: Array = width * np.sqrt(samples) / (loss_factor * learning_rate * np.sqrt(trace) * signal)
    return inverse


def alignment_time_of_scales(
    v_0: Float[Array, "..."],
    width: Float[Array, "..."],
    samples: Float[Array, "..."] | int,
    learning_rate: Float[Array, "..."],
    loss_factor: Float[Array, "..."],
    trace: Float[Array, "..."],
    signal: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return t₁ = m√n log(1/v0)/(cη√trΣ ‖β̃‖) in Theorem 4.1's own quantities."""
    with np.errstate(divide="ignore"):
        steps: Array = -np.log(v_0) * _inverse_growth(width, samples, learning_rate, loss_factor, trace, signal)
    return steps


def fitting_time(
    accuracy: Float[Array, "..."],
    width: Float[Array, "..."],
    samples: Float[Array, "..."] | int,
    learning_rate: Float[Array, "..."],
    loss_factor: Float[Array, "..."],
    trace: Float[Array, "..."],
    signal: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return t₂ − t₁ = m√n/(cη‖β̃‖√trΣ) log(n‖β̃‖ trΣ/ε), from alignment until the loss is at most 4ε (Lemma 5.3)."""
    share = samples * signal * trace / accuracy
    steps: Array = np.log(share) * _inverse_growth(width, samples, learning_rate, loss_factor, trace, signal)
    return steps


def alignment_value(
    samples: Float[Array, "..."] | int, trace: Float[Array, "..."], signal: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return 1/√(n‖β̃‖² trΣ), the order of v_r(t₁) (Lemma 5.2): there ρ_r = √γ v_r is of the order of 1."""
    return 1 / (np.sqrt(samples * trace) * signal)


def unit_alignment_time(
    v_0: Float[Array, "..."], growth: Float[Array, "..."], gamma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return log(2/(√γ v0))/log(1 + k), when rms ρ_r = 1: t₁ of Lemma 5.2 with its constants, where σ0 ≪ v0 ≪ 1/√γ.

    Stage one's √γ v0 ½(1 + k)ᵗ = 1, without the mode that decays, which makes it later by about γv0²/(4k).
    """
    with np.errstate(divide="ignore"):
        steps: Array = np.log(2 / (np.sqrt(gamma) * v_0)) / np.log1p(growth)
    return steps


def residual_share(
    accuracy: Float[Array, "..."],
    samples: Float[Array, "..."] | int,
    loss_factor: Float[Array, "..."],
    y_norm: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return δ = √(8nε/c)/‖y‖, the share of ‖y‖ that ‖y − f‖ may be where L ≤ 4ε."""
    share: Array = np.sqrt(8 * samples * accuracy / loss_factor) / y_norm
    return share


def isotropic_fitting_time(
    share: Float[Array, "..."], growth: Float[Array, "..."], gamma: Float[Array, "..."], y_norm: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return ln(√γ‖y‖²/δ)/(2 ln(1 + k)), from rms ρ_r = 1 until ‖y − f‖ = δ‖y‖: t₂ − t₁ without an unnamed constant.

    The proxy ρ̃² grows by (1 + k)² a step, from 1 to ρ∞²/δ with ρ∞² = √γ‖y‖² (K = κI).
    """
    steps: Array = np.log(np.sqrt(gamma) * y_norm**2 / share) / (2 * np.log1p(growth))
    return steps


def anisotropic_fitting_time(
    share: Float[np.ndarray, " networks"],
    growth: Float[np.ndarray, " networks"],
    gamma: Float[np.ndarray, " networks"],
    eigenvalues: Float[np.ndarray, "networks n"],
    targets: Float[np.ndarray, "networks n"],
) -> Float[np.ndarray, " networks"]:
    """Return ln(√γ‖y‖²)/(2 ln(1 + k)) + s, from rms ρ_r = 1 until ‖y − f‖ = δ‖y‖, for small σ0, v0 and K near κI, k < ½.

    s solves ‖(I − (kb/√γ)(K + yyᵀ/b²))^s r‖ = δ‖y‖, steps at the end kernel K + yyᵀ/b². Along its leading eigenvector, which is
    nearly Ky, the residual falls by 2k a step; across it, by k. r is y with its part across multiplied by π/2: to first order
    in K − κI, flow from a small start that has fitted a share x along has fitted x − √(x(1 − x)) arcsin √x across.

    `eigenvalues` are those of K, `targets` the components of y in its eigenvectors; both 0 where a network has fewer. NaN where
    a step is too large for the residual to fall without oscillating.
    """
    y_square = np.sum(targets**2, axis=-1)
    b_square = np.sum(targets**2 / np.where(eigenvalues > 0, eigenvalues, np.inf), axis=-1)
    kernel = np.eye(targets.shape[-1]) * eigenvalues[:, None, :]
    kernel = kernel + targets[:, :, None] * targets[:, None, :] / b_square[:, None, None]
    values, vectors = np.linalg.eigh(kernel)
    left = np.einsum("rij,ri->rj", vectors, targets) ** 2 / y_square[:, None]
    left[:, :-1] *= (np.pi / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = -np.log1p(-(growth * np.sqrt(b_square / gamma))[:, None] * values)

    def excess(steps: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the logarithm of ‖y − f‖²/(δ²‖y‖²) of some of the networks."""
        return np.asarray(np.log(np.sum(left[at] * np.exp(-2 * steps[:, None] * rates[at]), axis=-1) / share[at] ** 2))

    # By then all that is there has fallen at least as far as its slowest part.
    late = np.log(np.pi / 2 / share) / np.min(np.where(values > 0, rates, np.inf), axis=-1)
    found = elementwise.find_root(excess, (np.zeros_like(late), late), args=(np.arange(len(late)),)).x
    steps: np.ndarray = np.log(np.sqrt(gamma) * y_square) / (2 * np.log1p(growth)) + found
    return steps


def end_time(
    share: Float[Array, "..."], growth: Float[Array, "..."], laziness: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return t₂ = ln(2/(χδ))/(2 ln(1 + k)), from the start until ‖y − f‖ = δ‖y‖, where χ ≪ 1.

    The sum of `unit_alignment_time` and `isotropic_fitting_time` at χ = √γ v0²/(2‖y‖²): t₁, which depends on the units of ρ_r,
    cancels. Of rms ρ_r it holds for any σ0/v0, as the growing mode's start is D = σ0² + v0².
    """
    steps: Array = np.log(2 / (laziness * share)) / (2 * np.log1p(growth))
    return steps


def anisotropy_delay(
    share: Float[Array, "..."], growth: Float[Array, "..."], anisotropy: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return by how much later at most ‖y − f‖ = δ‖y‖ comes where K is not isotropic; `anisotropy` a = ‖K − tr Σ I‖₂/tr Σ < 1.

    Stage two leaves up to a share a of the residual across y, which falls by k a step where the part along y falls by 2k, and
    either in its slowest direction by (1 − a)/(1 + a) of that: δ² = s⁴ + a²s² with s = e^(−k(1 − a)/(1 + a)t).
    """
    square = anisotropy**2
    # The positive root, without the difference of near numbers.
    s_square = 2 * share**2 / (square + np.sqrt(square**2 + 4 * share**2))
    slowest = (1 - anisotropy) / (1 + anisotropy)
    steps: Array = (np.log(1 / s_square) / slowest - np.log(1 / share)) / (2 * growth)
    return steps


def step_gain(share: Float[Array, "..."], growth: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return how much earlier descent of k < ½ is done: its residual at the end falls by 1 − 2k a step, not by (1 + k)⁻²."""
    steps: Array = np.log(1 / share) * (0.5 / np.log1p(growth) + 1 / np.log1p(-2 * growth))
    return steps


def loss_at_alignment(size: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return L(t₁)/L(0) = (1 − 1/size)², size = √γ‖y‖²: when rms ρ_r = 1, ⟨y, f⟩/‖y‖² = ⟨ρ_r v_r⟩/‖y‖² = 1/size (K ≈ κI)."""
    return (1 - 1 / np.asarray(size)) ** 2

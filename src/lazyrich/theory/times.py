"""The paper's time scales (Theorem 4.1, Lemmas 5.2 and 5.3), each up to an unnamed constant factor; in steps.

trace = tr Σ, signal = ‖β̃‖ = √(βᵀΣβ), accuracy = ε. Learning rates enter as cη (the paper's equations have c = 1).
"""

import numpy as np
from jaxtyping import Float

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

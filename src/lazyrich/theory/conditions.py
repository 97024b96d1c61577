"""Assumption 4.1, condition by condition: the factor by which a network satisfies it.

The margin of a condition is allowed/actual for an upper bound and actual/required for a lower bound, so that the condition
holds where its margin is at least 1.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Array = np.ndarray | float  # a network at a time or many

NAMES = ("width", "sigma_0", "v_0", "learning_rate", "noise", "trace", "trace_repaired", "signal")
# Condition (6) on tr Σ is printed with √ε‖β̃‖, which a small ε makes void; the last display of its proof needs ‖β̃‖/√ε.
TRACE_FORMS = {"printed": "trace", "repaired": "trace_repaired"}
# Largest √γ v₀ at which a neuron that starts with ρ̂_r = 0 has |ρ_r − √γ v_r| ≤ ½ρ_r at ρ_r = 1 (`imbalance` is ½ there).
LARGEST_SECOND_LAYER = float(np.sqrt(5) / 2)


class Constants(NamedTuple):
    """The absolute constants that Assumption 4.1 leaves unnamed."""

    width: float = 1.0  # (1): m ≥ C log 2n
    sigma_0: float = 1.0  # C₁ of (2)
    v_0: float = 1.0  # C₂ of (3)
    learning_rate: float = 1.0  # (4): cη ≤ C √n m/(√trΣ ‖β̃‖)
    trace: float = 1.0  # C₂ of (6), printed and repaired
    signal: float = 1.0  # (6): trΣ ‖β̃‖² ≥ C


UNIT = Constants()


def _ratio(over: Float[Array, "..."], under: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return over/under, infinite where `under` is 0 and `over` is a number."""
    return np.where((np.asarray(under) == 0) & ~np.isnan(over), np.inf, np.divide(over, under))


def spread(
    samples: Float[Array, "..."], norm: Float[Array, "..."], frobenius: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return n‖Σ‖₂ + √n‖Σ‖_F, the scale of ‖K − trΣ I‖₂ for σ_x = 1 (Lemma 5.1) and of condition (6)."""
    return samples * norm + np.sqrt(samples) * frobenius


def repaired_trace_margin(
    trace: Float[Array, "..."],
    anisotropy: Float[Array, "..."],
    signal: Float[Array, "..."],
    accuracy: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return tr Σ √ε/(‖β̃‖ ε_λ): how far condition (6) holds with 1/√ε for its printed √ε; constant 1.

    The proof's last display needs 2‖β̃‖²ε_λ²/tr Σ² to be of order ε, which is tr Σ ≥ ‖β̃‖ε_λ/√ε; as printed, tr Σ ≥ √ε‖β̃‖ε_λ, the
    condition is void for small ε.

    Parameters
    ----------
    anisotropy
        ε_λ = σ_x²(n‖Σ‖₂ + √n‖Σ‖_F), σ_x² times `spread`.
    signal
        ‖β̃‖ = √(βᵀΣβ).
    accuracy
        ε, the loss that training is to reach (to within a factor 4).
    """
    return _ratio(trace * np.sqrt(accuracy), signal * anisotropy)


def margins(
    *,
    samples: Float[Array, "..."] | int,
    dimension: Float[Array, "..."] | int,
    width: Float[Array, "..."],
    sigma_0: Float[Array, "..."],
    v_0: Float[Array, "..."],
    learning_rate: Float[Array, "..."],
    loss_factor: Float[Array, "..."],
    label_noise: Float[Array, "..."],
    trace: Float[Array, "..."],
    norm: Float[Array, "..."],
    frobenius: Float[Array, "..."],
    signal: Float[Array, "..."],
    accuracy: Float[Array, "..."],
    sub_gaussian: Float[Array, "..."] = 1.0,
    constants: Constants = UNIT,
) -> dict[str, Float[Array, "..."]]:
    """Return the margin of each of `NAMES`: conditions (1) to (5), then the two parts of (6), the first in both its forms.

    Infinite where a quantity with an upper bound is 0; NaN where a quantity that the condition needs is NaN.

    Parameters
    ----------
    label_noise
        σ_y, the standard deviation.
    trace, norm, frobenius
        tr Σ, ‖Σ‖₂ and ‖Σ‖_F of the input covariance.
    signal
        ‖β̃‖ = √(βᵀΣβ).
    accuracy
        ε, the loss that training is to reach (to within a factor 4).
    sub_gaussian
        σ_x of the inputs' independent entries.
    """
    n = np.asarray(samples, dtype=float)
    C = constants
    with np.errstate(all="ignore"):
        scale = np.sqrt(n * trace) * signal  # √(n‖β̃‖² trΣ)
        small_start = np.minimum(
            _ratio(C.sigma_0, np.sqrt(dimension) * scale), np.sqrt(_ratio(accuracy, np.sqrt(n * trace) * signal))
        )
        anisotropy = sub_gaussian**2 * spread(n, norm, frobenius)
        return {
            "width": width / (C.width * np.log(2 * n)),
            "sigma_0": _ratio(small_start, sigma_0),
            "v_0": _ratio(_ratio(C.v_0, scale), v_0),
            "learning_rate": _ratio(
                _ratio(C.learning_rate * np.sqrt(n) * width, np.sqrt(trace) * signal), loss_factor * learning_rate
            ),
            "noise": _ratio(8 * n * np.square(signal), np.square(label_noise)),
            "trace": trace / (np.maximum(C.trace, np.sqrt(accuracy) * signal) * anisotropy),
            "trace_repaired": np.minimum(
                trace / (C.trace * anisotropy), repaired_trace_margin(trace, anisotropy, signal, accuracy)
            ),
            "signal": trace * np.square(signal) / C.signal,
        }


def smallest(margins: Mapping[str, Float[Array, "..."]], trace_form: str = "printed") -> Float[Array, "..."]:
    """Return the smallest margin of each network: Assumption 4.1 holds where it is at least 1; NaN where any is NaN.

    `trace_form`, one of `TRACE_FORMS`, says which form of condition (6) counts; the other one is left out.
    """
    left_out = set(TRACE_FORMS.values()) - {TRACE_FORMS[trace_form]}
    smallest_margin = np.asarray(np.inf)
    for name, margin in margins.items():
        if name not in left_out:
            smallest_margin = np.minimum(smallest_margin, margin)
    return smallest_margin


def imbalance(rho: Float[Array, "..."], v_0: Float[Array, "..."], gamma: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return (√γ v_r − ρ_r)/ρ_r = √(1 + γv₀²/ρ_r²) − 1 of stage one at ρ_r = `rho`, from b_r = 0 and v_r(0) = v₀, at small k.

    The second bullet of Lemma 5.3 allows ½. At t₁, where ρ_r = 1, that is √γ v₀ ≤ √5/2 (`LARGEST_SECOND_LAYER`): the constant
    of condition (3). Flow conserves γv_r² − ρ_r²; a step of descent takes (1 − k²) of it.
    """
    return np.hypot(1.0, np.sqrt(gamma) * v_0 / rho) - 1

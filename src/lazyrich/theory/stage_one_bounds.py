"""Eq. 13: the paper's bounds on every neuron up to t₁, and the constants that a network needs for them.

As printed, with growths k_l = k(1 − C₁ trΣ/γ^{3/2}) and k_u = k(1 + C₂ trΣ/γ^{3/2}) per step and one prefactor for both,

    (√γ v₀²/2)[(1 + k_l)^t − (1 − k_l)^t] ≤ ρ_r(t) v_r(0) ≤ (√γ v₀²/2)[(1 + k_u)^t − (1 − k_u)^t],
         (v₀²/2)[(1 + k_l)^t + (1 − k_l)^t] ≤ v_r(t) v_r(0) ≤      (v₀²/2)[(1 + k_u)^t + (1 − k_u)^t].

C₁ and C₂ are unnamed. b_r = ⟨w_r(0), Xᵀy⟩ is in neither bound, so that σ₀ must be small for them. trΣ/γ^{3/2} is about the
overlap ⟨y, f⟩/‖y‖² at t₁.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lazyrich.theory.stage_one import cosh_sinh

Array = np.ndarray | float  # a network at a time or many

# Halvings of a bracket until its ends are neighbours in double precision.
_HALVINGS = 100
# (1 + k)¹ + (1 − k)¹ = 2: at steps 0 and 1 both bounds on v_r are v₀², whatever the constants.
FIRST_STEP_OF_V = 2


class Needed(NamedTuple):
    """The smallest constants with which the bounds hold at every step and neuron; infinite where none will do."""

    rho_lower: float
    rho_upper: float
    v_lower: float
    v_upper: float


def share(gamma: Float[Array, "..."], trace: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return trΣ/γ^{3/2}, by whose C-fold the growth per step may be off."""
    result: Array = trace / gamma**1.5
    return result


def bounds(
    t: Float[Array, "..."], v_0: Float[Array, "..."], growth: Float[Array, "..."], gamma: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return Eq. 13's bound on (ρ_r(t) v_r(0), v_r(t) v_r(0)) after t whole steps; `growth` is k_l or k_u."""
    cosh, sinh = cosh_sinh(t, growth)
    return np.sqrt(gamma) * v_0**2 * sinh, v_0**2 * cosh


def growth_of_sinh(t: Float[np.ndarray, " steps"], size: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """Return the k ≥ 0 with ½((1 + k)^t − (1 − k)^t) = size at each t ≥ 1; NaN where size < 0."""
    # All terms of the binomial sum are positive; tk is the first.
    return _root(lambda k: cosh_sinh(t, k)[1], t, size, size / t)


def growth_of_cosh(t: Float[np.ndarray, " steps"], size: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """Return the k ≥ 0 with ½((1 + k)^t + (1 − k)^t) = size at each t ≥ 2; NaN where size < 1."""
    # Likewise; the first two terms are 1 and t(t − 1)k²/2.
    with np.errstate(invalid="ignore"):
        first = np.sqrt(2 * (size - 1) / (t * (t - 1)))
    return _root(lambda k: cosh_sinh(t, k)[0], t, size, first)


def _root(rising: Callable[[np.ndarray], Array], t: np.ndarray, size: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return where a rising function of k is `size`, by bisection from 0 to `first`; NaN where that is NaN or negative."""
    known = first >= 0
    # For k ≥ 1 both functions are (1 + k)^(t − 1) at least.
    largest = np.maximum(1.0, np.maximum(size, 1.0) ** (1 / np.maximum(t - 1, 0.5)))
    high = np.where(known, np.where(t > 1, np.minimum(first, largest), first), 0.0) * (1 + 1e-12)  # its own rounding
    low = np.zeros_like(high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        # What overflows (∞ − ∞ is NaN) is not too little.
        short = rising(middle) < size
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(known, 0.5 * (low + high), np.nan)


def needed(
    t: Float[np.ndarray, " steps"],
    rho: Float[np.ndarray, "steps neurons"],
    v: Float[np.ndarray, "steps neurons"],
    v_start: Float[np.ndarray, " neurons"],
    k: float,
    gamma: float,
    trace: float,
) -> Needed:
    """Return the constants that Eq. 13 needs for all of these steps (t ≥ 1) and neurons.

    v_r is held against its bounds from step 2 on: before, they are v₀² whatever the constants (`FIRST_STEP_OF_V`), and any
    b_r ≠ 0 breaks one of them.
    """
    result = []
    for steps, sizes, growth in (
        (t >= 1, rho / (np.sqrt(gamma) * v_start), growth_of_sinh),
        (t >= FIRST_STEP_OF_V, v / v_start, growth_of_cosh),
    ):
        # Bounds are the same for all neurons: the extreme ones decide.
        smallest, largest = (growth(t[steps], extreme(sizes[steps], axis=1)) / k for extreme in (np.min, np.max))
        result.append(_largest(np.where(np.isnan(smallest), np.inf, 1 - smallest)))
        # A neuron that lies below 0 (ρ) or v₀² lies below every upper bound.
        result.append(_largest(np.where(np.isnan(largest), 0.0, largest - 1)))
    unit = float(share(gamma, trace))
    return Needed(*(value / unit for value in result))


def _largest(excess: np.ndarray) -> float:
    """Return the largest over steps, at least 0."""
    return float(max(0.0, np.max(excess, initial=0.0)))

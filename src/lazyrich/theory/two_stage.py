"""Stage two: alignment ρ and magnitude v grow together until they saturate (Eq. 10), on ρ = √γ v one recursion (Eq. 11)."""

from functools import partial

import numpy as np
from jaxtyping import Float, Int

from lazyrich.system.compiled import cached_njit

Array = np.ndarray | float  # a network at a time or many

_compiled = partial(cached_njit, nogil=True, error_model="numpy")


def step(rho: Array, v: Array, k: Array, gamma: Array, gamma_2: Array) -> tuple[Array, Array]:
    """Step (ρ, v) by Eq. 10: ρ + (k/√γ)(γ v − (φ₂/γ) v² ρ) and v + (k/√γ)(ρ − (φ₂/γ²) ρ² v); numbers or arrays."""
    rate = k / np.sqrt(gamma)
    return rho + rate * (gamma * v - gamma_2 / gamma * v * v * rho), v + rate * (
        rho - gamma_2 / gamma**2 * rho * rho * v
    )


def aligned_step(rho: Array, k: Array, gamma: Array, gamma_2: Array) -> Array:
    """Step ρ by Eq. 11: ρ + kρ − k φ₂ γ^{−5/2} ρ³; numbers or arrays."""
    return rho + k * rho - k * gamma_2 * gamma**-2.5 * rho * rho * rho


_step, _aligned_step = _compiled(step), _compiled(aligned_step)


@_compiled
def _evolve(
    steps: np.ndarray,
    start: np.ndarray,
    rho_start: np.ndarray,
    v_start: np.ndarray,
    k: np.ndarray,
    gamma: np.ndarray,
    gamma_2: np.ndarray,
    aligned: bool,
) -> np.ndarray:
    result = np.full(steps.shape, np.nan)
    for i in range(steps.shape[0]):
        if start[i] < 0:
            continue
        rho, v = rho_start[i], v_start[i]
        t = start[i]
        for j in range(steps.shape[1]):
            if steps[i, j] < start[i]:
                continue
            while t < steps[i, j]:
                if aligned:
                    rho = _aligned_step(rho, k[i], gamma[i], gamma_2[i])
                    v = rho / np.sqrt(gamma[i])
                else:
                    rho, v = _step(rho, v, k[i], gamma[i], gamma_2[i])
                t += 1
            result[i, j] = rho * v
    return result


def evolve(
    steps: Int[Array, "networks records"],
    start: Int[Array, " networks"],
    rho_start: Float[Array, " networks"],
    v_start: Float[Array, " networks"],
    k: Float[Array, " networks"],
    gamma: Float[Array, " networks"],
    gamma_2: Float[Array, " networks"],
) -> Float[Array, "networks records"]:
    """Follow Eq. 10 (`step`): ρv = ⟨y, f⟩ at each record from step `start` on; NaN before it and where it is negative."""
    result: Array = _evolve(steps, start, rho_start, v_start, k, gamma, gamma_2, False)
    return result


def evolve_aligned(
    steps: Int[Array, "networks records"],
    start: Int[Array, " networks"],
    v_start: Float[Array, " networks"],
    k: Float[Array, " networks"],
    gamma: Float[Array, " networks"],
    gamma_2: Float[Array, " networks"],
) -> Float[Array, "networks records"]:
    """Follow Eq. 11 (`aligned_step`) on the line ρ = √γ v; otherwise as `evolve`."""
    result: Array = _evolve(steps, start, np.sqrt(gamma) * v_start, v_start, k, gamma, gamma_2, True)
    return result


def limit(gamma: Float[Array, "..."], gamma_2: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ρ∞² = γ^{5/2}/φ₂, where Eq. 11 ends."""
    return gamma**2.5 / gamma_2


def continuous(
    t: Float[Array, "..."], rho_start: Float[Array, "..."], k: Float[Array, "..."], rho_limit: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Return ρ² of Eq. 11 in continuous time, `t` steps after ρ = rho_start: the logistic curve towards rho_limit²."""
    return rho_limit**2 / (1 + (rho_limit**2 / rho_start**2 - 1) * np.exp(-2 * k * t))


def isotropic_limit(gamma: Float[Array, "..."], trace: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return γ^{3/2}/tr Σ, which is ρ∞² where K = tr Σ · I: Appendix B.2 has its proxy end there, Section 5 at `limit`."""
    return gamma**1.5 / trace


def proxy(rho: Float[Array, "..."], rho_limit: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ρ̃ = ρ/√(1 − ρ²/ρ∞²) (Lemma 5.3), which grows as eᵏᵗ throughout stage two; infinite at ρ∞, NaN beyond."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return rho / np.sqrt(1 - (rho / rho_limit) ** 2)


def proxy_growth(share: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ρ̃(t + 1)/ρ̃(t) of Eq. 11 at ρ²/ρ∞² = `share`: from 1 + k at 0 to 1/√(1 − 2k) at 1."""
    growth: Array = (1 + k * (1 - share)) / np.sqrt(1 - 2 * k * share - k**2 * share * (1 - share))
    return growth


def proxy_growth_bounds(k: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return 1 + k/4 and (3/2)(1 + 3k/2), between which Appendix B.2 has ρ̃(t + 1)/ρ̃(t)."""
    return 1 + k / 4, 1.5 * (1 + 1.5 * k)


def proxy_at(residual: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ρ̃/ρ∞ = √((1 − δ)/δ) at ‖y − f‖/‖y‖ = `residual` = δ, for K = κI, where δ = 1 − ρ²/ρ∞²."""
    return np.sqrt((1 - residual) / residual)


def printed_proxy_end(
    accuracy: Float[Array, "..."], y_norm: Float[Array, "..."], samples: Float[Array, "..."] | int
) -> Float[Array, "..."]:
    """Return √((1 − ε)‖y‖²/(nε)), the end of ρ̃/ρ∞ as Lemma 5.3 prints it, with ε = `accuracy` of Theorem 4.1."""
    end: Array = np.sqrt((1 - accuracy) / (samples * accuracy)) * y_norm
    return end


def share_of_proxy(proxy_over_limit: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ρ²/ρ∞² at which ρ̃/ρ∞ is `proxy_over_limit`."""
    square: Array = np.square(proxy_over_limit)
    return square / (1 + square)

"""Stage one read backwards: what a published figure's curves say of the network that made them.

Stage one holds for any K, and while it lasts its curves know three numbers: k, √γ and the initial size of a neuron. With a
share a of the neurons moving (all of a linear network; half of a ReLU network whose neurons are on for all samples or for none)
and |ρ_r| small against √γ v at first,

    |ρ|/|v| = a√γ sinh/(a cosh + 1 − a),    1 − L/L(0) = aχ(1 + k)^{2t},    χ = √γ(σ₀² + v₀²)/(2‖y‖²),

with the discrete sinh, cosh of `theory.stage_one`. Nothing else about width, η or the data can be told from them. The end of
training adds b: there all w_r of a rich linear network lie along X⁺y, so that |ρ|/|v| = ⟨X⁺y, Xᵀy⟩/b = ‖y‖²/b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize_scalar

from lazyrich.published import stage_one_plateau
from lazyrich.theory import stage_one

Array = np.ndarray

ONSET = 0.05  # share by which the loss has fallen at t₁, as `record.onset`
# The early rise: points up to this share of √γ. Beyond, a small error of √γ makes a large one of k.
RISE = 0.75
# The loss grows as stage one says up to this share of its start; below the least, published digits run out.
GROWTH = (5e-4, 0.02)
LARGEST_BALANCE = 5.0  # of σ₀/v₀: with more, all curves are those of v₀ = 0
MOVING = {"linear": 1.0, "relu": 0.5}  # a, share of neurons that move, by activation


@dataclass(frozen=True)
class Recovered:
    """What published curves say."""

    root_gamma: float  # √γ, the largest |ρ|/|v|
    plateau: int  # points within 1 % of √γ before the loss has fallen by 1 %: without any, √γ is a lower bound
    k: float  # growth per step, from the early rise of |ρ|/|v|
    k_low: float  # the least and largest that single points of the rise give
    k_high: float
    k_from_loss: float  # growth per step, from that of 1 − √(L/L(0)); NaN with fewer than three points of it
    balance: float  # σ₀/v₀, with which stage one is nearest to |ρ|/|v|
    balance_low: float  # between these the distance is at most twice the least
    balance_high: float
    shape_error: float  # rms distance of |ρ|/|v| to that stage one, relative to √γ
    onset: float  # t₁(δ), step at which the loss has fallen by ONSET
    chi: float  # χ, from t₁(δ) = ln(δ/(aχ))/(2 ln(1 + k))
    v_eff: float  # √(σ₀² + v₀²)
    v_eff_from_loss: float  # the same with k_from_loss
    b: float  # ‖y‖²/(|ρ|/|v|) at the end, where rich training of a linear network that has learnt ends

    @property
    def v_0(self) -> float:
        """v₀ of this size and balance."""
        return self.v_eff / float(np.hypot(1.0, self.balance))

    @property
    def sigma_0(self) -> float:
        """σ₀ of this size and balance."""
        return self.balance * self.v_0


def target_square(published: dict[str, np.ndarray], samples: int, loss_factor: float) -> float:
    """‖y‖² = 2nL(0)/c of the published start: the output is small there."""
    return 2 * samples * float(published["loss"][0]) / loss_factor


def recover(published: dict[str, np.ndarray], *, samples: int, loss_factor: float, moving: float = 1.0) -> Recovered:
    """What curves (columns as of `load_published`) say of a network of n = `samples`, c = `loss_factor` and a = `moving`.

    Raises
    ------
    ValueError
        where no point of |ρ|/|v| lies on its early rise, or the loss does not fall by ONSET.
    """
    steps, loss, ratio = (published[name] for name in ("step", "loss", "rho_over_v"))
    root_gamma = float(ratio.max())
    rise = (steps > 0) & (ratio > 0) & (np.cumsum(ratio > RISE * root_gamma) == 0)
    if not rise.any() or loss.min() > (1 - ONSET) * loss[0]:
        raise ValueError(
            "published curves: show no early rise of rho_over_v, or no fall of the loss; give denser points"
        )
    exponents = _exponent(ratio[rise] / root_gamma, moving)
    single = np.tanh(exponents / steps[rise])
    k = float(np.tanh(exponents @ steps[rise] / (steps[rise] @ steps[rise])))
    # 1 − √(L/L(0)) is the overlap ⟨y, f⟩/‖y‖² to second order, half the share by which the loss has fallen to first.
    overlap = 1 - np.sqrt(loss / loss[0])
    onset = _first(steps, overlap, 1 - np.sqrt(1 - ONSET))
    k_from_loss = _growth(steps, overlap)
    chi, other = (ONSET / (moving * (1 + rate) ** (2 * onset)) for rate in (k, k_from_loss))
    y_square = target_square(published, samples, loss_factor)
    size = 2 * y_square / root_gamma
    balance, (low, high), error = _balance(steps, ratio, loss > 0.99 * loss[0], k, root_gamma, moving)
    return Recovered(
        root_gamma=root_gamma,
        plateau=int(stage_one_plateau(published).sum()),
        k=k,
        k_low=float(single.min()),
        k_high=float(single.max()),
        k_from_loss=k_from_loss,
        balance=balance,
        balance_low=low,
        balance_high=high,
        shape_error=error,
        onset=onset,
        chi=float(chi),
        v_eff=float(np.sqrt(size * chi)),
        v_eff_from_loss=float(np.sqrt(size * other)),
        b=y_square / float(ratio[-1]) if ratio[-1] > 0 else np.nan,
    )


def _exponent(share: Float[Array, " points"], moving: float) -> Float[Array, " points"]:
    """t·artanh k at which |ρ|/(√γ|v|) is `share`: a sinh/(a cosh + 1 − a) solved for its argument.

    For a = 1 exactly that of gradient descent; else of flow, off by k/2 of itself.
    """
    rest = share * (1 - moving)
    return np.log((rest + np.sqrt(rest**2 + moving**2 * (1 - share**2))) / (moving * (1 - share)))


def _first(steps: Float[Array, " points"], overlap: Float[Array, " points"], wanted: float) -> float:
    """The step at which the overlap first reaches `wanted`, between points that it grows exponentially between."""
    after = int(np.argmax(overlap >= wanted))
    before = after - 1
    if after == 0 or overlap[before] <= 0:
        return float(steps[after])
    share = np.log(wanted / overlap[before]) / np.log(overlap[after] / overlap[before])
    return float(steps[before] + share * (steps[after] - steps[before]))


def _growth(steps: Float[Array, " points"], overlap: Float[Array, " points"]) -> float:
    """k of a straight line through log overlap = const + 2t log(1 + k)."""
    least, most = (share / 2 for share in GROWTH)
    early = (overlap > least) & (np.cumsum(overlap > most) == 0)
    if early.sum() < 3:
        return np.nan
    return float(np.expm1(np.polyfit(steps[early], np.log(overlap[early]), 1)[0] / 2))


def _balance(
    steps: Float[Array, " points"],
    ratio: Float[Array, " points"],
    early: Bool[Array, " points"],
    k: float,
    root_gamma: float,
    moving: float,
) -> tuple[float, tuple[float, float], float]:
    """σ₀/v₀ with which stage one, over many neurons, is nearest to the points, where it is about as near, and how near.

    Nearness is the rms distance over √γ; about as near is at most twice as far.
    """

    def distance(balance: float) -> float:
        rho, v = stage_one.mean_sizes(steps[early], balance * root_gamma, 1.0, k, root_gamma**2)
        expected = moving * rho / (moving * v + 1 - moving)
        return float(np.sqrt(np.mean((expected - ratio[early]) ** 2)) / root_gamma)

    # More than one valley is possible; a grid finds the deepest.
    grid = np.linspace(0.0, LARGEST_BALANCE, 501)
    distances = np.array([distance(balance) for balance in grid])
    best = int(np.argmin(distances))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(distance, bounds=bounds, method="bounded")
    near = np.append(grid[distances <= 2 * found.fun], found.x)
    return float(found.x), (float(near.min()), float(near.max())), float(found.fun)

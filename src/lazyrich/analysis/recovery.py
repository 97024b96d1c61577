"""Stage one inverted: parameters of a network from a published figure's curves.

While f is small the loss of a network that was started small falls by 1 − √(L/L(0)) ∝ (1 + k)^{2t}, linear or ReLU, and
|ρ|/|v| rises towards √γ: `read` takes k, √γ and the onset of learning from that. Of linear networks stage one says the rest,
for any K: with |ρ_r| small against √γ v at first,

    |ρ|/|v| = √γ sinh/cosh,    1 − L/L(0) = χ(1 + k)^{2t},    χ = √γ(σ₀² + v₀²)/(2‖y‖²),

with the discrete sinh, cosh of `theory.stage_one`: `recover` takes k again and the initial size of a neuron from that. Nothing
else about width, η or the data can be told from them. The end of training adds b: there all w_r of a rich linear network lie
along X⁺y, so that |ρ|/|v| = ⟨X⁺y, Xᵀy⟩/b = ‖y‖²/b.

For ReLU networks the initial size is matched by simulation (`matching`) instead: which neurons move, and from when on, depends
on σ₀/v₀ and on the images. `calibration` measures how near any of these come to the truth; the points do not say it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from scipy.optimize import minimize_scalar

from lazyrich.analysis import scope
from lazyrich.analysis.published import stage_one_plateau
from lazyrich.system.errors import LazyrichError
from lazyrich.theory import stage_one

Array = np.ndarray

ONSET = 0.05  # share by which the loss has fallen at t₁, as `record.onset`
# The early rise: points up to this share of √γ. Beyond, a small error of √γ makes a large one of k.
RISE = 0.75
# The loss grows as stage one says up to this share of its start; below the least, published digits run out.
GROWTH = (5e-4, 0.02)
# Stage one is held against |ρ|/|v| until the loss has fallen by this share.
EARLY = 0.01
LARGEST_BALANCE = 5.0  # of σ₀/v₀: with more, all curves are those of v₀ = 0


@dataclass(frozen=True)
class Read:
    """Parameters of a linear or ReLU network, from published curves."""

    root_gamma: float  # √γ, the largest |ρ|/|v|
    early: int  # points within 1 % of √γ before the loss has fallen by 1 %: without any, √γ is a lower bound
    k_from_loss: float  # growth per step, from that of 1 − √(L/L(0)); NaN with fewer than three points of it
    onset: float  # t₁(δ), step at which the loss has fallen by ONSET


@dataclass(frozen=True)
class Recovered(Read):
    """Further parameters of a linear network, from published curves."""

    k: float  # growth per step, from the early rise of |ρ|/|v|
    balance: float  # σ₀/v₀, with which stage one is nearest to |ρ|/|v|
    shape_error: float  # rms distance of |ρ|/|v| to that stage one, relative to √γ
    chi: float  # χ, from t₁(δ) = ln(δ/χ)/(2 ln(1 + k))
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
    """Return ‖y‖² = 2nL(0)/c of the published start: the output is small there."""
    return 2 * samples * float(published["loss"][0]) / loss_factor


def read(published: dict[str, np.ndarray]) -> Read:
    """Return the parameters of a linear or ReLU network from curves (columns as in `load_published`).

    Raises
    ------
    ValueError
        where no point of |ρ|/|v| lies on its early rise, or the loss does not fall by ONSET.
    """
    steps, loss = published["step"], published["loss"]
    if not _rise(published).any() or not loss.min() <= (1 - ONSET) * loss[0]:
        raise LazyrichError(
            "published curves: show no early rise of rho_over_v, or no fall of the loss; give denser points"
        )
    overlap = _overlap(loss)
    return Read(
        root_gamma=float(published["rho_over_v"].max()),
        early=int(stage_one_plateau(published).sum()),
        k_from_loss=_growth(steps, overlap),
        onset=_first(steps, overlap, 1 - np.sqrt(1 - ONSET)),
    )


def recover(published: dict[str, np.ndarray], *, samples: int, loss_factor: float) -> Recovered:
    """Return the parameters of a linear network of n = `samples` and c = `loss_factor` from curves; errors as in `read`."""
    reading = read(published)
    steps, ratio = published["step"], published["rho_over_v"]
    rise = _rise(published)
    exponents = np.arctanh(ratio[rise] / reading.root_gamma)
    k = float(np.tanh(exponents @ steps[rise] / (steps[rise] @ steps[rise])))
    chi, chi_from_loss = (ONSET / (1 + rate) ** (2 * reading.onset) for rate in (k, reading.k_from_loss))
    y_square = target_square(published, samples, loss_factor)
    size = 2 * y_square / reading.root_gamma
    balance, error = _balance(steps, ratio, before_onset(published), k, reading.root_gamma)
    return Recovered(
        **asdict(reading),
        k=k,
        balance=balance,
        shape_error=error,
        chi=float(chi),
        v_eff=float(np.sqrt(size * chi)),
        v_eff_from_loss=float(np.sqrt(size * chi_from_loss)),
        b=y_square / float(ratio[-1]) if ratio[-1] > 0 else np.nan,
    )


def calibration(networks: xr.Dataset) -> dict[str, Float[Array, " networks"]]:
    """Return recovered over true parameters of trained networks: name -> (networks,), 1 where the reading is right.

    All networks (of a shard, or of `run`) have one activation, n and loss. NaN where curves show no stage one.
    """
    linear = bool((scope.of_networks(networks) == scope.LINEAR).all())
    k, size = networks["growth_per_step"].values, np.hypot(networks["sigma_0"].values, networks["v_0"].values)
    truths = {"root_gamma": np.sqrt(networks["gamma"].values), "k_from_loss": k}
    if linear:
        with np.errstate(divide="ignore"):
            balance = networks["sigma_0"].values / networks["v_0"].values
        truths |= {"k": k, "v_eff": size, "v_eff_from_loss": size, "balance": balance}
    ratios = {name: np.full(len(k), np.nan) for name in truths}
    for row in range(len(k)):
        try:
            reading = _recover_network(networks, row) if linear else read(curves(networks, row))
        except ValueError:
            continue
        for name, truth in truths.items():
            ratios[name][row] = getattr(reading, name) / truth[row]
    return ratios


def curves(networks: xr.Dataset, row: int) -> dict[str, np.ndarray]:
    """Return the curves of one trained network in the columns of a published table."""
    return {name: networks[name].values[row].astype(float) for name in ("step", "loss", "rho_over_v")}


def _recover_network(networks: xr.Dataset, row: int) -> Recovered:
    return recover(
        curves(networks, row),
        samples=int(networks["samples"].values[row]),
        loss_factor=float(networks["loss_factor"].values[row]),
    )


def before_onset(published: dict[str, np.ndarray]) -> Bool[Array, " points"]:
    """Return the points at which the loss has not fallen by EARLY."""
    return published["loss"] > (1 - EARLY) * published["loss"][0]


def _rise(published: dict[str, np.ndarray]) -> Bool[Array, " points"]:
    ratio = published["rho_over_v"]
    return (published["step"] > 0) & (ratio > 0) & (np.cumsum(ratio > RISE * ratio.max()) == 0)


def _overlap(loss: Float[Array, " points"]) -> Float[Array, " points"]:
    """Return 1 − √(L/L(0)): ⟨y, f⟩/‖y‖² to second order, half the share by which the loss has fallen to first."""
    return 1 - np.sqrt(loss / loss[0])


def _first(steps: Float[Array, " points"], overlap: Float[Array, " points"], level: float) -> float:
    """Return the step at which the overlap first reaches `level`, with exponential growth between points."""
    after = int(np.argmax(overlap >= level))
    before = after - 1
    if after == 0 or overlap[before] <= 0:
        return float(steps[after])
    share = np.log(level / overlap[before]) / np.log(overlap[after] / overlap[before])
    return float(steps[before] + share * (steps[after] - steps[before]))


def _growth(steps: Float[Array, " points"], overlap: Float[Array, " points"]) -> float:
    """Return k of a straight line through log overlap = const + 2t log(1 + k)."""
    low, high = (share / 2 for share in GROWTH)
    early = (overlap > low) & (np.cumsum(overlap > high) == 0)
    if early.sum() < 3:
        return np.nan
    return float(np.expm1(np.polyfit(steps[early], np.log(overlap[early]), 1)[0] / 2))


def _balance(
    steps: Float[Array, " points"],
    ratio: Float[Array, " points"],
    early: Bool[Array, " points"],
    k: float,
    root_gamma: float,
) -> tuple[float, float]:
    """Return σ₀/v₀ with which stage one, over many neurons, is nearest to the points, and how near: rms distance over √γ."""

    def distance(balance: float) -> float:
        rho, v = stage_one.mean_sizes(steps[early], balance * root_gamma, 1.0, k, root_gamma**2)
        return float(np.sqrt(np.mean((rho / v - ratio[early]) ** 2)) / root_gamma)

    # More than one valley is possible; a grid finds the deepest.
    grid = np.linspace(0.0, LARGEST_BALANCE, 501)
    best = int(np.argmin([distance(balance) for balance in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    minimum = minimize_scalar(distance, bounds=bounds, method="bounded")
    return float(minimum.x), float(minimum.fun)

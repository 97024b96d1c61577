"""Theorem 4.1: the times of the two stages and how they scale, and Assumption 4.1, under which it is stated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, Trained
from lazyrich.claims.row import Picture, Row
from lazyrich.theory import times

# ε at which t₂ is read: L(t₂) = 4ε. The loss starts between 0.5 and 10.
ACCURACIES = (1e-16, 1e-21, 1e-26)


def rows(data: Data) -> Iterator[Row]:
    """Constants and fitted exponents of both times, then the assumption."""
    yield from _times(data["theorem"])
    yield from _assumption(data["conditions"])


def _times(trained: Trained) -> Iterator[Row]:
    get = {
        name: trained.column(name)
        for name in ("samples", "width", "learning_rate", "covariance_trace", "signal_norm", "v_0", "loss_factor")
    }
    scales = {
        "m": (get["width"], 1.0),
        "n": (get["samples"], 0.5),
        "η": (get["learning_rate"], -1.0),
        "tr Σ": (get["covariance_trace"], -0.5),
        "‖β̃‖": (get["signal_norm"], -1.0),
    }
    arguments = {
        "width": get["width"],
        "samples": get["samples"],
        "learning_rate": get["learning_rate"],
        "loss_factor": get["loss_factor"],
        "trace": get["covariance_trace"],
        "signal": get["signal_norm"],
    }
    first = trained.column("alignment_step")
    logarithm = -np.log(get["v_0"])
    claimed = times.alignment_time_of_scales(v_0=get["v_0"], **arguments)
    yield from _scaling(
        trained, "t_1", "t₁", "m√n log(1/v₀)/(η√(tr Σ) ‖β̃‖)", first, claimed, scales | {"log(1/v₀)": (logarithm, 1.0)}
    )

    k, root_gamma = trained.column("growth_per_step"), np.sqrt(trained.column("gamma"))
    exact = np.log(2 / (root_gamma * get["v_0"])) / np.log1p(k)
    overlap = 1 / (root_gamma * trained.column("y_norm") ** 2)
    one = np.array([first.min(), first.max()])
    yield Row(
        "alignment_time",
        "beyond the paper",
        "where σ₀ ≪ v₀, rms ρ_r = 1 after log(2/(√γ v₀))/log(1 + k) steps",
        "|measured − predicted|, over a step and what the overlap of f and y allows",
        trained.setting,
        # A step, since the decaying mode is left out; and the overlap at t₁, by which the force has fallen.
        verdicts.bound(np.abs(first - exact) / (1 + overlap / np.log1p(k)), {"1/v₀": 1 / get["v_0"]}),
        Picture("log(2/(√γ v₀))/log(1 + k)", "t₁, steps", {"measured": (exact, first)}, {"equal": (one, one)}),
    )

    loss, steps = trained.networks["loss"].values, trained.networks["step"].values
    size = get["samples"] * get["signal_norm"] * get["covariance_trace"]
    parts = []
    for epsilon in ACCURACIES:
        second = np.array([_crossing(s, row, 4 * epsilon) for s, row in zip(steps, loss, strict=True)])
        epsilons = np.full(len(second), epsilon)
        parts.append((second - first, times.fitting_time(accuracy=epsilons, **arguments), np.log(size / epsilon)))
    measured, claimed, logarithm = (np.concatenate(column) for column in zip(*parts, strict=True))
    repeated = {name: (np.tile(column, len(ACCURACIES)), power) for name, (column, power) in scales.items()}
    yield from _scaling(
        trained,
        "t_2",
        "t₂ − t₁",
        "(m√n/(η‖β̃‖√(tr Σ))) log(n‖β̃‖ tr Σ/ε)",
        measured,
        claimed,
        repeated | {"log(n‖β̃‖ tr Σ/ε)": (logarithm, 1.0)},
    )


def _scaling(
    trained: Trained,
    name: str,
    time: str,
    formula: str,
    measured: np.ndarray,
    claimed: np.ndarray,
    scales: dict[str, tuple[np.ndarray, float]],
) -> Iterator[Row]:
    """The constant of one time, then its exponent in each parameter, all fitted together."""
    conditions = {symbol: column for symbol, (column, _) in scales.items()}
    ends = np.array([np.nanmin(claimed), np.nanmax(claimed)])
    yield Row(
        f"theorem_4_1_{name}",
        "Theorem 4.1",
        f"{time} ≍ {formula}",
        f"{time} over {formula}",
        trained.setting,
        verdicts.order(measured / claimed, conditions),
        Picture(formula, f"{time}, steps", {"measured": (claimed, measured)}, {"equal": (ends, ends)}),
    )
    found, errors = _fit(measured, conditions, np.resize(trained.column("replicate"), len(measured)))
    for (symbol, (column, power)), value, error in zip(scales.items(), found, errors, strict=True):
        span = column.max() / column.min()
        rest = claimed / column**power
        ends = np.array([column.min(), column.max()])
        centre = np.nanmedian(measured / rest / column**power)
        yield Row(
            f"theorem_4_1_{name}_{ASCII[symbol]}",
            "Theorem 4.1",
            f"{time} ∝ {POWERS[power].format(symbol)}",
            f"exponent of {symbol} in {time}, fitted with all others",
            trained.setting,
            verdicts.exponent(float(value), float(error), power, float(span)),
            Picture(
                symbol,
                f"{time} with all other factors of the formula divided out",
                {"measured": (column, measured / rest)},
                {f"∝ {POWERS[power].format(symbol)}, claimed": (ends, centre * ends**power)},
            ),
        )


ASCII = {
    "m": "m",
    "n": "n",
    "η": "eta",
    "tr Σ": "trace",
    "‖β̃‖": "beta",
    "log(1/v₀)": "log_v",
    "log(n‖β̃‖ tr Σ/ε)": "log_epsilon",
}


POWERS = {1.0: "{}", -1.0: "1/({})", 0.5: "√({})", -0.5: "1/√({})"}


def _fit(measured: np.ndarray, scales: dict[str, np.ndarray], replicate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exponents of every scale in `measured` by least squares in logarithms: mean and standard error over replicates.

    All networks of a replicate share their random numbers, and so their errors.
    """
    fits = []
    for value in np.unique(replicate):
        own = (replicate == value) & np.isfinite(measured) & (measured > 0)
        design = np.column_stack([np.ones(own.sum()), *(np.log(column[own]) for column in scales.values())])
        solution, *_ = np.linalg.lstsq(design, np.log(measured[own]), rcond=None)
        fits.append(solution[1:])
    return np.mean(fits, axis=0), np.std(fits, axis=0, ddof=1) / np.sqrt(len(fits))


def _crossing(steps: np.ndarray, loss: np.ndarray, level: float) -> float:
    """Where the loss first falls to a level, linear in its logarithm between records; NaN where it does not."""
    below = np.flatnonzero(loss <= level)
    if not below.size or below[0] == 0:
        return np.nan
    i = below[0]
    share = np.log(loss[i - 1] / level) / np.log(loss[i - 1] / loss[i])
    return float(steps[i - 1] + share * (steps[i] - steps[i - 1]))


def _assumption(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    margin = summary["assumption_margin"].sel(quantile=0.5).values.ravel()
    conclude = summary["conclusions_share"].values.ravel()
    chi = summary["laziness"].sel(quantile=0.5).values.ravel()
    sigma, v = (values.ravel() for values in np.meshgrid(summary["sigma_0"], summary["v_0"], indexing="ij"))
    conditions = {"σ₀": sigma, "v₀": v, "χ": chi}
    inside = margin >= 1
    picture = Picture(
        "margin of Assumption 4.1 (allowed/actual, smallest condition)",
        "share of networks for which the conclusions hold",
        {"cells of the diagram": (margin, conclude)},
        {"assumption": (np.ones(2), np.array([0.0, 1.0]))},
        log_y=False,
    )
    yield Row(
        "assumption_4_1_sufficient",
        "Assumption 4.1",
        "where the assumption holds (all constants 1), the conclusions hold: |ρ_r − √γ v_r| ≤ ½ρ_r (rms) up to L(t₂) ≤ 4ε",
        "share of networks for which the conclusions fail, over the cells within the assumption",
        trained.setting,
        # A share of failures must be 0: any is beyond 1.
        verdicts.bound(np.where(inside, (1 - conclude) * 1e9, np.nan), conditions),
        picture,
    )
    yield Row(
        "assumption_4_1_room",
        "Assumption 4.1",
        "how much smaller a margin the conclusions would allow (not claimed)",
        "margin of the cells for which the conclusions hold",
        trained.setting,
        verdicts.room(margin, conclude >= 0.5),
        picture,
    )

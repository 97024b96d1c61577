"""Theorem 4.1: the times of the two stages and how they scale, and Assumption 4.1, under which it is stated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, paper
from lazyrich.theory import times

# ε at which t₂ is read: L(t₂) = 4ε. The loss starts between 0.5 and 10, and ends in rounding at some 10⁻²⁸.
ACCURACIES = (1e-3, 1e-6, 1e-9, 1e-12, 1e-18, 1e-24)


def rows(data: Data) -> Iterator[Row]:
    """Yield constants and fitted exponents of both times, then the assumption."""
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
    claimed = np.asarray(times.alignment_time_of_scales(v_0=get["v_0"], **arguments))
    yield from _scaling(
        trained, "t_1", "t₁", "m√n log(1/v₀)/(η√(tr Σ) ‖β̃‖)", first, claimed, scales | {"log(1/v₀)": (logarithm, 1.0)}
    )

    k, root_gamma = trained.column("growth_per_step"), np.sqrt(trained.column("gamma"))
    exact = np.log(2 / (root_gamma * get["v_0"])) / np.log1p(k)
    overlap = 1 / (root_gamma * trained.column("y_norm") ** 2)
    one = np.array([first.min(), first.max()])
    yield Row(
        "alignment_time",
        PROJECT,
        "where σ₀ ≪ v₀, rms ρ_r = 1 after log(2/(√γ v₀))/log(1 + k) steps",
        "|measured − predicted|, steps",
        trained.setting,
        # A step, since the decaying mode is left out; and the overlap at t₁, by which the force has fallen.
        verdicts.bound(np.abs(first - exact), 1 + overlap / np.log1p(k), {"1/v₀": 1 / get["v_0"]}),
        Picture("log(2/(√γ v₀))/log(1 + k)", "t₁, steps", {"measured": (exact, first)}, {"equal": (one, one)}),
    )

    loss, steps = trained.networks["loss"].values, trained.networks["step"].values
    seconds = np.array(
        [[_crossing(at, row, 4 * epsilon) for epsilon in ACCURACIES] for at, row in zip(steps, loss, strict=True)]
    )
    measured = (seconds - first[:, None]).T.ravel()
    epsilon = np.repeat(ACCURACIES, len(first))
    arguments = {name: np.tile(column, len(ACCURACIES)) for name, column in arguments.items()}
    claimed = np.asarray(times.fitting_time(accuracy=epsilon, **arguments))
    repeated = {name: (np.tile(column, len(ACCURACIES)), power) for name, (column, power) in scales.items()}
    formula = "(m√n/(η‖β̃‖√(tr Σ))) log(n‖β̃‖ tr Σ/ε)"
    yield from _scaling(trained, "t_2", "t₂ − t₁", formula, measured, claimed, repeated, divided="log(n‖β̃‖ tr Σ/ε)")

    # How much longer each further factor e of accuracy takes, in units of 1/k: ε goes as the square of the residual, which
    # falls by 2k a step along y, and by k where K's anisotropy has left some of it orthogonal to y.
    gained = k[:, None] * np.diff(seconds, axis=1) / -np.diff(np.log(ACCURACIES))
    middle = np.sqrt(np.array(ACCURACIES[1:]) * ACCURACIES[:-1])
    x = np.tile(1 / middle, len(first))
    yield Row(
        "theorem_4_1_t_2_log_epsilon",
        paper("Theorem 4.1"),
        "t₂ − t₁ grows linearly in log(1/ε): by C/k for each factor e",
        "k d(t₂ − t₁)/d log(1/ε), between neighbouring ε",
        trained.setting,
        verdicts.order(gained.ravel(), {}),
        Picture(
            "1/ε",
            "k d(t₂ − t₁)/d log(1/ε)",
            {"measured": (x, gained.ravel())},
            {
                f"residual falls by {rate}k a step": (np.array([x.min(), x.max()]), np.full(2, 0.5 / rate))
                for rate in (2, 1)
            },
            log_y=False,
        ),
    )


def _scaling(
    trained: Trained,
    name: str,
    time: str,
    formula: str,
    measured: np.ndarray,
    claimed: np.ndarray,
    scales: dict[str, tuple[np.ndarray, float]],
    divided: str = "",
) -> Iterator[Row]:
    """Yield the constant of one time, then its exponent in each parameter, all fitted together.

    `divided` is a factor of the formula that is divided out before, because it is a function of the others.
    """
    conditions = {symbol: column for symbol, (column, _) in scales.items()}
    ends = np.array([np.nanmin(claimed), np.nanmax(claimed)])
    yield Row(
        f"theorem_4_1_{name}",
        paper("Theorem 4.1"),
        f"{time} ≍ {formula}",
        f"{time} over {formula}",
        trained.setting,
        verdicts.order(measured / claimed, conditions),
        Picture(formula, f"{time}, steps", {"measured": (claimed, measured)}, {"equal": (ends, ends)}),
    )
    fitted = measured
    if divided:
        fitted = measured / claimed * np.prod([column**power for column, power in scales.values()], axis=0)
    found, errors = _fit(fitted, conditions, np.resize(trained.column("replicate"), len(measured)))
    for (symbol, (column, power)), value, error in zip(scales.items(), found, errors, strict=True):
        rest = claimed / column**power
        ends = np.array([column.min(), column.max()])
        centre = np.nanmedian(measured / rest / column**power)
        yield Row(
            f"theorem_4_1_{name}_{ASCII[symbol]}",
            paper("Theorem 4.1"),
            f"{time} ∝ {POWERS[power].format(symbol)}",
            f"exponent of {symbol} in {time}{f'/{divided}' if divided else ''}, fitted with all others",
            trained.setting,
            verdicts.exponent(float(value), float(error), power),
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
}


POWERS = {1.0: "{}", -1.0: "1/({})", 0.5: "√({})", -0.5: "1/√({})"}


def _fit(measured: np.ndarray, scales: dict[str, np.ndarray], replicate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exponents of every scale in `measured` by least squares in logarithms: mean and standard error over replicates.

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
    """Return where the loss first falls to a level, linear in its logarithm between records; NaN where it does not."""
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
        paper("Assumption 4.1"),
        "where the assumption holds (all constants 1), Lemma 5.3's alignment (⅔ ≤ rms ρ_r/(√γ rms v_r) ≤ 2 from t₁ to t₂) and "
        "L(t₂) ≤ 4ε follow",
        "share of the cells within the assumption in which they hold for all networks",
        trained.setting,
        verdicts.always(conclude == 1, inside, conditions),
        picture,
    )
    yield Row(
        "assumption_4_1_room",
        paper("Assumption 4.1"),
        "how much smaller a margin these conclusions would allow (not claimed)",
        "margin of the cells for which the conclusions hold",
        trained.setting,
        verdicts.room(margin, conclude == 1),
        picture,
    )

"""Theorem 4.1: the times of the two stages and how they scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import PROJECT, Picture, Place, Row, Whose, paper, reading
from lazyrich.analysis.claims.trends import percent
from lazyrich.theory import times

# ε at which t₂ is read: L(t₂) = 4ε. The loss starts between 0.5 and 10, and ends in rounding at some 10⁻²⁸.
ACCURACIES = (1e-3, 1e-6, 1e-9, 1e-12, 1e-18, 1e-24)
# The paper's t₁ is a formula, and it claims ρ_r = Θ(1) at that time. That the step of rms ρ_r = 1 is of its order says less.
WEAKER = Place(Whose.project, "a weaker reading of Theorem 4.1")
STRONGER = Place(Whose.project, "a stronger reading of Theorem 4.1")
ISOTROPIC = "ln(√γ‖y‖²/δ)/(2 ln(1 + k))"
# Symbol -> (values, power in a formula).
Scales = dict[str, tuple[np.ndarray, float]]


def rows(data: Data) -> Iterator[Row]:
    """Yield constants and fitted exponents of both times."""
    yield from _times(data["theorem"])


def _times(trained: Trained) -> Iterator[Row]:
    numbers = _Numbers(trained)
    yield from _first(trained, numbers)
    yield from _second(trained, numbers)


class _Numbers:
    """What both times are made of, (networks,) each."""

    def __init__(self, trained: Trained) -> None:
        column = trained.column
        self.first = column("alignment_step")
        self.v_0, self.growth, self.gamma = column("v_0"), column("growth_per_step"), column("gamma")
        self.y_norm, self.samples, self.factor = column("y_norm"), column("samples"), column("loss_factor")
        self.anisotropy = column("gram_error") / column("covariance_trace")
        # NaN where a network has fewer samples than others.
        self.eigenvalues, self.targets = (
            np.nan_to_num(trained.networks[name].values.astype(float)) for name in ("eigenvalues", "targets")
        )
        self.arguments = {
            "width": column("width"),
            "samples": self.samples,
            "learning_rate": column("learning_rate"),
            "loss_factor": self.factor,
            "trace": column("covariance_trace"),
            "signal": column("signal_norm"),
        }
        # What the formulas are made of: symbol -> (values, power).
        self.scales = {
            "m": (self.arguments["width"], 1.0),
            "n": (self.samples, 0.5),
            "η": (self.arguments["learning_rate"], -1.0),
            "tr Σ": (self.arguments["trace"], -0.5),
            "‖β̃‖": (self.arguments["signal"], -1.0),
        }

    def share(self, accuracy: float) -> np.ndarray:
        """Return δ of an ε."""
        return np.asarray(times.residual_share(accuracy, self.samples, self.factor, self.y_norm))

    def fitting(self, accuracy: float) -> np.ndarray:
        """Return t₂ − t₁ by this project's form, for K near κI."""
        return times.anisotropic_fitting_time(
            self.share(accuracy), self.growth, self.gamma, self.eigenvalues, self.targets
        )

    def isotropic(self, accuracy: float) -> np.ndarray:
        """Return t₂ − t₁ for K = κI and small steps."""
        return np.asarray(times.isotropic_fitting_time(self.share(accuracy), self.growth, self.gamma, self.y_norm))


def _first(trained: Trained, numbers: _Numbers) -> Iterator[Row]:
    first, growth, gamma, v_0 = numbers.first, numbers.growth, numbers.gamma, numbers.v_0
    exact = np.asarray(times.unit_alignment_time(v_0, growth, gamma))
    yield from _scaling(
        trained,
        "t_1",
        "the step at which rms ρ_r = 1",
        "m√n log(1/v₀)/(η√(tr Σ) ‖β̃‖)",
        first,
        np.asarray(times.alignment_time_of_scales(v_0=v_0, **numbers.arguments)),
        numbers.scales | {"log(1/v₀)": (-np.log(v_0), 1.0)},
        WEAKER,
        exact,
        "log(2/(√γ v₀))/log(1 + k)",
        remark="The paper defines t₁ by this formula and claims that ρ_r = Θ(1) at that time, which says more: the row "
        "lemma_5_2_i_literal. Here log(1/v₀) is at least "
        f"{-np.log(v_0.max()):.0f}, far above log √γ, at most {np.log(gamma.max()) / 2:.0f}: at larger v₀ it fails from "
        "below, the row alignment_scale_lower.",
    )
    overlap = 1 / (np.sqrt(gamma) * numbers.y_norm**2)
    one = np.array([first.min(), first.max()])
    yield Row(
        "alignment_time",
        PROJECT,
        "where σ₀ ≪ v₀, rms ρ_r = 1 after log(2/(√γ v₀))/log(1 + k) steps",
        "|measured − predicted|, steps; allowed are 1 + 1/(√γ‖y‖² log(1 + k))",
        trained.setting,
        # A step, since the decaying mode is left out; and the overlap at t₁, by which the force has fallen.
        verdicts.bound(np.abs(first - exact), 1 + overlap / np.log1p(growth), {"1/v₀": 1 / v_0}),
        Picture("log(2/(√γ v₀))/log(1 + k)", "t₁, steps", {"measured": (exact, first)}, {"equal": (one, one)}),
    )


def _second(trained: Trained, numbers: _Numbers) -> Iterator[Row]:
    loss, steps = trained.networks["loss"].values, trained.networks["step"].values
    seconds = np.array(
        [[_crossing(at, row, 4 * epsilon) for epsilon in ACCURACIES] for at, row in zip(steps, loss, strict=True)]
    )
    formula = "(m√n/(η‖β̃‖√(tr Σ))) log(n‖β̃‖ tr Σ/ε)"

    def each(of: Callable[[float], np.ndarray]) -> np.ndarray:
        """Return a number of every ε and network, as one column."""
        return np.concatenate([of(epsilon) for epsilon in ACCURACIES])

    measured = (seconds - numbers.first[:, None]).T.ravel()
    claimed = each(lambda epsilon: np.asarray(times.fitting_time(accuracy=epsilon, **numbers.arguments)))
    scales = {name: (np.tile(column, len(ACCURACIES)), power) for name, (column, power) in numbers.scales.items()}
    conditions = {symbol: column for symbol, (column, _) in scales.items()}
    ratio = measured / claimed
    ends = np.array([np.nanmin(claimed), np.nanmax(claimed)])
    picture = Picture(formula, "t₂ − t₁, steps", {"measured": (claimed, measured)}, {"equal": (ends, ends)})
    misread = (
        "Printed is Ω: “there exists t = Ω(…)” with L ≤ 4ε, which any late time fulfils once training converges. Surely O is "
        "meant, for the first such t."
    )
    below = each(lambda epsilon: np.nanmax(np.where(_after(loss, 4 * epsilon), loss, 0.0), axis=1) <= 4 * epsilon)
    yield Row(
        "theorem_4_1_t_2_exists",
        paper("Theorem 4.1"),
        f"there is t₂ = t₁ + Ω({formula}) with L(t₂) ≤ 4ε",
        "whether L stays at or below 4ε, at every later record, once a record is",
        trained.setting,
        verdicts.always(below.astype(bool), ~np.isnan(measured), conditions),
        picture,
        remark=f"{misread} This row says no more than that: L stays below 4ε, so that t₂ may be as late as one likes.",
    )
    for name, sign, judge, words in (
        ("upper", "O", verdicts.constant, "O for Ω"),
        ("lower", "Ω", verdicts.at_least, "Ω of the first such step"),
    ):
        yield Row(
            f"theorem_4_1_t_2_{name}",
            reading(f"Theorem 4.1, {words}"),
            f"the first step at which L ≤ 4ε is t₁ + {sign}({formula}), t₁ where rms ρ_r = 1",
            f"t₂ − t₁ over {formula}",
            trained.setting,
            judge(ratio, conditions),
            picture,
            remark=misread,
        )

    own, isotropic = each(numbers.fitting), each(numbers.isotropic)
    yield from _scaling(
        trained,
        "t_2",
        "t₂ − t₁",
        formula,
        measured,
        claimed,
        scales,
        STRONGER,
        own,
        "this project's form (row fitting_time_anisotropic)",
        divided="log(n‖β̃‖ tr Σ/ε)",
        remark=f"{misread} {ISOTROPIC} with δ = √(8nε/c)/‖y‖, for K = κI, gives the ratio from "
        f"{np.nanmin(isotropic / claimed):.3g} to {np.nanmax(isotropic / claimed):.3g} without a fit. The residual across Ky, "
        f"which falls at half the rate, makes that {np.nanmin(own / claimed):.3g} to {np.nanmax(own / claimed):.3g}: the row "
        "fitting_time_anisotropic.",
    )
    yield _fitting(trained, numbers, measured, own, isotropic, conditions)
    yield from _predicted(trained, measured, own, claimed, scales)
    yield _each_factor(trained, numbers, seconds)


def _fitting(
    trained: Trained,
    numbers: _Numbers,
    measured: np.ndarray,
    own: np.ndarray,
    isotropic: np.ndarray,
    conditions: verdicts.Varied,
) -> Row:
    """Return the row of t₂ − t₁ without unnamed constants, for K near κI."""
    # A step, since t₂ − t₁ is taken between records; and what the form leaves out of 2k(t₂ − t₁), δ where it is not small and
    # the anisotropy of K along y to its first order.
    left_out = np.concatenate([numbers.share(epsilon) / 2 + numbers.anisotropy for epsilon in ACCURACIES])
    allowed = 1 + left_out / np.tile(numbers.growth, len(ACCURACIES))
    off, plain = (np.abs(measured / form - 1) for form in (own, isotropic))
    ends = np.array([np.nanmin(own), np.nanmax(own)])
    return Row(
        "fitting_time_anisotropic",
        PROJECT,
        "from a small start with K near κI, t₂ − t₁ = ln(√γ‖y‖²)/(2 ln(1 + k)) + s with ‖(I − (kb/√γ)(K + yyᵀ/b²))^s r‖ = "
        "δ‖y‖, r = y with its part across the leading eigenvector multiplied by π/2; δ = √(8nε/c)/‖y‖",
        "|measured − predicted|, steps; allowed are 1 + (δ/2 + ‖K − tr Σ I‖₂/tr Σ)/k",
        trained.setting,
        verdicts.bound(np.abs(measured - own), allowed, conditions),
        Picture("predicted, steps", "t₂ − t₁, steps", {"measured": (own, measured)}, {"equal": (ends, ends)}),
        remark=f"Allowed are at most {percent(np.nanmax(allowed / own))} of t₂ − t₁. "
        f"The form is off by {percent(np.nanmedian(off))} in the median and {percent(np.nanmax(off))} at most; {ISOTROPIC}, "
        f"for K = κI and small steps, by {percent(np.nanmedian(plain))} and {percent(np.nanmax(plain))}.",
    )


def _predicted(
    trained: Trained, measured: np.ndarray, own: np.ndarray, claimed: np.ndarray, scales: Scales
) -> Iterator[Row]:
    """Yield each exponent of t₂ − t₁ beside the one that this project's form has."""
    conditions = {symbol: column for symbol, (column, _) in scales.items()}
    replicate = np.resize(trained.column("replicate"), len(measured))
    (found, errors), (expected, _) = (
        _fit(_divided(np.where(np.isnan(measured), np.nan, each), claimed, scales), conditions, replicate)
        for each in (measured, own)
    )
    middle = np.nanmedian(measured / own)
    for (symbol, column), value, error, other in zip(conditions.items(), found, errors, expected, strict=True):
        yield Row(
            f"theorem_4_1_t_2_{ASCII[symbol]}_predicted",
            PROJECT,
            f"the form of the row fitting_time_anisotropic gives the exponent of {symbol} in t₂ − t₁ without a fit of its own",
            f"exponent of {symbol} in t₂ − t₁, divided by log(n‖β̃‖ tr Σ/ε), fitted with all others",
            trained.setting,
            verdicts.number(
                float(value),
                float(value - error),
                float(value + error),
                float(other),
                float(np.log(verdicts.NEGLIGIBLE) / np.log(column.max() / column.min())),
                f"a factor of {verdicts.NEGLIGIBLE:g} over the range of {symbol}; expected is the form's through the same fit",
            ),
            Picture(
                symbol,
                "(t₂ − t₁) measured/predicted",
                {"measured": (column, measured / own)},
                {"median": (np.array([column.min(), column.max()]), np.full(2, middle))},
                log_y=False,
            ),
        )


def _each_factor(trained: Trained, numbers: _Numbers, seconds: np.ndarray) -> Row:
    """Return the row of how much longer each further factor e of accuracy takes, in units of 1/k."""

    def gained(at: np.ndarray) -> np.ndarray:
        """Return k d(t₂ − t₁)/d log(1/ε) between neighbouring ε, (networks, ε)."""
        return np.asarray(numbers.growth[:, None] * np.diff(at, axis=1) / -np.diff(np.log(ACCURACIES)))

    measured = gained(seconds)
    own, isotropic = (
        gained(np.column_stack([of(epsilon) for epsilon in ACCURACIES])) for of in (numbers.fitting, numbers.isotropic)
    )
    between = np.sqrt(np.array(ACCURACIES[1:]) * ACCURACIES[:-1])
    x = np.tile(1 / between, len(seconds))
    slower = "as the residual across Ky, which falls by k a step, outlasts that along y, which falls by 2k"
    first, last, first_own, last_own = (np.nanmedian(each[:, end]) for each in (measured, own) for end in (0, -1))
    low, high = trained.setting.margins["trace_repaired"]
    return Row(
        "theorem_4_1_t_2_log_epsilon",
        STRONGER,
        "t₂ − t₁ grows linearly in log(1/ε): by C/k for each factor e",
        "k d(t₂ − t₁)/d log(1/ε), between neighbouring ε",
        trained.setting,
        verdicts.order(measured.ravel(), {"1/ε": x, "1/k": np.repeat(1 / numbers.growth, measured.shape[1])}, slower),
        Picture(
            "1/ε",
            "k d(t₂ − t₁)/d log(1/ε)",
            {"measured": (x, measured.ravel())},
            {
                f"residual falls by {rate}k a step": (np.array([x.min(), x.max()]), np.full(2, 0.5 / rate))
                for rate in (2, 1)
            },
            log_y=False,
        ),
        remark=f"C is {first:.3f} in the median between the two largest ε and {last:.3f} between the two smallest. "
        f"{ISOTROPIC}, for K = κI, has {np.nanmedian(isotropic):.3f} throughout; the row fitting_time_anisotropic has "
        f"{first_own:.3f} and {last_own:.3f}, {slower}. Condition (6), repaired, asks for so isotropic a K that this does not "
        f"happen before L ≤ 4ε; here its margin is {low:.2g} to {high:.2g}.",
    )


def _after(loss: np.ndarray, level: float) -> np.ndarray:
    """Return which records come after the first at or below a level, (networks, records)."""
    reached = np.asarray(np.logical_or.accumulate(loss <= level, axis=1))
    return reached


def _divided(measured: np.ndarray, claimed: np.ndarray, scales: Scales) -> np.ndarray:
    """Return a time divided by what its formula has beside powers of `scales`."""
    return measured / claimed * np.prod([column**power for column, power in scales.values()], axis=0)


def _scaling(
    trained: Trained,
    name: str,
    time: str,
    formula: str,
    measured: np.ndarray,
    claimed: np.ndarray,
    scales: Scales,
    place: Place,
    own: np.ndarray,
    own_formula: str,
    divided: str = "",
    remark: str = "",
) -> Iterator[Row]:
    """Yield the constants of one time, then its exponent in each parameter, all fitted together.

    `own` is the same time by this project's formula: through the same fit, it says what exponent was to be expected. `divided`
    is a factor of the formula that is divided out before, because it is a function of the others.
    """
    conditions = {symbol: column for symbol, (column, _) in scales.items()}
    ends = np.array([np.nanmin(claimed), np.nanmax(claimed)])
    yield Row(
        f"theorem_4_1_{name}",
        place,
        f"{time} is ≍ {formula}",
        f"{time} over {formula}",
        trained.setting,
        verdicts.order(measured / claimed, conditions, f"as that of {own_formula} does"),
        Picture(formula, f"{time}: steps", {"measured": (claimed, measured)}, {"equal": (ends, ends)}),
        remark=remark,
    )
    replicate = np.resize(trained.column("replicate"), len(measured))

    def exponents(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _fit(_divided(found, claimed, scales) if divided else found, conditions, replicate)

    (found, errors), (expected, _) = exponents(measured), exponents(own)
    for (symbol, (column, power)), value, error, other in zip(scales.items(), found, errors, expected, strict=True):
        rest = claimed / column**power
        ends = np.array([column.min(), column.max()])
        centre = np.nanmedian(measured / rest / column**power)
        yield Row(
            f"theorem_4_1_{name}_{ASCII[symbol]}",
            place,
            f"{time} is ∝ {_power(symbol, power)}",
            f"exponent of {symbol} in {time}{f', divided by {divided}' if divided else ''}, fitted with all others",
            trained.setting,
            verdicts.exponent(
                float(value),
                float(error),
                power,
                float(column.max() / column.min()),
                f"where {own_formula} has {other:.3f} through the same fit",
            ),
            Picture(
                symbol,
                f"{time}, with all other factors of the formula divided out",
                {"measured": (column, measured / rest)},
                {f"∝ {_power(symbol, power)}": (ends, centre * ends**power)},
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


POWERS = {1.0: "{}", -1.0: "1/{}", 0.5: "√{}", -0.5: "1/√{}"}


def _power(symbol: str, power: float) -> str:
    """Return a power of a symbol in words, with brackets only where they are needed."""
    return POWERS[power].format(f"({symbol})" if " " in symbol and power != 1 else symbol)


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

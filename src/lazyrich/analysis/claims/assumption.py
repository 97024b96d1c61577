"""Assumption 4.1: whether its conditions suffice, and how far beyond each of them Theorem 4.1's conclusions hold.

Each condition has a sweep that varies it across its bound where all others hold, in both forms of condition (6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, accuracies
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, Setting, reading
from lazyrich.analysis.comparison import theorem
from lazyrich.engines.trajectories import Status
from lazyrich.theory import boundaries, conditions

REPAIRED = "Assumption 4.1, (6) repaired"
# The forms of condition (6) in words.
FORMS = {
    "printed": "Condition (6) as printed, with √ε‖β̃‖ (at these ε it asks for C₂ alone)",
    "repaired": "Condition (6) with ‖β̃‖/√ε for the misprinted √ε‖β̃‖",
}
# Chosen by this project from those of Theorem 4.1, and of the root mean square over neurons, not of each.
CONCLUSIONS = (
    "three conclusions about all neurons together: ⅔ ≤ rms ρ_r/(√γ rms v_r) ≤ 2 from t₁ to t₂ (Lemma 5.3), L(t₂) ≤ 4ε, and the "
    "loss stays there"
)
EACH_NEURON = (
    "The conclusions on every neuron are other rows, and fail within the assumption where σ₀ is not far below v₀: "
    "lemma_5_2_i_alignment, lemma_5_2_ii, lemma_5_3_iii_each, eq_10_neurons."
)
# Sweeps whose label noise does not reach σ_y = ‖β̃‖: beyond, γ is no longer of the order of n‖β̃‖² tr Σ (`_noise`).
WITHOUT_NOISE = ("conditions", "assumption_width", "assumption_v_0", "assumption_rate", "assumption_trace")


@dataclass(frozen=True)
class _Networks:
    """A sweep's networks: the margin of every condition and whether the conclusions hold, (networks,)."""

    trained: Trained
    margins: dict[str, np.ndarray]
    concluding: np.ndarray
    converged: np.ndarray
    alignment: np.ndarray  # smallest rms ρ_r/(√γ rms v_r) from t₁ to t₂

    @classmethod
    def of(cls, trained: Trained) -> _Networks:
        found = theorem(trained.networks, trained.sweep.conditions)
        converged = trained.networks["status"].values == Status.converged
        return cls(
            trained,
            {name: found[f"{name}_margin"] for name in conditions.NAMES},
            # An oscillating loss passes below 4ε by chance, too.
            (found["conclusions_share"] == 1) & converged,
            converged,
            found["stage_two_alignment"],
        )

    def within(self, form: str, but: str = "") -> np.ndarray:
        """Return the smallest margin of all conditions (`but` one of them), with this form of (6)."""
        forms = conditions.TRACE_FORMS.values()
        counted = {
            name: margin
            for name, margin in self.margins.items()
            if name != but and not (but in forms and name in forms)
        }
        return np.asarray(conditions.smallest(counted, form))


def rows(data: Data) -> Iterator[Row]:
    """Yield the whole assumption in both forms of (6), each condition, and what is behind three of them."""
    found = {name: _Networks.of(data[name]) for name in (*WITHOUT_NOISE, "assumption_noise")}
    for form in conditions.TRACE_FORMS:
        yield _sufficient({name: found[name] for name in WITHOUT_NOISE}, form)
    for each in CONDITIONS:
        yield _condition(found[each.sweep], each)
    yield _second_layer(found["assumption_v_0"])
    yield _rate(found["assumption_rate"])
    yield from _noise(found["assumption_noise"])


def _sufficient(groups: dict[str, _Networks], form: str) -> Row:
    margin = np.concatenate([each.within(form) for each in groups.values()])
    concluding = np.concatenate([each.concluding for each in groups.values()])
    inside = margin >= 1
    margins = {
        name: (float(values[inside].min()), float(values[inside].max()))
        for name in conditions.NAMES
        for values in (np.concatenate([each.margins[name] for each in groups.values()]),)
    }
    return Row(
        f"assumption_4_1_{form}",
        reading("Assumption 4.1" if form == "printed" else REPAIRED),
        f"where the assumption holds, (6) {'as printed' if form == 'printed' else 'as its proof needs it'}, and label noise is "
        f"below ‖β̃‖, so do {CONCLUSIONS}",
        "smallest margin of its conditions (allowed over actual value), all constants 1; C is the margin that every one needs",
        Setting(
            f"networks of the sweeps {', '.join(groups)} within the assumption; {inside.sum():,} networks. "
            f"{accuracies(*(each.trained for each in groups.values()))}",
            margins,
        ),
        verdicts.threshold(concluding[inside], margin[inside], "C = {}".format),
        Picture(
            "margin of Assumption 4.1 (allowed/actual, smallest condition)",
            "whether the conclusions hold (1) or not (0)",
            {name: (each.within(form), each.concluding.astype(float)) for name, each in groups.items()},
            {"assumption": (np.ones(2), np.array([0.0, 1.0]))},
            log_y=False,
        ),
        remark=f"{FORMS[form]}. Conditions (3) and (4) decide, through γ, which scatters about n‖β̃‖² tr Σ where n = 10. "
        "Beyond σ_y = ‖β̃‖, still within (5), networks at rates that (4) allows need not converge: assumption_4_1_noise_rate. "
        f"Where ‖β̃‖ is small, ρ_r need not come to 1: alignment_reached. {EACH_NEURON}",
    )


@dataclass(frozen=True)
class _Condition:
    """One condition: the name of its margin, its sweep, its place, its statement, its constant in words, and a remark."""

    name: str
    sweep: str
    where: str
    statement: str
    constant: str  # with {} for its number
    remark: str = ""
    upper: bool = True  # the condition is "… ≤ C", and otherwise "… ≥ C"
    place: str = "Assumption 4.1 {}"  # with {} for `where`


CONDITIONS = (
    _Condition(
        "width",
        "assumption_width",
        "(1)",
        "m ≥ C log 2n",
        "C = {} of condition (1)",
        "The smallest width is a single neuron: these conclusions do not need the condition.",
        upper=False,
    ),
    _Condition(
        "sigma_0",
        "conditions",
        "(2)",
        "σ₀ ≤ min{C₁/√(nd‖β̃‖² tr Σ), √ε/(n^¼ ‖β̃‖^½ tr Σ^¼)}",
        "C₁ = {} of condition (2)",
        "C₁ is taken times both of the condition's bounds, also the one that the paper prints without a constant.",
    ),
    _Condition(
        "v_0",
        "assumption_v_0",
        "(3)",
        "v₀ ≤ C₂/√(n‖β̃‖² tr Σ)",
        "C₂ = {} of condition (3)",
        "assumption_4_1_v_0_origin gives the constant in √γ v₀; here γ of ten samples scatters about n‖β̃‖² tr Σ.",
    ),
    _Condition(
        "learning_rate",
        "assumption_rate",
        "(4)",
        "cη ≤ C √n m/(√tr Σ ‖β̃‖)",
        "C = {} of condition (4)",
        "assumption_4_1_rate_origin gives the constant in k; here γ of ten samples scatters about n‖β̃‖² tr Σ.",
    ),
    _Condition(
        "noise",
        "assumption_noise",
        "(5)",
        "σ_y² ≤ C · 8n‖β̃‖²",
        "C = {} of condition (5)",
        "The condition names its constant, C = 1. v₀ is far below 1/√γ: what noise does, it does through γ. At a given cη a "
        "larger γ is a larger k, and beyond k = 1 training does not converge: assumption_4_1_noise_rate.",
    ),
    _Condition(
        "trace",
        "assumption_trace",
        "(6)",
        "tr Σ ≥ C₂ σ_x²(n‖Σ‖₂ + √n‖Σ‖_F)",
        "C₂ = {} of condition (6)",
        f"{FORMS['printed']}.",
        upper=False,
    ),
    _Condition(
        "trace_repaired",
        "assumption_trace",
        "(6)",
        "tr Σ ≥ C max{1, ‖β̃‖/√ε} σ_x²(n‖Σ‖₂ + √n‖Σ‖_F)",
        "C = {} of condition (6), repaired",
        f"{FORMS['repaired']}, which the proof needs: these conclusions hold far beyond it.",
        upper=False,
        place=REPAIRED,
    ),
)


def _condition(networks: _Networks, each: _Condition) -> Row:
    """Judge one condition where all others hold; a sweep with noise at the growth per step that every network can follow."""
    margin = networks.margins[each.name]
    used = networks.within("printed", but=each.name) >= 1
    k = networks.trained.column("growth_per_step")
    at = ""
    if each.name == "noise":
        used &= k < boundaries.STABLE
        at = f" at k = {', '.join(f'{level:g}' for level in np.unique(k[used]))}"
    one = np.ones(2)
    setting = networks.trained.setting.of(f"{used.sum():,} networks that keep all other conditions, (6) as printed")
    return Row(
        f"assumption_4_1_{each.name}",
        reading(each.place.format(each.where)),
        f"{each.statement}{at}, all other conditions kept, suffices for {CONCLUSIONS}",
        "margin of the condition (allowed over actual value), C = 1",
        setting,
        verdicts.threshold(networks.concluding[used], margin[used], each.constant.format, upper=each.upper),
        Picture(
            f"margin of condition {each.where}",
            "whether the conclusions hold (1) or not (0)",
            {"networks": (margin[used], networks.concluding[used].astype(float))},
            {"C = 1": (one, np.array([0.0, 1.0]))},
            log_y=False,
        ),
        remark=each.remark,
    )


def _second_layer(networks: _Networks) -> Row:
    """Say where the constant of condition (3) comes from: the second bullet of Lemma 5.3, read at t₁."""
    trained = networks.trained
    size = np.sqrt(trained.column("gamma")) * trained.column("v_0")
    last, first = float(size[networks.concluding].max()), float(size[~networks.concluding].min())
    k = float(trained.column("growth_per_step")[0])
    levels = np.unique(trained.column("v_0"))
    spacing = float(levels[1] / levels[0] - 1)
    line = np.geomspace(size.min(), size.max(), 100)
    return Row(
        "assumption_4_1_v_0_origin",
        PROJECT,
        "the second bullet of Lemma 5.3 at t₁, √(1 + γv₀²) − 1 ≤ ½, is √γ v₀ ≤ √5/2: C₂ of condition (3), in √γ v₀",
        "√γ v₀ up to which the conclusions hold (range: largest that holds, smallest that fails)",
        trained.setting,
        verdicts.number(
            np.sqrt(last * first),
            last,
            first,
            conditions.LARGEST_SECOND_LAYER,
            conditions.LARGEST_SECOND_LAYER * (1.5 * k + spacing),
            "t₁ is a step late, which adds 3k/2 to ρ_r = 1, and a step of the grid",
        ),
        Picture(
            "√γ v₀",
            "smallest rms ρ_r/(√γ rms v_r) from t₁ on",
            {"measured": (size, networks.alignment)},
            {
                "1/√(1 + γv₀²)": (line, 1 / (1 + np.asarray(conditions.imbalance(1.0, line, 1.0)))),
                "⅔": (np.array([size.min(), size.max()]), np.full(2, 2 / 3)),
            },
            log_y=False,
        ),
        remark="Condition (3) is sharp: t₁ is the time of ρ_r = 1, and the lemma begins there.",
    )


def _rate(networks: _Networks) -> Row:
    trained = networks.trained
    k = trained.column("growth_per_step")
    levels = np.unique(k)
    first = float(k[~networks.concluding].min())
    last = float(levels[levels < first].max())
    share = np.array([networks.concluding[k == level].mean() for level in levels])
    return Row(
        "assumption_4_1_rate_origin",
        PROJECT,
        "condition (4) is k ≤ C where γ = n‖β̃‖² tr Σ, and no solution is stable for k > 1: its constant is 1, in k",
        "smallest k at which the conclusions fail (range: with the k before it)",
        trained.setting,
        verdicts.number(first, last, first, boundaries.STABLE, first - last, "a step of the grid"),
        Picture(
            "k, growth per step",
            "share of networks for which the conclusions hold",
            {"measured": (levels, share)},
            {"k = 1": (np.full(2, boundaries.STABLE), np.array([0.0, 1.0]))},
            log_y=False,
        ),
        remark="no_stable_solution measures the same at other starts.",
    )


def _noise(networks: _Networks) -> Iterator[Row]:
    """Say what condition (5) lets pass: γ, on which (3) and (4) are conditions, grows beyond n‖β̃‖² tr Σ with the noise."""
    trained = networks.trained
    n, k, noise = (trained.column(name) for name in ("samples", "growth_per_step", "label_noise"))
    scale = n * trained.column("covariance_trace") * trained.column("signal_norm") ** 2
    share = noise**2 / trained.column("signal_norm") ** 2
    measured = trained.column("gamma") / scale
    line = np.geomspace(noise.min(), noise.max(), 100)
    yield Row(
        "assumption_4_1_noise_gamma",
        PROJECT,
        "with label noise γ ≍ n(‖β̃‖² + σ_y²) tr Σ",
        "γ/(n(‖β̃‖² + σ_y²) tr Σ)",
        trained.setting,
        verdicts.order(measured / (1 + share), {"n": n, "σ_y": noise}),
        Picture(
            "σ_y, label noise",
            "γ/(n‖β̃‖² tr Σ)",
            {f"n = {level:g}": (noise[n == level], measured[n == level]) for level in np.unique(n)},
            {"1 + σ_y²": (line, 1 + line**2), "Lemma A.4: 3/2": (line[[0, -1]], np.full(2, 1.5))},
        ),
        remark="Condition (5), σ_y² ≤ 8n‖β̃‖², lets γ be 1 + 8n times n‖β̃‖² tr Σ; "
        "Lemma A.4's upper bound 3/2 takes σ_y² ≤ ½‖β̃‖².",
    )
    inside = (k > boundaries.STABLE) & (np.minimum(networks.within("printed"), networks.within("repaired")) >= 1)
    reached = k * networks.margins["learning_rate"]
    yield Row(
        "assumption_4_1_noise_rate",
        PROJECT,
        "conditions (4) and (5) together let k be up to √(1 + 8n) C, C of (4): there are networks within every condition (all "
        "constants 1) at k > 1, and none of them converges",
        "share of networks that do not converge",
        trained.setting.of(f"{inside.sum():,} networks with k > 1 within all conditions, in both forms of (6)"),
        verdicts.always(~networks.converged, inside, {"σ_y": noise, "n": n}),
        Picture(
            "σ_y, label noise",
            "largest k that condition (4) lets pass, C = 1",
            {f"n = {level:g}": (noise[n == level], reached[n == level]) for level in np.unique(n)},
            {"√(1 + σ_y²)": (line, np.sqrt(1 + line**2)), "k = 1": (line[[0, -1]], np.ones(2))},
        ),
        remark="So no constant of (4) serves all n: it has to fall as 1/√(1 + 8n), or (5) to be σ_y² ≤ C‖β̃‖².",
    )

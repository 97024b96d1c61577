"""Stage one, neuron by neuron: Eq. 9, the bounds of Eq. 13, and what the paper says of signs and shapes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import SMALL_SIGMA, Data, Trained, cells
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import Picture, Row, paper
from lazyrich.analysis.comparison import onset_share
from lazyrich.theory import stage_one_bounds

TEXT = paper("text on stage one", 7)
MISPRINT = "As printed, the update of v_r in Eq. 9 adds ρ_r(t); the row has (η/(mn)) ρ_r(t)."
# A smaller constant is none: rounding of some hundred steps, 10⁻¹³, over tr Σ/γ^{3/2}, which is 10⁻⁶ and more.
RESOLVED = 1e-6
# Probability of failure at which Lemma A.1 gives the largest |b_r|.
DELTA = 0.01


def rows(data: Data) -> Iterator[Row]:
    """Yield Eq. 9 of neurons and of the output, the five inequalities of Eq. 13, signs and shapes."""
    neurons = NeuronRows(data)
    yield _linear(neurons)
    yield _linear_output(data["overparameterization"])
    yield from _bounds(neurons)
    yield _off_target(neurons)
    yield from _signs(neurons)
    yield from _shapes(neurons)


def _linear(neurons: NeuronRows) -> Row:
    trained = neurons.trained
    error = neurons.measured["neuron_error"]
    # The force is that of y − f: what Eq. 9 leaves out is the overlap ⟨y, f⟩/‖y‖², at t₁ (one step late at most) …
    k = trained.column("growth_per_step")
    overlap = (1 + k) ** 2 / (np.sqrt(trained.column("gamma")) * trained.column("y_norm") ** 2)
    # … and the rounding of some hundred steps.
    allowed = overlap + 1e-12
    small = neurons.small
    one = np.array([overlap.min(), overlap.max()])
    return Row(
        "eq_9",
        paper("Eq. 9"),
        "up to t₁ every neuron follows (ρ̂_r ± √γ v_r)(t) = (1 ± k)ᵗ(b_r ± √γ v_r(0)), but for the overlap of f and y",
        "largest relative distance of (ρ_r, √γ v_r), worst neuron and step (allowed: the overlap of f and y at t₁, a step late "
        "at most, (1 + k)²/(√γ‖y‖²), and 10⁻¹² of rounding)",
        trained.setting,
        verdicts.bound(error, allowed, neurons.varied),
        Picture(
            "⟨y, f⟩/‖y‖² at t₁",
            "relative distance of (ρ_r, √γ v_r), worst neuron and step",
            {"measured": (overlap, error)},
            {"the overlap itself": (one, one)},
        ),
        verdicts.bound(error[small], allowed[small], neurons.small_varied),
        f"{MISPRINT} Its solution is given, with b_r = ⟨w_r(0), Xᵀy⟩ and ρ̂_r = ρ_r + b_r.",
    )


def _linear_output(trained: Trained) -> Row:
    summary = trained.summary
    n, d, chi = (cells(summary, name) for name in ("samples", "dimension", "laziness"))
    rich = chi < 0.1  # the stages are those of rich training
    error = cells(summary, "stage_one_error")[rich]
    varied = {"d/n": d[rich] / n[rich], "n": n[rich], "1/χ": 1 / chi[rich]}
    share = onset_share(trained.networks)
    return Row(
        "eq_9_output",
        paper("Eq. 9"),
        "up to onset the overlap ⟨y, f⟩/‖y‖² is that of stage one",
        f"{summary['stage_one_error'].attrs['long_name']} (median over replicates)",
        trained.setting,
        verdicts.agreement(error, share, "the share by which the force has fallen at onset", varied),
        Picture(
            "d/n",
            "error",
            {
                f"χ = {level:g}": (varied["d/n"][on], error[on])
                for level in np.unique(chi[rich])
                for on in (chi[rich] == level,)
            },
            {"allowed": (np.array([varied["d/n"].min(), varied["d/n"].max()]), np.full(2, share))},
        ),
        remark=f"{MISPRINT} The overlap is the mean of ρ̂_r v_r over neurons; K need not be isotropic.",
    )


def _bounds(neurons: NeuronRows) -> Iterator[Row]:
    """Yield the four bounds on ρ_r and v_r: the constant that each needs, against the b_r that none of them has."""
    trained = neurons.trained
    gamma, trace = trained.column("gamma"), trained.column("covariance_trace")
    ignored = neurons.sigma_0 / (neurons.v_0 * np.asarray(stage_one_bounds.share(gamma, trace)))
    x = "σ₀γ^{3/2}/(v₀ tr Σ)"
    within, small = ignored <= SMALL_SIGMA, neurons.small
    varied = {name: neurons.varied[name][within] for name in ("n", "tr Σ", "‖β̃‖")}
    proof = 1.1 * (1 + trained.anisotropy / trace)
    remarks = {
        "lower": f"The proof gives C₁ of Eq. 13 as 1.1(1 + ε_λ/tr Σ), here {proof.min():.3g} to {proof.max():.3g}. ",
        "v": "Steps 0 and 1 are left out: both bounds are v₀² there, and any b_r ≠ 0 breaks one of them. ",
    }
    for which, symbol, prefactor, sign in (("rho", "ρ_r", "√γ v₀²/2", "−"), ("v", "v_r", "v₀²/2", "+")):
        for side, relation, change, constant in (("lower", "≥", "−", "C₁"), ("upper", "≤", "+", "C₂")):
            needed = np.maximum(neurons.measured[f"bounds_{which}_{side}"], RESOLVED)
            impossible = np.isinf(needed)
            none = (
                f"No {constant} does in {impossible.sum()} of {impossible.size} networks, which have {x} from "
                f"{ignored[impossible].min():.3g} on, though one does in others up to {ignored[~impossible].max():.3g}. "
                if impossible.any()
                else ""
            )
            limit = (
                f"b_r is in neither bound, and condition (2) allows more of it than they bear. For σ₀ ≪ v₀ this row takes the "
                f"stricter σ₀ ≤ {SMALL_SIGMA:g} v₀ tr Σ/γ^{{3/2}}, {within.sum()} of {within.size} networks; "
                f"with σ₀ ≤ {SMALL_SIGMA:g} v₀ alone {constant} is {_up_to(needed[small])}. {none}"
            )
            yield Row(
                f"eq_13_{which}_{side}",
                paper("Eq. 13"),
                f"up to t₁, for every neuron, {symbol}(t) v_r(0) {relation} ({prefactor})[(1 + k')ᵗ {sign} (1 − k')ᵗ] with "
                f"k' = (η√γ/(mn))(1 {change} {constant} tr Σ/γ^{{3/2}})",
                f"the {constant} of Eq. 13 that all steps and neurons of a network need",
                trained.setting,
                # An unnamed constant is one for all that Assumption 4.1 allows: it may not grow with the b_r that was left out.
                verdicts.constant(needed, {x: ignored}),
                _against(x, ignored, needed),
                # Below 1, which is less than the proof's own, no constant grows: it is all b_r, which `within` limits.
                verdicts.constant(needed[within], varied, natural=True),
                (limit + remarks.get(side, "") + remarks.get(which, "")).strip(),
                small_sigma="σ₀ ≪ v₀ tr Σ/γ^{3/2}",
            )


def _against(x: str, values: np.ndarray, needed: np.ndarray) -> Picture:
    """Return the constants that networks need, where there are any, and 1 for the eye."""
    ends = np.array([values.min(), values.max()])
    shown = np.where(np.isfinite(needed), needed, np.nan)
    return Picture(x, "constant needed, where one will do", {"measured": (values, shown)}, {"1": (ends, np.ones(2))})


def _up_to(needed: np.ndarray) -> str:
    largest = float(needed.max())
    return f"up to {largest:.3g}" if np.isfinite(largest) else "without bound"


def _off_target(neurons: NeuronRows) -> Row:
    needed = neurons.measured["bounds_off_target"]
    small = neurons.small
    anisotropy = needed / np.sqrt(neurons.trained.column("samples") / neurons.trained.column("dimension"))
    return neurons.row(
        "eq_13_off_target",
        paper("Eq. 13"),
        "‖w_r − w_r(0) − ρ_r Xᵀy/γ‖ ≤ C (tr Σ/γ^{3/2}) ρ_r/√γ for every neuron and t ≤ t₁",
        "‖w_r − w_r(0) − ρ_r Xᵀy/γ‖ γ²/(tr Σ |ρ_r|), worst neuron and step",
        # What f takes off the force is tr Σ/γ^{3/2} of it, and off the target goes only what K's anisotropy leaves of that.
        verdicts.constant(needed, neurons.varied, natural=True),
        [needed],
        small_sigma=verdicts.constant(needed[small], neurons.small_varied, natural=True),
        remark="ρ_r on the right is taken as |ρ_r|: it is negative for neurons of v_r(0) < 0. C follows K's anisotropy: it is "
        f"{anisotropy.min():.2g} to {anisotropy.max():.2g} times √(n/d).",
    )


def _signs(neurons: NeuronRows) -> Iterator[Row]:
    small = neurons.small
    large = neurons.sigma_0 > neurons.v_0
    for which, symbol in (("rho", "ρ_r"), ("v", "v_r")):
        share = neurons.measured[f"other_sign_{which}"]
        found = (
            f"Where σ₀ > v₀ it is {100 * share[large].min():.0f} to {100 * share[large].max():.0f} % of the neurons."
        )
        yield neurons.row(
            f"stage_one_sign_{which}",
            TEXT,
            f"{symbol}(t) has the sign of v_r(0) for every neuron, 0 < t ≤ t₁",
            f"share of neurons whose {symbol} has another sign at some step up to t₁",
            verdicts.bound(share, 0.0, neurons.varied),
            [share],
            log_y=False,
            small_sigma=verdicts.bound(share[small], 0.0, neurons.small_varied),
            remark=found,
            allowed="0",
        )


def _shapes(neurons: NeuronRows) -> Iterator[Row]:
    small = neurons.small
    # Lemma A.1 at σ₀ = v₀/100: |b_r|/(√γ v₀), which the shapes leave out, relative to both.
    tolerance = float(SMALL_SIGMA * np.sqrt(2 * np.log(8 * neurons.trained.column("width").max() / DELTA)))
    why = f"|b_r|/(√γ v₀) at σ₀ = {SMALL_SIGMA:g} v₀ by Lemma A.1"
    for which, symbol, shape in (("rho", "ρ_r", "sinh"), ("v", "v_r", "cosh")):
        error = neurons.measured[f"shape_{which}"]
        yield neurons.row(
            f"stage_one_shape_{which}",
            TEXT,
            f"{symbol}(t) ∝ {shape} kt for every neuron, up to t₁",
            f"range of {symbol}(t)/{shape} kt over the steps, relative to its largest size, worst neuron",
            verdicts.agreement(error, tolerance, why, neurons.varied),
            [error],
            level=("allowed", tolerance),
            small_sigma=verdicts.agreement(error[small], tolerance, why, neurons.small_varied),
            remark=f"{shape} kt is that of whole steps, ½((1 + k)ᵗ {'−' if which == 'rho' else '+'} (1 − k)ᵗ), as in Eq. 13.",
        )

"""Lemmas 5.1 and A.1 to A.4: concentration of the data and of the initial weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import concentration_law, verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import Picture, Row, paper, reading
from lazyrich.analysis.claims.verdicts import Groups
from lazyrich.analysis.follow import follow

# Probability of failure at which A.1 and A.2 are measured.
DELTA = 0.1
SOURCES = ("gaussian", "rademacher")
# The constant of condition (6) at which drawn inputs are held to Lemma A.4.
C_2 = 4.0


def rows(data: Data) -> Iterator[Row]:
    """Yield a row for each inequality: from distributions, and over the starts and data of `concentration` and `spectrum`."""
    drawn = data["concentration"]
    yield _isotropic(drawn)
    yield _decaying(data["spectrum"])
    yield from _weights(drawn)
    yield from concentration_law.rows()
    for source in SOURCES:
        yield from _targets(drawn, source)


def _groups(drawn: Trained) -> Groups:
    """Return what tells the draws of one distribution from those of another."""
    return {
        "source": drawn.networks["source"].values.astype(str),
        "n": drawn.column("samples"),
        "d": drawn.column("dimension"),
    }


def _isotropic(drawn: Trained) -> Row:
    n, d = drawn.column("samples"), drawn.column("dimension")
    ratio = drawn.column("gram_error") / drawn.anisotropy
    picture = {f"n = {value:g}": (d[n == value] / value, ratio[n == value]) for value in np.unique(n)}
    return _gram_row("lemma_5_1", "Σ ∝ I", drawn, ratio, _groups(drawn), "d", d, picture, "d/n")


def _decaying(spectrum: Trained) -> Row:
    n, alpha = spectrum.column("samples"), spectrum.column("spectrum_exponent")
    ratio = spectrum.column("gram_error") / spectrum.anisotropy
    decay = spectrum.column("dimension") * spectrum.column("covariance_norm") / spectrum.column("covariance_trace")
    picture = {f"n = {value:g}": (alpha[n == value], ratio[n == value]) for value in np.unique(n)}
    groups = {"n": n, "α": alpha}
    return _gram_row(
        "lemma_5_1_decay",
        "λ_j = j^−α",
        spectrum,
        ratio,
        groups,
        "d‖Σ‖₂/tr Σ",
        decay,
        picture,
        "α, decay of the spectrum",
    )


def _gram_row(
    name: str,
    covariance: str,
    drawn: Trained,
    ratio: np.ndarray,
    groups: Groups,
    along: str,
    values: np.ndarray,
    picture: dict[str, tuple[np.ndarray, np.ndarray]],
    x: str,
) -> Row:
    """Return Lemma 5.1 by the largest draw of each group; `values`, of name `along`, are varied beside n."""
    n = groups["n"]
    labels = list(zip(*groups.values(), strict=True))
    largest: dict[tuple, int] = {}
    for i, label in enumerate(labels):
        if label not in largest or ratio[i] > ratio[largest[label]]:
            largest[label] = i
    at = np.array(list(largest.values()))
    each = len(ratio) // len(at)
    worst = zip(groups, labels[int(np.argmax(ratio))], strict=True)
    which = ", ".join(f"{key} = {value}" if isinstance(value, str) else f"{key} = {value:g}" for key, value in worst)
    return Row(
        name,
        paper("Lemma 5.1"),
        f"‖XXᵀ − tr Σ I‖₂ ≤ C σ_x² (n‖Σ‖₂ + √n‖Σ‖_F) with probability ≥ 1 − n⁻², for {covariance}",
        f"‖XXᵀ − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F), the largest of each group of {each} draws",
        drawn.setting,
        verdicts.constant(ratio[at], {"n": n[at], along: values[at]}),
        Picture(x, "‖K − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F)", picture, log_x=x == "d/n"),
        remark=f"C is the largest of all {len(ratio):,} draws, in {len(at)} groups of one distribution each; none is forgiven, "
        f"and more draws have a larger one. It comes from {which}. "
        f"The lemma lets one draw in n² exceed C, one in {n.max() ** 2:,.0f} at n = {n.max():g}: {each} draws a group do not "
        "show failures as rare as that, so a larger C may be needed where n is large.",
    )


def _weights(drawn: Trained) -> Iterator[Row]:
    """Yield A.1 and A.2, over the explicit neurons of every network: all of them, of m = 64."""
    data = drawn.networks
    d, m = drawn.column("dimension"), float(drawn.column("width")[0])
    magnitude, signed, norms = np.empty(len(d)), np.empty(len(d)), np.empty((2, len(d)))
    outside = np.random.default_rng(0)
    for i in range(len(d)):
        one = follow(data, i)
        w = one.start.neurons[:, 1:]
        sigma_0 = float(data["sigma_0"].values[i])
        b = w @ one.direction / (sigma_0 * np.sqrt(one.gamma))
        magnitude[i], signed[i] = np.abs(b).max(), b.max()
        # Training never sees the part of w_r orthogonal to the rows of X: drawn here from its distribution.
        unseen = outside.chisquare(d[i] - w.shape[1], len(w)) if d[i] > w.shape[1] else 0.0
        square = (np.sum(w**2, axis=1) / sigma_0**2 + unseen) / d[i]
        norms[:, i] = square.min(), square.max()
    promised = np.full(len(d), 1 - DELTA)
    n, groups = drawn.column("samples"), _groups(drawn)
    allowed = np.sqrt(2 * np.log(8 * m / DELTA))
    ends = np.array([n.min(), n.max()])
    setting = drawn.setting.of(f"every neuron at the start, {DELTA:g} as the lemma's δ, its probability of failure")
    quantity = "share of networks, in each group of one n, d and source"
    drawn_only = (
        "Initial weights are drawn from the distribution that the lemma assumes: this tests the statement and says nothing of "
        "the engine."
    )
    yield Row(
        "lemma_a_1_upper",
        paper("Lemma A.1"),
        "|⟨w_r(0), Xᵀy⟩| ≤ σ₀√(2 log(8m/δ) γ) for every neuron, with probability 1 − δ",
        quantity,
        setting,
        verdicts.shares(magnitude <= allowed, groups, promised),
        Picture(
            "n, number of samples",
            "max_r |⟨w_r(0), Xᵀy⟩|/(σ₀√γ)",
            {"measured": (n, magnitude)},
            {"upper bound": (ends, np.full(2, allowed))},
            log_y=False,
        ),
        remark=drawn_only,
    )
    yield Row(
        "lemma_a_1_lower",
        paper("Lemma A.1"),
        "max_r ⟨w_r(0), Xᵀy⟩ ≥ ½σ₀√γ, with probability 1 − δ for m = Ω(log(1/δ))",
        quantity,
        setting,
        verdicts.shares(signed >= 0.5, groups, promised),
        Picture(
            "n, number of samples",
            "max_r ⟨w_r(0), Xᵀy⟩/(σ₀√γ)",
            {"measured": (n, signed)},
            {"lower bound": (ends, np.full(2, 0.5))},
            log_y=False,
        ),
        remark=f"The signed maximum, as printed. {drawn_only}",
    )
    low, high = norms
    ends = np.array([d.min(), d.max()])
    yield Row(
        "lemma_a_2",
        paper("Lemma A.2"),
        "σ₀²d/2 ≤ ‖w_r(0)‖² ≤ 3σ₀²d/2 for every neuron, with high probability (measured against 1 − δ)",
        f"{quantity}, whose every neuron is within",
        setting,
        verdicts.shares((low >= 0.5) & (high <= 1.5), groups, promised),
        Picture(
            "d, input dimension",
            "‖w_r(0)‖²/(σ₀²d), smallest and largest neuron",
            {"smallest": (d, low), "largest": (d, high)},
            {"lower bound": (ends, np.full(2, 0.5)), "upper bound": (ends, np.full(2, 1.5))},
            log_y=False,
        ),
        remark=f"‖w_r(0)‖²/σ₀² is χ²_d. The part orthogonal to the rows of X is drawn as χ² for this row. {drawn_only}",
    )


def _targets(drawn: Trained, source: str) -> Iterator[Row]:
    """Yield A.3 and A.4 over drawn inputs of one source, held to the promise that the distributions need for Gaussian ones."""
    groups = _groups(drawn)
    n, signal, trace = (drawn.column(name) for name in ("samples", "signal_norm", "covariance_trace"))
    of_source = groups["source"] == source
    # Condition (6) of Assumption 4.1, in its part that does not know ε.
    within = trace >= C_2 * drawn.anisotropy
    ends = np.array([n.min(), n.max()])
    a_3, a_4 = (
        concentration_law.constant(law) for law in (concentration_law.target_norm(), concentration_law.isotropic(C_2))
    )
    for name, lemma, statement, quantity, ratio, chosen, within_words, (low, high), C in (
        (
            "lemma_a_3",
            "Lemma A.3",
            f"{concentration_law.A_3_EVENT} with probability at least 1 − C n⁻², for α = β",
            "‖Xβ‖²/(n‖β̃‖²)",
            drawn.column("y_norm") ** 2 / (n * signal**2),
            of_source,
            "",
            concentration_law.A_3_RANGE,
            a_3,
        ),
        (
            "lemma_a_4",
            "Lemma A.4",
            f"{concentration_law.A_4_EVENT} with probability at least 1 − C n⁻², for Σ ∝ I under condition (6) with its "
            f"C₂ = {C_2:g}",
            "γ/(tr Σ n‖β̃‖²)",
            drawn.column("gamma") / (trace * n * signal**2),
            of_source & within,
            " that keep condition (6)",
            concentration_law.A_4_RANGE,
            a_4,
        ),
    ):
        held = (ratio >= low) & (ratio <= high)
        yield Row(
            f"{name}_drawn_{source}",
            reading(lemma),
            f"{statement}, of drawn {source.capitalize()} inputs, with C = {C:.3g}, the constant of Gaussian inputs",
            "share of draws, in each group of one n and d",
            drawn.setting.of(f"{chosen.sum():,} networks with {source} inputs{within_words}"),
            verdicts.shares(
                held[chosen],
                {key: groups[key][chosen] for key in ("n", "d")},
                np.maximum(1 - C * n[chosen] ** -concentration_law.PROMISED, 0.0),
            ),
            Picture(
                "n, number of samples",
                quantity,
                {"drawn": (n[chosen], ratio[chosen])},
                {"lower bound": (ends, np.full(2, low)), "upper bound": (ends, np.full(2, high))},
            ),
            remark="The paper promises 1 − O(n⁻²). Draws are held to the C of the exact distribution for Gaussian inputs (row "
            f"{name}{'' if name == 'lemma_a_3' else f'_ratio_{C_2:g}'})"
            f"{'' if source == 'gaussian' else '; other distributions may need another'}. "
            f"It promises nothing for n ≤ {np.floor(np.sqrt(C)):g}.",
        )

"""Lemmas 5.1 and A.1 to A.4: concentration of the data and of the initial weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import Picture, Row, paper
from lazyrich.analysis.follow import follow

# Probability of failure at which A.1 and A.2 are measured.
DELTA = 0.1


def rows(data: Data) -> Iterator[Row]:
    """Yield a row for each inequality, over the starts and data of `concentration`."""
    drawn = data["concentration"]
    yield _isotropy(drawn)
    yield from _weights(drawn)
    yield from _targets(drawn)


def _isotropy(drawn: Trained) -> Row:
    n, d = drawn.column("samples"), drawn.column("dimension")
    ratio = drawn.column("gram_error") / drawn.anisotropy
    # Promised with probability 1 − n⁻² for each n: the constant is the largest quantile of that order.
    needed = np.array([np.quantile(ratio[n == value], 1 - value**-2.0) for value in np.unique(n)])
    judged = verdicts.constant(
        np.where(ratio <= needed.max(), ratio, np.nan), {"n": n, "tr Σ": drawn.column("covariance_trace")}
    )
    return Row(
        "lemma_5_1",
        paper("Lemma 5.1"),
        "‖XXᵀ − tr Σ I‖₂ ≤ C σ_x² (n‖Σ‖₂ + √n‖Σ‖_F) with probability ≥ 1 − n⁻²",
        "‖XXᵀ − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F), of the draws that a share 1 − n⁻² at every n needs",
        drawn.setting,
        judged,
        Picture(
            "d/n",
            "‖K − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F)",
            {f"n = {value:g}": (d[n == value] / value, ratio[n == value]) for value in np.unique(n)},
        ),
    )


def _weights(drawn: Trained) -> Iterator[Row]:
    """Yield A.1 and A.2, over the explicit neurons of every network: all of them, of m = 64."""
    data = drawn.networks
    d, m = drawn.column("dimension"), float(drawn.column("width")[0])
    largest, norms = np.empty(len(d)), np.empty((2, len(d)))
    outside = np.random.default_rng(0)
    for i in range(len(d)):
        one = follow(data, i)
        w = one.start.neurons[:, 1:]
        sigma_0 = float(data["sigma_0"].values[i])
        largest[i] = np.abs(w @ one.direction).max() / (sigma_0 * np.sqrt(one.gamma))
        # Training never sees the part of w_r orthogonal to the rows of X: drawn here from its distribution.
        unseen = outside.chisquare(d[i] - w.shape[1], len(w)) if d[i] > w.shape[1] else 0.0
        square = (np.sum(w**2, axis=1) / sigma_0**2 + unseen) / d[i]
        norms[:, i] = square.min(), square.max()
    promised = np.full(len(d), 1 - DELTA)
    n = drawn.column("samples")
    allowed = np.sqrt(2 * np.log(8 * m / DELTA))
    ends = np.array([n.min(), n.max()])
    setting = drawn.setting.of(f"every neuron at the start, δ = {DELTA:g}")
    picture = Picture(
        "n, number of samples",
        "max_r |b_r|/(σ₀√γ)",
        {"measured": (n, largest)},
        {"upper bound": (ends, np.full(2, allowed)), "lower bound": (ends, np.full(2, 0.5))},
        log_y=False,
    )
    yield Row(
        "lemma_a_1_upper",
        paper("Lemma A.1"),
        "|b_r| ≤ σ₀√(2 log(8m/δ) γ) for every neuron, with probability 1 − δ",
        "share of networks, at each n",
        setting,
        verdicts.shares(largest <= allowed, n, promised, "n"),
        picture,
    )
    yield Row(
        "lemma_a_1_lower",
        paper("Lemma A.1"),
        "max_r |b_r| ≥ ½σ₀√γ, with probability 1 − δ (the lower bound that goes with it, for m = Ω(log(1/δ)))",
        "share of networks, at each n",
        setting,
        verdicts.shares(largest >= 0.5, n, promised, "n"),
        picture,
    )
    low, high = norms
    ends = np.array([d.min(), d.max()])
    yield Row(
        "lemma_a_2",
        paper("Lemma A.2"),
        "σ₀²d/2 ≤ ‖w_r(0)‖² ≤ 3σ₀²d/2 for every neuron, with high probability (measured against 1 − δ)",
        "share of networks whose every neuron is within, at each d",
        setting,
        verdicts.shares((low >= 0.5) & (high <= 1.5), d, promised, "d"),
        Picture(
            "d, input dimension",
            "‖w_r(0)‖²/(σ₀²d), smallest and largest neuron",
            {"smallest": (d, low), "largest": (d, high)},
            {"lower bound": (ends, np.full(2, 0.5)), "upper bound": (ends, np.full(2, 1.5))},
            log_y=False,
        ),
    )


def _targets(drawn: Trained) -> Iterator[Row]:
    n, signal, trace = (drawn.column(name) for name in ("samples", "signal_norm", "covariance_trace"))
    promised = 1 - n**-2.0
    # Condition (6) of Assumption 4.1, in its part that does not know ε.
    within = trace >= drawn.anisotropy
    for name, source, statement, quantity, ratio, low, high in (
        (
            "lemma_a_3",
            paper("Lemma A.3"),
            "n/2 ‖α‖²_Σ ≤ ‖Xα‖² ≤ 2n‖α‖²_Σ, here for the teacher α = β (measured against 1 − n⁻²)",
            "‖Xβ‖²/(n‖β̃‖²)",
            drawn.column("y_norm") ** 2 / (n * signal**2),
            0.5,
            2.0,
        ),
        (
            "lemma_a_4",
            paper("Lemma A.4"),
            "½ tr Σ n‖β̃‖² ≤ γ ≤ 3/2 tr Σ n‖β̃‖² under condition (6) (measured against 1 − n⁻²)",
            "γ/(tr Σ n‖β̃‖²)",
            np.where(within, drawn.column("gamma") / (trace * n * signal**2), np.nan),
            0.5,
            1.5,
        ),
    ):
        ends = np.array([n.min(), n.max()])
        known = ~np.isnan(ratio)
        yield Row(
            name,
            source,
            statement,
            "share of draws, at each n",
            drawn.setting,
            verdicts.shares(((ratio >= low) & (ratio <= high))[known], n[known], promised[known], "n"),
            Picture(
                "n, number of samples",
                quantity,
                {"drawn": (n, ratio)},
                {"lower bound": (ends, np.full(2, low)), "upper bound": (ends, np.full(2, high))},
            ),
        )

"""Lemmas A.1 to A.4: concentration of the initial weights and of the data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, Trained
from lazyrich.claims.row import Picture, Row

# Probability of failure at which A.1 is measured; draws of a network for each width.
DELTA = 0.1
DRAWS = 2000
WIDTHS = (8, 32, 128, 512)
DIMENSIONS = (16, 64, 256, 1024, 4096)


def rows(data: Data) -> Iterator[Row]:
    """A row for each inequality."""
    yield from _alignments()
    yield _norms()
    yield from _targets(data["concentration"])


def _alignments() -> Iterator[Row]:
    """A.1: b_r ~ N(0, σ0²γ), independent over neurons, whatever the data: drawn directly, in units of σ0√γ."""
    rng = np.random.default_rng(0)
    width = np.repeat(WIDTHS, DRAWS).astype(float)
    largest = np.concatenate([np.abs(rng.standard_normal((DRAWS, m))).max(axis=1) for m in WIDTHS])
    allowed = np.sqrt(2 * np.log(8 * width / DELTA))
    setting = f"{DRAWS} networks at each width m, b_r = σ₀√γ N(0, 1), δ = {DELTA:g}"
    promised = np.full(len(width), 1 - DELTA)
    m = np.array(WIDTHS, dtype=float)
    curves = {
        "upper bound": (m, np.sqrt(2 * np.log(8 * m / DELTA))),
        "lower bound": (m, np.full(len(m), 0.5)),
    }
    picture = Picture("m, width", "max_r |b_r|/(σ₀√γ)", {"drawn": (width, largest)}, curves, log_y=False)
    yield Row(
        "lemma_a_1_upper",
        "Lemma A.1",
        "|b_r| ≤ σ₀√(2 log(8m/δ) γ) for every neuron, with probability 1 − δ",
        "max_r |b_r| over the bound",
        setting,
        verdicts.shares(largest <= allowed, width, promised, "m"),
        picture,
    )
    yield Row(
        "lemma_a_1_lower",
        "Lemma A.1",
        "max_r |b_r| ≥ ½σ₀√γ, with probability 1 − δ (the lower bound that goes with it, for m = Ω(log(1/δ)))",
        "share of draws",
        setting,
        verdicts.shares(largest >= 0.5, width, promised, "m"),
        picture,
    )


def _norms() -> Row:
    """A.2: ‖w_r(0)‖² = σ0² χ²_d: the largest and smallest of m independent draws, by the inverse of its law."""
    rng = np.random.default_rng(1)
    m = 128
    dimension = np.repeat(DIMENSIONS, DRAWS).astype(float)
    uniform = rng.random((len(dimension), 2))
    # Minimum and maximum of m draws: F(min) ~ 1 − (1 − u)^{1/m}, F(max) ~ u^{1/m}.
    low = stats.chi2.ppf(-np.expm1(np.log1p(-uniform[:, 0]) / m), dimension) / dimension
    high = stats.chi2.ppf(np.exp(np.log(uniform[:, 1]) / m), dimension) / dimension
    d = np.array(DIMENSIONS, dtype=float)
    within = (low >= 0.5) & (high <= 1.5)
    return Row(
        "lemma_a_2",
        "Lemma A.2",
        "σ₀²d/2 ≤ ‖w_r(0)‖² ≤ 3σ₀²d/2 for every neuron, with high probability (measured against 1 − δ)",
        "share of networks whose every neuron is within",
        f"{DRAWS} networks of m = {m} at each d, ‖w_r(0)‖² = σ₀² χ²_d, δ = {DELTA:g}",
        verdicts.shares(within, dimension, np.full(len(dimension), 1 - DELTA), "d"),
        Picture(
            "d, input dimension",
            "‖w_r(0)‖²/(σ₀²d), smallest and largest neuron",
            {"smallest": (dimension, low), "largest": (dimension, high)},
            {"lower bound": (d, np.full(len(d), 0.5)), "upper bound": (d, np.full(len(d), 1.5))},
            log_y=False,
        ),
    )


def _targets(drawn: Trained) -> Iterator[Row]:
    n, signal = drawn.column("samples"), drawn.column("signal_norm")
    promised = 1 - n**-2.0
    for name, source, statement, quantity, ratio, low, high in (
        (
            "lemma_a_3",
            "Lemma A.3",
            "n/2 ‖α‖²_Σ ≤ ‖Xα‖² ≤ 2n‖α‖²_Σ, here for the teacher α = β (measured against 1 − n⁻²)",
            "‖Xβ‖²/(n‖β̃‖²)",
            drawn.column("y_norm") ** 2 / (n * signal**2),
            0.5,
            2.0,
        ),
        (
            "lemma_a_4",
            "Lemma A.4",
            "½ tr Σ n‖β̃‖² ≤ γ ≤ 3/2 tr Σ n‖β̃‖² (measured against 1 − n⁻²)",
            "γ/(tr Σ n‖β̃‖²)",
            drawn.column("gamma") / (drawn.column("covariance_trace") * n * signal**2),
            0.5,
            1.5,
        ),
    ):
        ends = np.array([n.min(), n.max()])
        yield Row(
            name,
            source,
            statement,
            quantity,
            drawn.setting,
            verdicts.shares((ratio >= low) & (ratio <= high), n, promised, "n"),
            Picture(
                "n, number of samples",
                quantity,
                {"drawn": (n, ratio)},
                {"lower bound": (ends, np.full(2, low)), "upper bound": (ends, np.full(2, high))},
            ),
        )

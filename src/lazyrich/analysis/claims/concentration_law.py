"""Lemmas A.3 and A.4 from the distributions themselves: no draws, and n as large as it has to be."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, Setting, paper
from lazyrich.analysis.claims.verdicts import Verdict
from lazyrich.theory import concentration

Law = tuple[np.ndarray, np.ndarray]  # n and P(failure)

PROMISED = 2.0  # both lemmas: probability at least 1 − O(n⁻²)
A_3_EVENT, A_4_EVENT = "n/2 ‖α‖²_Σ ≤ ‖Xα‖² ≤ 2n‖α‖²_Σ", "½ tr Σ n‖β̃‖² ≤ γ ≤ 3/2 tr Σ n‖β̃‖²"
A_3, A_4 = (f"{event} with probability at least 1 − O(n⁻²)" for event in (A_3_EVENT, A_4_EVENT))
A_3_RANGE, A_4_RANGE = (0.5, 2.0), (0.5, 1.5)
# C₂ of condition (6), for isotropic inputs and with a spike; and where the spike is tried for what C₂ must be.
RATIOS, SPIKED = (4.0, 2.0, 1.0), (6.0, 4.0)
SPIKED_ANY, LEAST_RATIO = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0), 2.0
NEGLIGIBLE = 1e-6  # n² P(failure) that figures leave out

CONDITION = "tr Σ = C₂(n‖Σ‖₂ + √n‖Σ‖_F)"


def _levels(last: float) -> np.ndarray:
    """Return every n up to 64, then 8 a factor of two."""
    more = np.geomspace(64, last, 1 + round(8 * np.log2(last / 64)))
    return np.unique(np.concatenate([np.arange(2.0, 64.0), np.round(more)]))


@functools.cache
def target_norm() -> Law:
    """Return the law of Lemma A.3 for Gaussian inputs, for any Σ and α."""
    n = np.arange(1.0, 1025.0)
    return n, concentration.target_norm_outside(n, *A_3_RANGE)


@functools.cache
def isotropic(ratio: float) -> Law:
    """Return the law of Lemma A.4 for Gaussian inputs with Σ ∝ I, at the smallest d that condition (6) allows.

    `ratio` is C₂; an infinite one is the limit of infinitely many dimensions.
    """
    n = _levels(8192)
    failing = np.empty(n.shape)
    for i, samples in enumerate(n):
        d = concentration.isotropic_dimension(samples, ratio) if np.isfinite(ratio) else np.inf
        failing[i] = concentration.gamma_outside(samples, 1 / d, d - 1, *A_4_RANGE)
    return n, failing


@functools.cache
def spiked(ratio: float) -> Law:
    """Return the law of Lemma A.4 for Gaussian inputs with β along one large eigenvalue and very many very small ones."""
    n = _levels(2**17)
    shares = [concentration.spike_share(samples, ratio) for samples in n]
    return n, np.array(
        [concentration.gamma_outside(samples, a, np.inf, *A_4_RANGE) for samples, a in zip(n, shares, strict=True)]
    )


def constant(law: Law) -> float:
    """Return C = max n² P(failure), the constant of the promise 1 − C n⁻²."""
    n, failing = law
    return float(np.max(n**PROMISED * failing))


def rows() -> Iterator[Row]:
    """Yield A.3, then A.4 at each constant of condition (6)."""
    exact = "Gaussian inputs, targets without noise; exact distribution, no draws"
    yield _row(
        "lemma_a_3",
        "Lemma A.3",
        A_3,
        target_norm(),
        f"{exact}: χ²_n/n, for any Σ and any α",
        "The lemma leaves the constant in O(n⁻²) unnamed.",
    )
    yield _row(
        "lemma_a_4_many_dimensions",
        "Lemma A.4",
        f"{A_4}, for Σ ∝ I and d → ∞, where condition (6) holds with any C₂",
        isotropic(np.inf),
        f"{exact}: χ²_n/n",
        "The lemma leaves the constant in O(n⁻²) unnamed.",
    )
    limits = (
        "C₂ here is the whole factor that condition (6) asks for, max{C₂, ·}. The paper leaves it unnamed, as it does the "
        "constant in O(n⁻²); the proof takes C₂ of (6) as 2C₃, C₃ being the constant of Lemma 5.1 (C of row lemma_5_1). "
        "Label noise of variance σ_y² would add about nσ_y² tr Σ to γ."
    )
    for ratio in RATIOS:
        yield _row(
            f"lemma_a_4_ratio_{ratio:g}",
            "Lemma A.4",
            f"{A_4}, for Σ ∝ I where condition (6) just holds with C₂ = {ratio:g}",
            isotropic(ratio),
            f"{exact}: γ ∝ Q(Q + V), Q ~ χ²_n, V ~ χ²_{{d−1}}, by quadrature; {CONDITION}, C₂ = {ratio:g}",
            limits,
        )
    for ratio in SPIKED:
        yield _row(
            f"lemma_a_4_spike_{ratio:g}",
            "Lemma A.4",
            f"{A_4}, for β along the one large eigenvalue of Σ where condition (6) just holds with C₂ = {ratio:g}",
            spiked(ratio),
            f"{exact}: γ ∝ Q(aQ + 1 − a), Q ~ χ²_n, a = λ₁/tr Σ = 1/(C₂(n + √n)), infinitely many equal small eigenvalues; "
            f"{CONDITION}, C₂ = {ratio:g}",
            limits,
        )

    yield _least_ratio(exact)


def _least_ratio(exact: str) -> Row:
    """Return what C₂ must be, from where the spike's failures vanish and where they stay."""
    laws = {ratio: spiked(ratio) for ratio in SPIKED_ANY}
    vanishing = np.array(
        [verdicts.probability(failing, n, "n", PROMISED).verdict != Verdict.fails for n, failing in laws.values()]
    )
    ratios = np.array(SPIKED_ANY)
    judged = verdicts.always(vanishing == (ratios > LEAST_RATIO), np.ones(len(ratios), dtype=bool), {"C₂": ratios})
    above = ratios[ratios > LEAST_RATIO].min()
    return Row(
        "lemma_a_4_least_c_2",
        PROJECT,
        f"Lemma A.4 needs C₂ > {LEAST_RATIO:g} in condition (6): for β along the one large eigenvalue of Σ, γ/(tr Σ n‖β̃‖²) "
        "tends to 1 + 1/C₂, and 1 − P(failure) is 1 − O(n⁻²) if and only if that is below 3/2",
        "whether it is as stated, at each C₂",
        Setting(
            f"{exact}; {CONDITION}, C₂ = {', '.join(f'{ratio:g}' for ratio in ratios)}; n up to {laws[2.0][0][-1]:g}."
        ),
        replace(judged, power=f"a threshold below {LEAST_RATIO:g} or above {above:g}, the next C₂ tried"),
        Picture(
            "n, number of samples",
            "P(failure)",
            {
                f"C₂ = {ratio:g}": (n[failing > NEGLIGIBLE], failing[failing > NEGLIGIBLE])
                for ratio, (n, failing) in laws.items()
            },
        ),
        remark="The lemma is for a sufficiently large C₂, so this is no failure of it.",
    )


def _row(name: str, where: str, statement: str, law: Law, setting: str, remark: str) -> Row:
    n, failing = law
    scaled = n**PROMISED * failing
    shown = scaled > NEGLIGIBLE
    octaves = scaled[np.log2(n) % 1 == 0]
    tried = f"C is the largest over the n that are tried; powers of two alone would give {octaves.max():.3g}."
    remark = f"{remark} {tried}"
    if scaled[-1] > 1:
        remark = f"{remark} From n = {n[np.argmax(scaled)]:g} on n² P(failure) falls, but C = 1 is not enough up to {n[-1]:g}."
    return Row(
        name,
        paper(where),
        statement,
        "n² P(failure), at each n",
        Setting(
            f"{setting}; n = {n[0]:g} to {n[-1]:g}{'' if len(n) == n[-1] - n[0] + 1 else ', from 64 on eight a factor of two'}."
        ),
        verdicts.probability(failing, n, "n", PROMISED),
        Picture(
            "n, number of samples",
            "n² P(failure)",
            {"exact": (n[shown], scaled[shown])},
            {"C = 1": (n[[0, -1]], np.ones(2))},
        ),
        remark=remark,
    )

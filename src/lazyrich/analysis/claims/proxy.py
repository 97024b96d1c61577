"""Lemma 5.3's proxy ρ̃: how it grows, and where it ends.

ρ̃ is singular at ρ∞, where Eq. 11 ends if K = tr Σ · I: what the lemma says of it needs K as close to that as training is
accurate. That is what condition (6) is for, once its misprint is repaired (`theory.conditions.repaired_trace_margin`). The rows
judge within the repaired condition (sweep `neurons_isotropic`), and say beside it what becomes of the statement where only the
printed one holds (`neurons`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.followed_proxy import COARSE
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Picture, Place, Row, Setting, reading
from lazyrich.analysis.claims.verdicts import Judged, Varied
from lazyrich.theory import two_stage

SWEEPS = ("neurons", "neurons_isotropic")
LEMMA = "Lemma 5.3"
WITHIN = "where tr Σ ≥ ‖β̃‖(n‖Σ‖ + √n‖Σ‖_F)/√ε, condition (6) repaired,"
OUTSIDE = "no network has tr Σ ≥ ‖β̃‖(n‖Σ‖ + √n‖Σ‖_F)/√ε"
Rule = Callable[[np.ndarray, Varied], Judged]


def rows(data: Data) -> Iterator[Row]:
    """Yield the bounds on a step of the proxy, its growth as a whole, and its end."""
    networks = _Networks(data)
    yield from _steps(networks)
    yield from _growth(networks)
    yield from _end(networks)


class _Networks:
    """The networks of both sweeps, one after the other."""

    def __init__(self, data: Data) -> None:
        self.parts = [NeuronRows(data, name) for name in SWEEPS]
        self.k = self.join(lambda part: part.trained.column("growth_per_step"))
        self.margin = self.join(lambda part: part.trained.repaired_trace_margin)
        self.small = self.join(lambda part: part.trained.small_sigma)
        self.inside = self.margin >= 1
        self.varied: Varied = {"tr Σ √ε/(‖β̃‖ε_λ)": self.margin}
        for name in self.parts[0].varied:
            self.varied[name] = np.concatenate([part.varied[name] for part in self.parts])
        settings = [part.trained.setting for part in self.parts]
        ends = {name: np.array([one.margins[name] for one in settings]) for name in settings[0].margins}
        margins = {name: (float(both.min()), float(both.max())) for name, both in ends.items()}
        self.setting = Setting(f"{'; and '.join(one.words.rstrip('.') for one in settings)}.", margins)

    def join(self, get: Callable[[NeuronRows], np.ndarray]) -> np.ndarray:
        """Return a number of every network of both sweeps."""
        return np.concatenate([get(part) for part in self.parts])

    def of(self, name: str) -> np.ndarray:
        """Return what was measured under a name, (networks,)."""
        return self.join(lambda part: part.measured[name])

    def judge(self, rule: Rule, values: np.ndarray, of: np.ndarray) -> Judged:
        """Judge the networks `of` alone."""
        return rule(values[of], {name: column[of] for name, column in self.varied.items()})

    def row(
        self,
        name: str,
        place: Place,
        statement: str,
        quantity: str,
        rule: Rule,
        values: np.ndarray,
        level: tuple[str, float],
        remark: str,
        *,
        printed: str = "",
    ) -> Row:
        """Return a row that is judged within the repaired condition (6), its figure over how far the condition holds.

        `printed` says what is so where (6) holds only as printed; by default the verdict there.
        """
        judged, small = (
            verdicts.claimed(self.inside & of, lambda inside: self.judge(rule, values, inside), OUTSIDE)
            for of in (np.ones_like(self.inside), self.small)
        )
        printed = printed or f"the statement {self.judge(rule, values, ~self.inside).text}"
        shown = np.isfinite(values)
        points = {
            words: (self.margin[shown & of], values[shown & of])
            for words, of in (("σ₀ ≪ v₀", self.small), ("others", ~self.small))
        }
        ends = np.array([self.margin.min(), self.margin.max()])
        return Row(
            name,
            place,
            f"{WITHIN} {statement}",
            f"{quantity} ({level[0]}: {level[1]:.3g})",
            self.setting,
            judged,
            Picture("tr Σ √ε/(‖β̃‖(n‖Σ‖ + √n‖Σ‖_F))", quantity, points, {level[0]: (ends, np.full(2, level[1]))}),
            small,
            "ρ is rms ρ_r. Judged where condition (6) holds with 1/√ε for its √ε, as the proof needs it "
            f"({self.inside.sum()} networks); where it holds only as printed ({(~self.inside).sum()} networks), "
            f"{printed}. {remark}",
        )


def _steps(networks: _Networks) -> Iterator[Row]:
    lower, upper = map(np.asarray, two_stage.proxy_growth_bounds(networks.k))
    outside = ~networks.inside
    undefined, earlier = (networks.of(f"proxy_{name}") for name in ("undefined", "coarse_undefined"))
    steep, steep_earlier = (
        np.nanmax((networks.of(name) / upper)[outside]) for name in ("proxy_growth_high", "proxy_coarse_growth_high")
    )
    past = (
        f"Past ρ∞ the proxy is not defined: for up to {undefined[outside].max():.0f} steps in "
        f"{np.count_nonzero(undefined[outside])} networks where (6) holds only as printed, "
        f"in {np.count_nonzero(undefined[networks.inside])} where it is repaired. That grows with the accuracy of training: "
        f"with t₂ at δ = {COARSE:g} it is up to {earlier[outside].max():.0f} steps. How steep the last step below ρ∞ is "
        f"depends on how near to it that step happens to end: up to {steep:.3g} times the upper bound, with t₂ at "
        f"δ = {COARSE:g} up to {steep_earlier:.3g} times."
    )
    for side, ratio, b2, statement, quantity in (
        (
            "lower",
            lower / networks.of("proxy_growth_low"),
            lower / networks.of("proxy_b2_growth_low"),
            "ρ̃(t + 1)/ρ̃(t) ≥ 1 + k/4 at every step from t₁ to t₂",
            "(1 + k/4)/(ρ̃(t + 1)/ρ̃(t)), worst step",
        ),
        (
            "upper",
            networks.of("proxy_growth_high") / upper,
            networks.of("proxy_b2_growth_high") / upper,
            "ρ̃(t + 1)/ρ̃(t) ≤ (3/2)(1 + 3k/2) at every step from t₁ to t₂",
            "(ρ̃(t + 1)/ρ̃(t))/((3/2)(1 + 3k/2)), worst step",
        ),
    ):
        in_b2, out_b2 = (np.nanmax(b2[of]) for of in (networks.inside, outside))
        yield networks.row(
            f"proxy_step_{side}",
            reading("Proof of Lemma 5.3 (B.2)"),
            statement,
            quantity,
            lambda values, varied: verdicts.bound(values, 1.0, varied),
            ratio,
            ("allowed", 1.0),
            f"ρ̃ = ρ/√(1 − φ₂ρ²/γ^{{5/2}}) as in §5. With B.2's tr Σ ρ²/γ^{{3/2}} under the root this quantity is at most "
            f"{in_b2:.3g} within the repaired condition, {out_b2:.3g} outside. {past}",
        )


def _growth(networks: _Networks) -> Iterator[Row]:
    k = networks.k.max()
    # From 1 + k at ρ ≪ ρ∞ to 1/√(1 − 2k) at ρ∞, for Eq. 11 itself.
    drift = float(np.log(two_stage.proxy_growth(1.0, k)) / np.log1p(k) - 1)
    yield networks.row(
        "proxy_exponential",
        reading(LEMMA),
        "the proxy ρ̃ = ρ/√(1 − ρ²/ρ∞²) escalates exponentially",
        "largest distance of log ρ̃ from a straight line in t, over its rise from t₁ to t₂",
        # A curve whose slope rises by the share r is nowhere farther than r/4 of its rise from its chord (r ≪ 1).
        lambda values, varied: verdicts.agreement(
            values,
            drift / 4,
            f"a quarter of {drift:.2g}, the share by which at k = {k:g} the rate of Eq. 11 itself rises on the way to ρ∞: no "
            "curve whose rate does is farther from its chord",
            varied,
        ),
        networks.of("proxy_line"),
        ("a quarter of the drift of Eq. 11's rate", drift / 4),
        "Exponential is taken as: log ρ̃ against t is a straight line, whatever its slope.",
    )
    yield networks.row(
        "proxy_rate",
        PROJECT,
        "the proxy ρ̃ = ρ/√(1 − ρ²/ρ∞²) grows by 1 + k a step",
        "|rate of ρ̃/log(1 + k) − 1|, rate by least squares",
        lambda values, varied: verdicts.agreement(
            values, drift, "a step of Eq. 11 multiplies ρ̃ by 1 + k at ρ ≪ ρ∞ and by 1/√(1 − 2k) at ρ∞", varied
        ),
        np.abs(networks.of("proxy_rate") - 1),
        ("drift of Eq. 11's rate", drift),
        "Lemma 5.3 names no rate.",
    )


def _end(networks: _Networks) -> Iterator[Row]:
    ratio = networks.of("proxy_end_printed") / networks.of("proxy_end")
    steps = networks.of("steps_to_printed_end")[networks.inside]
    yield networks.row(
        "proxy_end",
        reading(LEMMA),
        "once the proxy has reached ρ̃ = √((1 − ε)‖y‖²/(nε)) ρ∞, the loss is at most 4ε",
        "L/(4ε) at the first step at which ρ̃ is there",
        lambda values, varied: verdicts.bound(values, 1.0, varied),
        networks.of("loss_at_printed_end"),
        ("allowed", 1.0),
        f"More than needed: at t₂, where L = 4ε, ρ̃ is smaller by a factor of {np.nanmin(ratio[networks.inside]):.3g} to "
        f"{np.nanmax(ratio[networks.inside]):.3g}, and it gets there {steps.min():.0f} to {steps.max():.0f} steps later.",
    )
    end, expected = networks.of("proxy_end"), networks.of("proxy_end_repaired")
    off = np.abs(np.log(end / expected))
    passed = np.isnan(off) & ~np.isnan(expected)
    # Where (6) just holds, K is off tr Σ · I by √ε/‖β̃‖ ≈ δ/√8: a share 1/√8 of δ, whose root is in ρ̃.
    tolerance = float(-0.5 * np.log1p(-1 / np.sqrt(8)))
    below = ~networks.inside & ~passed
    yield networks.row(
        "proxy_end_repaired",
        PROJECT,
        "at t₂, where L(t₂) = 4ε, the proxy is ρ̃ = √((1 − δ)/δ) ρ∞, δ = ‖y − f‖/‖y‖",
        "|log(ρ̃(t₂)/expected)|, infinite where ρ > ρ∞ at t₂",
        lambda values, varied: verdicts.agreement(
            values, tolerance, "condition (6) leaves K off tr Σ · I by a share 1/√8 of δ", varied
        ),
        np.where(passed, np.inf, off),
        ("allowed", tolerance),
        "The end of Lemma 5.3 for the loss share δ that 4ε stands for, 4ε = cδ²‖y‖²/(2n).",
        printed=f"ρ is past ρ∞ at t₂ in {np.count_nonzero(passed & ~networks.inside)} of them, where ρ̃ is not defined, and the "
        f"formula is off by up to {np.nanmax(off[below]):.2g} in the others",
    )

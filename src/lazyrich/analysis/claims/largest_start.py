"""When ρ = 1 at the largest v₀ that Assumption 4.1 allows: log(1/v₀) is not the logarithm that counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.literal_time import FORMULA, formula_of
from lazyrich.analysis.claims.row import PROJECT, Picture, Place, Row, Whose
from lazyrich.theory import times


def rows(data: Data) -> Iterator[Row]:
    """Yield O, Ω and ≍ of the formula, and the form that is right."""
    yield from _scale(data["alignment_scale"])


def _scale(trained: Trained) -> Iterator[Row]:
    """Yield O, Ω and ≍ of the formula, and the form that is right, all at √(n‖β̃‖² tr Σ) v₀ = 0.9."""
    step, formula = trained.column("alignment_step"), formula_of(trained)
    trace = trained.column("covariance_trace")
    varied = {"tr Σ": trace}
    reason = "as log(1/v₀) should read log(2/(√γ v₀))"
    start = "with v₀ = 0.9/√(n‖β̃‖² tr Σ)"
    place = Place(Whose.project, "a weaker reading of Lemma 5.2 (i)")
    x = 1 / trained.column("v_0")
    own = np.asarray(times.unit_alignment_time(1 / x, trained.column("growth_per_step"), trained.column("gamma")))
    ratio = step / formula
    for name, form, judged in (
        ("upper", f"O({FORMULA})", verdicts.constant(ratio, varied, reason)),
        ("lower", f"Ω({FORMULA})", verdicts.at_least(ratio, varied, reason)),
        ("order", f"≍ {FORMULA}", verdicts.order(ratio, varied, reason)),
    ):
        yield Row(
            f"alignment_scale_{name}",
            place,
            f"the step at which rms ρ_r = 1 is {form}, {start}",
            f"the step at which rms ρ_r = 1 over {FORMULA}",
            trained.setting,
            judged,
            Picture("1/v₀", "t₁ over the formula", {"measured": (x, ratio)}),
            remark="O holds; Ω, and so ≍, do not, by a logarithm: log(1/v₀) should read log(2/(√γ v₀)), the row "
            "alignment_scale_own. v₀ = 0.9/√(n‖β̃‖² tr Σ) is within condition (3) with its constant 1, at every scale of Σ: the "
            f"step at which rms ρ_r = 1 stays what it is, {np.median(step):.0f} in the median, while log(1/v₀) grows from "
            f"{np.log(x.min()):.0f} to {np.log(x.max()):.0f}.",
        )
    yield Row(
        "alignment_scale_own",
        PROJECT,
        f"where σ₀ ≪ v₀, rms ρ_r = 1 at ≍ log(2/(√γ v₀))/log(1 + k), {start}",
        "the step at which rms ρ_r = 1 over log(2/(√γ v₀))/log(1 + k)",
        trained.setting,
        verdicts.order(step / own, varied),
        Picture("1/v₀", "t₁ over the formula", {"measured": (x, step / own)}, log_y=False),
        remark="Above 1 by the mode that decays, which still counts where √γ v₀ is near 1.",
    )

"""Whether ρ_r comes to the order of 1 at all, and what the loss has done by then."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Picture, Place, Row, paper, reading
from lazyrich.analysis.comparison import onset_share
from lazyrich.theory import times, two_stage


def rows(data: Data) -> Iterator[Row]:
    """Yield whether ρ_r comes to 1 as ‖β̃‖ falls, and the loss at t₁ where it does."""
    yield _loss_of_neurons(NeuronRows(data))
    yield from _signal(data["alignment_signal"])


def _signal(trained: Trained) -> Iterator[Row]:
    """Yield whether ρ_r comes to the order of 1 as ‖β̃‖ falls, and the loss at t₁ where it does."""
    gamma, y_norm, signal = trained.column("gamma"), trained.column("y_norm"), trained.column("signal_norm")
    # σ₀ is next to nothing: all |ρ_r| are alike, and their mean is their rms.
    largest = trained.networks["rho"].values.max(axis=1).astype(float)
    limit = np.sqrt(np.asarray(two_stage.limit(gamma, trained.column("phi"))))
    size = np.sqrt(gamma) * y_norm**2
    ends = np.sort(limit)
    picture = Picture(
        "ρ∞ = √(γ^(5/2)/φ)",
        "largest rms ρ_r of the run",
        {"measured": (limit, largest)},
        {"ρ∞": (ends, ends), "1": (ends[[0, -1]], np.ones(2))},
    )
    yield Row(
        "alignment_reached",
        paper("Lemma 5.2 (i)"),
        "under Assumption 4.1, with tr Σ‖β̃‖² = Ω(1), there is a time at which ρ_r = Θ(1)",
        "1/(largest rms ρ_r of the run)",
        trained.setting,
        verdicts.constant(1 / largest, {"1/‖β̃‖": 1 / signal}),
        picture,
        remark="One-sided, largest ρ_r ≥ 1/C: a ρ_r that passes through 1 is enough. As ‖β̃‖ falls, ρ_r ends at ρ∞ ≈ √(√γ‖y‖²) "
        "≈ (tr Σ (n‖β̃‖²)³)^¼. With tr Σ‖β̃‖² = 1 and tr Σ ≥ n that may be as small as one likes: for ρ_r = Θ(1), tr Σ (n‖β̃‖²)³ "
        "= Ω(1) is needed, which condition (6) does not ask for.",
    )
    yield Row(
        "alignment_reached_where",
        PROJECT,
        "rms ρ_r comes to 1 where √γ‖y‖² > 1, and nowhere else",
        "whether rms ρ_r reaches 1 where ρ∞ = √(γ^(5/2)/φ) ≥ 1, and does not where it is below",
        trained.setting,
        verdicts.always((largest >= 1) == (limit >= 1), np.ones(len(limit), dtype=bool), {"√γ‖y‖²": size}),
        picture,
    )
    first = trained.column("alignment_step")
    left = np.full(len(first), np.nan)
    loss, steps = trained.networks["loss"].values.astype(float), trained.networks["step"].values
    for i in np.flatnonzero(~np.isnan(first)):
        left[i] = np.interp(first[i], steps[i], loss[i]) / loss[i, 0]
    yield _loss(
        "stage_one_loss_signal",
        paper("§6 (i)"),
        "the loss is barely optimised in stage one, L(t₁) ≈ L(0), under Assumption 4.1 with ‖β‖ from "
        f"{trained.column('teacher_norm').min():g} on",
        trained,
        left,
        {"√γ‖y‖²": size},
        size,
    )


def _loss_of_neurons(neurons: NeuronRows) -> Row:
    trained = neurons.trained
    size = np.sqrt(trained.column("gamma")) * trained.column("y_norm") ** 2
    left = neurons.measured["left_t1"]
    return _loss(
        "stage_one_loss",
        reading("§6 (i)"),
        "the loss is barely optimised in stage one, L(t₁) ≈ L(0), where √γ‖y‖² ≫ 1, here from "
        f"{size[~np.isnan(left)].min():.3g} on",
        trained,
        left,
        neurons.varied,
        size,
    )


def _loss(
    name: str,
    place: Place,
    statement: str,
    trained: Trained,
    left: np.ndarray,
    varied: verdicts.Varied,
    size: np.ndarray,
) -> Row:
    share = onset_share(trained.networks)
    x = np.geomspace(np.nanmin(size[~np.isnan(left)]), np.nanmax(size), 100)
    predicted = np.asarray(times.loss_at_alignment(x))

    def judge(which: np.ndarray) -> verdicts.Judged:
        return verdicts.agreement(
            1 - left[which],
            share,
            "the share by which it has fallen at onset, as this project defines it",
            {key: column[which] for key, column in varied.items()},
        )

    small = trained.small_sigma
    return Row(
        name,
        place,
        statement,
        "1 − L(t₁)/L(0), t₁ where rms ρ_r = 1",
        trained.setting,
        judge(np.ones(len(left), dtype=bool)),
        Picture(
            "√γ‖y‖²", "1 − L(t₁)/L(0)", {"measured": (size, 1 - left)}, {"1 − (1 − 1/(√γ‖y‖²))²": (x, 1 - predicted)}
        ),
        None if small.all() else judge(small),
        remark="Of networks in which rms ρ_r comes to 1. The overlap of f and y is then ⟨ρv⟩/‖y‖² = 1/(√γ‖y‖²): L(t₁) ≈ L(0) "
        "where √γ‖y‖² ≫ 1, as in the row stage_one_loss, and not where ‖β̃‖ is small, as in the row stage_one_loss_signal; "
        f"Assumption 4.1 does not ask for the former. The paper gives no number; {100 * share:g} % is this project's.",
    )

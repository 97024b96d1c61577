"""Real data: what needs Σ or β is not defined there; what theory says of K alone is measured as anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, cells
from lazyrich.claims.row import Picture, Row


def rows(data: Data) -> Iterator[Row]:
    """Two statements that need the law of the data, then three that do not."""
    trained = data["real_data"]
    summary = trained.summary
    chi = cells(summary, "laziness")
    gram = trained.column("gram_error") / (
        trained.column("samples") * trained.column("covariance_norm")
        + np.sqrt(trained.column("samples")) * trained.column("covariance_frobenius")
    )
    margin = cells(summary, "assumption_margin")
    for name, source, statement, quantity, judged, y in (
        (
            "real_lemma_5_1",
            "Lemma 5.1",
            "‖XXᵀ − tr Σ I‖₂ ≤ C σ_x² (n‖Σ‖₂ + √n‖Σ‖_F), on real data",
            "‖XXᵀ − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F)",
            verdicts.constant(gram, {}),
            np.median(gram) * np.ones(len(chi)),
        ),
        (
            "real_assumption_4_1",
            "Assumption 4.1",
            "the assumption holds, on real data",
            "smallest margin of its conditions",
            verdicts.always(margin >= 1, ~np.isnan(margin), {}),
            margin,
        ),
    ):
        picture = Picture("χ, laziness", quantity, {"measured": (chi, y)})
        yield Row(name, source, statement, quantity, trained.setting, judged, picture)

    h = float(cells(summary, "stability_fraction")[0])
    why = "descent leaves flow by the order of its step, 2h"
    rich = np.where((chi < 0.1) & (summary["converged_share"].values.ravel() == 1), 1.0, np.nan)
    ends = np.array([chi.min(), chi.max()])
    fields = {"ntk_end_error": "to Θ₀ + (G/m)(K + yyᵀ/b²)", "ntk_target_error": "to K + KyyᵀK/γ"}
    picture = Picture(
        "χ, laziness",
        "relative distance of the kernel at the end of training",
        {label: (chi, cells(summary, field)) for field, label in fields.items()},
        {"step size h": (ends, np.full(2, h))},
    )
    for name, field, source, statement in (
        (
            "real_end_kernel",
            "ntk_end_error",
            "beyond the paper",
            "training ends at Θ₀ + (G/m)(K + yyᵀ/b²), on real data",
        ),
        (
            "real_end_kernel_aligned",
            "ntk_target_error",
            "§5, neural tangent kernel",
            "training ends at the target-aligned T, on real data",
        ),
    ):
        yield Row(
            name,
            source,
            statement,
            "‖Θ − ·‖/‖·‖ at the end of training (rich cells that converged)",
            trained.setting,
            verdicts.agreement(
                cells(summary, field) * rich, h, "descent leaves flow by the order of its step h", {"χ": chi}
            ),
            picture,
        )
    measured, predicted = (cells(summary, name) for name in ("kernel_change", "kernel_change_predicted"))
    wide = np.where(chi < np.sqrt(trained.column("width")[0]) / 100, 1.0, np.nan)
    yield Row(
        "real_kernel_change",
        "beyond the paper",
        "the kernel changes by (G/D)‖K + yyᵀ/b²‖/‖K‖, on real data (χ ≪ √m)",
        "|measured − predicted|/predicted",
        trained.setting,
        verdicts.agreement(np.abs(measured / predicted - 1) * wide, 2 * h, why, {"χ": chi}),
        Picture(
            "χ, laziness",
            "‖Θ∞ − Θ₀‖/‖Θ₀‖, change of the kernel",
            {"measured": (chi, measured)},
            {"predicted": (chi, predicted)},
        ),
    )

"""Real data: what needs Σ or β is not defined there. What theory says of K alone stands beside the same for drawn data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, cells
from lazyrich.analysis.claims.row import Picture, Row, reading


def rows(data: Data) -> Iterator[Row]:
    """Yield two statements that need the distribution of the data."""
    trained = data["real_data"]
    summary = trained.summary
    chi = cells(summary, "laziness")
    gram = trained.column("gram_error") / trained.anisotropy
    margin = cells(summary, "assumption_margin")
    for name, source, statement, quantity, judged, y in (
        (
            "real_lemma_5_1",
            reading("Lemma 5.1"),
            "‖XXᵀ − tr Σ I‖₂ ≤ C σ_x² (n‖Σ‖₂ + √n‖Σ‖_F), on real data",
            "‖XXᵀ − tr Σ I‖₂ / (n‖Σ‖₂ + √n‖Σ‖_F)",
            verdicts.constant(gram, {}),
            np.median(gram) * np.ones(len(chi)),
        ),
        (
            "real_assumption_4_1",
            reading("Assumption 4.1"),
            "the assumption holds, on real data",
            "smallest margin of its conditions",
            verdicts.always(margin >= 1, ~np.isnan(margin), {}),
            margin,
        ),
    ):
        picture = Picture("χ, laziness", quantity, {"measured": (chi, y)})
        remark = "Needs Σ and β, in either form of condition (6)." if name == "real_assumption_4_1" else ""
        yield Row(name, source, statement, quantity, trained.setting, judged, picture, remark=remark)

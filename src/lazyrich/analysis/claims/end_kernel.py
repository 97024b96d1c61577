"""Where training ends: the kernel K + yyᵀ/b² of flow, or the target-aligned one of stage one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, paper
from lazyrich.analysis.fields import rich


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of spectra of any decay, then those of real data."""
    spectrum, real = data["spectrum"], data["real_data"]
    exponent = cells(spectrum.summary, "spectrum_exponent")
    conditions = {"α": exponent, "n": cells(spectrum.summary, "samples")}
    yield from _ends(spectrum, "", ", for any K", ("α, exponent of the spectrum", exponent), conditions, log_x=False)
    chi = cells(real.summary, "laziness")
    yield from _ends(real, "real_", ", on real data", ("χ, laziness", chi), {"χ": chi}, log_x=True)


def _ends(
    trained: Trained,
    prefix: str,
    words: str,
    along: tuple[str, np.ndarray],
    conditions: verdicts.Varied,
    *,
    log_x: bool,
) -> Iterator[Row]:
    """Compare both kernels with the rich cells (where T is claimed) that converged, drawn along one of their numbers."""
    summary = trained.summary
    label, x = along
    settled = rich(summary).values.ravel()
    h = float(cells(summary, "stability_fraction")[0])
    fields = {"ntk_end_error": "to K + yyᵀ/b²", "ntk_target_error": "to K + KyyᵀK/γ"}
    picture = Picture(
        label,
        "relative distance of the kernel at the end of training",
        {name: (x[settled], cells(summary, field)[settled]) for field, name in fields.items()},
        {"step size h": (np.array([x.min(), x.max()]), np.full(2, h))},
        log_x=log_x,
    )
    for name, field, source, statement in (
        ("end_kernel", "ntk_end_error", PROJECT, "training ends at Θ∞ = Θ₀ + (G/m)(K + yyᵀ/b²)"),
        (
            "end_kernel_aligned",
            "ntk_target_error",
            paper("§1", 2),
            "training ends at the target-aligned T ∝ K + KyyᵀK/γ",
        ),
    ):
        yield Row(
            f"{prefix}{name}",
            source,
            f"{statement}{words}",
            "‖Θ − ·‖/‖·‖ at the end of training (rich cells that converged)",
            trained.setting,
            verdicts.agreement(
                np.where(settled, cells(summary, field), np.nan),
                h,
                "descent leaves flow by the order of its step h",
                conditions,
            ),
            picture,
        )

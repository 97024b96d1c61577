"""Where training ends: the kernel K + yyᵀ/b² of flow for any K, the target-aligned one of stage one where K is isotropic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.isotropy import FIRST_MEMBER, RATIO, condition_6, isotropy
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, reading
from lazyrich.analysis.fields import rich
from lazyrich.engines.trajectories import Status
from lazyrich.theory import end_state

# What is called the end at T: the paper names no number, and the third bullet of Lemma 5.3 allows C/2 with a C of its own.
NEAR = 0.05


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of spectra of any decay, then those of real data."""
    spectrum, real = data["spectrum"], data["real_data"]
    exponent = cells(spectrum.summary, "spectrum_exponent")
    varied = {"α": exponent, "n": cells(spectrum.summary, "samples")}
    yield _end(spectrum, "end_kernel", "for any K", ("α, exponent of the spectrum", exponent), varied, log_x=False)
    yield _aligned(spectrum)
    chi = cells(real.summary, "laziness")
    yield _end(real, "real_end_kernel", "on real data", ("χ, laziness", chi), {"χ": chi}, log_x=True)
    yield _real(real)


def _end(
    trained: Trained,
    name: str,
    words: str,
    along: tuple[str, np.ndarray],
    varied: verdicts.Varied,
    *,
    log_x: bool,
) -> Row:
    """Compare Θ∞ with the rich cells that converged; T stands beside it in the figure."""
    summary = trained.summary
    label, x = along
    settled = rich(summary).values.ravel()
    h = float(cells(summary, "stability_fraction")[0])
    fields = {"ntk_end_error": "to K + yyᵀ/b²", "ntk_target_error": "to K + KyyᵀK/γ"}
    return Row(
        name,
        PROJECT,
        f"training ends at Θ∞ = Θ₀ + (G/m)(K + yyᵀ/b²), {words}",
        "‖Θ − Θ∞‖/‖Θ∞‖ at the end of training (rich cells that converged)",
        trained.setting,
        verdicts.agreement(
            np.where(settled, cells(summary, "ntk_end_error"), np.nan),
            h,
            "descent leaves flow by the order of its step h",
            varied,
        ),
        Picture(
            label,
            "relative distance of the kernel at the end of training",
            {text: (x[settled], cells(summary, field)[settled]) for field, text in fields.items()},
            {"step size h": (np.array([x.min(), x.max()]), np.full(2, h))},
            log_x=log_x,
        ),
    )


def _aligned(trained: Trained) -> Row:
    """Judge the end at T where the paper claims it: in rich training under condition (6)."""
    summary = trained.summary
    settled = rich(summary).values.ravel()
    ratio = isotropy(trained)
    error = np.where(settled, cells(summary, "ntk_target_error"), np.nan)
    n = cells(summary, "samples")
    return Row(
        "end_kernel_aligned",
        reading("§6 (iii)"),
        f"under condition (6) training ends at the target-aligned T ∝ K + KyyᵀK/γ, to {100 * NEAR:g} %",
        "‖Θ − T‖/‖T‖ at the end of training (rich cells that converged)",
        trained.setting.of("rich cells (χ < 0.1) that converged"),
        verdicts.threshold(error <= NEAR, ratio, condition_6, error),
        Picture(
            RATIO,
            "‖Θ − T‖/‖T‖ at the end of training",
            {
                f"n = {level:g}": (ratio[settled & (n == level)], error[settled & (n == level)])
                for level in np.unique(n[settled])
            },
            {"tolerance": (np.array([ratio.min(), ratio.max()]), np.full(2, NEAR))},
        ),
        remark=f"{100 * NEAR:g} % is a tolerance of this project's; the third bullet of Lemma 5.3 allows C/2. {FIRST_MEMBER}",
    )


def _real(trained: Trained) -> Row:
    """Compare the distance to T with what flow leaves, of each network that converged."""
    data = trained.networks
    converged = data["status"].values == Status.converged
    sigma_0, v_0 = trained.column("sigma_0"), trained.column("v_0")
    measured = np.where(converged, data["ntk_target_error"].values[:, -1].astype(float), np.nan)
    predicted = np.asarray(
        end_state.distance_to_aligned(data["eigenvalues"].values, data["targets"].values, sigma_0**2 + v_0**2, v_0)
    )
    chi = trained.column("laziness")
    first = np.flatnonzero(trained.column("replicate") == 0)
    first = first[np.argsort(chi[first])]
    h = float(trained.column("stability_fraction")[0])
    return Row(
        "real_end_kernel_aligned",
        PROJECT,
        "on real data training ends as far from T ∝ K + KyyᵀK/γ as Θ∞ is",
        "|measured/predicted − 1| of ‖Θ − T‖/‖T‖ at the end of training",
        trained.setting,
        verdicts.agreement(
            np.abs(measured / predicted - 1), 2 * h, "descent leaves flow by the order of its step, 2h", {"χ": chi}
        ),
        Picture(
            "χ, laziness",
            "‖Θ − T‖/‖T‖ at the end of training",
            {"measured": (chi, measured)},
            {"predicted, first replicate": (chi[first], predicted[first])},
        ),
        remark="The paper claims T under condition (6). Σ of these data is not known, and so neither is whether they keep it: "
        "of them the paper claims nothing.",
    )

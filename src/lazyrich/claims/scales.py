"""Beyond the paper: what label noise and width exponents do to laziness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, Trained
from lazyrich.claims.row import Picture, Row
from lazyrich.theory import boundaries


def rows(data: Data) -> Iterator[Row]:
    """Noise, then width."""
    yield from _noise(data["noise"])
    yield from _width_exponents(data["width_exponents"])


def _noise(trained: Trained) -> Iterator[Row]:
    n, d, noise = (trained.column(name) for name in ("samples", "dimension", "noise_std"))
    square = trained.column("b") ** 2
    cells = np.unique(np.stack([d, noise]), axis=1).T
    ratio, score = [], []
    for dimension, sigma in cells:
        own = square[(d == dimension) & (noise == sigma)]
        expected = float(boundaries.expected_b_square(n[0], dimension, 1.0, sigma))
        ratio.append(own.mean() / expected)
        score.append(abs(own.mean() - expected) / (own.std(ddof=1) / np.sqrt(len(own))))
    d_cells = cells[:, 0]
    ends = np.array([d_cells.min(), d_cells.max()])
    yield Row(
        "expected_b",
        "beyond the paper",
        "E b² = ‖β‖²n/d + σ_y²n/(d − n − 1), or ‖β‖² + σ_y²d/(n − d − 1) for n > d",
        "|mean − expected| over 4 standard errors of the mean, in each cell",
        trained.setting,
        # Means of 8 heavy-tailed draws near n = d: 4 standard errors, and a share for the tails.
        verdicts.bound(np.array(score) / 4, {"|d − n|/n": np.abs(d_cells - n[0]) / n[0]}, share=0.9),
        Picture(
            "d, input dimension",
            "mean b² over E b²",
            {"measured": (d_cells, np.array(ratio))},
            {"equal": (ends, np.ones(2))},
        ),
    )
    summary = trained.summary
    chi = summary["laziness"].sel(quantile=0.5).transpose("noise_std", "dimension").values
    noisy = summary["noise_std"].values >= 0.3
    richest = summary["dimension"].values[np.argmin(chi[noisy], axis=1)] / n[0]
    spacing = float(np.exp(np.diff(np.log(summary["dimension"].values)).max()))
    yield Row(
        "noise_richest",
        "beyond the paper",
        "label noise makes training richest at n ≈ d: there χ is smallest at fixed σ₀, v₀ (σ_y ≥ 0.3)",
        "d/n of the smallest χ, at each σ_y",
        trained.setting,
        verdicts.number(
            float(np.median(richest)),
            float(richest.min()),
            float(richest.max()),
            1.0,
            spacing - 1,
            "one cell of the grid",
        ),
        Picture(
            "d, input dimension",
            "χ, laziness",
            {
                f"σ_y = {sigma:.3g}": (summary["dimension"].values.astype(float), row)
                for sigma, row in list(zip(summary["noise_std"].values, chi, strict=True))[::6]
            },
        ),
    )


def _width_exponents(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    m = summary["width"].values.astype(float)
    p, s = (
        values.ravel()
        for values in np.meshgrid(summary["width_exponent_p"], summary["width_exponent_s"], indexing="ij")
    )
    spacing = float(np.diff(summary["width_exponent_p"].values)[0])
    for name, field, what in (
        ("kernel", "kernel_change", "the kernel stays what it was as m → ∞ iff p < 0 or s < 0"),
        (
            "weights",
            "weight_change",
            "weights move relatively by nothing iff g < 1 or g' > g − 1, without bound iff g > 1 and g' < g − 1 "
            "(g = 1 + p + s, g' = p − s)",
        ),
    ):
        change = summary[field].sel(quantile=0.5).transpose("width", "width_exponent_p", "width_exponent_s").values
        # Between the two largest widths: nearest to the limit.
        slope = (np.log(change[-1] / change[-2]) / np.log(m[-1] / m[-2])).ravel()
        if name == "kernel":
            expected = np.where(boundaries.kernel_lazy(p, s), -1, 0)
            found = np.where(slope < -spacing / 2, -1, 0)
            border = np.minimum(np.abs(p), np.abs(s)) < spacing / 2
        else:
            expected = boundaries.weight_change_exponent_region(p, s)
            found = np.where(slope < -spacing / 2, -1, np.where(slope > spacing / 2, 1, 0))
            g, other = 1 + p + s, p - s
            border = np.minimum(np.abs(g - 1), np.abs(other - g + 1)) < spacing * 1.01
        yield Row(
            f"width_exponents_{name}",
            "beyond the paper",
            what,
            "whether the fitted power of m has another sign than stated (0 or 2), away from the borders",
            trained.setting,
            verdicts.bound(np.where(border, np.nan, 2.0 * (found != expected)), {"p": p, "s": s}),
            Picture(
                "p, exponent of v₀ = m^−p",
                f"power of m in the {field.replace('_', ' ')}",
                {f"s = {level:g}": (p[s == level], slope[s == level]) for level in np.unique(s)[::6]},
                log_x=False,
                log_y=False,
            ),
        )

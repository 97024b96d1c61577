"""Beyond the paper: what label noise and width exponents do to laziness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import PROJECT, Picture, Row
from lazyrich.theory import boundaries


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of noise, then those of width."""
    yield _least_norm(data["least_norm"])
    yield _noise(data["noise"])
    yield from _width_exponents(data["width_exponents"])


def _least_norm(trained: Trained) -> Row:
    n, d, noise = (trained.column(name) for name in ("samples", "dimension", "noise_std"))
    square = trained.column("b") ** 2
    ratio, score, dimensions = [], [], []
    for dimension, sigma in np.unique(np.stack([d, noise]), axis=1).T:
        own = square[(d == dimension) & (noise == sigma)]
        expected = float(boundaries.expected_b_square(n[0], dimension, 1.0, sigma))
        ratio.append(own.mean() / expected)
        score.append(abs(own.mean() - expected) / (own.std(ddof=1) / np.sqrt(len(own))))
        dimensions.append(dimension)
    places = np.array(dimensions)
    ends = np.array([places.min(), places.max()])
    return Row(
        "expected_b",
        PROJECT,
        "E b² = ‖β‖²n/d + σ_y²n/(d − n − 1), or ‖β‖² + σ_y²d/(n − d − 1) for n > d",
        "|mean b² − expected| in standard errors of the mean, at each d and σ_y",
        trained.setting,
        # Normal scores: one of a dozen is beyond 3.5 once in 200.
        verdicts.bound(np.array(score), 3.5, {"d": places}),
        Picture(
            "d, input dimension",
            "mean b² over E b²",
            {"measured": (places, np.array(ratio))},
            {"equal": (ends, np.ones(2))},
            log_y=False,
        ),
    )


def _noise(trained: Trained) -> Row:
    n = trained.column("samples")
    summary = trained.summary
    chi = summary["laziness"].sel(quantile=0.5).transpose("noise_std", "dimension").values
    noisy = summary["noise_std"].values >= 0.3
    richest = summary["dimension"].values[np.argmin(chi[noisy], axis=1)] / n[0]
    spacing = float(np.exp(np.diff(np.log(summary["dimension"].values)).max()))
    return Row(
        "noise_richest",
        PROJECT,
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
    smaller = np.minimum(p, s)
    # D ~ m^(−2 min(p, s)). Lazy: neurons turn by an angle (y − f(0))/D ~ m^angle, where random starts have an output
    # σ₀v₀/√m; the kernel changes by its square, weights by the angle times v₀/σ₀ and by its square. Rich: the kernel changes
    # by b/D, and the weights end at √b whatever their start.
    angle = np.maximum(2 * smaller, -0.5 - np.abs(p - s))
    expected = {
        "kernel_change": np.where(smaller < 0, 2 * angle, 2 * smaller),
        "weight_change": np.where(smaller < 0, np.maximum(angle + s - p, 2 * angle), s),
    }
    regions = {
        "kernel_change": np.where(boundaries.kernel_lazy(p, s), -1, 0),
        "weight_change": boundaries.weight_change_exponent_region(p, s),
    }
    # Between two widths a factor 1000 apart, a correction of relative order χ^±1, (σ₀/v₀)^±2 or of the other part of the angle
    # lasts for a cell or two at each border.
    borders = [p, s, p - s, p + s, 2 * smaller + 0.5 + np.abs(p - s)]
    clear = np.min(np.abs(borders), axis=0) > 1.5 * spacing
    for name, field, statement in (
        (
            "kernel",
            "kernel_change",
            "the kernel stays what it was as m → ∞ iff p < 0 or s < 0",
        ),
        (
            "weights",
            "weight_change",
            "weights move relatively by nothing iff g < 1 or g' > g − 1, without bound iff g > 1 and g' < g − 1 "
            "(g = 1 + p + s, g' = p − s)",
        ),
    ):
        change = summary[field].sel(quantile=0.5).transpose("width", "width_exponent_p", "width_exponent_s").values
        change = np.where(change > 0, change, np.nan)
        slope = (np.log(change[-1] / change[-2]) / np.log(m[-1] / m[-2])).ravel()
        # Changes of a state of size 1 are known to some 10⁻¹⁶.
        exact = change[-1].ravel() > 1e-13
        error = np.where(clear & exact, np.abs(slope - expected[field]), np.nan)
        signs = np.where(clear, np.sign(np.round(slope, 3)), 0)
        wanted = np.where(clear & (regions[field] != 0), regions[field], 0)
        # Where neither is stated (a rich kernel grows without bound) there is nothing to judge.
        told = (wanted != 0) & ~np.isnan(slope)
        yield Row(
            f"width_exponents_{name}",
            PROJECT,
            statement,
            "share of the cells, away from the borders, in which it vanishes or diverges as stated",
            trained.setting,
            verdicts.always(signs == wanted, told, {"p": p, "s": s}),
            _powers_of_width(p, s, slope, expected[field], field),
        )
        yield Row(
            f"width_exponents_{name}_power",
            PROJECT,
            f"the {field.replace('_', ' ')} goes as a power of m that follows from D ~ m^(−2 min(p, s)) and f(0) ~ σ₀v₀/√m",
            "|fitted power of m − stated|, between m = 10⁶ and 10⁹",
            trained.setting,
            verdicts.agreement(error, 0.05, "corrections of 1 to 2 at one end, over ln 1000 ≈ 7", {"p": p, "s": s}),
            _powers_of_width(p, s, slope, expected[field], field),
        )


def _powers_of_width(p: np.ndarray, s: np.ndarray, found: np.ndarray, expected: np.ndarray, field: str) -> Picture:
    levels = np.unique(s)[::6]
    return Picture(
        "p, exponent of v₀ = m^−p",
        f"power of m in the {field.replace('_', ' ')}",
        {f"s = {level:g}": (p[s == level], found[s == level]) for level in levels},
        {f"stated, s = {level:g}": (p[s == level], expected[s == level]) for level in levels},
        log_x=False,
        log_y=False,
    )

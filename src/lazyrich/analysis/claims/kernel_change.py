"""Beyond the paper: how far the kernel changes, and where lazy and rich meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, folklore
from lazyrich.analysis.claims.trends import percent
from lazyrich.theory import boundaries


def rows(data: Data) -> Iterator[Row]:
    """Yield rows across the circle, beyond it, and on real data."""
    yield from _kernel_change(data["initial_scale"])
    yield _step(data["lazy_rich_step"])
    yield _floor(data["conditions"])
    yield from _lazy(data["lazy_limit"])
    yield _real(data["real_data"])


def _kernel_change(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    chi, change = cells(summary, "laziness"), cells(summary, "kernel_change")
    n = float(trained.column("samples")[0])
    width = float(trained.column("width")[0])
    h = float(cells(summary, "stability_fraction")[0])
    b = float(np.median(trained.column("b")))
    lines = {
        name: tuple(summary[f"boundary_{axis}"].values[summary["boundary"].values == name] for axis in "xy")
        for name in ("lazy_rich_measured", "lazy_rich_predicted")
    }
    measured, circle = ((x**2 + y**2) / (2 * b) for x, y in lines.values())
    line = np.logspace(np.log10(chi.min()), np.log10(chi.max()), 50)
    picture = Picture(
        "χ, laziness",
        "‖Θ∞ − Θ₀‖/‖Θ₀‖, change of the kernel",
        {"measured": (chi, change)},
        {"½√((n + 3)/n)(√(1 + χ⁻²) − 1)": (line, np.asarray(boundaries.kernel_change_isotropic(line, n)))},
    )
    yield Row(
        "lazy_rich_circle",
        PROJECT,
        "lazy and rich meet on the circle σ₀² + v₀² = 2b, χ = 1, at any ratio of σ₀ and v₀",
        "|χ_measured/χ_predicted − 1| along the measured boundary",
        trained.setting,
        verdicts.agreement(
            np.abs(measured / np.median(circle) - 1),
            0.05,
            "5 %: half the step size h = 0.1, which shifts the kernel change",
            {},
        ),
        Picture(
            "σ₀, scale of the first layer",
            "v₀, scale of the second layer",
            {"measured boundary": lines["lazy_rich_measured"]},
            {"predicted": lines["lazy_rich_predicted"]},
        ),
        remark="The boundary is where the kernel change is what flow has at χ = 1. What is allowed is little more than what "
        "steps of this size take from it: the row lazy_rich_circle_step has smaller ones.",
    )
    used = chi < 0.03
    slope, error = _power(chi[used], change[used])
    yield Row(
        "kernel_change_rich",
        PROJECT,
        "the kernel change goes as χ⁻¹ where training is rich",
        "fitted exponent of χ",
        trained.setting.of(f"χ up to {chi[used].max():.2g}"),
        verdicts.exponent(slope, error, -1.0, float(chi[used].max() / chi[used].min())),
        picture,
    )
    predicted = cells(summary, "kernel_change_predicted")
    # Where random starts of finite width move the kernel by less than the step does.
    floor = boundaries.kernel_change_floor(n, cells(summary, "sigma_0"), cells(summary, "v_0"), width)
    wide = floor < 0.5 * h * predicted
    yield Row(
        "kernel_change",
        PROJECT,
        "the kernel changes by (G/D)‖K + yyᵀ/b²‖/‖K‖, for any K, χ and ratio of σ₀ and v₀ (χ ≪ √m)",
        "|measured − predicted|/predicted",
        trained.setting,
        verdicts.agreement(
            np.where(wide, np.abs(change / predicted - 1), np.nan),
            2 * h,
            "descent leaves flow by the order of its step, and finite width by less: 2h",
            {"χ": chi},
        ),
        picture,
    )


def _step(trained: Trained) -> Row:
    """Return how far the kernel change on the circle is from flow's, as the step gets smaller."""
    summary = trained.summary
    h, ratio = cells(summary, "stability_fraction"), cells(summary, "sigma_0") / cells(summary, "v_0")
    change, predicted = (cells(summary, name) for name in ("kernel_change", "kernel_change_predicted"))
    short = 1 - change / predicted
    # To the first order of h, nothing is short where σ₀ ≫ v₀.
    used = ratio < 2
    own = np.ones_like(h)
    for _, near in _near(ratio[used]):
        own[np.flatnonzero(used)[near]] = np.exp(np.mean(np.log(short[used][near])))
    slope, error = _power(h[used], (short / own)[used])
    steps = np.unique(h)
    found = "; ".join(
        f"{change[h == step].min():.4f} to {change[h == step].max():.4f} at h = {step:g}" for step in steps[::-1]
    )
    return Row(
        "lazy_rich_circle_step",
        PROJECT,
        "on the circle χ = 1, where σ₀ ≤ v₀, steps of h take from flow's change of the kernel a share that goes as h",
        "fitted exponent of h in 1 − measured/predicted change of the kernel, at each σ₀/v₀",
        trained.setting,
        verdicts.number(
            slope, slope - error, slope + error, 1.0, float(steps[-1]), f"the next order of the step, h ≤ {steps[-1]:g}"
        ),
        Picture(
            "h, share of the largest stable step",
            "|1 − measured/predicted change of the kernel|",
            {f"σ₀/v₀ = {level:g}": (h[near], np.abs(short[near])) for level, near in _near(ratio)},
            {"∝ h": (steps, np.median((short / h)[used]) * steps)},
        ),
        remark=f"The change of the kernel is {found}; flow has {np.median(predicted):.4f}. Where σ₀ = {ratio.max():.3g} v₀ it "
        f"is off by {percent(np.abs(short[~used]).max())} at most.",
    )


def _near(ratio: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Yield each ratio, to three digits, and which cells have it."""
    rounded = np.array([float(f"{value:.3g}") for value in ratio])
    for level in np.unique(rounded):
        yield float(level), rounded == level


def _floor(trained: Trained) -> Row:
    """Compare means over replicates: a single start scatters by √(2/n) of the floor."""
    chi, change = trained.column("laziness"), trained.column("kernel_change")
    sigma_0, v_0 = trained.column("sigma_0"), trained.column("v_0")
    width, n = float(trained.column("width")[0]), float(trained.column("samples")[0])
    floor = np.asarray(boundaries.kernel_change_floor(n, sigma_0, v_0, width))
    replicates = int(trained.column("replicate").max()) + 1
    # Networks of a cell stand side by side, the replicate fastest.
    ratio, chi_cell, floor_cell = (
        column.reshape(-1, replicates).mean(axis=1) for column in (change / floor, chi, floor)
    )
    # Above √m, and where what flow itself moves, ½√((n + 3)/n)/(2χ²), is below the floor.
    used = (chi_cell > np.sqrt(width)) & (floor_cell > boundaries.kernel_change_isotropic(chi_cell, n))
    one = np.array([chi_cell[used].min(), chi_cell[used].max()])
    return Row(
        "kernel_change_floor",
        PROJECT,
        "beyond χ = √m random starts of width m move the kernel by about (nσ₀²v₀²/(mD²))√((n + 3)/n)",
        "measured (mean over replicates) over stated",
        trained.setting,
        verdicts.order(np.where(used, ratio, np.nan), {"χ": chi_cell}),
        Picture(
            "χ, laziness",
            "kernel change over the floor",
            {"measured": (chi_cell[used], ratio[used])},
            {"stated": (one, np.ones(2))},
            log_y=False,
        ),
    )


def _power(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the exponent of y in x with its standard error."""
    known = np.isfinite(y) & (y > 0)
    fit, covariance = np.polyfit(np.log(x[known]), np.log(y[known]), 1, cov=True)
    return float(fit[0]), float(np.sqrt(covariance[0, 0]))


def _lazy(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    chi = cells(summary, "laziness")
    used = chi >= 10  # corrections are of relative order χ⁻²
    setting = trained.setting.of(f"fitted from χ = {chi[used].min():.2g}")
    for name, source, field, label, statement in (
        (
            "kernel_change_lazy",
            PROJECT,
            "kernel_change",
            "‖Θ∞ − Θ₀‖/‖Θ₀‖, change of the kernel",
            "the kernel change goes as χ⁻² where training is lazy",
        ),
        (
            "lazy_reference",
            PROJECT,
            "linearised_error",
            "largest ‖f − f_lin‖/‖y‖",
            "the distance to the network linearised at its start falls as χ⁻²",
        ),
    ):
        values = cells(summary, field)
        slope, error = _power(chi[used], values[used])
        yield Row(
            name,
            source,
            statement,
            "fitted exponent of χ",
            setting,
            verdicts.exponent(slope, error, -2.0, float(chi[used].max() / chi[used].min())),
            Picture("χ, laziness", label, {"measured": (chi, values)}),
        )
    change, aligned = cells(summary, "kernel_change"), cells(summary, "alignment")
    yield Row(
        "kernel_lazy",
        folklore("on lazy training, the paper's reference [31]"),
        "lazy training changes neither structure nor size of the kernel: ‖Θ − Θ₀‖/‖Θ₀‖ ≤ C χ⁻²",
        "χ²‖Θ − Θ₀‖/‖Θ₀‖",
        setting,
        verdicts.constant(np.where(used, change * chi**2, np.nan), {"χ": chi}),
        Picture(
            "χ, laziness",
            "at the end of training",
            {"‖Θ − Θ₀‖/‖Θ₀‖": (chi, change), "rms ρ_r/(√γ rms v_r)": (chi, aligned)},
        ),
    )


def _real(trained: Trained) -> Row:
    """Return the row of real data, at a width that random starts do not blur."""
    summary = trained.summary
    chi, h = cells(summary, "laziness"), float(cells(summary, "stability_fraction")[0])
    measured, predicted = (cells(summary, name) for name in ("kernel_change", "kernel_change_predicted"))
    return Row(
        "real_kernel_change",
        PROJECT,
        "the kernel changes by (G/D)‖K + yyᵀ/b²‖/‖K‖, on real data",
        "|measured − predicted|/predicted",
        trained.setting,
        verdicts.agreement(
            np.abs(measured / predicted - 1), 2 * h, "descent leaves flow by the order of its step, 2h", {"χ": chi}
        ),
        Picture(
            "χ, laziness",
            "‖Θ∞ − Θ₀‖/‖Θ₀‖, change of the kernel",
            {"measured": (chi, measured)},
            {"predicted": (chi, predicted)},
        ),
    )

"""What goes beyond the paper: where training ends, what sets its clock, and where lazy and rich meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.boundaries import coordinate
from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, Trained, cells
from lazyrich.claims.row import Picture, Row
from lazyrich.comparison import onset_share
from lazyrich.theory import boundaries, stage_one


def rows(data: Data) -> Iterator[Row]:
    """In the order of docs/theory.md."""
    yield from _end_kernel(data["spectrum"])
    yield from _onset(data["onset"], data["onset_balance"])
    yield from _smooth(data["onset"], data["spectrum"])
    yield from _kernel_change(data["initial_scale"])
    yield _floor(data["conditions"])
    yield from _lazy(data["lazy_limit"])
    yield _convergence(data["learning_rate"])


def _end_kernel(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    n, exponent = cells(summary, "samples"), cells(summary, "spectrum_exponent")
    converged = summary["converged_share"].values.ravel() == 1
    converged &= cells(summary, "laziness") < 0.1  # where T is claimed
    h = cells(summary, "stability_fraction")[0]
    conditions = {"α": exponent, "n": n}
    fields = {"ntk_end_error": "to K + yyᵀ/b²", "ntk_target_error": "to K + KyyᵀK/γ"}
    picture = Picture(
        "α, exponent of the spectrum",
        "relative distance of the kernel at the end of training",
        {label: (exponent[converged], cells(summary, field)[converged]) for field, label in fields.items()},
        {"step size h": (np.array([0.0, 2.0]), np.full(2, h))},
        log_x=False,
    )
    for name, field, source, statement in (
        ("end_kernel", "ntk_end_error", "beyond the paper", "training ends at Θ∞ = Θ₀ + (G/m)(K + yyᵀ/b²), for any K"),
        (
            "end_kernel_aligned",
            "ntk_target_error",
            "§5, neural tangent kernel",
            "training ends at the target-aligned T ∝ K + KyyᵀK/γ",
        ),
    ):
        error = np.where(converged, cells(summary, field), np.nan)
        yield Row(
            name,
            source,
            statement,
            "‖Θ − ·‖/‖·‖ at the end of training (rich cells that converged)",
            trained.setting,
            verdicts.agreement(error, h, "descent leaves flow by the order of its step h", conditions),
            picture,
        )


def _onset(size: Trained, balance: Trained) -> Iterator[Row]:
    for name, trained, variable, statement, expected, symbol in (
        (
            "onset_size",
            size,
            "size",
            "the clock of onset is D: 2 ln(1 + k)·t₁(δ) grows by 1 with ln(1/D), at fixed σ₀/v₀",
            1.0,
            "D",
        ),
        (
            "onset_balance",
            balance,
            "v_0",
            "where σ₀ ≫ v₀, v₀ does not matter: 2 ln(1 + k)·t₁(δ) does not change with ln(1/v₀)",
            0.0,
            "v₀",
        ),
    ):
        k, sigma, v = (trained.column(column) for column in ("growth_per_step", "sigma_0", "v_0"))
        clock = 2 * np.log1p(k) * trained.column("onset_step")
        x = -np.log(sigma**2 + v**2 if variable == "size" else v)
        used = sigma > 10 * v if variable == "v_0" else np.ones(len(k), dtype=bool)
        slopes = [_slope(x[i], clock[i], trained.column("replicate")[i]) for i in _levels(k, used)]
        yield Row(
            name,
            "beyond the paper",
            statement,
            f"slope of 2 ln(1 + k)·t₁(δ) in ln(1/{symbol}), at each k",
            trained.setting,
            # The worst of all k decides.
            verdicts.number(
                max(slopes, key=lambda slope: abs(slope - expected)),
                min(slopes),
                max(slopes),
                expected,
                0.02,
                "steps are whole: 2 ln(1 + k) at most, over a range of 20",
            ),
            Picture(
                f"1/{symbol}",
                "2 ln(1 + k)·t₁(δ)",
                {f"k = {k[i][0]:.3g}": (np.exp(x[i]), clock[i]) for i in _levels(k, np.ones(len(k), dtype=bool))},
                log_y=False,
            ),
        )
    k = size.column("growth_per_step")
    error = size.column("onset_step") - stage_one.onset_time(onset_share(size.networks), size.column("laziness"), k)
    one = np.array([size.column("laziness").min(), size.column("laziness").max()])
    # ln δ stands for the overlap at onset, 1 − √(1 − δ) of twice the size that a share δ of the loss has to first order; the
    # growing mode of a sampled start is off by m^−½; and a measured step is whole.
    allowed = 1 + (onset_share(size.networks) + 3 / np.sqrt(size.column("width"))) / (2 * np.log1p(k))
    yield Row(
        "onset_time",
        "beyond the paper",
        "the loss has fallen by δ after t₁(δ) = ln(δ/χ)/(2 ln(1 + k)) steps",
        "|measured − predicted|, steps; allowed is what whole steps, finite δ and finite width make",
        size.setting,
        verdicts.bound(np.abs(error), allowed, {"k": k, "1/χ": 1 / size.column("laziness")}),
        Picture(
            "χ, laziness",
            "|measured − predicted|, steps",
            {f"k = {k[i][0]:.3g}": (size.column("laziness")[i], np.abs(error[i])) for i in _levels(k, k > 0)},
            {"one step": (one, np.ones(2))},
            log_y=False,
        ),
    )


def _levels(values: np.ndarray, used: np.ndarray) -> list[np.ndarray]:
    """Positions of each distinct value among those used."""
    return [np.flatnonzero(used & (values == level)) for level in np.unique(values[used])]


def _slope(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> float:
    """Common slope of y in x, each group with an intercept of its own."""
    known = np.isfinite(y)
    x, y, group = x[known], y[known], group[known]
    for value in np.unique(group):
        own = group == value
        x, y = np.where(own, x - x[own].mean(), x), np.where(own, y - y[own].mean(), y)
    return float(x @ y / (x @ x))


def _smooth(onset: Trained, spectrum: Trained) -> Iterator[Row]:
    """Flow against descent: off by the step, k in the rate of every e-folding, of which onset takes ½ ln(1/χ)."""
    for name, trained, field, statement in (
        (
            "closed_form",
            onset,
            "closed_form_error",
            "for K = κI one closed form covers both stages at any laziness, up to C k(1 + ½ ln(1/χ))",
        ),
        (
            "wide_flow",
            spectrum,
            "wide_flow_error",
            "for any K the wide-limit flow, which knows σ₀ and v₀ only through D, gives the output, up to C h(1 + ½ ln(1/χ))",
        ),
    ):
        summary = trained.summary
        step = cells(summary, "growth_per_step" if trained is onset else "stability_fraction")
        chi = cells(summary, "laziness")
        # No e-folding of onset beyond χ = 1.
        scale = step * (1 + 0.5 * np.log(np.maximum(1 / chi, 1)))
        error = cells(summary, field)
        conditions = {"1/χ": 1 / chi} | ({} if trained is onset else {"n": cells(summary, "samples")})
        ends = np.array([scale.min(), scale.max()])
        yield Row(
            name,
            "beyond the paper",
            statement,
            "largest distance of the overlap over that scale",
            trained.setting,
            verdicts.constant(error / scale, conditions),
            Picture(
                "step times e-foldings" if trained is onset else "α, exponent of the spectrum",
                "largest distance of the overlap",
                {"measured": (scale if trained is onset else cells(summary, "spectrum_exponent"), error)},
                {"the scale itself": (ends, ends)} if trained is onset else {},
                log_x=trained is onset,
            ),
        )


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
        {"½√((n + 3)/n)(√(1 + χ⁻²) − 1)": (line, boundaries.kernel_change_isotropic(line, n))},
    )
    yield Row(
        "lazy_rich_circle",
        "beyond the paper",
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
    )
    used = chi < 0.03
    slope, error = _power(chi[used], change[used])
    yield Row(
        "kernel_change_rich",
        "beyond the paper",
        "the kernel change goes as χ⁻¹ where training is rich",
        "fitted exponent of χ",
        f"χ up to {chi[used].max():.2g}; {trained.setting}",
        verdicts.exponent(slope, error, -1.0, float(chi[used].max() / chi[used].min())),
        picture,
    )
    predicted = cells(summary, "kernel_change_predicted")
    # Where random starts of finite width move the kernel by less than the step does.
    floor = boundaries.kernel_change_floor(n, cells(summary, "sigma_0"), cells(summary, "v_0"), width)
    wide = floor < 0.5 * h * predicted
    yield Row(
        "kernel_change",
        "beyond the paper",
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


def _floor(trained: Trained) -> Row:
    """Means over replicates: a single start scatters by √(2/n) of the floor."""
    chi, change = trained.column("laziness"), trained.column("kernel_change")
    sigma_0, v_0 = trained.column("sigma_0"), trained.column("v_0")
    width, n = float(trained.column("width")[0]), float(trained.column("samples")[0])
    floor = boundaries.kernel_change_floor(n, sigma_0, v_0, width)
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
        "beyond the paper",
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
    """Exponent of y in x with its standard error."""
    known = np.isfinite(y) & (y > 0)
    fit, covariance = np.polyfit(np.log(x[known]), np.log(y[known]), 1, cov=True)
    return float(fit[0]), float(np.sqrt(covariance[0, 0]))


def _lazy(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    chi = cells(summary, "laziness")
    used = chi >= 10  # corrections are of relative order χ⁻²
    setting = f"fitted from χ = {chi[used].min():.2g}; {trained.setting}"
    for name, source, field, label, statement in (
        (
            "kernel_change_lazy",
            "beyond the paper",
            "kernel_change",
            "‖Θ∞ − Θ₀‖/‖Θ₀‖, change of the kernel",
            "the kernel change goes as χ⁻² where training is lazy",
        ),
        (
            "lazy_reference",
            "beyond the paper",
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
        "§5, neural tangent kernel",
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


def _convergence(trained: Trained) -> Row:
    summary = trained.summary
    k, chi = summary["growth_per_step"].values, summary["laziness"].values
    share = summary["converged_share"].transpose("laziness", "growth_per_step").values
    places, _ = coordinate(k)
    spacing = np.diff(places).mean()
    used = chi <= 0.3
    # −∞ where nothing converges.
    last = np.array([places[row >= 0.5].max(initial=-np.inf) for row in share[used]])
    # Training converges up to k = 1: its last cell is the one that holds it.
    away = np.abs(last) / spacing
    return Row(
        "no_stable_solution",
        "beyond the paper",
        "descent converges up to k = 1 (and to no solution beyond), for χ ≤ 0.3",
        "distance of the last converged cell to k = 1, in cells, at each χ",
        trained.setting,
        verdicts.bound(away, 1.0, {"1/χ": 1 / chi[used]}),
        Picture(
            "χ, laziness",
            "k, growth per step of the last converged cell",
            {"measured": (chi[used], 10**last)},
            {"k = 1": (np.array([chi.min(), 0.3]), np.ones(2))},
        ),
    )

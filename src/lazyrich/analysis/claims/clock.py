"""Beyond the paper: what sets the clock of training, and the flows that tell all of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.row import PROJECT, Picture, Row
from lazyrich.analysis.comparison import onset_share
from lazyrich.theory import stage_one


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of onset, then those of whole runs."""
    yield from _onset(data["onset"], data["onset_balance"])
    yield from _smooth(data["onset"], data["spectrum"])


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
            PROJECT,
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
        PROJECT,
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
    """Return the positions of each distinct value among those used."""
    return [np.flatnonzero(used & (values == level)) for level in np.unique(values[used])]


def _slope(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> float:
    """Return the common slope of y in x, each group with an intercept of its own."""
    known = np.isfinite(y)
    x, y, group = x[known], y[known], group[known]
    for value in np.unique(group):
        own = group == value
        x, y = np.where(own, x - x[own].mean(), x), np.where(own, y - y[own].mean(), y)
    return float(x @ y / (x @ x))


def _smooth(onset: Trained, spectrum: Trained) -> Iterator[Row]:
    """Compare flow with descent: off by the step, k in the rate of every e-folding, of which onset takes ½ ln(1/χ)."""
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
            PROJECT,
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

"""Equations 9, 13, 10 and 11: the linear system of stage one with its bounds, and the two recursions of stage two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.claims import verdicts
from lazyrich.claims.data import Data, Trained
from lazyrich.claims.row import Picture, Row
from lazyrich.comparison import onset_share
from lazyrich.follow import follow
from lazyrich.theory import two_stage


def rows(data: Data) -> Iterator[Row]:
    """Stage one neuron by neuron, then in the output; stage two in the output."""
    yield from _stage_one(data["neurons"], data.followed)
    yield from _stages(data["overparameterization"])
    yield _end(data["overparameterization"])
    yield _continuous(data["onset"])


def _stage_one(trained: Trained, found: dict[str, np.ndarray]) -> Iterator[Row]:
    conditions = trained.conditions(**{"n": "samples", "tr Σ": "covariance_trace", "‖β̃‖": "signal_norm"})
    v_0 = trained.column("v_0")
    conditions["1/v₀"] = 1 / v_0
    # The force is that of y − f: what Eq. 9 leaves out is the overlap ⟨y, f⟩/‖y‖², at t₁ (one step late at most) …
    k = trained.column("growth_per_step")
    overlap = (1 + k) ** 2 / (np.sqrt(trained.column("gamma")) * trained.column("y_norm") ** 2)
    # … and the rounding of some hundred steps.
    ratio = found["neuron_error"] / (overlap + 1e-12)
    one = np.array([overlap.min(), overlap.max()])
    yield Row(
        "eq_9",
        "Eq. 9",
        "up to t₁ every neuron follows (ρ̂_r ± √γ v_r)(t) = (1 ± k)ᵗ(b_r ± √γ v_r(0)), but for the overlap of f and y",
        "largest relative distance of (ρ_r, √γ v_r) over the overlap at t₁",
        trained.setting,
        verdicts.bound(ratio, conditions),
        Picture(
            "⟨y, f⟩/‖y‖² at t₁",
            "relative distance of (ρ_r, √γ v_r), worst neuron and step",
            {"measured": (overlap, found["neuron_error"])},
            {"the overlap itself": (one, one)},
        ),
    )
    # The bounds leave b_r out, and so do not know σ₀.
    conditions["v₀/σ₀"] = v_0 / trained.column("sigma_0")
    del conditions["1/v₀"]
    for name, ratio, what in (
        ("eq_13_upper", found["bounds_high"], "below the bound with γ_u"),
        ("eq_13_lower", 1 / found["bounds_low"], "above the bound with γ_l"),
    ):
        yield Row(
            name,
            "Eq. 13",
            f"up to t₁ every |ρ_r| stays {what} (C₁ = C₂ = 1, b_r = 0)",
            "|ρ_r| over its bound, or the bound over |ρ_r|, worst neuron and step",
            trained.setting,
            verdicts.bound(ratio, conditions),
            Picture(
                "1/v₀",
                "ratio to the bound",
                {"measured": (1 / v_0, ratio)},
                {"allowed": (np.array([1 / v_0.max(), 1 / v_0.min()]), np.ones(2))},
                log_y=False,
            ),
        )


def _stages(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    n, d = np.meshgrid(summary["samples"].values, summary["dimension"].values, indexing="ij")
    conditions = {"d/n": (d / n).ravel(), "n": n.ravel().astype(float)}
    share = onset_share(trained.networks)
    ends = np.array([conditions["d/n"].min(), conditions["d/n"].max()])
    for name, source, statement, field, why in (
        (
            "eq_9_output",
            "Eq. 9",
            "up to onset the overlap ⟨y, f⟩/‖y‖² is that of stage one",
            "stage_one_error",
            "the force has fallen by the onset share δ at onset",
        ),
        (
            "eq_10",
            "Eq. 10",
            "from onset on the overlap follows the recursion of ρ and v",
            "eq_10_error",
            "begun with the growing mode at onset, which is off by up to δ",
        ),
        (
            "eq_11",
            "Eq. 11",
            "from onset on the overlap follows the recursion on ρ = √γ v",
            "aligned_error",
            "begun with the growing mode at onset, which is off by up to δ",
        ),
    ):
        error = summary[field].sel(quantile=0.5).values.ravel()
        yield Row(
            name,
            source,
            statement,
            f"{summary[field].attrs['long_name']} (median over replicates)",
            trained.setting,
            verdicts.agreement(error, share, why, conditions),
            Picture("d/n", "error", {"measured": (conditions["d/n"], error)}, {"allowed": (ends, np.full(2, share))}),
        )


def _end(trained: Trained) -> Row:
    """ρ∞² = γ^{5/2}/φ₂ and v∞ = ρ∞/√γ give the overlap γ²/(φ₂‖y‖²) at the end, which training brings to that of Πy."""
    n, d = trained.column("samples"), trained.column("dimension")
    limit = two_stage.limit(trained.column("gamma"), trained.column("phi"))
    predicted = limit / (np.sqrt(trained.column("gamma")) * trained.column("y_norm") ** 2)
    found = (trained.column("fitted_norm") / trained.column("y_norm")) ** 2
    error = np.abs(predicted - found)
    share = onset_share(trained.networks)
    ends = np.array([(d / n).min(), (d / n).max()])
    return Row(
        "eq_11_limit",
        "Eq. 11",
        "ρ ends at ρ∞ = (γ^{5/2}/φ₂)^{1/2}",
        "distance of the overlap γ²/(φ₂‖y‖²) that follows to that of the fitted targets",
        trained.setting,
        verdicts.agreement(error, share, "as for Eq. 10", {"d/n": d / n, "n": n}),
        Picture(
            "d/n", "error of the final overlap", {"measured": (d / n, error)}, {"allowed": (ends, np.full(2, share))}
        ),
    )


def _continuous(trained: Trained) -> Row:
    """The logistic solution from onset on, against networks followed step by step; off by the step size."""
    data = trained.networks
    chi = trained.column("laziness")
    chosen = np.flatnonzero(chi == chi.max())  # the earliest onset
    k, errors = [], []
    for i in chosen:
        one = follow(data, i)
        first, last = (int(data[name].values[i]) for name in ("onset_step", "end_step"))
        y_square = float(data["y_norm"].values[i]) ** 2
        overlap = np.array([one.targets @ one.output(now) for now in one.snapshots(range(first, last + 1))]) / y_square
        scale = np.sqrt(one.gamma) * y_square
        limit = np.sqrt(two_stage.limit(one.gamma, float(data["phi"].values[i])))
        k.append(float(data["growth_per_step"].values[i]))
        t = np.arange(len(overlap), dtype=float)
        rho_square = two_stage.continuous(t, np.sqrt(overlap[0] * scale), k[-1], limit)
        errors.append(np.max(np.abs(rho_square / scale - overlap)))
    k, error = np.array(k), np.array(errors)
    one = np.array([k.min(), k.max()])
    return Row(
        "eq_11_continuous",
        "Eq. 11",
        "ρ²(t) = ρ∞²/(1 + (ρ∞²/ρ²(t₁) − 1)e^{−2k(t − t₁)}), up to C k",
        "largest distance of the overlap from onset on, over k",
        trained.setting,
        verdicts.constant(error / k, {"1/k": 1 / k}),
        Picture("k, growth per step", "error of the overlap", {"measured": (k, error)}, {"k": (one, one)}),
    )

"""Equations 9, 13, 10 and 11: the linear system of stage one with its bounds, and the two recursions of stage two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.row import Picture, Row, paper
from lazyrich.analysis.comparison import onset_share
from lazyrich.analysis.follow import follow
from lazyrich.theory import two_stage


def rows(data: Data) -> Iterator[Row]:
    """Yield stage one neuron by neuron, then in the output; stage two in the output."""
    yield from _stage_one(data["neurons"], data.followed)
    yield from _stages(data["overparameterization"])
    yield from _neurons(data["neurons"], data.followed)
    yield _continuous(data["onset"])


def _stage_one(trained: Trained, found: dict[str, np.ndarray]) -> Iterator[Row]:
    conditions = trained.varied(**{"n": "samples", "tr Σ": "covariance_trace", "‖β̃‖": "signal_norm"})
    v_0 = trained.column("v_0")
    conditions["1/v₀"] = 1 / v_0
    # The force is that of y − f: what Eq. 9 leaves out is the overlap ⟨y, f⟩/‖y‖², at t₁ (one step late at most) …
    k = trained.column("growth_per_step")
    overlap = (1 + k) ** 2 / (np.sqrt(trained.column("gamma")) * trained.column("y_norm") ** 2)
    # … and the rounding of some hundred steps.
    allowed = overlap + 1e-12
    one = np.array([overlap.min(), overlap.max()])
    yield Row(
        "eq_9",
        paper("Eq. 9"),
        "up to t₁ every neuron follows (ρ̂_r ± √γ v_r)(t) = (1 ± k)ᵗ(b_r ± √γ v_r(0)), but for the overlap of f and y",
        "largest relative distance of (ρ_r, √γ v_r)",
        trained.setting,
        verdicts.bound(found["neuron_error"], allowed, conditions),
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
            paper("Eq. 13"),
            f"up to t₁ every |ρ_r| stays {what} (C₁ = C₂ = 1, b_r = 0)",
            "|ρ_r| over its bound, or the bound over |ρ_r|, worst neuron and step",
            trained.setting,
            verdicts.bound(ratio, 1.0, conditions),
            Picture(
                "v₀/σ₀",
                "ratio to the bound",
                {"measured": (conditions["v₀/σ₀"], ratio)},
                {"allowed": (np.array([conditions["v₀/σ₀"].min(), conditions["v₀/σ₀"].max()]), np.ones(2))},
            ),
        )


def _stages(trained: Trained) -> Iterator[Row]:
    summary = trained.summary
    n, d, chi = (cells(summary, name) for name in ("samples", "dimension", "laziness"))
    # The stages are those of rich training.
    rich = chi < 0.1
    conditions = {"d/n": d[rich] / n[rich], "n": n[rich], "1/χ": 1 / chi[rich]}
    share = onset_share(trained.networks)
    ends = np.array([conditions["d/n"].min(), conditions["d/n"].max()])
    for name, source, statement, field, why in (
        (
            "eq_9_output",
            paper("Eq. 9"),
            "up to onset the overlap ⟨y, f⟩/‖y‖² is that of stage one",
            "stage_one_error",
            "the force has fallen by the onset share δ at onset",
        ),
        (
            "eq_10",
            paper("Eq. 10"),
            "from onset on the overlap follows the recursion of ρ and v",
            "eq_10_error",
            "begun with stage one's sizes at onset, which are off by up to δ",
        ),
        (
            "eq_11",
            paper("Eq. 11"),
            "from onset on the overlap follows the recursion on ρ = √γ v",
            "aligned_error",
            "begun with the growing mode at onset, which is off by up to δ",
        ),
    ):
        error = cells(summary, field)[rich]
        yield Row(
            name,
            source,
            statement,
            f"{summary[field].attrs['long_name']} (median over replicates)",
            trained.setting,
            verdicts.agreement(error, share, why, conditions),
            Picture(
                "d/n",
                "error",
                {
                    f"χ = {level:g}": (conditions["d/n"][on], error[on])
                    for level in np.unique(chi[rich])
                    for on in (chi[rich] == level,)
                },
                {"allowed": (ends, np.full(2, share))},
            ),
        )


def _neurons(trained: Trained, found: dict[str, np.ndarray]) -> Iterator[Row]:
    """Yield stage two of single neurons, begun with their own (ρ_r, v_r) at t₁; K is isotropic up to √(n/d)."""
    conditions = trained.varied(**{"n": "samples", "tr Σ": "covariance_trace", "‖β̃‖": "signal_norm"})
    # The recursions are of neurons that are all alike, which a first layer beyond v₀ makes different.
    conditions |= {"1/v₀": 1 / trained.column("v_0"), "v₀/σ₀": trained.column("v_0") / trained.column("sigma_0")}
    spread = np.sqrt(trained.column("samples") / trained.column("dimension"))
    one = np.array([spread.min(), spread.max()])
    for name, source, statement, quantity, error in (
        (
            "eq_10_neurons",
            paper("Eq. 10"),
            "from t₁ to t₂ every neuron follows the recursion of (ρ_r, v_r), up to √(n/d)",
            "largest |ρ_r − Eq. 10|/ρ∞, neuron and step",
            found["eq_10_error"],
        ),
        (
            "eq_11_neurons",
            paper("Eq. 11"),
            "from t₁ to t₂ every neuron follows the recursion of ρ_r alone, up to √(n/d)",
            "largest |ρ_r − Eq. 11|/ρ∞, neuron and step",
            found["eq_11_error"],
        ),
        (
            "eq_11_limit",
            paper("Eq. 11"),
            "ρ ends at ρ∞ = (γ^{5/2}/φ₂)^{1/2}, up to √(n/d)",
            "|rms ρ_r(t₂)/ρ∞ − 1|",
            np.abs(found["rho_end"] - 1),
        ),
    ):
        yield Row(
            name,
            source,
            statement,
            quantity,
            trained.setting,
            # The anisotropy of K itself.
            verdicts.bound(error, spread, conditions),
            Picture("√(n/d)", quantity, {"measured": (spread, error)}, {"√(n/d)": (one, one)}),
        )


def _continuous(trained: Trained) -> Row:
    """Compare the logistic solution from onset on with networks followed step by step; off by the step size."""
    data = trained.networks
    chi = trained.column("laziness")
    chosen = np.flatnonzero(chi == chi.max()).tolist()  # the earliest onset
    growth, errors = [], []
    for i in chosen:
        one = follow(data, i)
        first, last = (int(data[name].values[i]) for name in ("onset_step", "end_step"))
        y_square = float(data["y_norm"].values[i]) ** 2
        overlap = np.array([one.targets @ one.output(now) for now in one.snapshots(range(first, last + 1))]) / y_square
        scale = np.sqrt(one.gamma) * y_square
        limit = np.sqrt(two_stage.limit(one.gamma, float(data["phi"].values[i])))
        growth.append(float(data["growth_per_step"].values[i]))
        t = np.arange(len(overlap), dtype=float)
        rho_square = two_stage.continuous(t, np.sqrt(overlap[0] * scale), growth[-1], limit)
        errors.append(np.max(np.abs(rho_square / scale - overlap)))
    k, error = np.array(growth), np.array(errors)
    ends = np.array([k.min(), k.max()])
    return Row(
        "eq_11_continuous",
        paper("Eq. 11"),
        "ρ²(t) = ρ∞²/(1 + (ρ∞²/ρ²(t₁) − 1)e^{−2k(t − t₁)}), up to C k",
        "largest distance of the overlap from onset on, over k",
        trained.setting,
        verdicts.constant(error / k, {"1/k": 1 / k}),
        Picture("k, growth per step", "error of the overlap", {"measured": (k, error)}, {"k": (ends, ends)}),
    )

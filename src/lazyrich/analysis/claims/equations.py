"""Equations 10 and 11: the two recursions of stage two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, cells
from lazyrich.analysis.claims.isotropy import FIRST_MEMBER, RATIO, condition_6, isotropy
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import Picture, Row, reading
from lazyrich.analysis.comparison import onset_share
from lazyrich.analysis.fields import RICH
from lazyrich.analysis.follow import follow
from lazyrich.theory import two_stage
from lazyrich.theory.conditions import imbalance


def rows(data: Data) -> Iterator[Row]:
    """Yield stage two in the output, then neuron by neuron."""
    yield from _output_stage_two(data["overparameterization"])
    yield from _neurons(data)
    yield _continuous(data["onset"])


def _output_stage_two(trained: Trained) -> Iterator[Row]:
    """Yield stage two in the output of rich training, where condition (6) says that K is isotropic enough."""
    summary = trained.summary
    chi = cells(summary, "laziness")
    rich = (chi < RICH) & (cells(summary, "networks") > 0)
    ratio = isotropy(trained)
    share = onset_share(trained.networks)
    margins = trained.margins(rich)
    broken = ", ".join(
        f"({number}) on {symbol} (margins {margins[name][0]:.2g} to {margins[name][1]:.2g})"
        for number, symbol, name in ((2, "σ₀", "sigma_0"), (3, "v₀", "v_0"))
        if margins[name][0] < 1
    )
    for name, source, statement, field, why in (
        (
            "eq_10",
            reading("Eq. 10"),
            "from onset on the overlap ⟨y, f⟩/‖y‖² follows the recursion of ρ and v",
            "eq_10_error",
            "begun with stage one's sizes at onset, which are off by up to δ",
        ),
        (
            "eq_11",
            reading("Eq. 11"),
            "from onset on the overlap ⟨y, f⟩/‖y‖² follows the recursion on ρ = √γ v",
            "aligned_error",
            "begun with the growing mode at onset, which is off by up to δ",
        ),
    ):
        error = np.where(rich, cells(summary, field), np.nan)
        yield Row(
            name,
            source,
            f"under condition (6) on tr Σ {statement}, to {100 * share:g} %",
            f"{summary[field].attrs['long_name']} (median over replicates)",
            trained.setting.of(f"rich cells (χ < {RICH:g})"),
            verdicts.threshold(error <= share, ratio, condition_6, error),
            _by_laziness(chi[rich], ratio[rich], error[rich], RATIO, share),
            remark=f"Of any rich training from onset on, not only of that under Assumption 4.1: its conditions {broken} are "
            f"broken here. {100 * share:g} % is a tolerance of this project's: {why}. {FIRST_MEMBER}",
        )


def _by_laziness(chi: np.ndarray, x: np.ndarray, error: np.ndarray, label: str, allowed: float) -> Picture:
    return Picture(
        label,
        "error",
        {f"χ = {level:g}": (x[chi == level], error[chi == level]) for level in np.unique(chi)},
        {"allowed": (np.array([x.min(), x.max()]), np.full(2, allowed))},
    )


def _neurons(data: Data) -> Iterator[Row]:
    """Yield stage two of single neurons, begun with their own (ρ_r, v_r) at t₁; K is isotropic up to √(n/d)."""
    neurons = NeuronRows(data)
    trained, found = neurons.trained, neurons.measured
    # The recursions are of neurons that are all alike, which a first layer beyond v₀ makes different.
    small = trained.small_sigma
    uneven = np.sqrt(trained.column("samples") / trained.column("dimension"))
    one = np.array([uneven.min(), uneven.max()])
    # Eq. 11 is about ρ = √γ v, which stage one leaves at t₁ with √γ v = (1 + δ)ρ. The mode that grows is then 1 + δ/2 times ρ,
    # and the slope of the logistic curve makes at most 2/(3√3) ρ∞ of a relative error at its start.
    off_line = np.asarray(imbalance(1.0, neurons.v_0, trained.column("gamma"))) / (3 * np.sqrt(3))
    remark = "√(n/d), the anisotropy of K, is a tolerance of this project's"
    for name, source, statement, quantity, error, allowed in (
        (
            "eq_10_neurons",
            reading("Eq. 10"),
            "from t₁ to t₂ every neuron follows the recursion of (ρ_r, v_r), up to √(n/d)",
            "largest |ρ_r − Eq. 10|/ρ∞, neuron and step",
            found["eq_10_error"],
            uneven,
        ),
        (
            "eq_11_neurons",
            reading("Eq. 11"),
            "from t₁ to t₂ every neuron follows the recursion of ρ_r alone, up to √(n/d) and its distance to ρ = √γ v at t₁",
            "largest |ρ_r − Eq. 11|/ρ∞, neuron and step",
            found["eq_11_error"],
            uneven + off_line,
        ),
        (
            "eq_11_limit",
            reading("Eq. 11"),
            "ρ ends at ρ∞ = (γ^{5/2}/φ₂)^{1/2}, up to √(n/d)",
            "|rms ρ_r(t₂)/ρ∞ − 1|",
            np.abs(found["rho_end"] - 1),
            uneven,
        ),
    ):
        few = {symbol: column[small] for symbol, column in neurons.varied.items()}
        yield Row(
            name,
            source,
            statement,
            quantity,
            trained.setting,
            verdicts.bound(error, allowed, neurons.varied),
            Picture("√(n/d)", quantity, {"measured": (uneven, error)}, {"√(n/d)": (one, one)}),
            judged_small_sigma=verdicts.bound(error[small], allowed[small], few),
            remark=f"{remark}, and so is (√(1 + γv₀²) − 1)/(3√3) for the line ρ = √γ v."
            if allowed is not uneven
            else f"{remark}.",
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
        reading("Eq. 11"),
        "from onset on, ρ²(t) = ρ∞²/(1 + (ρ∞²/ρ²(t₁) − 1)e^{−2k(t − t₁)}), up to C k",
        "largest distance of the overlap from onset on, over k",
        trained.setting,
        verdicts.constant(error / k, {"1/k": 1 / k}),
        Picture("k, growth per step", "error of the overlap", {"measured": (k, error)}, {"k": (ends, ends)}),
        remark="The solution of Eq. 11 as a differential equation; the error C k of steps of size k is this project's.",
    )

"""What the published points themselves say, as tables of a report page: k, √γ, onset, starting sizes, and how each is found."""

from __future__ import annotations

import numpy as np

from lazyrich.published import load_published
from lazyrich.recovery import MOVING, ONSET, RISE, recover, target_square
from lazyrich.sweep import Sweep
from lazyrich.training import LOSS_FACTOR

LOSSES = {"half_mse": "(1/2n)‖f − y‖²", "mse": "(1/n)‖f − y‖²"}


def recovered_tables(sweep: Sweep) -> list[dict]:
    """A table for each n, loss and activation of the sweep: rows of (symbol, value, how it is found).

    None for activations of which stage one says nothing, nor for points that show no stage one.
    """
    if sweep.figures.published is None:
        return []
    points = load_published(sweep.figures.published)
    tables = []
    for samples, loss, activation in sorted(sweep.combinations("samples", "loss", "activation"), key=str):
        loss = loss or "half_mse"
        activation = activation or "linear"
        if samples is None or activation not in MOVING:
            continue
        try:
            found = recover(points, samples=samples, loss_factor=LOSS_FACTOR[loss], moving=MOVING[activation])
        except ValueError:
            continue
        half = ", half of the neurons on for all samples and half for none" if MOVING[activation] < 1 else ""
        plateau = (
            f"points within 1 % of it before the loss has fallen by 1 %: {found.plateau}"
            if found.plateau
            else "no plateau: it is reached while the loss falls, and is a lower bound"
        )
        rows = [
            ("√γ", f"{found.root_gamma:g}", f"largest |ρ|/|v|; {plateau}"),
            (
                "k",
                f"{found.k:.4g}",
                f"early rise of |ρ|/|v|, up to {RISE:g}√γ; single points {_range(found.k_low, found.k_high)}",
            ),
            ("k from the loss", f"{found.k_from_loss:.4g}", "growth of 1 − √(L/L(0)) in stage one"),
            (f"t₁({ONSET:g})", f"{found.onset:.4g}", f"step at which the loss has fallen by {ONSET:.0%}"),
            *_red_line(sweep, points),
            (
                "v_eff = √(σ₀² + v₀²)",
                f"{found.v_eff:.3g}",
                f"from t₁ and k; with the other k {found.v_eff_from_loss:.3g}",
            ),
            (
                "σ₀/v₀",
                f"{found.balance:.2g}",
                f"shape of the rise; {_range(found.balance_low, found.balance_high)} are up to twice as far from the points",
            ),
            ("distance", f"{found.shape_error:.2%}", "rms of |ρ|/|v| to stage one of these numbers, relative to √γ"),
        ]
        if activation == "linear":
            isotropic = found.b * found.root_gamma / target_square(points, samples, LOSS_FACTOR[loss])
            rows.append(("b", f"{found.b:.3g}", f"end of |ρ|/|v|, ‖y‖²/b; {isotropic:.3g} times that of K = κI"))
        tables.append({"of": f"n = {samples}, loss {LOSSES[loss]}, {activation}{half}", "rows": rows})
    return tables


def _red_line(sweep: Sweep, points: dict[str, np.ndarray]) -> list[tuple[str, str, str]]:
    step = sweep.figures.published_onset
    if step is None:
        return []
    share = 1 - np.interp(step, points["step"], points["loss"]) / points["loss"][0]
    return [("red line", f"{step:g}", f"the figure's own t₁; the loss has fallen by {share:.1%} there")]


def _range(low: float, high: float) -> str:
    return f"{low:.3g}" if np.isclose(low, high, rtol=1e-3) else f"{low:.3g} to {high:.3g}"

"""Tables of a report page: k, √γ, onset and initial scales as read from the published points, and how each is read.

Beside each number stands the error of the same reading on this sweep's own networks, whose true numbers are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.analysis.published import load_published
from lazyrich.analysis.recovery import ONSET, RISE, Read, Recovered, calibration, read, recover, target_square
from lazyrich.draw.chosen import some
from lazyrich.networks.losses import DEFAULT, LOSSES
from lazyrich.shards import archive
from lazyrich.shards.concatenate import concatenate
from lazyrich.sweep.sweep import Sweep

CURVES = ("step", "loss", "rho_over_v")
ACTIVATIONS = ("linear", "relu")  # with a theory of stage one
MOST = 256  # networks to calibrate with


class Table(TypedDict):
    """The reading of the points as networks of one n, loss and activation: rows, or the reason why there are none."""

    of: str
    rows: list[tuple[str, str, str, str]]  # symbol, value, how it is found, calibration
    missing: str | None  # why there are no rows
    networks: int  # number of networks behind the calibration


def recovered_tables(sweep: Sweep, shards: Sequence[str]) -> list[Table]:
    """Return a table for each n, loss and activation of the sweep; empty without published points."""
    if sweep.figures.published is None:
        return []
    points = load_published(sweep.figures.published)
    networks = _networks(sweep, shards)
    tables: list[Table] = []
    for samples, loss, activation in sorted(sweep.combinations("samples", "loss", "activation"), key=str):
        loss = loss or DEFAULT
        activation = activation or "linear"
        table: Table = {
            "of": f"n = {samples}, loss {LOSSES[loss].formula}, {activation}",
            "rows": [],
            "missing": None,
            "networks": 0,
        }
        tables.append(table)
        if samples is None or activation not in ACTIVATIONS or not LOSSES[loss].square:
            what = f"{activation} networks" if activation not in ACTIVATIONS else f"the loss {loss}"
            what = "swept n" if samples is None else what
            table["missing"] = (
                f"of {what} nobody knows how to read them; {' and '.join(ACTIVATIONS)} networks they tell of"
            )
            continue
        try:
            reading = (
                recover(points, samples=samples, loss_factor=LOSSES[loss].factor)
                if activation == "linear"
                else read(points)
            )
        except ValueError as error:
            table["missing"] = str(error)
            continue
        ours = _of(networks, samples, loss, activation)
        ratios = {} if ours is None else calibration(ours)
        table["networks"] = 0 if ours is None else ours.sizes["network"]
        rows = _rows(reading, sweep, points, samples, LOSSES[loss].factor)
        table["rows"] = [(symbol, value, how, _spread(ratios.get(name))) for name, symbol, value, how in rows]
    return tables


def _rows(
    reading: Read, sweep: Sweep, points: dict[str, np.ndarray], samples: int, loss_factor: float
) -> list[tuple[str, str, str, str]]:
    """Return rows of (name in `calibration` or "", symbol, value, how it is found)."""
    within = f"{reading.early or 'no'} points are within 1 % of it before the loss has fallen by 1 %"
    bound = "" if reading.early else ", so that it is a lower bound"
    rows = [
        ("root_gamma", "√γ", f"{reading.root_gamma:g}", f"largest |ρ|/|v|; {within}{bound}"),
        ("k_from_loss", "k from the loss", f"{reading.k_from_loss:.4g}", "growth of 1 − √(L/L(0)) in stage one"),
        ("", f"t₁({ONSET:g})", f"{reading.onset:.4g}", f"step at which the loss has fallen by {ONSET:.0%}"),
        *_red_line(sweep, points),
    ]
    if not isinstance(reading, Recovered):
        return [
            *rows,
            (
                "",
                "√(σ₀² + v₀²), σ₀/v₀",
                "not read",
                "of ReLU networks they are matched by simulation (docs/theory.md, Figures 2 and 3)",
            ),
        ]
    isotropic = reading.b * reading.root_gamma / target_square(points, samples, loss_factor)
    return [
        *rows,
        ("k", "k from the rise", f"{reading.k:.4g}", f"early rise of |ρ|/|v|, up to {RISE:g}√γ"),
        ("v_eff", "√(σ₀² + v₀²)", f"{reading.v_eff:.3g}", "t₁ and k from the rise"),
        ("v_eff_from_loss", "the same", f"{reading.v_eff_from_loss:.3g}", "t₁ and k from the loss"),
        ("balance", "σ₀/v₀", f"{reading.balance:.2g}", "shape of the rise"),
        ("", "distance", f"{reading.shape_error:.2%}", "rms of |ρ|/|v| to stage one of these numbers, relative to √γ"),
        ("", "b", f"{reading.b:.3g}", f"end of |ρ|/|v|, ‖y‖²/b; {isotropic:.3g} times that of K = κI"),
    ]


def _networks(sweep: Sweep, shards: Sequence[str]) -> xr.Dataset | None:
    """Read some of the sweep's networks, evenly chosen, with their curves; None where these are not recorded."""
    if sweep.record.summary or not {"loss", "rho_over_v"} <= set(sweep.record.observables):
        return None
    parts = []
    for path in shards:
        with archive.opened(path) as data:
            kept = data.drop_vars([name for name in data if "record" in data[name].dims and name not in CURVES])
            parts.append(kept.isel(network=some(data.sizes["network"], -(-MOST // len(shards)))).load())
    return concatenate(parts)


def _of(networks: xr.Dataset | None, samples: int, loss: str, activation: str) -> xr.Dataset | None:
    """Return the networks of one n, loss and activation; None if there are none."""
    if networks is None:
        return None
    mask = (
        (networks["samples"].values == samples)
        & (scope.losses_of_networks(networks) == loss)
        & (scope.of_networks(networks) == activation)
    )
    return networks.isel(network=np.flatnonzero(mask)) if mask.any() else None


def _red_line(sweep: Sweep, points: dict[str, np.ndarray]) -> list[tuple[str, str, str, str]]:
    step = sweep.figures.published_onset
    if step is None:
        return []
    share = 1 - np.interp(step, points["step"], points["loss"]) / points["loss"][0]
    return [("", "red line", f"{step:g}", f"the figure's own t₁; the loss has fallen by {share:.1%} there")]


def _spread(ratios: np.ndarray | None) -> str:
    """Return least, median and largest relative error of a reading, in percent, from its ratios to the truth."""
    if ratios is None:
        return ""
    finite = ratios[np.isfinite(ratios)]
    if not len(finite):
        return "in none"
    low, middle, high = (f"{100 * (value - 1):+.1f}".replace("-", "−") for value in np.quantile(finite, (0, 0.5, 1)))
    fewer = f" ({len(finite)} of {len(ratios)})" if len(finite) < len(ratios) else ""
    return f"{low}, {middle}, {high} %{fewer}"

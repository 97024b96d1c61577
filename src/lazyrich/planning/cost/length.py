"""The number of steps of a network, estimated from its sweep's keys alone, with means in place of data not drawn yet.

Only planning uses this. It is pure Python, because Snakemake plans in every job.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lazyrich.networks.data import DATA
from lazyrich.networks.losses import DEFAULT, FINISHED, LOSSES
from lazyrich.networks.optimisers import MOST_STEPS
from lazyrich.networks.teachers import LINEAR

if TYPE_CHECKING:
    from lazyrich.networks.data.source import Sizes

# τ at which the residual, falling as e^(−2τ) along the targets, is small enough for an engine to stop.
STOPPED = -math.log(FINISHED) / 2


class Length(NamedTuple):
    """Steps that a network is given, and those that it needs until its engine stops early (at most as many)."""

    steps: float
    run: float


def length(cell: dict[str, Any]) -> Length:
    """Return the length of a network with the parameters `cell` (sweep keys -> values), as if K = κI (docs/theory.md)."""
    try:
        norm, kappa = _targets(cell)
        chi = _laziness(cell, norm / math.sqrt(kappa))
        stability = _stability_fraction(cell, norm, kappa, chi) or 1.0
    except (OverflowError, ZeroDivisionError):  # of sizes whose squares are no numbers: such networks are not trained
        chi = stability = 1.0
    steps = cell["steps"] if "steps" in cell else max(1.0, cell["tau"] / stability)
    steps = min(float(steps), float(MOST_STEPS))
    loss = LOSSES[cell.get("loss", DEFAULT)]
    if cell["activation"] != "linear" or not loss.square or not _well_conditioned(cell) or stability >= 1:
        return Length(steps, steps)
    # Onset, then decay: along the targets by 2 a unit of τ, across them as fast when lazy and half as fast when rich.
    onset = math.hypot(1.0, chi) * math.log1p(1 / chi) / 2
    return Length(steps, min(steps, (onset + STOPPED * (1 + 1 / (1 + chi))) / stability))


def _sizes(cell: dict[str, Any]) -> Sizes:
    # The sizes of data need numpy; nothing else here does.
    from lazyrich.networks.data.source import sizes

    return sizes(cell)


def samples(cell: dict[str, Any]) -> int:
    """Return n."""
    return cell["samples"] if "samples" in cell else _sizes(cell).samples


def dimension(cell: dict[str, Any]) -> int:
    """Return d."""
    return _sizes(cell).dimension if cell["source"] in DATA else cell["dimension"]


def width(cell: dict[str, Any]) -> int:
    """Return m."""
    return cell["width"] if "width" in cell else _sizes(cell).width


def _targets(cell: dict[str, Any]) -> tuple[float, float]:
    """Return (‖y‖, κ)."""
    if cell["source"] in DATA:
        _, _, _, norm, kappa = _sizes(cell)
    else:
        n = cell["samples"]
        trace, square = _spectrum(cell)
        norm = math.sqrt(n * (_teacher_square(cell, trace, square) + cell.get("noise_std", 0.0) ** 2))
        kappa = trace + n * square / trace
    # Nothing to learn costs nothing; any size will do.
    return (cell.get("target_norm", norm) or 1.0), cell.get("gram_scale", kappa) or 1.0


def _teacher_square(cell: dict[str, Any], trace: float, square: float) -> float:
    """Return the mean of y² before noise, from tr Σ and tr Σ²."""
    d, given = cell["dimension"], cell.get("teacher_norm")
    match cell.get("teacher", LINEAR):
        case "relu":
            return float(trace / 2 if given is None else given**2)
        case "quadratic":
            return float(2 * (trace**2 + (1 + cell["teacher_width"]) * square) if given is None else given**2)
        case "sparse":
            return float(trace / d * (cell["teacher_nonzeros"] if given is None else given**2))
        case "aligned":
            variance = 1 + cell["teacher_alignment"] ** 2 * cell["spike_strength"]
            return float(variance * (d if given is None else given**2))
    return float(trace if given is None else trace * (given**2 / d))


def _spectrum(cell: dict[str, Any]) -> tuple[float, float]:
    """Return (tr Σ, tr Σ²)."""
    d = cell["dimension"]
    match cell.get("spectrum", "isotropic"):
        case "spiked":
            spikes, high = min(cell["spikes"], d), 1 + cell["spike_strength"]
            return d - spikes + spikes * high, d - spikes + spikes * high**2
        case "power_law":
            return _power_sum(d, cell["spectrum_exponent"]), _power_sum(d, 2 * cell["spectrum_exponent"])
        case "explicit":
            return sum(cell["eigenvalues"]) or 1.0, sum(value**2 for value in cell["eigenvalues"])
    return float(d), float(d)


def _power_sum(d: int, exponent: float) -> float:
    """Return Σ_j j^−exponent over j = 1 … d: the first terms, and the integral over the others."""
    head = min(d, 16)
    total = float(sum(j**-exponent for j in range(1, head + 1)))
    low, high = head + 0.5, d + 0.5
    tail = math.log(high / low) if exponent == 1 else (high ** (1 - exponent) - low ** (1 - exponent)) / (1 - exponent)
    return total + float(tail)


def _laziness(cell: dict[str, Any], b: float) -> float:
    if "laziness" in cell:
        return float(cell["laziness"])
    # A file with weights has no such keys; the scale only shifts the onset.
    sigma_0, v_0 = cell.get("sigma_0", 1.0), cell.get("v_0", 1.0)
    if "width_exponent_s" in cell:
        sigma_0, v_0 = cell["width"] ** -cell["width_exponent_s"], cell["width"] ** -cell.get("width_exponent_p", 0.0)
    if cell.get("start") == "balanced_neurons":
        v_0 = sigma_0 * math.sqrt(dimension(cell))
    return float(max(sigma_0**2 + v_0**2, 1e-300) * cell.get("weight_scale", 1.0) ** 2) / (2 * b)


def _stability_fraction(cell: dict[str, Any], norm: float, kappa: float, chi: float) -> float:
    loss = LOSSES[cell.get("loss", DEFAULT)]
    if "stability_fraction" in cell:
        return float(cell["stability_fraction"])
    if "growth_per_step" in cell:
        growth = float(cell["growth_per_step"])
    else:
        gamma = kappa * norm**2
        growth = loss.factor * cell["learning_rate"] * math.sqrt(gamma)
        growth /= width(cell) * samples(cell)
    curvature = loss.factor if loss.curvature is None else loss.curvature
    return growth * math.hypot(1.0, chi) * (curvature / loss.factor)


def _well_conditioned(cell: dict[str, Any]) -> bool:
    """Return whether K is close to a multiple of the identity, so that all of the residual falls at one rate."""
    return cell.get("spectrum") == "isotropic" and 4 * cell["samples"] <= cell["dimension"]

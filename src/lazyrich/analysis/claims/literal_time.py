"""t₁ as the paper states it: a formula, and ρ_r = Θ(1) at that time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lazyrich.analysis.claims import alignment_path, verdicts
from lazyrich.analysis.claims.alignment_path import Path
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import Picture, Row, paper
from lazyrich.analysis.follow import follow
from lazyrich.theory import times

FORMULA = "m√n log(1/v₀)/(η√(tr Σ) ‖β̃‖)"
# Constants C₁ that are tried, from the first that brings rms ρ_r to 1 in some network to the last.
TRIED = 201
REDUCED: dict[str, Callable[..., np.ndarray]] = {
    "largest network": np.max,
    "median network": np.median,
    "smallest network": np.min,
}


def rows(data: Data) -> Iterator[Row]:
    """Yield the literal t₁."""
    yield _literal(NeuronRows(data))


def formula_of(trained: Trained) -> np.ndarray:
    """Return the paper's t₁ without its C₁, in steps, (networks,)."""
    column = trained.column
    return np.asarray(
        times.alignment_time_of_scales(
            column("v_0"),
            column("width"),
            column("samples"),
            column("learning_rate"),
            column("loss_factor"),
            column("covariance_trace"),
            column("signal_norm"),
        )
    )


def _literal(neurons: NeuronRows) -> Row:
    trained = neurons.trained
    formula = formula_of(trained)
    constants = trained.column("alignment_step") / formula
    tried = np.geomspace(np.nanmin(constants), np.nanmax(constants), TRIED)
    paths = [
        alignment_path.path(follow(trained.networks, i), int(np.ceil(tried[-1] * time)))
        for i, time in enumerate(formula)
    ]
    rho = np.array([[one.rho_at(C * time) for one, time in zip(paths, formula, strict=True)] for C in tried])
    best = _best(rho)
    # These have a best C₁ of their own.
    small = rho[:, neurons.small]
    off = _decades_off(rho[best])
    early = rho[_in_stage_one(paths, formula, tried)]
    spread = np.log10(early.max(axis=1) / early.min(axis=1)).min()
    points = {name: (tried, reduce(rho, axis=1)) for name, reduce in REDUCED.items()}
    return Row(
        "lemma_5_2_i_literal",
        paper("Lemma 5.2 (i)"),
        f"at t₁ ≜ C₁ {FORMULA}, C₁ an absolute constant, ρ_r = Θ(1) for every r",
        f"rms ρ_r at t₁, with the C₁ that brings it nearest to 1 in all networks, {tried[best]:.2f}",
        trained.setting,
        verdicts.order(rho[best], neurons.varied),
        Picture("C₁", "rms ρ_r at t₁", points, {"1": (tried[[0, -1]], np.ones(2))}),
        verdicts.order(small[_best(small)], neurons.small_varied),
        remark="Of rms ρ_r, a weaker statement than that of every r. With every C₁ from "
        f"{tried[0]:.2f} to {tried[-1]:.2f} some network is at least {off:.1f} decades from 1. With every C₁ for which the "
        f"median network still has half of its loss at t₁, networks are at least {spread:.1f} decades apart. At the best C₁, "
        f"those of one cell, which differ by their random numbers alone, are up to "
        f"{_decades_in_a_cell(trained, rho[best]):.1f} decades apart. ρ_r is exponential in t: a constant factor in t is a "
        "power of v₀ in ρ_r, and √γ/√(n‖β̃‖² tr Σ) alone scatters as 1/√(2n).",
    )


def _decades_off(rho: np.ndarray) -> float:
    """Return how far from 1 the farthest is, in decades."""
    return float(np.abs(np.log10(rho)).max())


def _best(rho: np.ndarray) -> int:
    """Return the row of (constants, networks) whose farthest network is nearest to 1."""
    return int(np.argmin([_decades_off(row) for row in rho]))


def _in_stage_one(paths: list[Path], formula: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Return for which constants the median network keeps half of its loss at t₁ or more, (constants,)."""
    left = [[one.left_at(C * time) for one, time in zip(paths, formula, strict=True)] for C in tried]
    return np.asarray(np.median(left, axis=1) >= 0.5)


def _decades_in_a_cell(trained: Trained, rho: np.ndarray) -> float:
    """Return by how many decades networks are apart at most that share all but their random numbers."""
    names = ("samples", "dimension", "signal_norm", "sigma_0", "v_0")
    cells = np.stack([np.round(trained.column(name), 12) for name in names])
    _, cell = np.unique(cells, axis=1, return_inverse=True)
    logs = np.log10(rho)
    return float(max(np.ptp(logs[cell == i]) for i in range(cell.max() + 1)))

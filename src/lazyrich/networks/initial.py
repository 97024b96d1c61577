"""Initial weights, in the coordinates in which linear training is a sequence of boosts.

With X = U Λ^½ Vᵀ, a neuron is z_r = (v_r, Vᵀw_r) ∈ R^{1+r}: training depends on nothing else. For w_r ~ N(0, σ0² I) and
v_r = ±v0, the second moments ⟨z zᵀ⟩ over any number of neurons are drawn in law through a Wishart matrix (`docs/theory.md`,
Initial values in law), a few *probe* neurons explicitly. Draws are for σ0 = v0 = 1; networks scale them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lazyrich.networks.held_out import symmetric_root
from lazyrich.networks.problem import Problem, Weights
from lazyrich.networks.streams import Role, stream, wishart_root
from lazyrich.networks.table import Table, distinct

Array = np.ndarray


@dataclass(frozen=True)
class Initial:
    """Distinct unit draws as a batch; r as in `Problem`, coordinates beyond a problem's rank are zero."""

    moments: Float[
        Array, "draws coordinates coordinates"
    ]  # r + 1 coordinates; ⟨z zᵀ⟩ over all m neurons, at σ0 = v0 = 1
    probes: Float[Array, "draws probes coordinates"]  # explicit neurons z_r, at σ0 = v0 = 1, among the m
    # A with ⟨z hᵀ⟩ = A Hᵀ, H the unit functions on the test inputs (`held_out`); only with test samples.
    spread: Float[Array, "draws coordinates coordinates"] | None = None

    def part(self, where: np.ndarray, modes: int) -> Initial:
        """Return some of the draws, in the first coordinates only."""
        size = modes + 1
        spread = None if self.spread is None else self.spread[where][:, :size, :size]
        return Initial(
            moments=self.moments[where][:, :size, :size], probes=self.probes[where][:, :, :size], spread=spread
        )


def initial(columns: Table, problem: Problem, index: np.ndarray, count: int, seed: int) -> tuple[Initial, np.ndarray]:
    """Return the distinct draws of networks with the same n, and the index of each network's draw (networks,).

    Parameters
    ----------
    columns
        the networks' `replicate` and `width`.
    problem, index
        the problems, and each network's problem.
    count
        number of explicit neurons (all neurons if the width is smaller).
    seed
        of the sweep.
    """
    if problem.weights is not None:
        return _given(problem, problem.weights), np.zeros(len(index), dtype=np.int64)
    rows, where = distinct(
        {"replicate": columns["replicate"], "width": columns["width"], "rank": problem.rank[index]},
        ["replicate", "width", "rank"],
    )
    r = problem.eigenvalues.shape[1]
    moments = np.zeros((len(rows), r + 1, r + 1))
    # Each explicit neuron has its own function.
    spread = np.zeros_like(moments) if problem.held_out is not None and not problem.held_out.explicit else None
    probes = np.full((len(rows), min(count, int(columns["width"].max())), r + 1), np.nan)
    for i, row in enumerate(rows):
        rank, explicit = row["rank"], min(count, row["width"])
        M, z = draw(stream(seed, row["replicate"], Role.WEIGHTS), rank, row["width"], explicit)
        moments[i, : rank + 1, : rank + 1] = M
        probes[i, :explicit] = 0.0
        probes[i, :explicit, : rank + 1] = z
        if spread is not None:
            spread[i, : rank + 1, : rank + 1] = symmetric_root(M) / np.sqrt(float(row["width"]))
    return Initial(moments=moments, probes=probes, spread=spread), where


def draw(generator: np.random.Generator, rank: int, width: int, explicit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one unit draw: ⟨z zᵀ⟩ (rank + 1, rank + 1) of `width` neurons, the first `explicit` (explicit, rank + 1).

    The other μ neurons enter by Σ p v = √μ g and Σ p pᵀ = g gᵀ + W(μ − 1): turned so that their signs are the first axis.
    """
    signs = 2.0 * generator.integers(0, 2, explicit) - 1.0
    z = np.column_stack([signs, generator.standard_normal((explicit, rank))])
    total = z.T @ z
    implicit = width - explicit
    if implicit > 0:
        g = generator.standard_normal(rank)
        root = wishart_root(generator, rank, implicit - 1)
        total[0, 0] += implicit
        total[0, 1:] += np.sqrt(float(implicit)) * g
        total[1:, 0] = total[0, 1:]
        total[1:, 1:] += np.outer(g, g) + root @ root.T
    return total / float(width), z


def _given(problem: Problem, weights: Weights) -> Initial:
    """Return the file's weights: every neuron explicit, in units of the file's scales."""
    z = weights.units
    # With weights from a file, the unit functions are ⟨z hᵀ⟩ itself.
    spread = np.eye(z.shape[1])[None] if problem.held_out is not None and not problem.held_out.explicit else None
    return Initial(moments=(z.T @ z / len(z))[None], probes=z[None], spread=spread)

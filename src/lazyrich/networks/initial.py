"""Initial weights, in the coordinates in which linear training is a sequence of boosts.

With X = U Λ^½ Vᵀ, a neuron is z_r = (v_r, Vᵀw_r) ∈ R^{1+r}: training depends on nothing else. For w_r ~ N(0, σ0² I) and
v_r = ±v0, v_r = v0 or v_r ~ N(0, v0²), the second moments ⟨z zᵀ⟩ over any number of neurons are drawn in law through a
Wishart matrix (`docs/theory.md`, Initial values in law), a few *probe* neurons explicitly. Starts in which ‖w_r‖ counts are
drawn neuron by neuron, and added up. Draws are for σ0 = v0 = 1; networks scale them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lazyrich.networks.held_out import symmetric_root
from lazyrich.networks.problem import Problem, Weights
from lazyrich.networks.starts import BOUND, DEFAULTS, PAPER, Law, independent_neurons
from lazyrich.networks.streams import Role, stream, wishart_root
from lazyrich.networks.table import Table, distinct

Array = np.ndarray

# Entries of the neurons that are drawn at a time where all of them are: 8 MB.
BLOCK = 2**20


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
    decisive = {"replicate": columns["replicate"], "width": columns["width"], "rank": problem.rank[index]}
    decisive |= {name: columns[name] for name in ("second_layer", "start") if name in columns}
    if np.isin(columns.get("start", DEFAULTS["start"]), BOUND).any():
        decisive["dimension"] = problem.dimension[index]
    rows, where = distinct(decisive, list(decisive))
    r = problem.eigenvalues.shape[1]
    moments = np.zeros((len(rows), r + 1, r + 1))
    # Each explicit neuron has its own function.
    spread = np.zeros_like(moments) if problem.held_out is not None and not problem.held_out.explicit else None
    probes = np.full((len(rows), min(count, int(columns["width"].max())), r + 1), np.nan)
    for i, row in enumerate(rows):
        rank, explicit = row["rank"], min(count, row["width"])
        law = Law(**{name: row[name] for name in Law._fields if name in row})
        M, z = draw(stream(seed, row["replicate"], Role.WEIGHTS), rank, row["width"], explicit, law)
        moments[i, : rank + 1, : rank + 1] = M
        probes[i, :explicit] = 0.0
        probes[i, :explicit, : rank + 1] = z
        if spread is not None:
            spread[i, : rank + 1, : rank + 1] = _spread(M, float(row["width"]), law)
    return Initial(moments=moments, probes=probes, spread=spread), where


def draw(
    generator: np.random.Generator, rank: int, width: int, explicit: int, law: Law = PAPER
) -> tuple[np.ndarray, np.ndarray]:
    """Return one unit draw: ⟨z zᵀ⟩ (rank + 1, rank + 1) of `width` neurons, the first `explicit` (explicit, rank + 1).

    Positive second layers are those of signs with neurons turned, z_r → −z_r where v_r < 0, which changes no second moment. A
    doubled start has each neuron twice, next to each other, the second time with −v_r: ⟨v w⟩ = 0.
    """
    if law.start == "doubled":
        M, z = _drawn(generator, rank, width // 2, -(-explicit // 2), law.second_layer)
        M[0, 1:] = M[1:, 0] = 0.0
        z = np.repeat(z, 2, axis=0)[:explicit]
        z[1::2, 0] *= -1
    elif law.start in BOUND:
        M, z = _bound(generator, rank, width, explicit, law)
    else:
        M, z = _drawn(generator, rank, width, explicit, law.second_layer)
    if law.second_layer == "positive":
        z *= np.sign(z[:, :1])
    return M, z


def _drawn(
    generator: np.random.Generator, rank: int, width: int, explicit: int, second_layer: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a draw of independent neurons with Gaussian w.

    Of the others than the first `explicit`, μ in number, signs enter by Σ p v = √μ g and Σ p pᵀ = g gᵀ + W(μ − 1): turned so
    that they are the first axis. With a Gaussian second layer Σ z zᵀ is W(μ) as a whole.
    """
    implicit = width - explicit
    if second_layer == "gaussian":
        z = generator.standard_normal((explicit, rank + 1))
        total = z.T @ z
        if implicit > 0:
            root = wishart_root(generator, rank + 1, implicit)
            total += root @ root.T
        return total / float(width), z
    signs = 2.0 * generator.integers(0, 2, explicit) - 1.0
    z = np.column_stack([signs, generator.standard_normal((explicit, rank))])
    total = z.T @ z
    if implicit > 0:
        g = generator.standard_normal(rank)
        root = wishart_root(generator, rank, implicit - 1)
        total[0, 0] += implicit
        total[0, 1:] += np.sqrt(float(implicit)) * g
        total[1:, 0] = total[0, 1:]
        total[1:, 1:] += np.outer(g, g) + root @ root.T
    return total / float(width), z


def _bound(
    generator: np.random.Generator, rank: int, width: int, explicit: int, law: Law
) -> tuple[np.ndarray, np.ndarray]:
    """Return a draw of neurons in which ‖w_r‖ counts, every one drawn, and the first `explicit` of them kept.

    `balanced_neurons` have |v_r| = ‖w_r‖, in units of v0 = σ0√d; `unit_rows` have ‖w_r‖ = σ0√d. The part of w_r outside the row
    space of X enters by its square, χ²_{d−r}.
    """
    total = np.zeros((rank + 1, rank + 1))
    kept, first = np.empty((0, rank + 1)), 0
    while first < width:
        # The kept ones come first.
        count = explicit if explicit > first else min(width - first, max(1, BLOCK // (rank + 1)))
        balanced = law.start == "balanced_neurons"
        if law.second_layer == "gaussian" and not balanced:
            v: np.ndarray = generator.standard_normal(count)
        else:
            v = 2.0 * generator.integers(0, 2, count) - 1.0
        p = generator.standard_normal((count, rank))
        square: np.ndarray = np.sum(p**2, axis=1)
        if law.dimension > rank:
            square += generator.chisquare(law.dimension - rank, count)
        norm = np.sqrt(square / law.dimension)
        z = np.column_stack([v * norm, p] if balanced else [v, p / norm[:, None]])
        total += z.T @ z
        kept = z if first < explicit else kept
        first += count
    return total / float(width), kept


def _spread(moments: np.ndarray, width: float, law: Law) -> np.ndarray:
    """Return A with ⟨z hᵀ⟩ = A Hᵀ in law, given the second moments of a draw.

    The two neurons of a pair have the same h: it cancels in ⟨v h⟩, and ⟨Vᵀw hᵀ⟩ is a mean over half as many.
    """
    if law.start == "doubled":
        moments = moments.copy()
        moments[0, 0] = 0.0
    root: np.ndarray = symmetric_root(moments) / np.sqrt(independent_neurons(law.start, width))
    return root


def _given(problem: Problem, weights: Weights) -> Initial:
    """Return the file's weights: every neuron explicit, in units of the file's scales."""
    z = weights.units
    # With weights from a file, the unit functions are ⟨z hᵀ⟩ itself.
    spread = np.eye(z.shape[1])[None] if problem.held_out is not None and not problem.held_out.explicit else None
    return Initial(moments=(z.T @ z / len(z))[None], probes=z[None], spread=spread)

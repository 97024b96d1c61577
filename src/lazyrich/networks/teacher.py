"""Teachers: the functions of an input x that targets are made of, before label noise.

A teacher sees x through its projections u_a·x only: a linear one through β·x, a network through one for each neuron. So targets
are drawn with K and without X: in a group of c axes where Gaussian inputs have variance λ, U ~ N(0, I) is Q R with orthonormal
Q, and X U is √λ G R with Gaussian G = Z Q, whose columns are as many columns of Z after a rotation (`sampling`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lazyrich.networks.streams import wishart_root
from lazyrich.networks.teachers import LINEAR, NETWORKS
from lazyrich.theory.teachers import quadratic_mean_square, relu_mean_square

Array = np.ndarray


class Part(NamedTuple):
    """A teacher in one group of axes of variance λ."""

    root: Float[Array, "exposed units"]  # R
    scaled: Float[Array, "exposed units"]  # √λ R
    gram: Float[Array, "units units"]  # RᵀR = UᵀU


class Teacher:
    """The teacher of one problem. It is drawn once: all at once in law (`parts`), or axis by axis (`axes`)."""

    def __init__(self, row: Mapping[str, Any], generator: np.random.Generator) -> None:
        self.row = row
        self.generator = generator
        self.kind = row.get("teacher", LINEAR)
        self.units = row["teacher_width"] if self.kind in NETWORKS else 1
        # v: signs of a ReLU network, since its neurons alone are never negative; all alike in a quadratic one.
        signs = 2.0 * generator.integers(0, 2, self.units) - 1.0 if self.kind == "relu" else np.ones(self.units)
        self.v = signs / np.sqrt(self.units)

    @property
    def has_beta(self) -> bool:
        """Return whether y = β·x."""
        return self.kind not in NETWORKS

    def parts(self, groups: Sequence[tuple[float, int]]) -> list[Part]:
        """Draw the teacher in law in each group of axes, (variance, number of axes)."""
        counts = [count for _, count in groups]
        if not self.has_beta:
            roots = [wishart_root(self.generator, self.units, count).T for count in counts]
            return [Part(R, np.sqrt(value) * R, R.T @ R) for (value, _), R in zip(groups, roots, strict=True)]
        squares = np.array(self._squares(counts))[:, None, None]  # of β's part in each group
        return [
            Part(np.sqrt(square), np.sqrt(value * square), square)
            for (value, _), square in zip(groups, squares, strict=True)
        ]

    def _squares(self, counts: Sequence[int]) -> list[float]:
        generator = self.generator
        if self.kind == "aligned":
            square, overlap = generator.chisquare(float(sum(counts))), self.row["teacher_alignment"]
            return [overlap**2 * square, (1 - overlap**2) * square]
        free = list(counts)
        if self.kind == "sparse" and len(counts) == 1:
            free = [self.row["teacher_nonzeros"]]
        elif self.kind == "sparse":
            nonzeros = self.row["teacher_nonzeros"]
            free = generator.multivariate_hypergeometric(counts, nonzeros, method="marginals").tolist()
        return [generator.chisquare(float(count)) if count else 0.0 for count in free]

    def axes(self, dimension: int, block: int) -> Iterator[Float[Array, "axes units"]]:
        """Draw the teacher axis by axis, `block` axes at a time."""
        starts = range(0, dimension, block)
        if self.kind in (LINEAR, *NETWORKS):
            for start in starts:
                yield self.generator.standard_normal((min(block, dimension - start), self.units))
            return
        beta = self._sparse(dimension) if self.kind == "sparse" else self._aligned(dimension)
        for start in starts:
            yield beta[start : start + block, None]

    def _sparse(self, dimension: int) -> Float[Array, " dimension"]:
        """Return β with nonzeros anywhere; more of them always with the fewer."""
        order = self.generator.permutation(dimension)
        nonzeros = self.row["teacher_nonzeros"]
        beta = np.zeros(dimension)
        beta[order[:nonzeros]] = self.generator.standard_normal(nonzeros)
        return beta

    def _aligned(self, dimension: int) -> Float[Array, " dimension"]:
        beta = self.generator.standard_normal(dimension)
        overlap, norm = self.row["teacher_alignment"], np.linalg.norm(beta)
        spiked = slice(0, self.row["spikes"])
        other = slice(self.row["spikes"], dimension)
        for where, share in ((spiked, overlap), (other, np.sqrt(1 - overlap**2))):
            if beta[where].size:
                beta[where] *= share * norm / np.linalg.norm(beta[where])
        return beta

    def values(
        self, projections: Float[Array, "samples units"], gram: Float[Array, "units units"]
    ) -> Float[Array, " samples"]:
        """Return the teacher's values, from its projections and UᵀΣU."""
        match self.kind:
            case "relu":
                values: np.ndarray = np.maximum(projections, 0.0) @ self.v
            case "quadratic":
                values = (projections**2 - np.diag(gram)) @ self.v
            case _:
                values = projections[:, 0]
        return values

    def norm(self, plain: Float[Array, "units units"], gram: Float[Array, "units units"]) -> float:
        """Return what `teacher_norm` sets: ‖β‖, from βᵀβ; of a network rms y over Gaussian inputs, from UᵀΣU."""
        match self.kind:
            case "relu":
                return float(np.sqrt(relu_mean_square(self.v, gram)))
            case "quadratic":
                return float(np.sqrt(quadratic_mean_square(self.v, gram)))
            case _:
                return float(np.sqrt(plain[0, 0]))

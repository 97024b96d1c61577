"""Held-out samples: all that test errors depend on, so that none needs a run in d dimensions (`docs/theory.md`, Test error).

The part of a test input in the row space of X has coordinates C = X_test V; training moves the weights there. Orthogonal to it
w_r keeps its start, independent of the training data: explicit neurons have h_r = X_test P⊥ w_r(0) there. For a linear network
only ⟨v(t) h⟩ matters, and v(t) = P_v z(0). Given ⟨z zᵀ⟩ = M of m neurons, ⟨z hᵀ⟩ is distributed as σ0 M^½ Hᵀ/√m, where H holds
the values on the test inputs of r + 1 unit functions x ↦ ⟨P⊥x, u⟩, u ~ N(0, I). So each problem has the values of as many unit
functions as its networks need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lazyrich.networks.streams import Role, gaussian_product, stream

Array = np.ndarray

# Eigenvalues of ⟨z zᵀ⟩ below this share of the largest are rounding: fewer neurons than coordinates.
CUT = 1e-13


class Rows(NamedTuple):
    """Test samples of one problem."""

    inside: Float[Array, "rows r"]  # C = X_test V
    outside: Float[Array, "rows functions"]  # X_test P⊥ u of each unit function u
    y: Float[Array, " rows"]


@dataclass(frozen=True)
class HeldOut:
    """Test samples of distinct problems as a batch, padded with zeros; r is the largest rank."""

    samples: int
    inside: Float[Array, "problems rows r"]  # as in `Rows`
    outside: Float[Array, "problems rows functions"]
    y: Float[Array, "problems rows"]
    explicit: bool = False  # a function for each explicit neuron, else one for each coordinate of z

    def part(self, where: np.ndarray, modes: int) -> HeldOut:
        """Return some of the problems, with the first modes and their functions only."""
        functions = self.outside.shape[-1] if self.explicit else modes + 1
        inside, outside = self.inside[where][..., :modes], self.outside[where][..., :functions]
        return replace(self, inside=inside, outside=outside, y=self.y[where])

    def paired(self) -> HeldOut:
        """Return the same with neurons in pairs of one function, as of a doubled start: each first one's."""
        return replace(self, outside=np.repeat(self.outside[..., ::2], 2, axis=-1)[..., : self.outside.shape[-1]])


def stacked(tests: Sequence[Rows], samples: int, *, explicit: bool = False) -> HeldOut:
    """Return test samples of several problems in one batch."""
    padded = []
    for arrays in zip(*tests, strict=True):
        shape = np.max([array.shape for array in arrays], axis=0)
        padded.append(np.zeros((len(arrays), *shape)))
        for slot, array in zip(padded[-1], arrays, strict=True):
            slot[tuple(map(slice, array.shape))] = array
    return HeldOut(samples=samples, **dict(zip(Rows._fields, padded, strict=True)), explicit=explicit)


def turned(test: Rows) -> Rows:
    """Return the triangle of the rows' QR decomposition: no more rows than columns, the same ‖f − y‖² of linear networks."""
    widths = [test.inside.shape[1], test.outside.shape[1]]
    R = np.linalg.qr(np.column_stack(test), mode="r")
    inside, outside, y = np.split(R, np.cumsum(widths), axis=1)
    return Rows(inside=inside, outside=outside, y=y[:, 0])


class Drawing:
    """Test samples drawn with the training inputs X, block by block of columns; only sums over columns are kept."""

    def __init__(self, seed: int, replicate: int, samples: int, test_samples: int, functions: int, units: int) -> None:
        self.samples = test_samples
        self.inputs = stream(seed, replicate, Role.TEST_INPUTS)
        self.noise = stream(seed, replicate, Role.TEST_NOISE)
        self.weights = stream(seed, replicate, Role.TEST_WEIGHTS)
        self.cross = np.zeros((test_samples, samples))  # X_test Xᵀ
        self.projections = np.zeros((test_samples, units))  # of X_test on the teacher
        self.seen = np.zeros((samples, functions))  # X u
        self.values = np.zeros((test_samples, functions))  # X_test u

    def add(self, X: Float[Array, "n columns"], X_test: Float[Array, "rows columns"]) -> None:
        """Add columns of both inputs."""
        u = functions(self.weights, self.values.shape[1], X.shape[1])
        self.cross += X_test @ X.T
        self.seen += X @ u
        self.values += X_test @ u

    def add_unseen(self, eigenvalue: float, columns: int) -> None:
        """Add `columns` Gaussian columns of variance `eigenvalue` where training inputs and teacher are 0."""
        product = gaussian_product(self.inputs, self.weights, len(self.values), columns, self.values.shape[1])
        self.values += np.sqrt(eigenvalue) * product

    def rescale(self, factor: Float[Array, " n"], test_factor: Float[Array, " rows"]) -> None:
        """Multiply each training input, and each test input, by a factor of its own."""
        self.cross *= test_factor[:, None] * factor
        self.seen *= factor[:, None]
        self.values *= test_factor[:, None]
        self.projections *= test_factor[:, None]

    def test(
        self, eigenvalues: Float[Array, " r"], U: Float[Array, "n r"], signal: Float[Array, " rows"], noise_std: float
    ) -> Rows:
        """Return the test samples, from the eigenvalues and eigenvectors of K, and the teacher's values on them."""
        whiten = U / np.sqrt(eigenvalues)  # V = Xᵀ U Λ^−½
        inside = self.cross @ whiten
        outside = self.values - inside @ (whiten.T @ self.seen)
        y = signal + noise_std * self.noise.standard_normal(self.samples)
        return Rows(inside=inside, outside=outside, y=y)


def functions(generator: np.random.Generator, count: int, dimension: int) -> Float[np.ndarray, "dimension count"]:
    """Return unit functions u ~ N(0, I): values of each at the next `dimension` axes, function by function."""
    return generator.standard_normal((count, dimension)).T


def symmetric_root(moments: Float[Array, "coordinates coordinates"]) -> Float[Array, "coordinates coordinates"]:
    """Return the symmetric M^½, the only root that is near I for M near I; eigenvalues below `CUT` count as zero."""
    values, vectors = np.linalg.eigh(moments)
    values = np.where(values > CUT * values[-1], values, 0.0)
    root: np.ndarray = (vectors * np.sqrt(values)) @ vectors.T
    return root

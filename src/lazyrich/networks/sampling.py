"""Sampled inputs and teachers: K = XXᵀ and the teacher's projections. X itself is not kept.

Inputs x = Λ^½ z, or a direction of a Gaussian z times √d (`sphere`). For Gaussian z and few distinct eigenvalues (isotropic,
spiked) both are drawn in law, at a cost that does not depend on the dimension; otherwise X is drawn in blocks of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lazyrich.networks.held_out import Drawing
from lazyrich.networks.streams import wishart_root
from lazyrich.networks.teacher import Teacher

Array = np.ndarray

# Columns of X drawn at a time: 64 Ki columns of 100 samples are 50 MiB.
BLOCK = 65536


@dataclass
class Sample:
    """Training inputs of one problem, as a teacher U sees them."""

    K: Float[Array, "n n"]
    projections: Float[Array, "n units"]  # X U
    plain: Float[Array, "units units"]  # UᵀU
    gram: Float[Array, "units units"]  # UᵀΣU

    @classmethod
    def empty(cls, n: int, units: int) -> Sample:
        """Return all zeros, to which columns of X are added."""
        return cls(np.zeros((n, n)), np.zeros((n, units)), np.zeros((units, units)), np.zeros((units, units)))


def spectrum(row: dict[str, Any], fixed: Mapping[str, Any]) -> list[tuple[float, int]] | np.ndarray:
    """Return the eigenvalues of Σ: a list of (value, multiplicity) if there are few distinct ones, else an array (d,)."""
    d = row["dimension"]
    match row.get("spectrum", "isotropic"):
        case "isotropic":
            return [(1.0, d)]
        case "spiked":
            return [(1.0 + row["spike_strength"], row["spikes"]), (1.0, d - row["spikes"])]
        case "power_law":
            eigenvalues: np.ndarray = np.arange(1, d + 1, dtype=float) ** -row["spectrum_exponent"]
            return eigenvalues
        case _:
            return np.array(fixed["eigenvalues"], dtype=float)


def gaussian_in_law(
    inputs: np.random.Generator,
    teacher: Teacher,
    n: int,
    groups: list[tuple[float, int]],
    drawing: Drawing | None,
) -> Sample:
    """Return K and the teacher's projections in law for Gaussian inputs: equal eigenvalues λ add λ(G Gᵀ + W_n(count − q)) to K.

    G holds the group's q projections on the span of its part of the teacher, rotated to the group's first axes (`teacher`).
    Test inputs have such a G and the columns of the Wishart matrix's root; in the group's other columns X is 0.
    """
    sample = Sample.empty(n, teacher.units)
    for (value, count), part in zip(groups, teacher.parts(groups), strict=True):
        if count == 0:
            continue
        exposed = len(part.root)
        G = inputs.standard_normal((n, exposed))
        root = wishart_root(inputs, n, count - exposed)
        sample.K += value * (G @ G.T + root @ root.T)
        sample.projections += G @ part.scaled
        if drawing is not None:
            X_test = np.sqrt(value) * drawing.inputs.standard_normal((drawing.samples, exposed + root.shape[1]))
            drawing.add(np.sqrt(value) * np.column_stack([G, root]), X_test)
            drawing.projections += X_test[:, :exposed] @ part.root
            drawing.add_unseen(value, count - exposed - root.shape[1])
        sample.plain += part.gram
        sample.gram += value * part.gram
    return sample


def explicit(
    inputs: np.random.Generator,
    teacher: Teacher,
    n: int,
    spectrum: np.ndarray,
    distribution: str,
    drawing: Drawing | None,
) -> Sample:
    """Return K and the teacher's projections from explicit columns of X, drawn and discarded block by block."""
    sample = Sample.empty(n, teacher.units)
    d = len(spectrum)
    squares = np.zeros(0 if drawing is None else drawing.samples)  # ‖x‖² of test inputs
    for start, U in zip(range(0, d, BLOCK), teacher.axes(d, BLOCK), strict=True):
        scale = np.sqrt(spectrum[start : start + BLOCK])
        # A column of X is a row here, so that a longer spectrum extends the same draws.
        X = (_entries(inputs, distribution, (len(scale), n)) * scale[:, None]).T
        sample.K += X @ X.T
        sample.projections += X @ U
        sample.plain += U.T @ U
        sample.gram += _gram(scale[:, None] * U)
        if drawing is not None:
            X_test = (_entries(drawing.inputs, distribution, (len(scale), drawing.samples)) * scale[:, None]).T
            drawing.add(X, X_test)
            drawing.projections += X_test @ U
            squares += np.sum(X_test**2, axis=1)
    if distribution == "sphere":
        # Directions of Gaussian inputs; every row has the norm √d.
        factor = np.sqrt(d / np.diag(sample.K))
        sample.K *= factor[:, None] * factor
        sample.projections *= factor[:, None]
        if drawing is not None:
            drawing.rescale(factor, np.sqrt(d / squares))
    return sample


def _gram(U: np.ndarray) -> np.ndarray:
    """Return UᵀU."""
    gram: np.ndarray = np.sum(U**2).reshape(1, 1) if U.shape[1] == 1 else U.T @ U
    return gram


def _entries(generator: np.random.Generator, distribution: str, shape: tuple[int, int]) -> np.ndarray:
    """Return independent entries of mean 0 and variance 1."""
    match distribution:
        case "gaussian" | "sphere":
            return generator.standard_normal(shape)
        case "rademacher":
            return 2.0 * generator.integers(0, 2, shape) - 1.0
        case _:
            return generator.uniform(-np.sqrt(3.0), np.sqrt(3.0), shape)

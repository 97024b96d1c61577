"""Sampled inputs and teachers: K = XXᵀ and Xβ. X itself is not kept.

Inputs x = Λ^½ z. For Gaussian z and few distinct eigenvalues (isotropic, spiked) both are drawn in law, at a cost that does not
depend on the dimension; otherwise X is drawn in blocks of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lazyrich.networks.held_out import Drawing
from lazyrich.networks.streams import wishart_root

# Columns of X drawn at a time: 64 Ki columns of 100 samples are 50 MiB.
BLOCK = 65536


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
    teacher: np.random.Generator,
    n: int,
    groups: list[tuple[float, int]],
    drawing: Drawing | None,
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return (K, Xβ, (‖β‖, ‖β̃‖)) in law for Gaussian inputs: equal eigenvalues λ add λ(g gᵀ + W_n(count − 1)) to K.

    g is the group's projection on its part of the teacher, rotated to the group's first axis. Test inputs have such a g and
    the columns of the Wishart matrix's root; in the group's other columns X is 0.
    """
    K = np.zeros((n, n))
    signal = np.zeros(n)
    square, weighted = 0.0, 0.0
    for value, count in groups:
        if count == 0:
            continue
        g = inputs.standard_normal(n)
        root = wishart_root(inputs, n, count - 1)
        teacher_square = teacher.chisquare(float(count))
        K += value * (np.outer(g, g) + root @ root.T)
        signal += np.sqrt(value * teacher_square) * g
        if drawing is not None:
            X_test = np.sqrt(value) * drawing.inputs.standard_normal((drawing.samples, 1 + root.shape[1]))
            drawing.add(np.sqrt(value) * np.column_stack([g, root]), X_test)
            drawing.signal += np.sqrt(teacher_square) * X_test[:, 0]
            drawing.add_unseen(value, count - 1 - root.shape[1])
        square += teacher_square
        weighted += value * teacher_square
    return K, signal, (float(np.sqrt(square)), float(np.sqrt(weighted)))


def explicit(
    inputs: np.random.Generator,
    teacher: np.random.Generator,
    n: int,
    spectrum: np.ndarray,
    distribution: str,
    drawing: Drawing | None,
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return (K, Xβ, (‖β‖, ‖β̃‖)) from explicit columns of X, drawn and discarded block by block."""
    K = np.zeros((n, n))
    signal = np.zeros(n)
    square, weighted = 0.0, 0.0
    for start in range(0, len(spectrum), BLOCK):
        scale = np.sqrt(spectrum[start : start + BLOCK])
        # A column of X is a row here, so that a longer spectrum extends the same draws.
        X = (_entries(inputs, distribution, (len(scale), n)) * scale[:, None]).T
        beta = teacher.standard_normal(len(scale))
        K += X @ X.T
        signal += X @ beta
        square += float(beta @ beta)
        weighted += float(np.sum((scale * beta) ** 2))
        if drawing is not None:
            X_test = (_entries(drawing.inputs, distribution, (len(scale), drawing.samples)) * scale[:, None]).T
            drawing.add(X, X_test)
            drawing.signal += X_test @ beta
    return K, signal, (float(np.sqrt(square)), float(np.sqrt(weighted)))


def _entries(generator: np.random.Generator, distribution: str, shape: tuple[int, int]) -> np.ndarray:
    """Return independent entries of mean 0 and variance 1."""
    match distribution:
        case "gaussian":
            return generator.standard_normal(shape)
        case "rademacher":
            return 2.0 * generator.integers(0, 2, shape) - 1.0
        case _:
            return generator.uniform(-np.sqrt(3.0), np.sqrt(3.0), shape)

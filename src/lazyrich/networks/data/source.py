"""Access to data sets: inputs and targets of one problem, sizes for planning, and the checksum."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lazyrich.networks.data import SOURCES, choice, classes_of
from lazyrich.networks.data.digest import state
from lazyrich.networks.data.pool import Pool

Array = np.ndarray
State = tuple[tuple[int, ...], ...]


class Data(NamedTuple):
    """Inputs and targets of a problem, its held-out samples, and weights if the source has them."""

    X: Float[Array, "n d"]
    y: Float[Array, " n"]
    weights: tuple[Float[Array, "m d"], Float[Array, " m"]] | None
    X_test: Float[Array, "rows d"] | None = None
    y_test: Float[Array, " rows"] | None = None


def data_of(cell: dict[str, Any], seed: int, replicate: int) -> Data:
    """Return the data of a network with the parameters `cell` (sweep keys -> values).

    Raises
    ------
    DataError
        for data that cannot be used.
    """
    pool = pool_of(cell["source"], cell.get("path"))
    index = np.arange(len(pool))
    if "samples" in cell:
        index = choice.chosen(pool.labels, cell["samples"], cell.get("classes"), seed, replicate)
    kind = cell.get("inputs", "raw")
    X, y = choice.inputs(pool, index, kind), targets_of(cell, pool, index)
    data = Data(X=X, y=y, weights=pool.weights)
    if "test_samples" not in cell:
        return data
    of, count = pool.held_out or pool, cell["test_samples"]
    test = np.arange(count)  # the file's first test samples, if training uses all of its X
    if "samples" in cell:
        test = choice.held_out(of.labels, count, cell.get("classes"), seed, replicate)
    mean = float(pool.labels[index].mean())
    y_test = choice.targets(of.labels[test], cell.get("targets", "labels"), positive_class(cell, pool), mean)
    return data._replace(X_test=choice.inputs(pool, test, kind, of), y_test=y_test)


def has_signal(X: Float[Array, "n d"], y: Float[Array, " n"]) -> bool:
    """Return whether Xᵀy is more than rounding, so that a linear network has something to learn.

    It is not for XOR, parities and other targets that are even in x. An exact zero is rare in floating point.
    """
    rounding = len(y) * np.finfo(float).eps * np.linalg.norm(X) * np.linalg.norm(y)
    return bool(np.linalg.norm(X.T @ y) > rounding)


def targets_of(cell: dict[str, Any], pool: Pool, index: np.ndarray) -> Float[Array, " n"]:
    """Return y of the samples at `index` for a network with the parameters `cell`."""
    return choice.targets(pool.labels[index], cell.get("targets", "labels"), positive_class(cell, pool))


def positive_class(cell: dict[str, Any], pool: Pool) -> float:
    """Return the class that is 1 in `one_vs_rest`: by default the first class of the choice or of the data."""
    if "positive_class" in cell:
        return float(cell["positive_class"])
    return float(classes_of(cell["classes"])[0] if "classes" in cell else min(pool.counts))


def pool_of(source: str, path: str | None) -> Pool:
    """Return all samples of a source."""
    return _pool(source, path, _state(source, path))


# Only the last pool is cached, since it may be large; every replicate needs it.
@functools.lru_cache(maxsize=1)
def _pool(source: str, path: str | None, at: State) -> Pool:
    return SOURCES[source].pool(path or "")


def _state(source: str, path: str | None) -> State:
    """Return the state of the source's files, which changes when they do."""
    return tuple(map(state, SOURCES[source].files(path or "")))


def digest(source: str, path: str | None) -> str:
    """Return the SHA-256 of the source's data: of the bytes of its file, or one for all of its files."""
    return SOURCES[source].digest(path or "")


class Sizes(NamedTuple):
    """n, d, m (0 where no weights come with the data), ‖y‖ and κ = ‖Xᵀy‖²/‖y‖² (0 where y = 0)."""

    samples: int
    dimension: int
    width: int
    y_norm: float
    kappa: float


def sizes(cell: dict[str, Any]) -> Sizes:
    """Return the sizes of the data of a network with the parameters `cell`; if samples are drawn, for one draw."""
    names = ("source", "path", "samples", "classes", "inputs", "targets", "positive_class")
    items = tuple((name, cell[name]) for name in names if name in cell)
    return _sizes(items, _state(cell["source"], cell.get("path")))


@functools.lru_cache(maxsize=256)
def _sizes(cell: tuple[tuple[str, Any], ...], at: State) -> Sizes:
    X, y, weights, *_ = data_of(dict(cell), 0, 0)
    norm = float(np.linalg.norm(y))
    kappa = float(np.sum((X.T @ y) ** 2)) / norm**2 if norm else 0.0
    samples, dimension = X.shape
    return Sizes(samples, dimension, len(weights[1]) if weights else 0, norm, kappa)

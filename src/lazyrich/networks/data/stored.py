"""Arrays of a user's file before they are read: shape and type as the file states them, and checks of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lazyrich.networks.data.interface import DataError

# Axes of each array that a file may bring.
DIMS = {"X": 2, "y": 1, "W": 2, "v": 1, "X_test": 2, "y_test": 1}
# Bytes below which arrays always fit into memory.
LARGE = 2**30
TOO_LARGE = "write fewer samples or features, or take a machine with more memory"


class Stored(NamedTuple):
    """One array of a file, with shape and type as the file states them; `read` reads it."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


def check(path: Path, arrays: dict[str, Stored]) -> None:
    """Raise DataError for an array of a wrong shape or type, or if all arrays together do not fit into memory."""
    for name, array in arrays.items():
        if len(array.shape) != DIMS[name] or min(array.shape) <= 0:
            raise DataError(f"{path}: {name} has shape {array.shape}; give {DIMS[name]} axes, none of them empty")
        if array.dtype.kind not in "fiub":
            raise DataError(f"{path}: {name} has type {array.dtype}; give real numbers")
    _check_memory(path, {name: array.shape for name, array in arrays.items()})


def _check_memory(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise DataError for more than half of this machine's memory: while an array is converted, there are two copies."""
    sizes = {name: math.prod(shape) * np.dtype(np.float64).itemsize for name, shape in shapes.items()}
    total = sum(sizes.values())
    if total < LARGE:
        return
    # Dask knows the limits of containers, too. Its import takes a second, so small files return above.
    from distributed.system import MEMORY_LIMIT

    if 2 * total > MEMORY_LIMIT:
        largest = max(sizes, key=sizes.__getitem__)
        raise DataError(
            f"{path}: {largest} has shape {shapes[largest]}; all arrays are {total / 1e9:,.1f} GB as float64, and reading "
            f"them takes twice that, where this machine has {MEMORY_LIMIT / 1e9:,.1f} GB; {TOO_LARGE}"
        )

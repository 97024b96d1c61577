"""Data that a user brings: a .npz (never pickled) or netCDF file with `X`, `y` and optionally `W`, `v`."""

from __future__ import annotations

import functools
import hashlib
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lazyrich import activations

if TYPE_CHECKING:
    from lazyrich.sweep import Sweep

# Sizes whose fourth powers (as in yᵀK²y) neither overflow nor vanish.
LEAST, MOST = 1e-50, 1e50
DIMS = {"X": 2, "y": 1, "W": 2, "v": 1}


class DataError(ValueError):
    """A data file that cannot be used; the message names file, variable and mend."""


def load_file(path: str) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
    """Read and check a data file.

    Returns X (n, d), y (n,) and, where the file brings weights, (W (m, d), v (m,)), all float64.

    Raises
    ------
    DataError
        for a missing or pickled array, wrong shapes, values that are not finite, or data that no training can fit.
    """
    arrays = _read(Path(path))
    for name in ("X", "y"):
        if name not in arrays:
            raise DataError(f"{path}: has no variable {name}; add it (X is (n, d), y is (n,))")
    if ("W" in arrays) != ("v" in arrays):
        raise DataError(f"{path}: has only one of W and v; give both or neither")
    for name, array in arrays.items():
        if array.ndim != DIMS[name] or array.size == 0:
            raise DataError(f"{path}: {name} has shape {array.shape}; give {DIMS[name]} axes, none of them empty")
        if array.dtype.kind not in "fiub":
            raise DataError(f"{path}: {name} has type {array.dtype}; give real numbers")
    arrays = {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in arrays.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise DataError(f"{path}: {name} holds NaN or infinite values; remove or replace them")
    X, y = arrays["X"], arrays["y"]
    if len(y) != len(X):
        raise DataError(f"{path}: y has length {len(y)} and X has {len(X)} rows; make them equal")
    for name in ("X", "y"):
        largest = np.abs(arrays[name]).max()
        if largest and not LEAST < largest < MOST:
            raise DataError(
                f"{path}: {name} has values of size {largest:.0e}, whose squares overflow or vanish; rescale it"
            )
    signal = X.T @ y
    # An exact zero is rare in floating point: what rounding leaves of it does not count as a signal.
    if np.linalg.norm(signal) <= len(y) * np.finfo(float).eps * np.linalg.norm(X) * np.linalg.norm(y):
        raise DataError(f"{path}: Xᵀy = 0, so that no feature can be learnt; check X and y")
    if "W" not in arrays:
        return X, y, None
    W, v = arrays["W"], arrays["v"]
    if W.shape != (len(v), X.shape[1]):
        raise DataError(f"{path}: W has shape {W.shape}; give (m, d) = ({len(v)}, {X.shape[1]}) to match v and X")
    if not (W.any() or v.any()):
        raise DataError(f"{path}: W and v are all zero, where no gradient flows; give other weights")
    return X, y, (W, v)


@functools.lru_cache(maxsize=8)
def _digest(path: str, modified: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: str) -> str:
    """SHA-256 of a data file's bytes."""
    stat = os.stat(path)
    return _digest(path, stat.st_mtime_ns, stat.st_size)


def samples(path: str) -> int:
    """n of a data file."""
    return len(load_file(path)[1])


def sizes(path: str) -> tuple[int, int, float, float]:
    """n, m (0 where the file brings no weights), ‖y‖ and κ = ‖Xᵀy‖²/‖y‖² of a data file."""
    X, y, weights = load_file(path)
    norm = float(np.linalg.norm(y))
    return len(y), len(weights[1]) if weights else 0, norm, float(np.sum((X.T @ y) ** 2)) / norm**2


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in DIMS if name in file.files}
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            mend = "save plain arrays with np.savez(path, X=X, y=y)"
            raise DataError(f"{path}: cannot be read as .npz without pickles ({error}); {mend}") from None
    if path.suffix in (".nc", ".nc4", ".netcdf"):
        import netCDF4

        try:
            with netCDF4.Dataset(path) as file:
                file.set_auto_mask(False)
                return {name: np.asarray(file[name][...]) for name in DIMS if name in file.variables}
        except (OSError, RuntimeError) as error:
            raise DataError(f"{path}: cannot be read as netCDF ({error}); check the file") from None
    raise DataError(f"{path}: is neither .npz nor .nc; save it as one of these")


def check_file(sweep: Sweep) -> None:
    """Check a sweep's data file and the keys that depend on what it brings; raise ValueError with key and mend."""
    try:
        _, y, weights = load_file(sweep.problem.path)
    except DataError as error:
        raise ValueError(f"problem.path: {error}") from None
    for activation, width in sweep.combinations("activation", "width"):
        if width:
            activations.check_width(activation, width, len(y))
    scales = ("sigma_0", "v_0", "laziness", "width_exponent_p", "width_exponent_s")
    given = [name for name in ("width", *scales, "balance") if name in sweep.parameters]
    if weights is not None:
        if given:
            raise ValueError(f"network.{given[0]}: is set by the weights in {sweep.problem.path}; remove it")
        if sweep.replicates > 1:
            raise ValueError("replicates: the file brings the weights, so that all would be the same; remove it")
    else:
        if "width" not in given:
            raise ValueError("network.width: is missing; add it, or weights W and v to the file")
        if not set(given) & set(scales):
            raise ValueError(
                "network: initial scales are missing; give sigma_0 and v_0, or weights W and v in the file"
            )

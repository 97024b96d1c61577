"""Data that a user brings: a .npz (never pickled) or netCDF file with `X`, `y` and optionally `W`, `v`; `X_test`, `y_test`."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from lazyrich.networks.data.pool import DataError, Pool

# Sizes whose fourth powers (as in yᵀK²y) neither overflow nor vanish.
LEAST, MOST = 1e-50, 1e50
DIMS = {"X": 2, "y": 1, "W": 2, "v": 1, "X_test": 2, "y_test": 1}


def pool(path: str) -> Pool:
    """Read and check a data file, all arrays as float64: X (n, d); y (n,), the labels; W (m, d) and v (m,), X_test and
    y_test if they are there.

    Raises
    ------
    DataError
        for a missing or pickled array, wrong shapes, or values that are not finite or too large.
    """
    arrays = _read(Path(path))
    for name in ("X", "y"):
        if name not in arrays:
            raise DataError(f"{path}: has no variable {name}; add it (X is (n, d), y is (n,))")
    for one, other in (("W", "v"), ("X_test", "y_test")):
        if (one in arrays) != (other in arrays):
            raise DataError(f"{path}: has only one of {one} and {other}; give both or neither")
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
    for one, other in (("X", "y"), ("X_test", "y_test")):
        if one in arrays and len(arrays[other]) != len(arrays[one]):
            lengths = f"{other} has length {len(arrays[other])} and {one} has {len(arrays[one])} rows"
            raise DataError(f"{path}: {lengths}; make them equal")
    for name in {"X", "y", "X_test", "y_test"}.intersection(arrays):
        largest = np.abs(arrays[name]).max()
        if largest and not LEAST < largest < MOST:
            raise DataError(
                f"{path}: {name} has values of size {largest:.0e}, whose squares overflow or vanish; rescale it"
            )
    span = (float(X.min()), float(X.max()))
    held_out = None
    if "X_test" in arrays:
        X_test = arrays["X_test"]
        if X_test.shape[1] != X.shape[1]:
            raise DataError(f"{path}: X_test has {X_test.shape[1]} columns and X has {X.shape[1]}; make them equal")
        held_out = Pool(batches=(X_test,), labels=arrays["y_test"], span=span)
    if "W" not in arrays:
        return Pool(batches=(X,), labels=y, span=span, held_out=held_out)
    W, v = arrays["W"], arrays["v"]
    if W.shape != (len(v), X.shape[1]):
        raise DataError(f"{path}: W has shape {W.shape}; give (m, d) = ({len(v)}, {X.shape[1]}) to match v and X")
    if not (W.any() or v.any()):
        raise DataError(f"{path}: W and v are all zero, where no gradient flows; give other weights")
    return Pool(batches=(X,), labels=y, span=span, weights=(W, v), held_out=held_out)


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in DIMS if name in file.files}
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
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

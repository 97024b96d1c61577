"""A user's data: a .npz (never pickled) or netCDF file with `X`, `y` and optionally `W`, `v`; `X_test`, `y_test`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.interface import DataError, Source

if TYPE_CHECKING:
    import numpy as np

    from lazyrich.networks.data.pool import Pool

# Sizes whose fourth powers (as in yᵀK²y) neither overflow nor vanish.
LEAST, MOST = 1e-50, 1e50


def pool(path: str) -> Pool:
    """Read and check a data file, all arrays as float64: X (n, d); y (n,), the labels; W (m, d) and v (m,), X_test and
    y_test if they are there.

    Raises
    ------
    DataError
        for a missing or pickled array, wrong shapes, more than the memory holds, or values that are missing, not finite or too
        large.
    """
    from lazyrich.networks.data import stored

    try:
        return _pool(path, _read(Path(path)))
    except MemoryError:
        raise DataError(f"{path}: its arrays do not fit the memory; {stored.TOO_LARGE}") from None


def _read(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays as float64, finite."""
    import numpy as np

    from lazyrich.networks.data import netcdf, npz, stored

    formats = {".npz": npz, ".nc": netcdf, ".nc4": netcdf, ".netcdf": netcdf}
    if path.suffix not in formats:
        raise DataError(f"{path}: is neither .npz nor .nc; save it as one of these")
    with formats[path.suffix].opened(path) as stored_arrays:
        for name in ("X", "y"):
            if name not in stored_arrays:
                raise DataError(f"{path}: has no variable {name}; add it (X is (n, d), y is (n,))")
        for matrix, vector in (("W", "v"), ("X_test", "y_test")):
            if (matrix in stored_arrays) != (vector in stored_arrays):
                raise DataError(f"{path}: has only one of {matrix} and {vector}; give both or neither")
        stored.check(path, stored_arrays)
        arrays = {name: np.ascontiguousarray(array.read(), dtype=np.float64) for name, array in stored_arrays.items()}
    for name, array in arrays.items():
        count = array.size - int(np.count_nonzero(np.isfinite(array)))
        if count:
            fault = f"NaN or infinite values, {count} of {array.size}"
            raise DataError(f"{path}: {name} holds {fault}; remove or replace them")
    return arrays


def _pool(path: str, arrays: dict[str, np.ndarray]) -> Pool:
    """Check shapes and sizes of the arrays, and return them as a pool."""
    from lazyrich.networks.data.pool import Pool

    X, y = arrays["X"], arrays["y"]
    for matrix, vector in (("X", "y"), ("X_test", "y_test")):
        if matrix in arrays and len(arrays[vector]) != len(arrays[matrix]):
            lengths = f"{vector} has length {len(arrays[vector])} and {matrix} has {len(arrays[matrix])} rows"
            raise DataError(f"{path}: {lengths}; make them equal")
    for name in {"X", "y", "X_test", "y_test"}.intersection(arrays):
        largest = max(arrays[name].max(), -arrays[name].min())  # without a copy, as np.abs makes one
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


def files(path: str) -> list[Path]:
    """Return the file."""
    return [Path(path)]


SOURCE = Source(
    name="file",
    description="your own `file`",
    pool=pool,
    digest=of_file,
    files=files,
    takes_path="file",
    path_description=".npz (never pickled) or netCDF with `X` (n, d), `y` (n,) and optionally both `W` (m, d) and `v` (m,), "
    "both `X_test` and `y_test`",
    test_description="of a `file` its `X_test`, `y_test` if it has them",
    test_fix="add X_test and y_test to the file",
    own=True,
)

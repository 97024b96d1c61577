"""Variables of a netCDF file, unpacked. A variable with missing values is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lazyrich.networks.data.interface import DataError
from lazyrich.networks.data.stored import DIMS, Stored

if TYPE_CHECKING:
    import netCDF4

# Attributes that mark missing values, and how many values each attribute has; 0 for any number.
MARKS = {"_FillValue": 1, "missing_value": 0, "valid_min": 1, "valid_max": 1, "valid_range": 2}
PACKING = ("scale_factor", "add_offset")
# Matrix -> the vector whose dimension is the matrix's first.
ROWS_OF = {"X": "y", "X_test": "y_test", "W": "v"}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[dict[str, Stored]]:
    """Yield the variables of the file that are in `DIMS`.

    Raises
    ------
    DataError
        for a file that is no netCDF, for missing values in any form, and for attributes or dimensions that contradict the
        variables.
    """
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            variables = {name: file.variables[name] for name in DIMS if name in file.variables}
            _check_dimensions(path, variables)
            yield {name: _stored(path, variable) for name, variable in variables.items()}
    except (OSError, RuntimeError, UnicodeDecodeError) as error:  # the last for names in a damaged file
        raise DataError(f"{path}: cannot be read as netCDF ({error}); check the file") from None


def _check_dimensions(path: Path, variables: dict[str, netCDF4.Variable[Any]]) -> None:
    """Raise DataError if the names of dimensions show that a matrix is transposed."""
    for matrix, vector in ROWS_OF.items():
        if matrix not in variables or vector not in variables:
            continue
        axes, vector_axes = variables[matrix].dimensions, variables[vector].dimensions
        if len(axes) == 2 and len(vector_axes) == 1 and vector_axes[0] == axes[1] != axes[0]:
            raise DataError(
                f"{path}: {matrix} has the dimensions ({axes[0]}, {axes[1]}) and {vector} has ({vector_axes[0]}), so that "
                f"{matrix} is transposed; write it with the dimensions ({axes[1]}, {axes[0]})"
            )


def _stored(path: Path, variable: netCDF4.Variable[Any]) -> Stored:
    """Check the attributes of a variable, and return it: netCDF4 ignores attributes that it cannot use."""
    dtype = variable.datatype
    if not isinstance(dtype, np.dtype):
        raise DataError(f"{path}: {variable.name} has type {dtype}; give real numbers")
    attributes = {
        name: np.asarray(variable.getncattr(name)) for name in variable.ncattrs() if name in (*MARKS, *PACKING)
    }
    packed = any(name in attributes for name in PACKING)
    for name, value in attributes.items():
        subject = f"{path}: {variable.name}: its attribute {name} = {variable.getncattr(name)} of type {value.dtype}"
        if name in PACKING:
            # Products of integers could overflow.
            if value.dtype.kind != "f" or value.size != 1:
                raise DataError(f"{subject} does not unpack it; write one floating-point number")
        elif value.size != (MARKS[name] or value.size) or not _comparable(value, dtype, packed):
            raise DataError(f"{subject} cannot be compared with stored values of type {dtype}; write it as {dtype}")
    return Stored(variable.shape, dtype, partial(_values, path, variable))


def _comparable(value: np.ndarray, dtype: np.dtype, packed: bool) -> bool:
    """Return whether a mark can be a stored value. In a packed variable, a mark of another type may mean unpacked values."""
    if value.dtype.kind not in "fiu" or (packed and value.dtype != dtype):
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.all((value.astype(dtype) == value) | (np.isnan(value) & (dtype.kind == "f"))))


def _values(path: Path, variable: netCDF4.Variable[Any]) -> np.ndarray:
    """Return all values, unpacked."""
    values = variable[...]
    missing = np.ma.getmaskarray(values)
    count = int(np.count_nonzero(missing))
    if count == 0:
        return np.ma.getdata(values)
    first = np.unravel_index(np.argmax(missing), missing.shape)
    variable.set_auto_maskandscale(False)
    stored_value = variable[first]
    name = variable.name
    fix = "fill them in, or leave out the rows that have them"
    if variable.dtype.itemsize == 1 and "_FillValue" not in variable.ncattrs():
        # The library reserves one of a byte's 256 values for entries that were never written.
        fix += f"; if {stored_value} is a value, store {name} as int16"
    raise DataError(
        f"{path}: {count} of {missing.size} values of {name} are missing, the first at [{', '.join(map(str, first))}] "
        f"(stored as {stored_value}); {fix}"
    )

"""Arrays of a .npz file, without unpickling."""

from __future__ import annotations

import contextlib
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from lazyrich.networks.data.interface import DataError
from lazyrich.networks.data.stored import DIMS, Stored

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# RuntimeError: an encrypted file or an unknown compression.
FAULTS = (ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[dict[str, Stored]]:
    """Yield the arrays of the file that are in `DIMS`, as their headers state them.

    Raises
    ------
    DataError
        for a file that is not .npz or is damaged, and for pickled arrays.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = {name: f"{name}.npy" for name in DIMS}
            yield {
                name: _stored(path, file, name, member) for name, member in members.items() if member in file.namelist()
            }
    except DataError:
        raise
    except FAULTS as error:
        fix = "save plain arrays with np.savez(path, X=X, y=y)"
        raise DataError(f"{path}: cannot be read as .npz without pickles ({error}); {fix}") from None


def _stored(path: Path, file: zipfile.ZipFile, name: str, member: str) -> Stored:
    """Check that the file holds as many bytes as the array's header states, and return the array.

    Without the check, numpy would allocate whatever the header says.
    """
    with file.open(member) as stream:
        shape, dtype = _header(name, stream)
        byte_count = file.getinfo(member).file_size - stream.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    if math.prod(shape) * dtype.itemsize != byte_count:
        raise DataError(
            f"{path}: {name} has {byte_count} bytes where its header says shape {shape} of {dtype}; save it again"
        )

    def read() -> np.ndarray:
        with file.open(member) as stream:
            return npy.read_array(stream, allow_pickle=False)

    return Stored(shape, dtype, read)


def _header(name: str, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the array whose .npy begins here."""
    version = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"{name} has the version {version} of .npy")
    try:
        shape, _, dtype = HEADERS[version](stream)
    except Exception as error:  # numpy parses the header as Python: tokenize, ast and dtype may raise anything
        raise ValueError(f"the header of {name}: {type(error).__name__}") from None
    if any(isinstance(size, bool) for size in shape):
        raise ValueError(f"the header of {name}: shape {shape}")
    return shape, dtype

"""A netCDF file that is open only while something of it is read.

A file that stays open is closed by the garbage collector, in any thread, in the middle of whatever HDF5 is doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.shards import archive


class Unopened:
    """A file's coordinates, and names, dimensions and attributes of its variables, whose values are read when needed.

    Attributes
    ----------
    outline
        with coordinates in memory; the values of variables that have not been read mean nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with archive.opened(path) as data:
            self.written = path.stat().st_mtime_ns
            fields = {
                name: (each.dims, np.broadcast_to(_nothing(each.dtype), each.shape), each.attrs)
                for name, each in data.data_vars.items()
            }
            self.outline = data.coords.to_dataset().load().assign(fields).assign_attrs(data.attrs)
        self.unread = set(self.outline.data_vars)

    def read(self, names: Iterable[str], place: dict[str, int] | None = None) -> xr.Dataset:
        """Return some variables, in memory, at `place` along some dimensions.

        Raises
        ------
        OSError
            if another file has taken its place.
        """
        with archive.opened(self.path) as data:
            if self.path.stat().st_mtime_ns != self.written:
                raise OSError(f"{self.path}: has just been written anew")
            return data[list(names)].isel(place or {}).load()

    def fill(self, names: Iterable[str]) -> None:
        """Read some variables into the outline, where they were not read before."""
        with archive.LOCK:  # threads read into the same outline
            if missing := [name for name in names if name in self.unread]:
                fields = self.read(missing)
                for name in missing:
                    self.outline[name] = fields[name].variable
                self.unread -= set(missing)


def _nothing(dtype: np.dtype) -> np.ndarray:
    """Return a value that stands for none, as far as a type has one."""
    return np.full((), np.nan if dtype.kind == "f" else 0, dtype)

"""What a file says of its arrays is held against the memory before any is read."""

import netCDF4
import numpy as np
import pytest
from distributed import system

from lazyrich.networks.data import file, stored
from lazyrich.networks.data.interface import DataError


def refused(path):
    with pytest.raises(DataError) as caught:
        file.pool(path)
    return str(caught.value)


@pytest.mark.parametrize("written", [False, True])
def test_a_netcdf_variable_of_terabytes_is_refused_before_it_is_read(tmp_path, written):
    path = tmp_path / "d.nc"
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("n", 10**6)
        X = nc.createVariable("X", "f4", ("n", "n"), chunksizes=(100, 100))
        nc.createVariable("y", "f4", ("n",))
        if written:
            X[:3, :3] = 1
    message = refused(path)
    assert message.startswith(f"{path}: X has shape (1000000, 1000000); all arrays are 8,000.0 GB as float64")
    assert "; write fewer samples or features" in message


def test_half_of_the_memory_is_the_most(tmp_path, monkeypatch):
    path = tmp_path / "d.npz"
    X = np.arange(1.0, 101).reshape(10, 10)
    np.savez(path, X=X, y=np.ones(10, "i1"))
    monkeypatch.setattr(stored, "LARGE", 0)
    monkeypatch.setattr(system, "MEMORY_LIMIT", 2 * (100 + 10) * 8)
    np.testing.assert_array_equal(file.pool(path).batches[0], X)
    monkeypatch.setattr(system, "MEMORY_LIMIT", 2 * (100 + 10) * 8 - 1)
    monkeypatch.setattr(np.lib.format, "read_array", None)  # nothing is read
    assert "X has shape (10, 10); all arrays are" in refused(path)

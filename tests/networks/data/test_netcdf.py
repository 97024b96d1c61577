"""Missing values of a netCDF file are never numbers, in whatever form the file has them; packed values are unpacked."""

import contextlib

import netCDF4
import numpy as np
import pytest
import xarray as xr

import lazyrich
from lazyrich.networks.data import file
from lazyrich.networks.data.interface import DataError
from lazyrich.sweep.schema import SweepError

N, D, M = 10, 4, 6
SHAPES = {"X": ("n", "d"), "y": ("n",), "W": ("m", "d"), "v": ("m",), "X_test": ("t", "d"), "y_test": ("t",)}
SIZES = {"n": N, "d": D, "m": M, "t": 3}


def values(name):
    """Values of 1 to 9, so that none is a fill value."""
    shape = tuple(SIZES[dimension] for dimension in SHAPES[name])
    return np.random.default_rng(len(name)).integers(1, 10, shape).astype(float)


@contextlib.contextmanager
def made(path, leave_out=(), **options):
    """A file with all variables but some."""
    with netCDF4.Dataset(path, "w", **options) as nc:
        for name, size in SIZES.items():
            nc.createDimension(name, size)
        for name in SHAPES:
            if name not in leave_out:
                nc.createVariable(name, "f8", SHAPES[name])[:] = values(name)
        yield nc


def refused(path):
    with pytest.raises(DataError) as caught:
        file.pool(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert ";" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("fill", [None, -999.0, 5e7, np.nan])
def test_masked_values_of_any_variable_are_refused(tmp_path, name, fill):
    path = tmp_path / "d.nc"
    with made(path, leave_out=[name]) as nc:
        gaps = np.ma.array(values(name), mask=False)
        gaps[1], gaps[0, ...] = np.ma.masked, gaps[0]
        nc.createVariable(name, "f8", SHAPES[name], fill_value=fill)[:] = gaps
    count = gaps.mask.sum()
    first = "[1, 0]" if gaps.ndim == 2 else "[1]"
    message = refused(path)
    assert f"{count} of {gaps.size} values of {name} are missing, the first at {first}" in message
    assert "fill them in, or leave out the rows that have them" in message


@pytest.mark.parametrize("kind", ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("rows", [0, 7])
def test_rows_never_written_are_missing_in_every_type(tmp_path, kind, rows):
    path = tmp_path / "d.nc"
    with made(path, leave_out=["X", "y"]) as nc:
        for name in ("X", "y"):
            variable = nc.createVariable(name, kind, SHAPES[name])
            if rows:
                variable[:rows] = values(name)[:rows]
    assert f"{(N - rows) * D} of {N * D} values of X are missing, the first at [{rows}, 0]" in refused(path)


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "i8", "u1"])
@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize(
    ("attribute", "value", "wrong"),
    [
        ("missing_value", 9, [9]),
        ("missing_value", [8, 9], [8, 9]),
        ("valid_range", [2, 8], [1, 9]),
        ("valid_min", 3, [1, 2]),
        ("valid_max", 6, [7, 8, 9]),
    ],
)
def test_what_attributes_call_missing_is_refused(tmp_path, kind, form, attribute, value, wrong):
    path = tmp_path / "d.nc"
    with made(path, leave_out=["X"], format=form) as nc:
        variable = nc.createVariable("X", kind, SHAPES["X"])
        variable[:] = values("X")
        variable.setncattr(attribute, np.array(value, kind))
    count = np.isin(values("X"), wrong).sum()
    assert f"{count} of {N * D} values of X are missing" in refused(path)


def test_gaps_of_a_packed_variable_are_refused(tmp_path):
    path = tmp_path / "d.nc"
    with made(path, leave_out=["y"]) as nc:
        labels = nc.createVariable("y", "i2", ("n",), fill_value=-32768)
        labels.scale_factor, labels.add_offset = 0.25, 100.0
        labels[:] = np.ma.masked_equal([1, 2, 3, 4, 0, 5, 6, 0, 7, 8.0], 0)
    message = refused(path)
    assert f"2 of {N} values of y are missing, the first at [4] (stored as -32768)" in message


def test_packed_variables_without_gaps_are_unpacked(tmp_path):
    path = tmp_path / "d.nc"
    X = values("X") / 4 + 100
    with made(path, leave_out=["X", "y"]) as nc:
        inputs = nc.createVariable("X", "i2", SHAPES["X"], fill_value=-32768)
        inputs.scale_factor, inputs.add_offset, inputs.valid_range = 0.25, 100.0, np.array([0, 40], "i2")
        inputs[:] = X
        labels = nc.createVariable("y", "i1", ("n",))
        labels.setncattr("_Unsigned", "true")
        labels.scale_factor = 2.0
        labels.set_auto_maskandscale(False)
        labels[:] = (values("y") + 200).astype("u1").view("i1")
    pool = file.pool(path)
    np.testing.assert_array_equal(pool.batches[0], X)
    np.testing.assert_array_equal(pool.labels, (values("y") + 200) * 2)
    np.testing.assert_array_equal(pool.weights[0], values("W"))


def test_packing_by_xarray_is_undone(tmp_path):
    X, y = values("X") / 4, values("y")
    y[3] = np.nan
    packed = {"dtype": "i2", "scale_factor": 0.25, "_FillValue": -1}
    data = xr.Dataset({"X": (("n", "d"), X), "y": ("n", values("y"))})
    data.to_netcdf(tmp_path / "whole.nc", encoding={"X": packed, "y": packed})
    np.testing.assert_array_equal(file.pool(tmp_path / "whole.nc").batches[0], X)
    data.assign(y=("n", y)).to_netcdf(tmp_path / "gap.nc", encoding={"X": packed, "y": packed})
    assert f"1 of {N} values of y are missing, the first at [3] (stored as -1)" in refused(tmp_path / "gap.nc")
    data.assign(y=("n", y)).to_netcdf(tmp_path / "nan.nc")  # xarray marks NaN as its fill value
    assert f"1 of {N} values of y are missing" in refused(tmp_path / "nan.nc")


@pytest.mark.filterwarnings("ignore:WARNING. missing_value cannot be safely cast")  # on writing
@pytest.mark.parametrize(
    ("kind", "attributes", "words"),
    [
        # A double that no float32 is: it would be compared with nothing.
        ("f4", {"missing_value": 1e20}, "missing_value = 1e+20 of type float64 cannot be compared with stored values"),
        ("f8", {"missing_value": "9"}, "write it as float64"),
        ("i4", {"missing_value": np.nan}, "write it as int32"),
        ("f8", {"valid_range": [0.0, 9.0, 10.0]}, "its attribute valid_range"),
        ("f8", {"valid_max": "a"}, "its attribute valid_max = a"),
        ("i2", {"valid_min": 0.5}, "write it as int16"),
        # Of the packed or of the unpacked values?
        ("i2", {"valid_max": 9.0, "scale_factor": 0.5}, "write it as int16"),
        ("i2", {"scale_factor": "0.5"}, "does not unpack it; write one floating-point number"),
        ("i2", {"scale_factor": [0.5, 1.0]}, "does not unpack it"),
        ("i2", {"add_offset": np.int16(30000)}, "does not unpack it"),  # would overflow
    ],
)
def test_attributes_that_cannot_be_used_are_refused(tmp_path, kind, attributes, words):
    path = tmp_path / "d.nc"
    with made(path, leave_out=["X"]) as nc:
        variable = nc.createVariable("X", kind, SHAPES["X"])
        variable[:] = values("X")
        for name, value in attributes.items():
            variable.setncattr(name, value)
    assert words in refused(path)


def test_a_byte_that_may_stand_for_a_gap_has_a_way_out(tmp_path):
    path = tmp_path / "d.nc"
    X = values("X")
    X[2, 1] = 255
    for kind in ("u1", "i2"):
        with made(path, leave_out=["X"]) as nc:
            nc.createVariable("X", kind, SHAPES["X"])[:] = X
        if kind == "u1":
            assert "(stored as 255)" in refused(path)
            assert "if 255 is a value, store X as int16" in refused(path)
    np.testing.assert_array_equal(file.pool(path).batches[0], X)


@pytest.mark.parametrize("matrix", ["X", "W", "X_test"])
def test_a_transposed_square_matrix_is_known_by_its_dimensions(tmp_path, matrix):
    """No length tells it."""
    path = tmp_path / "d.nc"
    sizes = dict.fromkeys(SIZES, 5)
    with netCDF4.Dataset(path, "w") as nc:
        for name, size in sizes.items():
            nc.createDimension(name, size)
        for name, dimensions in SHAPES.items():
            order = dimensions[::-1] if name == matrix else dimensions
            nc.createVariable(name, "f8", order)[:] = np.random.default_rng(0).random((5,) * len(order))
    rows, columns = SHAPES[matrix]
    message = refused(path)
    assert f"{matrix} has the dimensions ({columns}, {rows})" in message
    assert f"write it with the dimensions ({rows}, {columns})" in message


@pytest.mark.parametrize("names", [("n", "d", "n"), ("a", "b", "c"), ("n", "n", "n"), ("n", "d", "labels")])
def test_names_of_dimensions_that_tell_nothing_are_taken_in_their_order(tmp_path, names):
    path = tmp_path / "d.nc"
    X, y = np.random.default_rng(1).random((5, 5)), np.arange(1.0, 6)
    with netCDF4.Dataset(path, "w") as nc:
        for name in set(names):
            nc.createDimension(name, 5)
        nc.createVariable("X", "f8", names[:2])[:] = X
        nc.createVariable("y", "f8", names[2:])[:] = y
    np.testing.assert_array_equal(file.pool(path).batches[0], X)


def test_variables_that_are_no_numbers_are_refused(tmp_path):
    for kind in ("text", "vlen", "compound"):
        path = tmp_path / f"{kind}.nc"
        with made(path, leave_out=["y"]) as nc:
            own = {
                "text": lambda: str,
                "vlen": lambda nc=nc: nc.createVLType("f8", "list"),
                "compound": lambda nc=nc: nc.createCompoundType(np.dtype([("a", "f8")]), "pair"),
            }[kind]()
            nc.createVariable("y", own, ("n",))
        assert "; give real numbers" in refused(path)


def test_a_run_on_gaps_is_refused_before_any_work(tmp_path):
    path = tmp_path / "d.nc"
    with made(path, leave_out=["X", "W", "v"]) as nc:
        X = nc.createVariable("X", "f8", SHAPES["X"], fill_value=-999.0)
        X[:] = np.ma.masked_greater(values("X"), 8)
    sweep = {
        "problem": {"source": "file", "path": str(path), "samples": 2},  # gaps anywhere in the file, as NaN
        "network": {"width": 4, "laziness": 1},
        "training": {"stability_fraction": 0.1, "steps": 1},
    }
    with pytest.raises(SweepError, match=r"problem\.path: .*d\.nc: \d of 40 values of X are missing"):
        lazyrich.run(sweep)

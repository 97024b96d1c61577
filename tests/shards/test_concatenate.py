"""Datasets in one: networks one after the other, modes that some lack empty."""

import numpy as np
import pytest
import xarray as xr

from lazyrich.shards.concatenate import concatenate


def part(networks, modes, start, **attributes):
    """Networks numbered from `start`, every number of theirs told apart from all others."""
    return xr.Dataset(
        {
            "rank": ("network", np.full(networks, modes), {"units": "1"}),
            "name": ("network", [f"network {start + i}" for i in range(networks)]),
            "eigenvalues": (("network", "mode"), 1.0 + start + np.arange(networks * modes).reshape(networks, modes)),
            "loss": (("network", "record"), start + np.ones((networks, 3))),
        },
        attrs=attributes,
    )


def test_modes_that_some_lack_are_empty():
    parts = [part(2, 3, 0, title="first"), part(1, 5, 100, title="second"), part(2, 1, 200)]
    parts[1]["eigenvalues"].attrs["symbol"] = "λ"
    parts[0]["eigenvalues"].attrs["symbol"] = "λ"
    whole = concatenate(parts)
    assert dict(whole.sizes) == {"network": 5, "mode": 5, "record": 3}
    row = 0
    for one in parts:
        for network in range(one.sizes["network"]):
            modes = one.sizes["mode"]
            np.testing.assert_array_equal(whole.eigenvalues[row, :modes], one.eigenvalues[network])
            assert (whole.eigenvalues[row, modes:] == 0).all()
            for name in ("rank", "name", "loss"):
                np.testing.assert_array_equal(whole[name][row], one[name][network])
            row += 1
    assert whole.attrs == {"title": "first"}
    assert whole.eigenvalues.attrs == {"symbol": "λ"} and whole["rank"].attrs == {"units": "1"}
    assert whole["rank"].dtype.kind == "i"  # counted modes stay whole numbers
    assert parts[0].sizes["mode"] == 3


def test_one_part_is_the_whole():
    one = part(2, 3, 0, title="only")
    assert concatenate([one]).identical(one)


def test_parts_of_another_length_of_records_are_no_networks_of_one_dataset():
    with pytest.raises(ValueError, match="record"):
        concatenate([part(1, 2, 0), part(1, 2, 1).isel(record=slice(2))])

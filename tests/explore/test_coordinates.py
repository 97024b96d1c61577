"""Maps in dimensionless coordinates: cells and lines where their numbers say; no pair that does not tell cells apart."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lazyrich.analysis.phases import Phase
from lazyrich.explore.coordinates import Curved, Straight, pairs
from lazyrich.explore.dimensionless import PAIRS
from tests.made_up import fixed_recipe

B = 7.0


def plane(columns=24, rows=20, low=1e-3, high=1e3):
    """Initial scales against one another at a growth per step k = h / √(1 + χ²), h fixed, as for K = κI."""
    x, y = np.geomspace(low, high, columns), np.geomspace(low, high / 3, rows)
    chi = (x[None, :] ** 2 + y[:, None] ** 2) / (2 * B)
    dims = ("v_0", "sigma_0")
    data = xr.Dataset(
        {
            "laziness": (dims, chi),
            "growth_per_step": (dims, 0.1 / np.sqrt(1 + chi**2)),
            "stability_fraction": (dims, np.full_like(chi, 0.1)),
            "b": (dims, np.full_like(chi, B)),
            "phase": (dims, np.arange(chi.size).reshape(chi.shape) % 3),
            "value": (dims, np.arange(chi.size, dtype=float).reshape(chi.shape)),
        },
        {"sigma_0": x, "v_0": y},
    )
    data.attrs["recipe"] = fixed_recipe(samples=10, dimension=10000)
    return data


@settings(deadline=None, max_examples=25)
@given(
    pair=st.sampled_from([("laziness", "balance"), ("first_layer", "second_layer")]),
    columns=st.integers(3, 90),
    rows=st.integers(3, 90),
    decades=st.floats(0.5, 6),
)
def test_the_middle_of_every_cell_lies_in_it(pair, columns, rows, decades):
    # Between cells that are decades apart a map is not linear; such a pair may be refused.
    assume(2 * decades / (min(columns, rows) - 1) < 0.3)
    data = plane(columns, rows, 10**-decades, 10.0**decades)
    where = Curved(data, "sigma_0", "v_0", pair)
    numbers = {
        "laziness": data.laziness,
        "balance": data.sigma_0 / data.v_0,
        "first_layer": data.sigma_0**2 / (2 * B),
        "second_layer": data.v_0**2 / (2 * B),
    }
    u, v = (numbers[name].broadcast_like(data.phase).transpose("v_0", "sigma_0").values for name in pair)
    drawn = where.drawn(data[["value", "phase"]])
    for row in range(0, rows, 5):
        for column in range(0, columns, 5):
            xs, ys = where.outline(column, row)
            # Only where a cell is at least a few pixels wide: a map is exact to a pixel.
            size = [
                np.ptp(np.log(ends)) / np.ptp(np.log(axis)) * len(axis) for ends, axis in ((xs, where.u), (ys, where.v))
            ]
            if min(size) < 6:
                continue
            assert where.cell(u[row, column], v[row, column]) == (column, row)
            i, j = (int(np.abs(np.log(axis / at[row, column])).argmin()) for axis, at in ((where.u, u), (where.v, v)))
            assert drawn.value.values[j, i] == data.value.values[row, column]


def test_pixels_in_no_cell_are_not_run():
    data = plane()
    where = Curved(data, "sigma_0", "v_0", ("laziness", "balance"))
    drawn = where.drawn(data[["value", "phase"]])
    outside = where.pixels < 0
    assert 0.1 < outside.mean() < 0.9
    assert (drawn.phase.values[outside] == Phase.not_run).all() and (drawn.phase.values[~outside] < 3).all()
    assert np.isnan(drawn.value.values[outside]).all() and np.isfinite(drawn.value.values[~outside]).all()
    # At the least laziness both scales are least; there is nothing at another balance.
    assert where.cell(where.u[0], where.v[-1]) is None
    assert where.cell(-1.0, 1.0) is None


def test_a_circle_of_initial_scales_is_a_line_of_laziness():
    data = plane(60, 60)
    where = Curved(data, "sigma_0", "v_0", ("laziness", "balance"))
    angle = np.linspace(0.01, np.pi / 2 - 0.01, 200)
    circle = np.sqrt(2 * B) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    (line,) = where.lines({"chi": [circle]})["chi"]
    # Bilinear between corners that are means of cells: log χ has a second derivative of at most 1 in log σ₀ and log v₀, so
    # each of the two errs by at most Δ²/8 along each axis, Δ the wider spacing.
    spacing = np.diff(np.log(data.sigma_0))[0]
    np.testing.assert_allclose(np.log(line[:, 0]), 0, atol=4 * spacing**2 / 8)
    np.testing.assert_allclose(np.log(line[:, 1]), np.log(1 / np.tan(angle)), atol=1e-9)  # linear in both: no error


def test_only_numbers_that_tell_cells_apart_can_be_chosen():
    """At one h, k is a number of χ alone: cells of the same χ would lie on each other."""
    data = plane()
    assert pairs(data, "sigma_0", "v_0") == [("first_layer", "second_layer"), ("laziness", "balance")]
    for pair in (("laziness", "growth_per_step"), ("laziness", "stability_fraction")):
        with pytest.raises(ValueError, match="do not tell cells apart"):
            Curved(data, "sigma_0", "v_0", pair)
    holed = data.assign(laziness=data.laziness.where(data.phase != 1))
    assert pairs(holed, "sigma_0", "v_0") == [("first_layer", "second_layer")]
    with pytest.raises(ValueError, match="no such number"):
        Curved(holed, "sigma_0", "v_0", ("laziness", "balance"))
    assert set(pairs(data, "sigma_0", "v_0")) <= set(PAIRS)


@pytest.mark.parametrize("pair", [None, ("laziness", "balance")])
def test_a_rectangle_stands_for_the_cells_that_it_covers(pair):
    data = plane()
    where = Curved(data, "sigma_0", "v_0", pair) if pair else Straight(data, "sigma_0", "v_0")
    everything = where.part((1e-30, 1e30), (1e-30, 1e30))
    assert everything == {
        name: (pytest.approx(edges[0], rel=1e-12), pytest.approx(edges[-1], rel=1e-12))
        for name, edges in (("sigma_0", where.x_edges), ("v_0", where.y_edges))
    }
    xs, ys = where.outline(11, 10)
    part = where.part((xs.min(), xs.max()), (ys.min(), ys.max()))
    assert part["sigma_0"][0] <= data.sigma_0[11] <= part["sigma_0"][1]
    assert part["v_0"][0] <= data.v_0[10] <= part["v_0"][1]
    assert where.part((1e20, 1e21), (1e20, 1e21)) is None

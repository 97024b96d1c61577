"""Collapse: points of one curve fall on it, points beside it are off by what they are beside."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyrich.analysis.collapse import BINS, collapse, points

# Logarithms of numbers between 1e-9 and 1e9, interpolated.
ROUNDING = 1e-12
CHI = np.logspace(-2, 2, 17)


def made_up(groups, coordinates):
    """Points of `groups`, name -> values at each of the coordinates (name -> array)."""
    count = len(groups)
    data = {name: ("point", np.tile(values, count)) for name, values in coordinates.items()}
    data["value"] = ("point", np.concatenate(list(groups.values())))
    data["group"] = ("point", np.repeat(list(groups), [len(values) for values in groups.values()]))
    return xr.Dataset(data, attrs={"observable": "made_up", "against": " ".join(coordinates)})


def errors_of(result, name):
    return result.error.values[result.group.values == name]


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(2, 6))
def test_groups_of_one_power_law_collapse(power, log_size, count):
    law = 10**log_size * CHI**power
    result = collapse(made_up({f"group {i}": law for i in range(count)}, {"laziness": CHI}))
    assert result.error.max() < ROUNDING
    assert result.quality < ROUNDING
    assert result.sizes["of_group"] == count and result.group_error.max() < ROUNDING


@given(st.floats(0.05, 3) | st.floats(-3, -0.05), st.integers(3, 6), st.data())
def test_a_group_beside_the_curve_of_the_others_is_off_by_its_factor(decades, count, data):
    """The curve is a median: of the other groups' points one is beside it, too, and at least two are not (or lie about it)."""
    beside = data.draw(st.integers(0, count - 1))
    law = CHI**-1.5
    groups = {f"group {i}": law * 10 ** (decades * (i == beside)) for i in range(count)}
    result = collapse(made_up(groups, {"laziness": CHI}))
    assert list(result.group_name.values) == list(groups)
    for i, name in enumerate(groups):
        # Of two others the median is half-way between them.
        of_others = abs(decades) / 2 if count == 3 else 0.0
        expected = abs(decades) if i == beside else of_others
        np.testing.assert_allclose(errors_of(result, name), expected, atol=ROUNDING)
        np.testing.assert_allclose(result.group_error[i], expected, atol=ROUNDING)
    assert result.quality == pytest.approx(np.median(result.error), abs=ROUNDING)


def test_a_power_law_at_scattered_places_is_exact_but_at_its_ends():
    """Medians over a bin of a rising line are a point of it; the last middle stands for up to a bin beyond it."""
    rng = np.random.default_rng(0)
    chi = 10 ** rng.uniform(-2, 2, (3, 60))
    data = xr.Dataset(
        {
            "laziness": ("point", chi.ravel()),
            "value": ("point", chi.ravel() ** -2.0),
            "group": ("point", np.repeat(["a", "b", "c"], 60)),
        },
        attrs={"against": "laziness"},
    )
    result = collapse(data)
    inside = np.abs(np.log10(data.laziness.values)) < 2 - 1 / BINS
    assert result.error.values[inside].max() < ROUNDING
    assert np.nanmax(result.error) <= 2 / BINS
    assert result.quality < ROUNDING
    # Errors at the ends are no part of what most points of a group are off by.
    assert (result.group_error < ROUNDING).all()


@pytest.mark.parametrize("direction", [1, -1], ids=["up", "down"])
def test_beyond_the_ends_of_all_others_there_is_no_curve(direction):
    """A group that reaches two decades farther, in steps of two bins, and one without others at all."""
    near, far = CHI[CHI <= 1] ** direction, CHI**direction
    data = xr.Dataset(
        {
            "laziness": ("point", np.concatenate([near, far])),
            "value": ("point", np.concatenate([1 / near, 1 / far])),
            "group": ("point", np.repeat(["near", "far"], [len(near), len(far)])),
        },
        attrs={"against": "laziness"},
    )
    result = collapse(data)
    np.testing.assert_array_equal(np.isnan(errors_of(result, "far")), direction * np.log10(far) > 1 / BINS)
    assert errors_of(result, "near").max() < ROUNDING
    alone = collapse(data.isel(point=data.group.values == "far"))
    assert np.isnan(alone.error).all() and np.isnan(alone.quality) and np.isnan(alone.group_error).all()


@pytest.mark.parametrize("end", [0, -1])
def test_a_bin_beyond_the_last_place_counts_as_its_own(end):
    """The curve goes on level for 1/BINS of a decade, and no farther."""
    for beyond, known in ((0.9 / BINS, True), (1.1 / BINS, False)):
        place = CHI[end] * 10 ** (beyond if end else -beyond)
        data = xr.Dataset(
            {
                "laziness": ("point", np.append(CHI, place)),
                "value": ("point", np.append(1 / CHI, 1 / place)),
                "group": ("point", ["others"] * len(CHI) + ["beyond"]),
            },
            attrs={"against": "laziness"},
        )
        (error,) = errors_of(collapse(data), "beyond")
        np.testing.assert_allclose(error, beyond if known else np.nan, rtol=1e-9)


K = np.logspace(-2, 0, 9)
PLANE = {"growth_per_step": np.repeat(K, 5), "laziness": np.tile(CHI[::4], len(K))}


@settings(max_examples=25)  # a triangulation each
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 2))
def test_planes_collapse_in_two_coordinates_and_a_plane_above_is_off(a, b, decades):
    law = PLANE["growth_per_step"] ** a * PLANE["laziness"] ** b
    result = collapse(made_up({"x": law, "y": law, "z": law, "above": law * 10**decades}, PLANE))
    expected = {"x": 0.0, "y": 0.0, "z": 0.0, "above": decades}
    for name, wanted in expected.items():
        found = errors_of(result, name)
        # The edge of the hull, 24 of 45 points, may be lost to rounding; its inside may not.
        assert np.isfinite(found).mean() >= 21 / 45
        np.testing.assert_allclose(found[np.isfinite(found)], wanted, atol=100 * ROUNDING)


def test_a_value_that_depends_on_both_coordinates_does_not_collapse_over_one():
    law = PLANE["growth_per_step"] * PLANE["laziness"]
    over_both = made_up({"x": law, "y": law}, PLANE)
    over_one = over_both.assign_attrs(against="laziness").assign(
        group=("point", [f"k = {k:.3g}" for k in over_both.growth_per_step.values])
    )
    assert collapse(over_both).quality < 100 * ROUNDING
    heights = np.log10(K)
    apart = [abs(height - np.median(np.delete(heights, i))) for i, height in enumerate(heights)]
    assert collapse(over_one).quality == pytest.approx(np.median(apart), abs=ROUNDING)


def test_a_surface_needs_more_than_a_triangle_of_places():
    places = {"growth_per_step": np.array([0.1, 0.1, 0.2]), "laziness": np.array([0.1, 1.0, 0.1])}
    result = collapse(made_up({"x": np.ones(3), "y": np.ones(3)}, places))
    assert np.isnan(result.error).all() and np.isnan(result.quality)


def test_others_on_one_line_have_no_surface():
    places = {"growth_per_step": np.full(len(CHI), 0.1), "laziness": CHI}
    result = collapse(made_up({"x": 1 / CHI, "y": 1 / CHI}, places))
    assert np.isnan(result.error).all()


# ---- points ---------------------------------------------------------------------------------------------------------


def summary(**changes):
    """Two sample numbers at four laziness values; the value tells every cell from every other."""
    dims = ("samples", "laziness")
    table = np.arange(1.0, 9).reshape(2, 4)
    data = xr.Dataset(
        {
            "phase": (dims, np.zeros((2, 4))),
            "change": ((*dims, "quantile"), table[..., None] * [0.1, 1.0, 10.0]),
            "growth_per_step": ("samples", [0.5, 0.25]),
        },
        coords={"samples": ("samples", [3, 5], {"symbol": "n"}), "laziness": [0.1, 1.0, 10.0, 100.0]},
    ).assign_coords(quantile=[0.16, 0.5, 0.84])
    return data.assign(**changes)


def test_every_cell_is_a_point_at_its_median():
    found = points({"first": summary(), "second": summary()}, "change", ("growth_per_step", "laziness"))
    assert found.sizes["point"] == 16
    np.testing.assert_array_equal(found.value, np.tile(np.arange(1.0, 9), 2))
    np.testing.assert_array_equal(found.laziness, np.tile([0.1, 1, 10, 100], 4))
    np.testing.assert_array_equal(found.growth_per_step, np.tile(np.repeat([0.5, 0.25], 4), 2))
    np.testing.assert_array_equal(found.cell, np.tile(np.arange(8), 2))
    assert found.attrs == {"observable": "change", "against": "growth_per_step laziness"}


def test_a_group_is_a_sweep_at_one_value_of_each_axis_that_is_no_coordinate():
    found = points({"first": summary(), "second": summary()}, "change", ("growth_per_step", "laziness"))
    names = [f"{sweep}, n = {n}" for sweep in ("first", "second") for n in (3, 5)]
    np.testing.assert_array_equal(found.group, np.repeat(names, 4))
    # Initial scales and steps are the coordinates by other names, whichever of them is an axis and whichever is drawn.
    scales = summary().rename({"laziness": "sigma_0"})
    scales["laziness"] = scales["phase"] + 2.0
    found = points({"first": scales}, "change")
    np.testing.assert_array_equal(found.group, np.repeat(["first, n = 3", "first, n = 5"], 4))
    # Another choice: the scales make groups, and samples none.
    found = points({"first": scales}, "change", along=("samples",))
    np.testing.assert_array_equal(found.group, np.tile([f"first, sigma_0 = {s:g}" for s in (0.1, 1, 10, 100)], 2))


def test_axes_that_advance_together_and_fixed_ones():
    """Of zipped axes each is named, numbers to four digits; what a slice has fixed is no axis."""
    both = summary().assign_coords(noise_std=("samples", [0.123456, 0.5]), source=("samples", ["uniform", "gaussian"]))
    assert set(points({"a": both}, "change").group.values) == {
        "a, n = 3, noise_std = 0.1235, source = uniform",
        "a, n = 5, noise_std = 0.5, source = gaussian",
    }
    assert set(points({"a": both.isel(samples=0)}, "change").group.values) == {"a"}


def test_cells_without_a_positive_number_are_no_points():
    table = np.arange(1.0, 9).reshape(2, 4)
    table[0] = [0, -1, np.nan, np.inf]
    without = summary(change=(("samples", "laziness"), table))
    found = points({"a": without}, "change")
    np.testing.assert_array_equal(found.value, [5, 6, 7, 8])
    np.testing.assert_array_equal(found.cell, [4, 5, 6, 7])
    unplaced = summary(growth_per_step=("samples", [np.nan, 0.25]))
    assert points({"a": unplaced}, "change", ("growth_per_step", "laziness")).sizes["point"] == 4
    assert points({"a": unplaced}, "change").sizes["point"] == 8


def test_dimensions_may_stand_in_any_order():
    turned = summary()
    turned["change"] = turned["change"].transpose("quantile", "laziness", "samples")
    one, other = points({"a": turned}, "change"), points({"a": summary()}, "change")
    assert one.identical(other)

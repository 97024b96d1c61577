"""Boundaries: level sets, their bands over replicates and their distances to predictions."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import lazyrich
from lazyrich.analysis.boundaries import (
    BAND,
    BANDED,
    BOUNDARIES,
    RESAMPLES,
    band,
    boundaries,
    coordinate,
    distances,
    level_set,
)
from lazyrich.analysis.fields import numeric_axes
from lazyrich.analysis.phases import Phase
from tests.made_up import OF_LINEAR

REDUCTIONS = pytest.mark.parametrize("reduce", [np.median, np.mean])
# Of numbers that differ by more than rounding, so that sums of them in another order do not change their ranks.
TABLES = hnp.arrays(
    float, st.tuples(st.integers(1, 4), st.integers(2, 7)), elements=st.integers(-1000, 1000).map(float), unique=True
)

# ---- level sets -----------------------------------------------------------------------------------------------------


def test_level_sets_are_exact_for_power_laws_on_log_axes():
    x, y = np.logspace(-3, 1, 9), np.logspace(-2, 2, 7)
    lines = level_set(x, y, np.outer(x**-1.0, y**-2.0), 1.0)
    line = np.concatenate(lines)
    np.testing.assert_allclose(line[:, 0] * line[:, 1] ** 2, 1.0, rtol=1e-10)


def test_level_sets_leave_out_cells_without_a_number_and_follow_falling_axes():
    x, y = np.linspace(3, 0, 4), np.linspace(0, 3, 4)
    field = np.add.outer(x, y)
    line = np.concatenate(level_set(x, y, field, 2.5))
    np.testing.assert_allclose(line.sum(axis=1), 2.5)
    field[x == 0] = np.nan
    assert np.concatenate(level_set(x, y, field, 2.5))[:, 0].min() >= 1
    assert level_set(x, y, np.full((4, 4), np.nan), 1.0) == []
    assert level_set(x[:1], y, field[:1], 1.0) == []


def test_an_axis_is_read_in_the_coordinate_in_which_it_is_even():
    assert coordinate(np.logspace(-3, 0, 7))[1]
    assert not coordinate(np.linspace(1, 2, 7))[1]
    assert not coordinate(np.array([0.0, 1, 10]))[1]


@pytest.mark.parametrize(
    ("values", "log"), [([0.01, 0.1], True), ([0.1, 0.01], True), ([2.0, 19], False), ([0.0, 1], False)]
)
def test_two_values_are_in_the_logarithm_from_a_decade_on(values, log):
    values = np.array(values)
    assert coordinate(values)[1] == log
    np.testing.assert_array_equal(coordinate(values)[0], np.log10(values) if log else values)


# ---- bands ----------------------------------------------------------------------------------------------------------


@REDUCTIONS
@given(TABLES)
def test_a_band_lies_at_its_quantiles_among_all_possible_resamples(reduce, table):
    """All R^R resamples of R ≤ 5 replicates, as if they were drawn without end."""
    table = table[:, :5]
    replicates = table.shape[1]
    chosen = np.array(list(product(range(replicates), repeat=replicates)))
    possible = reduce(table[:, chosen], axis=2)
    # A band's end is one of `RESAMPLES` draws: their distribution is off by four standard deviations of a share at most.
    error = 4 * np.sqrt(BAND[0] * BAND[1] / RESAMPLES)
    for end, q in zip(band(table, reduce), BAND, strict=True):
        rounding = 1e-12 * np.abs(possible).max()
        assert (np.mean(possible <= end[:, None] + rounding, axis=1) >= q - error).all()
        assert (np.mean(possible < end[:, None] - rounding, axis=1) <= q + error).all()


@REDUCTIONS
def test_a_band_is_the_bootstrap_of_scipy(reduce):
    """An end by 200 resamples has a standard deviation of √(q(1 − q)/200)/φ(z_q) = 0.107 of the estimate's own.

    The mean over 100 cells of independent replicates has a tenth of that, if resamples were drawn anew for each; they are
    the same, but act on independent numbers. (Of an odd number the median would be one of few, far apart.)
    """
    cells = 100
    table = np.random.default_rng(1).standard_normal((cells, 24))
    settings = {"n_resamples": 4000, "confidence_level": BAND[1] - BAND[0], "method": "percentile", "axis": 1}
    expected = stats.bootstrap((table,), reduce, vectorized=True, rng=np.random.default_rng(2), **settings)
    scale = expected.standard_error
    low, high = band(table, reduce)
    for found, wanted in ((low, expected.confidence_interval.low), (high, expected.confidence_interval.high)):
        assert np.abs(np.mean((found - wanted) / scale)) < 0.05


@REDUCTIONS
@given(TABLES, st.integers(-5, 5))
def test_a_band_moves_with_its_numbers_and_holds_what_they_are_reduced_to(reduce, table, shift):
    low, high = band(table, reduce)
    middle = reduce(table, axis=1)
    assert (low <= high).all()
    assert ((low <= middle + 1e-9) & (middle - 1e-9 <= high)).all()
    # Whole numbers below 10⁴, divided by at most 7.
    moved = band(table + shift, reduce)
    np.testing.assert_allclose(moved, (low + shift, high + shift), atol=1e-10)
    turned = band(-table, reduce)
    np.testing.assert_allclose(turned, (-high, -low), atol=1e-10)


def test_a_band_covers_a_standard_deviation_on_either_side():
    np.testing.assert_allclose(BAND, stats.norm.cdf([-1, 1]), atol=0.005)  # to two digits


def test_every_cell_is_resampled_alike_and_by_itself():
    """More cells than are held at a time; two cells of the same replicates have the same band, wherever they are."""
    table = np.random.default_rng(0).standard_normal((6000, 5))
    table[5999] = table[0]
    together = np.array(band(table, np.mean))
    np.testing.assert_array_equal(together[:, 5999], together[:, 0])
    for cell in (0, 3000, 5998):
        np.testing.assert_array_equal(np.array(band(table[[cell]], np.mean))[:, 0], together[:, cell])


@REDUCTIONS
@pytest.mark.parametrize("replicates", [0, 1])
def test_fewer_than_two_replicates_have_no_band(reduce, replicates):
    assert np.isnan(band(np.ones((3, replicates)), reduce)).all()
    assert (np.array(band(np.ones((3, 2)), reduce)) == 1).all()


@REDUCTIONS
def test_a_cell_that_lacks_a_replicate_has_no_band_and_costs_no_other_its_own(reduce):
    table = np.array([[1.0, 2, 3], [1, np.nan, 3], [4, 5, 6]])
    low, high = band(table, reduce)
    assert np.isnan([low[1], high[1]]).all()
    np.testing.assert_array_equal([low[[0, 2]], high[[0, 2]]], band(table[[0, 2]], reduce))


@REDUCTIONS
def test_a_band_of_infinite_replicates_is_no_nan(reduce):
    """Of five replicates the median is infinite with three of them, which is seldom for one infinite replicate of five."""
    one, all_of_them = np.array([[1.0, 2, 3, 4, np.inf]]), np.full((1, 5), np.inf)
    low, high = band(one, reduce)
    assert np.isfinite(low)
    assert np.isfinite(high) == (reduce is np.median)
    assert (np.array(band(all_of_them, reduce)) == np.inf).all()


def test_shares_are_averaged_and_other_measured_fields_are_not():
    measured = {boundary.field for boundary in BOUNDARIES.values() if not boundary.predicted}
    assert set(BANDED) == measured
    assert {field: reduce is np.mean for field, reduce in BANDED.items()} == {
        field: field.endswith("_share") for field in measured
    }
    assert np.mean([0, 0, 1, 1, 1.0]) != np.median([0, 0, 1, 1, 1.0])


# ---- distances ------------------------------------------------------------------------------------------------------

MEASURED, PREDICTED = "lazy_rich_measured", "lazy_rich_predicted"


def test_distances_are_in_cells_of_linear_and_logarithmic_axes():
    """Cells of 2 along x and of half a decade along y: a vertex 3 cells beside a line across, 1 cell beyond its end."""
    x, y = np.arange(0.0, 21, 2), 10 ** np.arange(-3, 2.1, 0.5)
    lines = {PREDICTED: [np.array([[4.0, 1e-2], [4.0, 1.0]])], MEASURED: [np.array([[10.0, 0.05], [10.0, 1e-1]])]}
    np.testing.assert_allclose(distances(lines, x, y)[MEASURED], [3, 3])
    lines[MEASURED] = [np.array([[4.0, 10**0.5]]), np.array([[4.0, 0.3]]), np.array([[8.0, 10.0]])]
    np.testing.assert_allclose(distances(lines, x, y)[MEASURED], [1, 0, 8**0.5], atol=1e-12)


def test_the_spacing_is_that_of_the_axis_in_whatever_direction():
    x, y = np.arange(0.0, 21, 2), np.logspace(-3, 2, 11)
    lines = {PREDICTED: [np.array([[4.0, 1e-2], [4.0, 1.0]])], MEASURED: [np.array([[10.0, 0.05]])]}
    np.testing.assert_array_equal(distances(lines, x, y)[MEASURED], distances(lines, x[::-1], y[::-1])[MEASURED])


POINTS = hnp.arrays(float, st.tuples(st.integers(1, 5), st.just(2)), elements=st.floats(-10, 10))
LINES = hnp.arrays(float, st.tuples(st.integers(2, 5), st.just(2)), elements=st.floats(-10, 10))


@given(POINTS, st.lists(LINES, min_size=1, max_size=3))
def test_the_nearest_point_may_lie_between_vertices(points, predicted):
    """Against every line cut into 2000 points a segment: no nearer, and by at most half a cut farther."""
    unit = np.arange(5.0)  # an axis of spacing 1
    found = distances({MEASURED: [points], PREDICTED: predicted}, unit, unit)[MEASURED]
    shares = np.linspace(0, 1, 2001)[:, None]
    cut = np.concatenate([a + shares * (b - a) for line in predicted for a, b in zip(line[:-1], line[1:], strict=True)])
    nearest = np.linalg.norm(points[:, None] - cut, axis=2).min(axis=1)
    longest = max(np.linalg.norm(np.diff(line, axis=0), axis=1).max() for line in predicted)
    assert (found <= nearest + 1e-12).all()
    assert (nearest <= found + longest / 4000 + 1e-12).all()


def test_distances_are_to_the_nearest_of_all_predictions_that_are_in_the_plane():
    unit = np.arange(5.0)
    far = [np.array([[0.0, 0.0], [1.0, 0.0]])]
    near = [np.array([[0.0, 2.0], [1.0, 2.0]])]
    found = [np.array([[0.5, 3.0], [0.5, 0.25]])]
    lines = {"convergence_measured": found, "convergence_measured_low": found, "assumption_predicted": near}
    # The assumption is no prediction of where networks converge.
    assert distances(lines, unit, unit) == {}
    lines["no_stable_solution_predicted"] = far
    np.testing.assert_allclose(distances(lines, unit, unit)["convergence_measured"], [3, 0.25])
    lines["lazy_divergence_predicted"] = near
    assert set(distances(lines, unit, unit)) == {"convergence_measured"}
    np.testing.assert_allclose(distances(lines, unit, unit)["convergence_measured"], [1, 0.25])


# ---- the boundaries of a summary ------------------------------------------------------------------------------------

CHI, K = np.logspace(-2, 2, 9), np.linspace(0.25, 2, 8)


def made_up(**fields):
    """A summary over laziness and growth per step with fields of these two, all networks settled and stable."""
    dims = ("laziness", "growth_per_step")
    data = xr.Dataset(
        {"phase": (dims, np.full((9, 8), Phase.lazy)), "stability_fraction": (dims, np.full((9, 8), 0.5))},
        coords={"laziness": CHI, "growth_per_step": K},
        attrs=OF_LINEAR,
    )
    chi, k = np.meshgrid(CHI, K, indexing="ij")
    return data.assign({name: (dims, function(chi, k)) for name, function in fields.items()})


def on(summary, name, x="laziness", y="growth_per_step"):
    return np.concatenate(boundaries(summary, x, y)[name])


def test_a_field_that_is_an_axis_has_its_boundary_across_the_plane():
    line = on(made_up(), "no_stable_solution_predicted")
    np.testing.assert_allclose(line[:, 1], BOUNDARIES["no_stable_solution_predicted"].level, rtol=1e-12)
    assert (line[:, 0].min(), line[:, 0].max()) == pytest.approx((CHI[0], CHI[-1]))
    turned = on(made_up(), "no_stable_solution_predicted", "growth_per_step", "laziness")
    np.testing.assert_allclose(turned[:, 0], 1.0, rtol=1e-12)


def test_the_median_over_replicates_has_the_boundary():
    summary = made_up(kernel_change_ratio=lambda chi, k: chi**-2.0)
    scales = xr.DataArray([0.1, 1.0, 10.0], coords={"quantile": [0.16, 0.5, 0.84]}, dims="quantile")
    summary["kernel_change_ratio"] = summary["kernel_change_ratio"] * 4 * scales
    np.testing.assert_allclose(on(summary, MEASURED)[:, 0], 2.0, rtol=1e-12)


def test_the_edges_of_a_band_follow_their_boundary():
    summary = made_up(
        kernel_change_ratio=lambda chi, k: 1 / chi,
        kernel_change_ratio_low=lambda chi, k: 0.5 / chi,
        kernel_change_ratio_high=lambda chi, k: 3 / chi,
        converged_share=lambda chi, k: 1 - k / 2,
        converged_share_low=lambda chi, k: np.full_like(k, np.nan),
    )
    for ending, chi in (("", 1.0), ("_low", 0.5), ("_high", 3.0)):
        np.testing.assert_allclose(on(summary, MEASURED + ending)[:, 0], chi, rtol=1e-12)
    found = boundaries(summary, "laziness", "growth_per_step")
    assert [name for name in found if name.startswith("convergence")] == ["convergence_measured"]
    assert list(found).index(MEASURED + "_low") == list(found).index(MEASURED) + 1


def test_of_a_boundary_that_is_not_there_no_edge_is_drawn():
    """All converge, and some resampled ones at the rim do not."""
    summary = made_up(converged_share=lambda chi, k: np.ones_like(k), converged_share_low=lambda chi, k: 1 - k / 2)
    assert not [name for name in boundaries(summary, "laziness", "growth_per_step") if name.startswith("convergence")]


@pytest.mark.parametrize(
    ("name", "field"), [(MEASURED, "kernel_change_ratio"), (PREDICTED, "kernel_change_ratio_predicted")]
)
def test_a_boundary_is_drawn_where_it_means_something(name, field):
    """Measured between networks that have settled, predicted where the solution of flow is stable."""
    summary = made_up(**{field: lambda chi, k: 1 / chi})
    assert on(summary, name)[:, 1].max() == pytest.approx(K[-1])
    beyond = (summary["growth_per_step"] > 1.0).broadcast_like(summary["phase"])
    if name == MEASURED:
        for phase in (Phase.catapult, Phase.oscillating, Phase.diverging, Phase.unfinished, Phase.failed):
            summary["phase"] = summary["phase"].where(~beyond, phase)
            assert on(summary, name)[:, 1].max() == pytest.approx(1.0)
        summary["phase"] = summary["phase"].where(~beyond, Phase.rich_two_stage)
    else:
        for fraction in (1.0, 3.0, np.nan):
            summary["stability_fraction"] = summary["stability_fraction"].where(~beyond, fraction)
            assert on(summary, name)[:, 1].max() == pytest.approx(1.0)
        summary["stability_fraction"] = summary["stability_fraction"].where(~beyond, 0.99)
    assert on(summary, name)[:, 1].max() == pytest.approx(K[-1])


def test_axes_of_numbers_in_the_order_that_was_asked_for():
    dims = ("source_index", "noise_std", "width", "training_tau", "laziness")
    summary = xr.Dataset(
        {"phase": (dims, np.zeros((2, 3, 2, 2, 1)))},
        coords={"noise_std": [0.0, 1, 2], "width": [1, 2], "training_tau": [1.0, 2], "laziness": [1.0]},
    ).assign_coords(source=("source_index", ["gaussian", "uniform"]))
    assert numeric_axes(summary) == ["noise_std", "width", "training_tau"]
    assert numeric_axes(summary, ("width", "noise_std")) == ["width", "noise_std", "training_tau"]
    assert numeric_axes(summary, ("training.tau",)) == ["training_tau", "noise_std", "width"]
    # What is no axis, or has one value, is not made one.
    assert numeric_axes(summary, ("network.laziness", "seed", "network.width")) == [
        "width",
        "noise_std",
        "training_tau",
    ]


# ---- end to end -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy():
    """Few samples of many dimensions, so that K ≈ κI, with three widths: the narrow ones' kernels vary with their draw."""
    return lazyrich.analyse(
        lazyrich.run(
            {
                "problem": {"samples": 4, "dimension": 10**7},
                "network": {"laziness": {"log": [0.05, 10], "points": 12}, "width": {"values": [10, 100, 10**9]}},
                "training": {"stability_fraction": 0.1, "tau": 40},
                "replicates": 9,
            }
        )
    )


def test_the_measured_field_lies_in_its_band_which_is_as_wide_as_replicates_differ(noisy):
    low, high = noisy.kernel_change_ratio_low, noisy.kernel_change_ratio_high
    median = noisy.kernel_change_ratio.sel(quantile=0.5)
    assert ((low <= median) & (median <= high)).all()
    # Replicates that are the same have no band; those of width m differ as 1/√m: of a decade in m by a factor 3.
    spread = np.log(high / low).median("laziness")
    assert spread.sel(width=10**9) < 1e-3
    assert 1.5 < spread.sel(width=10) / spread.sel(width=100) < 6


def test_the_measured_line_lies_within_its_band(noisy):
    """χ of each line at each width: the field falls along χ, so its lower edge ends first."""
    chi = {}
    for end in ("_low", "", "_high"):
        line = noisy.boundary == MEASURED + end
        assert line.sum() >= 3
        x, y = (noisy[name].values[line] for name in ("boundary_x", "boundary_y"))
        assert (noisy.boundary_x.axis_name, noisy.boundary_y.axis_name) == ("width", "laziness")
        order = np.argsort(x)
        chi[end] = np.interp(np.log(noisy.width.values), np.log(x[order]), np.log(y[order]))
    assert (chi["_low"] <= chi[""] + 1e-12).all() and (chi[""] <= chi["_high"] + 1e-12).all()
    assert chi["_high"][0] - chi["_low"][0] > 1e-2 > chi["_high"][2] - chi["_low"][2]


def test_distances_are_kept_beside_measured_lines_only(noisy):
    """Here within two cells: wide networks lie on the prediction, narrow ones off by their draw."""
    measured = noisy.boundary == MEASURED
    apart = noisy.boundary_distance.values
    assert np.isfinite(apart[measured]).all() and np.isnan(apart[~measured]).all()
    # χ = 1 for K = κI; the predicted line lies along the other axis.
    cell = np.diff(np.log(noisy.laziness.values)).mean()
    across = np.abs(np.log(noisy.boundary_y.values[measured])) / cell
    # d = 10⁷ and n = 4: κ_c of K = κI to √(n/d), far less than a hundredth of a cell.
    np.testing.assert_allclose(apart[measured], across, atol=0.05)
    assert apart[measured].max() < 2


def test_replicates_that_are_alike_have_a_band_of_no_width():
    run = lazyrich.run(
        {
            "problem": {"samples": 1, "dimension": 10},
            "network": {"laziness": {"log": [0.1, 10], "points": 4}, "width": 10**12},
            "training": {"growth_per_step": {"values": [0.1, 0.2]}, "steps": 100},
            "replicates": 1,
        }
    )
    summary = lazyrich.analyse(run)
    assert np.isnan(summary.kernel_change_ratio_low).all()
    assert not [name for name in np.unique(summary.boundary) if name.endswith(("_low", "_high"))]

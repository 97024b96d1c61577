"""The kernel change against χ: the right cells in the colours of their groups, beside the prediction; none of one group."""

import holoviews as hv
import holoviews.plotting.mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from lazyrich.analysis.collapse import collapse, points
from lazyrich.analysis.phases import Phase
from lazyrich.draw import collapse as module
from lazyrich.draw import style
from lazyrich.draw.collapse import collapse_figure
from lazyrich.sweep.reader import load_sweep
from lazyrich.theory.boundaries import kernel_change_isotropic
from tests.made_up import OF_LINEAR

SWEEP = load_sweep(
    {
        "problem": {"samples": 3, "dimension": 50},
        "network": {"width": 20, "laziness": {"log": [0.01, 100], "points": 9}},
        "training": {"growth_per_step": {"log": [0.05, 3], "points": 3}, "steps": 40},
        "replicates": 2,
    }
)
CHI = np.logspace(-2, 2, 9)


def summary(groups=3, chi=CHI, axis="growth_per_step", values=None, factors=None):
    """Cells of χ against another axis; the change is the prediction times a group's factor, or its number from 1."""
    values = np.logspace(-1, 0, groups) if values is None else values
    coords = {"laziness": ("laziness", chi, {"symbol": "χ"}), axis: (axis, values, {"symbol": "k"})}
    data = xr.Dataset(coords=coords, attrs=OF_LINEAR)
    predicted = xr.DataArray(kernel_change_isotropic(chi, 3) / kernel_change_isotropic(1.0, 3), dims="laziness")
    ones = xr.ones_like(predicted * xr.DataArray(np.ones(len(values)), dims=axis))
    data["phase"] = (ones * Phase.lazy).astype(int)
    data["networks"], data["converged_share"] = 2 * ones, ones
    data["kernel_change_ratio_predicted"] = predicted * ones
    data["kernel_change_ratio"] = predicted * xr.DataArray(factors or np.arange(1.0, len(values) + 1), dims=axis)
    return data


def drawn(data, backend, sweep=SWEEP):
    """(legend's entry -> (χ, change) of its points, entry -> (χ, change) of its line), as a backend draws them."""
    hv.Store.set_current_backend(backend)
    figure = hv.render(collapse_figure(sweep, data)[0](backend), backend=backend)
    if backend == "bokeh":
        labels = {r.id: item.label.value for item in figure.legend.items for r in item.renderers}
        found = {}
        for renderer in figure.renderers:
            columns = renderer.data_source.data
            found[labels[renderer.id]] = columns["laziness"], columns["kernel_change_ratio"]
        kinds = {labels[r.id]: type(r.glyph).__name__ for r in figure.renderers}
        scatters = {label: xy for label, xy in found.items() if kinds[label] == "Scatter"}
        return scatters, {label: xy for label, xy in found.items() if kinds[label] == "Line"}
    axes = figure.axes[0]
    scatters = {each.get_label(): each.get_offsets().data.T for each in axes.collections}
    lines = {each.get_label(): each.get_data() for each in axes.lines}
    plt.close(figure)
    return scatters, lines


def cells(*parts):
    """Points (χ, change) as a sorted list, of several places."""
    return sorted(zip(*(np.concatenate(each) for each in zip(*parts, strict=True)), strict=True))


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_a_cell_is_drawn_where_all_its_networks_converged_and_was_not_interpolated(backend):
    data = summary()
    data["converged_share"][0, 1] = 0.5
    data["networks"][1, 2] = 0
    data["phase"][8, 0] = Phase.catapult
    scatters, lines = drawn(data, backend)
    change = data.kernel_change_ratio.values
    expected = [(CHI[i], each) for (i, j), each in np.ndenumerate(change) if (i, j) not in ((0, 1), (1, 2))]
    np.testing.assert_allclose(cells(*scatters.values()), sorted(expected), rtol=1e-12)
    assert set(scatters) == {"k = 0.1", "k = 0.1, catapult", "k = 0.3162", "k = 1"}
    np.testing.assert_allclose(np.ravel(scatters["k = 0.1, catapult"]), (CHI[8], change[8, 0]), rtol=1e-12)
    # Bins of an eighth of a decade hold one χ each.
    np.testing.assert_allclose(lines["predicted"], [CHI, data.kernel_change_ratio_predicted[:, 0]], rtol=1e-9)
    assert set(lines["κ_c, rich above"][1]) == {1.0}


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_few_groups_have_a_colour_each_and_many_that_of_their_place_on_an_axis(backend):
    hv.Store.set_current_backend(backend)
    for groups in (module.MOST_GROUPS, module.MOST_GROUPS + 1):
        data = summary(groups)
        scatters, _ = drawn(data, backend)
        assert len(scatters) == (groups if groups == module.MOST_GROUPS else 1)
        figure = hv.render(collapse_figure(SWEEP, data)[0](backend), backend=backend)
        if groups > module.MOST_GROUPS:
            ends = (0.1, 1.0)
            if backend == "bokeh":
                (points_of,) = [r for r in figure.renderers if type(r.glyph).__name__ == "Scatter"]
                mapper = points_of.glyph.fill_color.transform
                assert points_of.glyph.fill_color.field in points_of.data_source.data
                columns = points_of.data_source.data
                np.testing.assert_array_equal(columns[points_of.glyph.fill_color.field], columns["growth_per_step"])
                assert type(mapper).__name__ == "LogColorMapper"
                np.testing.assert_allclose((mapper.low, mapper.high), ends, rtol=1e-12)
                assert "colour: k" in figure.title.text
                (bar,) = figure.right
                np.testing.assert_allclose(bar.ticker.ticks, [0.1, 0.2, 0.5, 1.0], rtol=1e-12)
            else:
                (points_of,) = figure.axes[0].collections
                chi, change = points_of.get_offsets().data.T
                number = np.rint(change / np.interp(np.log(chi), np.log(CHI), data.kernel_change_ratio[:, 0])).astype(
                    int
                )
                np.testing.assert_allclose(points_of.get_array(), data.growth_per_step.values[number - 1], rtol=1e-12)
                np.testing.assert_allclose(points_of.get_clim(), ends, rtol=1e-12)
                assert "colour: k" in figure.axes[0].get_title()
        plt.close("all")


def test_points_have_the_colour_of_their_group():
    data = summary(3)
    hv.Store.set_current_backend("bokeh")
    figure = hv.render(collapse_figure(SWEEP, data)[0]("bokeh"), backend="bokeh")
    for number, renderer in enumerate(r for r in figure.renderers if type(r.glyph).__name__ == "Scatter"):
        columns = renderer.data_source.data
        assert set(columns["growth_per_step"]) == {data.growth_per_step.values[number]}
        assert renderer.glyph.fill_color == style.CURVES[number]


def test_the_caption_says_how_well_and_of_what():
    data = summary(4, factors=[1.0, 1.0, 1.0, 1.5])
    _, caption = collapse_figure(SWEEP, data)
    found = collapse(points({"": data}, "kernel_change_ratio", along=("laziness",)))
    far = np.mean(found.error.values > module.FAR)
    assert far == 0.25
    assert f"In the median a cell is {found.quality:.2g} decades" in caption
    assert f"{far:.0%} are farther than 0.05 (a factor 1.12)" in caption
    assert "in 36 cells whose networks converged" in caption
    assert "(one k each; χ varies)" in caption
    assert "n = 3" in caption and "54 networks, seed 0" in caption
    assert "evenly chosen" not in caption


def test_many_cells_are_thinned_and_the_caption_says_so(monkeypatch):
    monkeypatch.setattr(module, "MOST_CELLS", 20)
    data = summary(7)
    scatters, _ = drawn(data, "bokeh")
    # Four of each axis, its ends among them.
    assert len(scatters) == 4 and {"k = 0.1", "k = 1"} <= set(scatters)
    assert all(len(chi) == 4 and {chi.min(), chi.max()} == {0.01, 100} for chi, _ in scatters.values())
    assert "16 of 63 cells, evenly chosen." in collapse_figure(SWEEP, data)[1]


def test_a_group_runs_along_the_axis_that_chi_varies_most_with():
    """σ₀ against v₀ has χ on neither axis; and an axis of names is a group's, too."""
    sigma, v = np.logspace(-3, 1, 9), np.logspace(-1, 0, 4)
    data = summary(4).rename(laziness="sigma_0", growth_per_step="v_0").assign_coords(sigma_0=sigma, v_0=v)
    data["laziness"] = data["sigma_0"] ** 2 + data["v_0"] ** 2
    scatters, _ = drawn(data, "bokeh")
    assert list(scatters) == [f"v_0 = {value:.4g}" for value in v]
    named = summary(2, axis="loss_index", values=[0, 1]).drop_vars("loss_index")
    named = named.assign_coords(activation=("loss_index", ["linear", "relu"], {"symbol": "φ"}))
    scatters, _ = drawn(named, "matplotlib")
    assert set(scatters) == {"φ = linear", "φ = relu"}


@pytest.mark.parametrize(
    "data",
    [
        summary(1).isel(growth_per_step=0),
        summary(1),
        summary(3, chi=np.linspace(1, 9, 9)),
        summary(3).assign(converged_share=lambda data: (data.growth_per_step < 0.2) * data.converged_share),
    ],
    ids=["one axis", "one value", "less than a decade", "one group that converged"],
)
def test_there_is_no_figure_of_one_group_or_one_chi(data):
    assert collapse_figure(SWEEP, data) is None


def test_groups_of_many_names_are_some_of_them_and_the_caption_says_so():
    names = [f"name {i}" for i in range(9)]
    data = summary(9, axis="loss_index", values=range(9)).drop_vars("loss_index")
    data = data.assign_coords(activation=("loss_index", names, {"symbol": "φ"}))
    scatters, _ = drawn(data, "bokeh")
    assert len(scatters) == module.MOST_GROUPS
    assert {"φ = name 0", "φ = name 8"} <= set(scatters)
    assert "6 of 9 groups, evenly chosen." in collapse_figure(SWEEP, data)[1]

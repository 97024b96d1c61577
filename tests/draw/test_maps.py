"""Maps: cells where their values are, in their colours, in both backends; no wrong picture without a warning."""

import io

import holoviews as hv
import holoviews.plotting.mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from lazyrich.analysis.phases import PHASES, RICH_VOTES, Phase
from lazyrich.analysis.theories import BEST_THEORY
from lazyrich.draw import maps, style
from lazyrich.draw.map_frame import MapFrame
from tests.made_up import OF_LINEAR

X = np.array([1e-3, 1e-2, 1e-1, 1.0])
Y = np.array([1e-2, 1.0, 1e2])


CODES = (PHASES, RICH_VOTES, BEST_THEORY)


def frame_of(data, backend, title="title", axes=("sigma_0", "v_0"), **options):
    return MapFrame(data, *axes, backend, title, **options)


def code_map(data, codes, *frame, **options):
    return maps.code_map(frame_of(data, *frame, **options), codes)


def value_map(data, name, *frame, **options):
    return maps.value_map(frame_of(data, *frame, **options), name)


def phase_map(data, backend, lines=()):
    return code_map(data, PHASES, backend, lines=lines)


def summary(**fields):
    data = xr.Dataset(coords={"sigma_0": X, "v_0": Y}, attrs=OF_LINEAR)
    fields = {"phase": np.full((4, 3), Phase.lazy), "networks": np.ones((4, 3), dtype=int)} | fields
    for name, values in fields.items():
        data[name] = (("sigma_0", "v_0"), np.asarray(values))
    for name in data.variables:
        data[name].attrs = {"long_name": f"meaning of {name}", "symbol": name}
    return data


def pixels(overlay):
    """(figure, RGB image) as matplotlib draws it."""
    hv.Store.set_current_backend("matplotlib")
    figure = hv.render(overlay, backend="matplotlib")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba", dpi=figure.dpi)
    width, height = figure.canvas.get_width_height()
    image = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(height, width, 4)[..., :3]
    plt.close(figure)
    return figure, image


def colour_at(figure, image, x, y):
    """The colour of the pixel at data coordinates (x, y) of the map."""
    column, row = figure.axes[0].transData.transform((x, y))
    return tuple(int(c) for c in image[image.shape[0] - 1 - round(row), round(column)])


def rgb(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


LOWEST = tuple(round(255 * c) for c in plt.get_cmap("viridis")(0.0)[:3])


def in_bokeh(overlay):
    """(figure, renderer of the cells, what it paints (y, x))."""
    hv.Store.set_current_backend("bokeh")
    figure = hv.render(overlay, backend="bokeh")
    (cells,) = [r for r in figure.renderers if r.name == "cells"]
    if "image" in cells.data_source.data:
        return figure, cells, cells.data_source.data["image"][0]
    across = len(np.unique(cells.data_source.data["left"]))  # quads column by column
    return figure, cells, cells.data_source.data[cells.glyph.fill_color.field].reshape(across, -1).T


def mapper_of(cells):
    return cells.glyph.color_mapper if hasattr(cells.glyph, "color_mapper") else cells.glyph.fill_color.transform


def drawn_edges(data, backend):
    """(of the first axis, of the second), as the backend is told to draw the cells of a map."""
    if backend == "matplotlib":
        figure, _ = pixels(phase_map(data, backend))
        (mesh,) = figure.axes[0].collections
        corners = mesh.get_coordinates()  # (rows + 1, columns + 1, 2)
        return corners[0, :, 0], corners[:, 0, 1]
    _, cells, painted = in_bokeh(phase_map(data, backend))
    source = cells.data_source.data
    if "image" not in source:
        return [np.unique(np.concatenate([source[a], source[b]])) for a, b in (("left", "right"), ("bottom", "top"))]
    ends = ((source[at][0], source[at][0] + source[size][0]) for at, size in (("x", "dw"), ("y", "dh")))
    # Bokeh stretches an image evenly on the screen, so that on log axes its cells are even in the logarithm.
    return [np.geomspace(*each, count + 1) for each, count in zip(ends, painted.shape[::-1], strict=True)]


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [0, 1, 3]], ids=["even", "uneven"])
def test_cells_are_drawn_between_geometric_edges(columns, backend):
    """The backends' own, inferred arithmetically, would begin below zero on a coarse log axis."""
    ends = {4: [-3.5, -2.5, -1.5, -0.5, 0.5], 3: [-3.5, -2.5, -1.0, 1.0]}[len(columns)]
    across, up = drawn_edges(summary().isel(sigma_0=columns), backend)
    np.testing.assert_allclose(across, 10.0 ** np.array(ends), rtol=1e-12)
    np.testing.assert_allclose(up, 10.0 ** np.array([-3, -1, 1, 3]), rtol=1e-12)


def test_edges_are_geometric_on_a_log_axis():
    """Inferred arithmetically, the first edge of a coarse log axis would be negative."""
    edges, log = style.edges(X)
    assert log
    np.testing.assert_allclose(edges, 10.0 ** np.array([-3.5, -2.5, -1.5, -0.5, 0.5]), rtol=1e-12)
    edges, log = style.edges(np.array([1.0, 2.0, 3.0]))
    assert not log
    np.testing.assert_allclose(edges, [0.5, 1.5, 2.5, 3.5])


@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [0, 1, 3]], ids=["even", "uneven"])
@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.name)
def test_each_cell_has_the_colour_of_its_code_in_matplotlib(codes, columns):
    """From edge to edge, on log axes: as an image cells would stand where they are on linear ones (Bokeh: test_browser)."""
    values = np.arange(12).reshape(4, 3) % len(codes.words)
    data = summary(**{codes.name: values}).isel(sigma_0=columns)
    figure, image = pixels(code_map(data, codes, "matplotlib"))
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    # Half-way between neighbours in the logarithm.
    ends = {len(X): [-3.5, -2.5, -1.5, -0.5, 0.5], 3: [-3.5, -2.5, -1.0, 1.0]}[len(columns)]
    inside = np.array([0.06, 0.5, 0.94])  # of a cell, clear of its neighbours' pixels
    for i, code in np.ndenumerate(values[columns]):
        for across in ends[i[0]] + inside * (ends[i[0] + 1] - ends[i[0]]):
            for up in [-3, -1, 1][i[1]] + inside * 2:
                assert colour_at(figure, image, 10**across, 10**up) == rgb(codes.colours[code])


@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.name)
def test_every_code_has_words_and_a_colour_of_its_own(codes):
    assert set(codes.words) == set(codes.colours)
    assert len(set(codes.words.values())) == len(codes.words)
    assert len(set(codes.colours.values())) == len(codes.colours)


def test_bokeh_draws_the_same_cells_between_the_same_edges():
    codes = np.arange(12).reshape(4, 3) % 6
    hv.Store.set_current_backend("bokeh")
    figure = hv.render(phase_map(summary(phase=codes), "bokeh"), backend="bokeh")
    (renderer,) = [r for r in figure.renderers if type(r.glyph).__name__ == "Image"]
    source = renderer.data_source.data
    image = source["image"][0]
    np.testing.assert_array_equal(
        image, codes.T
    )  # all six phases are present: shown as themselves, row 0 at the bottom
    np.testing.assert_allclose([source["x"][0], source["y"][0]], [10**-3.5, 10**-3], rtol=1e-12)
    np.testing.assert_allclose(source["x"][0] + source["dw"][0], 10**0.5, rtol=1e-12)
    assert type(figure.x_scale).__name__ == type(figure.y_scale).__name__ == "LogScale"
    assert list(renderer.glyph.color_mapper.palette) == [PHASES.colours[Phase(code)] for code in range(6)]


def test_zero_has_the_lowest_colour_and_no_value_is_grey():
    """Under a log colour scale matplotlib would paint 0 as missing: a converged network would look diverged."""
    values = np.full((4, 3), 1.0)
    values[0, 0], values[1, 1], values[2, 2] = 0.0, np.nan, 1e-6
    data = summary(loss=values)
    figure, image = pixels(value_map(data, "loss", "matplotlib"))
    assert colour_at(figure, image, X[0], Y[0]) == colour_at(figure, image, X[2], Y[2]) == LOWEST
    assert colour_at(figure, image, X[1], Y[1]) == rgb(style.NO_VALUE)

    _, cells, painted = in_bokeh(value_map(data, "loss", "bokeh"))
    mapper = mapper_of(cells)
    assert type(mapper).__name__ == "LogColorMapper"
    assert mapper.nan_color == style.NO_VALUE
    assert painted[0, 0] == mapper.low == 1e-6
    assert np.isnan(painted[1, 1])


# Values of a linear and of a logarithmic scale, of either sign, and of one value only, which leaves no scale.
VALUES = {
    "linear": np.linspace(1.0, 2.0, 12),
    "negative": np.linspace(-7.0, -2.0, 12),
    "logarithmic": np.logspace(-6, 0, 12),
    "one value": np.ones(12),
    "only zero": np.zeros(12),
}


@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [0, 1, 3]], ids=["even", "uneven"])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_cell_that_was_not_run_is_white_and_one_without_a_value_grey(values, columns):
    """Neither of them has a number; a cell of a refined sweep that was not trained may have an interpolated one."""
    values, networks = values.reshape(4, 3).copy(), np.ones((4, 3), dtype=int)
    values[0, 1] = np.nan  # diverged
    values[1, 2] = np.inf
    values[3, 0], networks[3, 0] = np.nan, 0
    networks[1, 0] = 0  # interpolated
    data = summary(loss=values, networks=networks).isel(sigma_0=columns)
    figure, image = pixels(value_map(data, "loss", "matplotlib"))
    _, cells, painted = in_bokeh(value_map(data, "loss", "bokeh"))
    mapper = mapper_of(cells)
    assert (mapper.nan_color, mapper.low_color, mapper.high_color) == (style.NO_VALUE, style.NOT_RUN, None)
    assert mapper.low < mapper.high
    for i, x in enumerate(data.sigma_0.values):
        for j, y in enumerate(Y):
            colour, number, value = colour_at(figure, image, x, y), painted[j, i], data.loss.values[i, j]
            if np.isfinite(value):
                assert colour not in (rgb(style.NO_VALUE), rgb(style.NOT_RUN))
                assert number == value and mapper.low <= value <= mapper.high
            elif data.networks.values[i, j]:
                assert colour == rgb(style.NO_VALUE)
                assert np.isnan(number)
            else:
                assert colour == rgb(style.NOT_RUN)
                # In single precision, too, which browsers may turn it into.
                assert np.float32(number) < np.float32(mapper.low)
                assert number > 0 or type(mapper).__name__ == "LinearColorMapper"


def test_a_code_that_a_map_has_no_colour_for_has_none():
    """A number beyond the codes would be painted as the last of them."""
    data = summary(phase=np.array([[Phase.lazy] * 3, [Phase.catapult] * 3, [Phase.diverging] * 3, [Phase.not_run] * 3]))
    whole = data.isel(sigma_0=[0, 2])
    options = {"whole": whole}
    figure, image = pixels(code_map(data, PHASES, "matplotlib", **options))
    _, cells, painted = in_bokeh(code_map(data, PHASES, "bokeh", **options))
    assert list(mapper_of(cells).palette) == [PHASES.colours[p] for p in (Phase.lazy, Phase.diverging)]
    assert mapper_of(cells).nan_color == "rgba(0, 0, 0, 0)"
    np.testing.assert_array_equal(painted, np.tile([0, np.nan, 1, np.nan], (3, 1)))
    for x, phase in zip(X, (Phase.lazy, None, Phase.diverging, None), strict=True):
        expected = (255, 255, 255) if phase is None else rgb(PHASES.colours[phase])
        assert colour_at(figure, image, x, Y[1]) == expected


@pytest.mark.parametrize("codes", CODES[1:], ids=lambda codes: codes.name)
def test_a_cell_that_was_not_run_has_no_code_but_its_phase(codes):
    """Its code is that of a network of which nothing can be said, which differs from a network that was not trained."""
    values = np.full((4, 3), max(codes.words))
    phase = np.full((4, 3), Phase.diverging)
    phase[2] = Phase.not_run
    data = summary(**{codes.name: values, "phase": phase})
    figure, image = pixels(code_map(data, codes, "matplotlib"))
    assert colour_at(figure, image, X[2], Y[1]) == rgb(style.NOT_RUN)
    assert colour_at(figure, image, X[1], Y[1]) == rgb(codes.colours[max(codes.words)])
    _, _, painted = in_bokeh(code_map(data, codes, "bokeh"))
    np.testing.assert_array_equal(painted, np.tile([0, 0, np.nan, 0], (3, 1)))


def seen_in(overlay, backend):
    """(limits of the colours, title, words at the colour bar, ranges of both axes) of a map as it is drawn."""
    if backend == "bokeh":
        figure, cells, _ = in_bokeh(overlay)
        mapper, (bar,) = mapper_of(cells), figure.right
        assert bar.color_mapper is mapper
        ranges = [(each.start, each.end) for each in (figure.x_range, figure.y_range)]
        return (mapper.low, mapper.high), figure.title.text, bar.title or "", ranges
    figure, _ = pixels(overlay)
    (axes,) = figure.axes
    (bar,) = axes.child_axes
    (mesh,) = axes.collections
    low, high = mesh.get_clim()
    assert bar.get_ylim() == (low, high)
    return (low, high), axes.get_title(), bar.get_ylabel(), [axes.get_xlim(), axes.get_ylim()]


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_each_map_has_its_own_colours_and_title(backend):
    """Plots shared between variables, as HoloViews' own HoloMap makes them, keep those of the first."""
    data = summary(loss=np.linspace(1, 2, 12).reshape(4, 3), rho=np.linspace(100, 200, 12).reshape(4, 3))
    for name, limits in (("loss", (1, 2)), ("rho", (100, 200)), ("loss", (1, 2))):
        seen = seen_in(value_map(data, name, backend, f"Title of {name}"), backend)
        assert seen[0] == limits
        # Bokeh has the symbol in the title: beside its bar it would be cut off.
        assert seen[1:3] == ((f"Title of {name}: {name}", "") if backend == "bokeh" else (f"Title of {name}", name))


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_each_map_has_the_ranges_of_its_own_axes(backend):
    data = summary()
    for axes in (("sigma_0", "v_0"), ("v_0", "sigma_0"), ("sigma_0", "v_0")):
        overlay = code_map(data, PHASES, backend, axes=axes)
        *_, ranges = seen_in(overlay, backend)
        for axis, shown in zip(axes, ranges, strict=True):
            edges, _ = style.edges(data[axis].values)
            np.testing.assert_allclose(shown, edges[[0, -1]], rtol=1e-12)


def test_diverged_failed_and_not_run_look_different_though_none_has_a_number():
    """NaN cannot say which of them it is: the phase does, and beside it the number of networks."""
    phase = np.full((4, 3), Phase.lazy)
    phase[0, 0], phase[1, 0], phase[2, 0] = without = Phase.diverging, Phase.failed, Phase.not_run
    data = summary(phase=phase, networks=(phase != Phase.not_run).astype(int))
    data["loss"] = xr.where(data["phase"] == Phase.lazy, 1.0, np.nan).assign_attrs(symbol="L", long_name="loss")
    figure, image = pixels(phase_map(data, "matplotlib"))
    _, cells, painted = in_bokeh(phase_map(data, "bokeh"))
    numbers = pixels(value_map(data, "loss", "matplotlib"))
    _, _, in_numbers = in_bokeh(value_map(data, "loss", "bokeh"))
    for i, each in enumerate(without):
        expected = PHASES.colours[each]
        assert colour_at(figure, image, X[i], Y[0]) == rgb(expected)
        assert mapper_of(cells).palette[int(painted[0, i])] == expected
        of_number = style.NOT_RUN if each == Phase.not_run else style.NO_VALUE
        assert colour_at(*numbers, X[i], Y[0]) == rgb(of_number)
        assert np.isnan(in_numbers[0, i]) == (each != Phase.not_run)
    assert len({PHASES.colours[each] for each in without}) == len(without)


def test_measured_and_predicted_boundaries_and_their_band_are_in_the_legend():
    ratio = np.outer(X, Y) ** -1.0
    data = summary(
        kernel_change_ratio=ratio,
        kernel_change_ratio_low=ratio / 2,
        kernel_change_ratio_high=ratio * 2,
        kernel_change_ratio_predicted=ratio,
        stability_fraction=np.full((4, 3), 0.1),
    )
    hv.Store.set_current_backend("bokeh")

    def labels(lines):
        figure = hv.render(phase_map(data, "bokeh", lines), backend="bokeh")
        return [item.label.value.split(":")[0] for legend in figure.legend for item in legend.items]

    measured = ["lazy–rich, measured", "its 16% to 84% band over replicates"]
    assert labels(("lazy_rich_predicted", "lazy_rich_measured")) == [*measured, "lazy–rich, predicted"]
    assert labels(("lazy_rich_predicted",)) == ["lazy–rich, predicted"]


def test_axis_labels_carry_symbol_and_meaning():
    data = summary()
    data.sigma_0.attrs = {"symbol": "σ₀", "long_name": "initial scale of the first layer"}
    assert style.axis_label(data, "sigma_0") == "σ₀, initial scale of the first layer"


@pytest.mark.parametrize(("value", "text"), [(1e-5, "10⁻⁵"), (1.0, "10⁰"), (10.0, "10¹"), (3.0, ""), (0.0, "")])
def test_ticks_read_as_powers_of_ten(value, text):
    assert style.power_of_ten(value) == text

"""Maps: cells where their values are, in their colours, in both backends; no wrong picture without a warning."""

import io

import holoviews as hv
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from lazyrich.draw import maps, style
from lazyrich.phases import Phase

X = np.array([1e-3, 1e-2, 1e-1, 1.0])
Y = np.array([1e-2, 1.0, 1e2])


CODES = (maps.PHASES, maps.VOTES, maps.THEORIES)


def phase_map(data, backend, lines=()):
    return maps.code_map(data, "sigma_0", "v_0", maps.PHASES, backend, "title", lines)


def summary(**fields):
    data = xr.Dataset(coords={"sigma_0": X, "v_0": Y})
    data["phase"] = (("sigma_0", "v_0"), np.full((4, 3), Phase.lazy))
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


def test_edges_are_geometric_on_a_log_axis():
    """Inferred arithmetically, the first edge of a coarse log axis would be negative."""
    edges, log = style.edges(X)
    assert log
    np.testing.assert_allclose(edges, 10.0 ** np.array([-3.5, -2.5, -1.5, -0.5, 0.5]), rtol=1e-12)
    edges, log = style.edges(np.array([1.0, 2.0, 3.0]))
    assert not log
    np.testing.assert_allclose(edges, [0.5, 1.5, 2.5, 3.5])


@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.name)
def test_each_cell_has_the_colour_of_its_code_in_matplotlib(codes):
    values = np.arange(12).reshape(4, 3) % len(codes.words)
    data = summary(**{codes.name: values})
    figure, image = pixels(maps.code_map(data, "sigma_0", "v_0", codes, "matplotlib", "title", ()))
    for i, x in enumerate(X):
        for j, y in enumerate(Y):
            assert colour_at(figure, image, x, y) == rgb(codes.colours[values[i, j]])


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
    assert list(renderer.glyph.color_mapper.palette) == [style.PHASE_COLOURS[Phase(code)] for code in range(6)]


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_an_uneven_axis_keeps_its_own_edges(backend):
    data = summary().isel(sigma_0=[0, 1, 3])
    hv.Store.set_current_backend(backend)
    overlay = phase_map(data, backend)
    (mesh,) = [element for element in overlay if isinstance(element, hv.QuadMesh)]
    expected, _ = style.edges(data.sigma_0.values)
    np.testing.assert_allclose(mesh.interface.coords(mesh, "sigma_0", edges=True), expected, rtol=1e-12)
    hv.render(overlay, backend=backend)


def test_zero_has_the_lowest_colour_and_no_value_is_grey():
    """Under a log colour scale matplotlib would paint 0 as missing: a converged network would look diverged."""
    values = np.full((4, 3), 1.0)
    values[0, 0], values[1, 1], values[2, 2] = 0.0, np.nan, 1e-6
    data = summary(loss=values)
    figure, image = pixels(maps.value_map(data, "sigma_0", "v_0", "loss", "matplotlib", "title", ()))
    lowest = tuple(round(255 * c) for c in plt.get_cmap("viridis")(0.0)[:3])
    assert colour_at(figure, image, X[0], Y[0]) == colour_at(figure, image, X[2], Y[2]) == lowest
    assert colour_at(figure, image, X[1], Y[1]) == rgb(style.NO_VALUE)

    hv.Store.set_current_backend("bokeh")
    drawn = hv.render(maps.value_map(data, "sigma_0", "v_0", "loss", "bokeh", "title", ()), backend="bokeh")
    (renderer,) = [r for r in drawn.renderers if type(r.glyph).__name__ == "Image"]
    mapper = renderer.glyph.color_mapper
    assert type(mapper).__name__ == "LogColorMapper"
    assert mapper.nan_color == style.NO_VALUE
    assert renderer.data_source.data["image"][0][0, 0] == mapper.low == 1e-6


def test_each_map_has_its_own_colours_and_title():
    """Shared plots keep the first variable's mapper and title."""
    data = summary(loss=np.linspace(1, 2, 12).reshape(4, 3), rho=np.linspace(100, 200, 12).reshape(4, 3))
    hv.Store.set_current_backend("bokeh")
    for name, limits in (("loss", (1, 2)), ("rho", (100, 200))):
        figure = hv.render(maps.value_map(data, "sigma_0", "v_0", name, "bokeh", "Title", ()), backend="bokeh")
        (renderer,) = [r for r in figure.renderers if type(r.glyph).__name__ == "Image"]
        assert (renderer.glyph.color_mapper.low, renderer.glyph.color_mapper.high) == limits
        assert figure.title.text == f"Title: {name}"


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

"""What is taken home from the explorer: pictures, numbers, sweep files, commands and addresses."""

import html
import shlex
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from PIL import Image

from lazyrich.cli import main
from lazyrich.draw.pictures import matplotlib_figure
from lazyrich.explore.explorer import Explorer
from lazyrich.explore.source import Sources
from lazyrich.explore.state import LINKED, Address, State
from lazyrich.shards import archive
from lazyrich.sweep.reader import load_sweep

from .common import select
from .conftest import SWEEP


@pytest.fixture(scope="module")
def page(folder):
    return Explorer(Sources(folder / "config/sweeps", folder / "results"))


def start(page, **view):
    """The whole map of χ and k at n = 5, but for what `view` says."""
    axes = {"x": "laziness", "y": "growth_per_step", "slices": {"samples": 1}, "coordinates": "", "part": []}
    page.session.state.param.update(
        sweep="done", **{**axes, "show": "phase_diagram", "quantile": 0.5, "lines": True, **view}
    )


def test_the_sweep_file_of_a_part_is_one_and_covers_it(page, tmp_path):
    page.session.state.param.update(sweep="done", x="laziness", y="growth_per_step")
    select(page, (2.0, 0.1), (0.001, 0.3))
    path = tmp_path / "finer.yaml"
    path.write_text(page.session.finer().read())
    found = load_sweep(path)
    assert [found.dims["laziness",][i][0] for i in (0, -1)] == [0.1, 2.0]
    low = found.dims["growth_per_step",][0][0]
    assert low == 0.02  # no further than the axis
    assert len(found.dims["laziness",]) == 7
    assert yaml.safe_load(path.read_text())["problem"] == SWEEP["problem"]


@pytest.mark.parametrize("results", ["results", "other results"])
def test_the_command_that_is_shown_replays_the_cell(folder, results, tmp_path, monkeypatch, capsys):
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    Path("results").rename(results)
    page = Explorer(Sources(Path("config/sweeps"), Path(results)))
    page.session.state.param.update(sweep="done", cell=17)
    shown = html.unescape(page.words["cell"].object.split("<code>")[1].split("</code>")[0])
    program, *arguments = shlex.split(shown)
    assert program == "lazyrich" and main(arguments) == 0
    said = capsys.readouterr().out
    grid = page.session.source.summary.phase
    here = grid.isel(dict(zip(grid.dims, np.unravel_index(17, grid.shape), strict=True)))
    assert f"cell      {', '.join(f'{name} = {here[name].item():.12g}' for name in grid.dims)}, replicate 0\n" in said
    assert f"stored    {results}/done/shards/" in said and "they agree to rounding" in said


def test_pictures_and_data_are_those_of_the_plane(page, tmp_path):
    start(page)
    assert page.session.picture("png").read(8) == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in page.session.picture("svg").read()
    with archive.read(page.session.source.home / "summary.nc") as data:
        summary = data.load().isel(samples=1)
    (tmp_path / "plane.nc").write_bytes(page.session.data("nc").read())
    with xr.open_dataset(tmp_path / "plane.nc") as data:
        np.testing.assert_array_equal(data.phase, summary.phase)
    table = pd.read_csv(page.session.data("csv"))
    assert len(table) == 35
    np.testing.assert_allclose(table.kernel_change, summary.kernel_change.sel(quantile=0.5).values.ravel(), rtol=1e-12)


@pytest.mark.parametrize("quantile", [0.5, 0.16])
@pytest.mark.parametrize("show", ["kernel_change", "during_loss", "during_stage"])
def test_what_is_taken_home_says_what_it_is(page, show, quantile, tmp_path):
    """Heading, slice, time, quantile, networks and how to make it again: in pictures, and beside numbers."""
    page.session.state.param.update(
        sweep="done",
        x="laziness",
        y="growth_per_step",
        slices={"samples": 1},
        show=show,
        quantile=quantile,
        moment=20,
        part=[],
    )
    time = page.session.source.times[20]
    words = [page.map.figure.title.text, "n = 5", "140 networks, seed 0"]
    if show != "during_stage":
        words.append(f"{'median' if quantile == 0.5 else '16% quantile'} of 2 replicates")
    if show != "kernel_change":
        words.append(f"at τ = {time:.3g},")
    home = page.session.source.home
    command = (
        f"snakemake --cores all --config results={home.parent} -- {home}/summary.nc; lazyrich explore {home.parent}"
    )
    command += f", at /{page.session.state.query}"
    said = f"{page.session.caption()} Made by: {command}"
    assert all(each in said for each in words), said
    assert Image.open(page.session.picture("png")).text["Description"] == said
    svg = page.session.picture("svg").read()
    assert said in html.unescape(svg.decode()) and svg == page.session.picture("svg").read()
    (tmp_path / "plane.nc").write_bytes(page.session.data("nc").read())
    table = pd.read_csv(page.session.data("csv"))
    with archive.read(tmp_path / "plane.nc") as data:
        assert (
            data.attrs["title"] == f"Explored: {page.session.heading()}"
            and data.attrs["description"] == "Made by a test."
        )
        assert data.attrs["shown"] == page.session.caption() and data.attrs["command"] == command
        assert {"recipe", "Conventions", "lazyrich_version"} <= set(data.attrs)
        assert all(data[name].attrs["units"] == "1" for name in data.coords)
        values = data[show]
        assert values.attrs["long_name"]
        if show == "during_stage":
            assert values.attrs["flag_meanings"].split()[0] == "one"
        if show != "kernel_change":
            assert data.training_time.item() == time and data["quantile"].item() == quantile
            assert data.training_time.attrs == {
                "long_name": "dimensionless time h t of training",
                "symbol": "τ",
                "units": "1",
            }
            np.testing.assert_allclose(table.training_time, time, rtol=1e-12)
        values = values.sel(quantile=quantile) if "quantile" in values.dims else values
        np.testing.assert_allclose(table[values.name], values.values.ravel(), rtol=1e-6)  # moments are float32
    assert (table["quantile"] == quantile).all()


def test_the_address_that_is_taken_home_restores_the_view(page):
    page.session.state.param.update(
        sweep="done", x="growth_per_step", y="samples", show="during_loss", moment=7, cell=3, lines=False
    )
    page.session.state.slices = {"laziness": 2}
    restored = State()
    Address(search=page.session.state.query).sync(restored, list(LINKED))
    assert {name: getattr(restored, name) for name in LINKED} == {
        name: getattr(page.session.state, name) for name in LINKED
    }
    page.session.state.param.update(lines=True, cell=-1)


@pytest.mark.parametrize("kind", ["nc", "csv"])
def test_no_thread_reads_while_numbers_are_read_and_written(folder, kind, monkeypatch):
    """HDF5 is not thread-safe, files of other names included."""
    page = Explorer(Sources(folder / "config/sweeps", folder / "results"))
    taken = []

    def tried(original):
        def instead(*arguments, **options):
            other = threading.Thread(target=lambda: taken.append(archive.LOCK.acquire(blocking=False)))
            other.start()
            other.join()
            return original(*arguments, **options)

        return instead

    page.session.state.sweep = "done"
    monkeypatch.setattr(archive, "write", tried(archive.write))
    monkeypatch.setattr(xr.Dataset, "load", tried(xr.Dataset.load))
    page.session.data(kind)
    assert len(taken) == (2 if kind == "nc" else 1) and not any(taken)


PART = [0.05, 3.0, 0.1, 0.5]  # of the map of χ and k: left, right, lowest, highest


def columns_and_rows(page, part):
    """Which values of both axes have a cell that a rectangle of the map shows."""
    where = page.session.where
    return (
        [
            v
            for v, a, b in zip(where.x_values, where.x_edges, where.x_edges[1:], strict=False)
            if b > part[0] and a < part[1]
        ],
        [
            v
            for v, a, b in zip(where.y_values, where.y_edges, where.y_edges[1:], strict=False)
            if b > part[2] and a < part[3]
        ],
    )


@pytest.mark.parametrize("show", ["phase_diagram", "during_loss"])
def test_numbers_are_those_of_the_part_that_is_seen(page, show, tmp_path):
    start(page, show=show)
    page.session.state.part = PART
    chi, k = columns_and_rows(page, PART)
    assert 1 < len(chi) < 7 and 1 < len(k) < 5
    (tmp_path / "part.nc").write_bytes(page.session.data("nc").read())
    with xr.open_dataset(tmp_path / "part.nc") as data:
        np.testing.assert_allclose(data.laziness, chi)
        np.testing.assert_allclose(data.growth_per_step, k)
        assert data.samples.item() == 5 and "seen" not in data
        assert "χ from 0.05 to 3, k from 0.1 to 0.5" in data.attrs["part"]
    table = pd.read_csv(page.session.data("csv"))
    assert len(table) == len(chi) * len(k) and set(table.samples) == {5}
    assert table.laziness.between(chi[0] * 0.999, chi[-1] * 1.001).all()
    assert (
        "Part of the map: χ from 0.05 to 3, k from 0.1 to 0.5."
        in Image.open(page.session.picture("png")).text["Description"]
    )
    # Within one cell, too.
    page.session.state.part = [float(end) for value in (chi[0], k[0]) for end in (value * 1.001, value * 1.002)]
    table = pd.read_csv(page.session.data("csv"))
    np.testing.assert_allclose(table[["laziness", "growth_per_step"]], [[chi[0], k[0]]])


def test_numbers_of_a_part_of_a_curved_map_are_those_of_its_cells(page, tmp_path):
    start(page, coordinates="laziness stability_fraction")
    assert page.session.where.names == ("laziness", "stability_fraction")
    (left, right), (low, high) = page.session.where.frame
    page.session.state.part = [float(end) for end in (left, right, (low * high) ** 0.5, high)]
    part = page.session.state.part
    table = pd.read_csv(page.session.data("csv"))
    assert 0 < len(table) < 35 and "seen" not in table
    (tmp_path / "part.nc").write_bytes(page.session.data("nc").read())
    with xr.open_dataset(tmp_path / "part.nc") as data:
        assert int(data.seen.sum()) == len(table) < data.phase.size
    summary = page.session.source.plane(page.session.place)
    h = summary.stability_fraction.sel(quantile=0.5).transpose("growth_per_step", "laziness").values
    assert (page.session.where.seen(part)[(h > part[2]) & (h < part[3])]).all()  # every cell whose middle is seen


def test_files_of_different_views_have_different_names(page):
    start(page)
    views = [
        {"show": "kernel_change"},
        {"slices": {"samples": 0}},
        {"quantile": 0.16},
        {"part": PART},
        {"part": [0.05, 3.0, 0.1, 0.4]},
        {"coordinates": "laziness stability_fraction", "part": []},
        {"coordinates": "", "show": "during_loss", "moment": 5},
        {"moment": 6},
        {"x": "growth_per_step", "y": "laziness"},
    ]
    names = []
    for view in views:
        page.session.state.param.update(**view)
        names.append(page.controls.exports[0].filename)
    assert len(set(names)) == len(views) and all(name.isascii() and "/" not in name for name in names)
    assert names[0] == "done_kernel_change_samples-5.svg"
    assert names[3] == ("done_kernel_change_samples-3_16-quantile_laziness-0.05-to-3_growth_per_step-0.1-to-0.5.svg")


def test_a_picture_of_a_part_has_ticks_and_names_only_what_is_seen(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "lazyrich.draw.pictures.save", lambda element, said, files: drawn.append(matplotlib_figure(element))
    )
    start(page)
    for part in ([], PART, [0.31, 0.42, 0.21, 0.24], [0.010001, 0.010002, 0.1, 3.0]):
        page.session.state.part = part
        page.session.picture("svg")
        axes, figure = drawn[-1].axes[0], drawn[-1]
        figure.draw_without_rendering()
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_majorticklocs()
            texts = [
                t
                for v, t in zip(ticks, axis.get_major_formatter().format_ticks(ticks), strict=True)
                if low <= v <= high
            ]
            shown = [text for text in texts if text]
            assert len(shown) >= 2 and len(set(shown)) == len(shown), (part, axis.axis_name, texts)
        if part:
            np.testing.assert_allclose([*axes.get_xlim(), *axes.get_ylim()], page.session.state.part)
    legends = [len(figure.axes[0].get_legend().get_texts()) if figure.axes[0].get_legend() else 0 for figure in drawn]
    assert legends[0] > legends[1] > 0 and legends[2] == 0, legends

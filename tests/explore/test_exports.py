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


def test_the_sweep_file_of_a_part_is_one_and_covers_it(page, tmp_path):
    page.state.param.update(sweep="done", x="laziness", y="growth_per_step")
    select(page, (2.0, 0.1), (0.001, 0.3))
    path = tmp_path / "finer.yaml"
    path.write_text(page.finer().read())
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
    page.state.param.update(sweep="done", cell=17)
    shown = html.unescape(page.words["cell"].object.split("<code>")[1].split("</code>")[0])
    program, *arguments = shlex.split(shown)
    assert program == "lazyrich" and main(arguments) == 0
    said = capsys.readouterr().out
    grid = page.source.summary.phase
    here = grid.isel(dict(zip(grid.dims, np.unravel_index(17, grid.shape), strict=True)))
    assert f"cell      {', '.join(f'{name} = {here[name].item():.12g}' for name in grid.dims)}, replicate 0\n" in said
    assert f"stored    {results}/done/shards/" in said and "they agree to rounding" in said


def test_pictures_and_data_are_those_of_the_plane(page, tmp_path):
    page.state.param.update(
        sweep="done", x="laziness", y="growth_per_step", slices={"samples": 1}, show="phase_diagram", quantile=0.5
    )
    assert page.picture("png").read(8) == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in page.picture("svg").read()
    with archive.read(page.source.home / "summary.nc") as data:
        summary = data.load().isel(samples=1)
    (tmp_path / "plane.nc").write_bytes(page.data("nc").read())
    with xr.open_dataset(tmp_path / "plane.nc") as data:
        np.testing.assert_array_equal(data.phase, summary.phase)
    table = pd.read_csv(page.data("csv"))
    assert len(table) == 35
    np.testing.assert_allclose(table.kernel_change, summary.kernel_change.sel(quantile=0.5).values.ravel(), rtol=1e-12)


@pytest.mark.parametrize("quantile", [0.5, 0.16])
@pytest.mark.parametrize("show", ["kernel_change", "during_loss", "during_stage"])
def test_what_is_taken_home_says_what_it_is(page, show, quantile, tmp_path):
    """Heading, slice, time, quantile, networks and how to make it again: in pictures, and beside numbers."""
    page.state.param.update(
        sweep="done",
        x="laziness",
        y="growth_per_step",
        slices={"samples": 1},
        show=show,
        quantile=quantile,
        moment=20,
        part=[],
    )
    time = page.source.times[20]
    words = [page.map.figure.title.text, "n = 5", "140 networks, seed 0"]
    if show != "during_stage":
        words.append(f"{'median' if quantile == 0.5 else '16% quantile'} of 2 replicates")
    if show != "kernel_change":
        words.append(f"at τ = {time:.3g},")
    home = page.source.home
    command = (
        f"snakemake --cores all --config results={home.parent} -- {home}/summary.nc; lazyrich explore {home.parent}"
    )
    command += f", at /{page.state.query}"
    said = f"{page.caption()} Made by: {command}"
    assert all(each in said for each in words), said
    assert Image.open(page.picture("png")).text["Description"] == said
    svg = page.picture("svg").read()
    assert said in html.unescape(svg.decode()) and svg == page.picture("svg").read()
    (tmp_path / "plane.nc").write_bytes(page.data("nc").read())
    table = pd.read_csv(page.data("csv"))
    with archive.read(tmp_path / "plane.nc") as data:
        assert data.attrs["title"] == f"Explored: {page.heading()}" and data.attrs["description"] == "Made by a test."
        assert data.attrs["shown"] == page.caption() and data.attrs["command"] == command
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
    page.state.param.update(
        sweep="done", x="growth_per_step", y="samples", show="during_loss", moment=7, cell=3, lines=False
    )
    page.state.slices = {"laziness": 2}
    restored = State()
    Address(search=page.state.query).sync(restored, list(LINKED))
    assert {name: getattr(restored, name) for name in LINKED} == {name: getattr(page.state, name) for name in LINKED}
    page.state.param.update(lines=True, cell=-1)


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

    page.state.sweep = "done"
    monkeypatch.setattr(archive, "write", tried(archive.write))
    monkeypatch.setattr(xr.Dataset, "load", tried(xr.Dataset.load))
    page.data(kind)
    assert len(taken) == (2 if kind == "nc" else 1) and not any(taken)

"""What the explorer shows and hands out, without a browser: numbers against the files, links against what there is."""

import gc
import html
import shlex
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import xarray as xr
import yaml
from bokeh.events import RangesUpdate, SelectionGeometry, Tap
from bokeh.models import Legend
from PIL import Image

import lazyrich
from lazyrich import archive, integrity
from lazyrich.cli import main
from lazyrich.draw.trajectories import RECORDED
from lazyrich.explore.explorer import Explorer
from lazyrich.explore.source import Source, Sources
from lazyrich.explore.state import LINKED, Address, State
from lazyrich.phases import Phase
from lazyrich.plan import plan
from lazyrich.plan_file import shard_file, write_plan
from lazyrich.simulate import simulate
from lazyrich.summary import summarise_sweep
from lazyrich.sweep_file import load_sweep

from .conftest import SWEEP


@pytest.fixture(scope="module")
def page(folder):
    return Explorer(Sources(folder / "config/sweeps", folder / "results"))


def colours(page):
    """The numbers of the map's cells as they are drawn, (vertical, horizontal)."""
    return np.asarray(page.map.cells.data_source.data["image"][0])


def tap(page, x, y):
    """A click at a point of the map."""
    page.map.figure._trigger_event(Tap(page.map.figure, x=x, y=y))


def select(page, x, y):
    """A box that is drawn over the map, from one end to the other along both axes."""
    ends = {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1]}
    page.map.figure._trigger_event(SelectionGeometry(page.map.figure, geometry=ends, final=True))


def source(folder, name):
    return Source(name, folder / f"config/sweeps/{name}.yaml", folder / "results")


def test_only_sweeps_that_have_begun_can_be_chosen(folder):
    assert list(Sources(folder / "config/sweeps", folder / "results").files) == ["begun", "done"]
    with pytest.raises(ValueError, match="nothing is trained yet; run snakemake --cores all"):
        source(folder, "never")


def test_of_a_sweep_that_runs_finished_cells_are_shown_and_others_are_not_run(folder):
    begun = source(folder, "begun")
    assert not begun.complete and 0 < len(begun.there) < len(begun.shards)
    whole = lazyrich.analyse(lazyrich.run({**SWEEP, "seed": 1}), axes=SWEEP["figures"]["axes"])
    trained = begun.summary.networks == 2
    assert 0 < trained.sum() < trained.size
    assert (begun.summary.phase.where(~trained, drop=True).fillna(Phase.not_run) == Phase.not_run).all()
    xr.testing.assert_equal(begun.summary.phase.where(trained), whole.phase.where(trained))
    for cell in range(trained.size):
        found = begun.networks(cell, RECORDED)
        assert (found is None) == (not trained.values.ravel()[cell])


def test_a_shard_that_has_come_is_seen(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    begun = source(tmp_path / "copy", "begun")
    assert begun.refreshed() is begun
    name = begun.there[0]
    (begun.home / "shards" / f"{name}.sha256").unlink()
    assert len(begun.refreshed().there) == len(begun.there) - 1


def test_cells_of_a_shard_that_lands_appear_at_the_next_look(folder, tmp_path):
    """On the map, in its numbers, in what is said of the sweep, and with their trajectories."""
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.state.param.update(sweep="begun", x="laziness", y="growth_per_step", show="phase_diagram")
    shard = land(page.source, lambda cell: page.state.param.update(cell=cell, slices=slices(page, cell)))
    cell = page.state.cell
    assert np.isin(shard, np.flatnonzero(page.source.summary.phase == Phase.not_run)).all()
    assert colour(page, cell) == "not run" and "cell was not run" in page.words["cell"].object
    before = len(page.source.there)
    page.sources.refresh("begun")
    page.news()
    assert len(page.source.there) == before + 1
    assert f"{before + 1} of {len(page.source.shards)} shards are there" in page.note.object
    assert not np.isin(shard, np.flatnonzero(page.source.summary.phase == Phase.not_run)).any()
    assert page.state.cell == cell and colour(page, cell) != "not run"
    assert "(2 replicates)" in page.words["cell"].object and page.panels["cell"].figures["loss"].visible


def land(begun, choose=lambda cell: None):
    """Train the next shard of a sweep that has begun; `choose` is told one of its cells before. Its cells."""
    name = next(name for name in begun.shards if name not in begun.there)
    cells = np.unique(begun.places(name)[0])
    choose(int(cells[-1]))
    recipe = begun.shards[name].recipe
    integrity.write(archive.described(simulate(recipe), recipe), shard_file(begun.home, name))
    return cells


def slices(page, cell):
    """Where along the dimensions that are no axis of the map a cell is."""
    return {dim: place for dim, place in page.source.place(cell).items() if dim not in (page.state.x, page.state.y)}


def colour(page, cell):
    """The phase whose colour a cell has on the map."""
    place = page.source.place(cell)
    present = page.diagram.codes.present(page.whole())
    return page.diagram.codes.words[present[int(colours(page)[place[page.state.y], place[page.state.x]])]]


def test_an_edited_sweep_is_not_shown_over_its_old_summary(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/config/sweeps/done.yaml"
    path.write_text(yaml.safe_dump({**SWEEP, "problem": {**SWEEP["problem"], "samples": {"values": [5, 6]}}}))
    edited = source(tmp_path / "copy", "done")
    assert edited.summary.samples.values.tolist() == [5, 6]
    assert (edited.summary.networks.sel(samples=6) == 0).all()
    assert set(edited.networks(0, RECORDED).samples.values) == {5}


def test_edited_thresholds_are_not_shown_over_their_old_summary(folder, tmp_path):
    """Thresholds are no part of the recipe; a title changes nothing; a summary that does not say what it is of is not taken."""
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/config/sweeps/done.yaml"
    before, on_disk = source(tmp_path / "copy", "done"), tmp_path / "copy/results/done/summary.nc"
    path.write_text(yaml.safe_dump({**SWEEP, "title": "Another", "phases": {"kernel_change": 1e9}}))
    edited = before.refreshed()
    assert edited is not before
    assert (
        Phase.rich_two_stage in before.fields(["phase"]).phase
        and Phase.rich_two_stage not in edited.fields(["phase"]).phase
    )
    assert _read_from(before) == str(on_disk) and _read_from(edited) is None
    path.write_text(yaml.safe_dump({**SWEEP, "title": "Another"}))
    assert _read_from(source(tmp_path / "copy", "done")) == str(on_disk)
    with archive.read(on_disk) as data:
        old = data.load().copy()
    del old.attrs["analysed"]
    archive.write(old, on_disk)
    assert _read_from(source(tmp_path / "copy", "done")) is None


def _read_from(source):
    """Which file a source's summary is read from; None where it is made of shards."""
    return str(source._stored.path) if source._stored else None


def test_a_sweep_file_that_is_wrong_stops_no_other(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    found = Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results")
    shown = found.get("done")
    (tmp_path / "copy/config/sweeps/done.yaml").write_text("problem: [")
    found.look()
    assert found.get("done") is shown
    assert list(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results").files) == ["begun"]


def test_a_source_goes_with_the_last_look_at_it(folder, tmp_path):
    done = source(folder, "done")
    done.lines(("lazy_rich_predicted",), "laziness", "growth_per_step", (("samples", 0),))
    done.networks(0, RECORDED)
    gone = weakref.ref(done)
    del done
    gc.collect()
    assert gone() is None


def test_networks_of_a_cell_are_all_replicates_as_they_were_trained(folder):
    done, run = source(folder, "done"), lazyrich.run(SWEEP)
    grid = done.summary.phase
    for cell in (0, 17, grid.size - 1):
        found = done.networks(cell, RECORDED)
        place = dict(zip(grid.dims, np.unravel_index(cell, grid.shape), strict=True))
        here = done.summary.isel(place)
        rows = (run.samples == here.samples) & np.isclose(run.laziness, here.laziness)
        rows &= np.isclose(run.growth_per_step, here.growth_per_step)
        expected = run.isel(network=np.flatnonzero(rows))
        np.testing.assert_array_equal(found.replicate, [0, 1])
        np.testing.assert_array_equal(found.loss.values, expected.loss.values)


@pytest.mark.parametrize(
    "link",
    [
        {"sweep": "../../etc/passwd"},
        {"x": "nothing", "y": "laziness"},
        {"show": "<script>", "quantile": 0.3, "slices": {"samples": 99, "laziness": 2, "../x": 1}},
        {"slices": {"samples": True}, "part": [0.1, 1.0, 0.02]},
        {"cell": 10**9, "other": -7, "part": [True, 1.0, 0.02, 0.3]},
        {"part": [1e9, 2e9, 0.02, 0.3]},
        {"part": [float("nan"), 10**400, float("inf"), 0.3]},
    ],
)
def test_what_a_link_asks_for_in_vain_is_as_on_a_new_page(folder, link):
    page = Explorer(Sources(folder / "config/sweeps", folder / "results"))
    page.state.param.update(**{"sweep": "done", "cell": 3, **link})
    state, found = page.state, page.source
    assert state.sweep in ("begun", "done") and state.sweep == found.name
    assert {state.x, state.y} == {"laziness", "growth_per_step"}
    assert state.quantile == 0.5
    assert state.slices in ({"samples": 0}, {"samples": 1})
    assert state.part == []
    assert -1 <= state.cell < found.summary.phase.size and state.other == -1
    assert page.map is not None


def test_every_sweep_axis_diagram_quantile_and_slice_is_drawn(page):
    page.state.sweep = "done"
    figures = set()
    for name in list(page.controls.diagram.options.values()):
        page.state.show = name
        figures.add(page.map.figure.title.text)
    assert len(figures) == len(page.controls.diagram.options) > 10
    page.state.show = "kernel_change"
    low = _colours(page, 0.16)
    high = _colours(page, 0.84)
    assert (low <= high).all() and (low < high).any()
    page.state.quantile = 0.5
    page.state.param.update(x="samples", y="laziness")
    assert page.map.figure.xaxis[0].axis_label.startswith("n,")
    page.state.param.update(x="laziness", y="growth_per_step", slices={"samples": 1})
    expected = (
        page.source.summary.kernel_change.sel(quantile=0.5).isel(samples=1).transpose("growth_per_step", "laziness")
    )
    shown = colours(page)
    here = np.isfinite(expected.values)
    np.testing.assert_array_equal(shown[here], expected.values[here])
    # Below the scale stand cells that were not run, of which there are none.
    assert (shown[here] >= page.map.cells.glyph.color_mapper.low).all()


def test_every_line_that_is_seen_is_named_and_no_other(page):
    """Bands of both measured boundaries have one name, be one of them there or both; of a band one edge is named."""
    page.state.param.update(
        sweep="done", x="laziness", y="growth_per_step", coordinates="", show="phase_diagram", lines=True
    )
    lines = page.lines()
    measured = {name for name in lines if name + "_low" in lines}
    assert len(measured) == 2
    for left_out in [set(), *({name} for name in measured), measured]:
        some = {
            name: line
            for name, line in lines.items()
            if name.removesuffix("_low").removesuffix("_high") not in left_out
        }
        page.map.draw_lines(some)
        (legend,) = page.map.figure.select({"type": Legend})
        named = {each.name for item in legend.items if item.visible for each in item.renderers if each.visible}
        assert named == {name for name in some if not name.endswith("_high")}
        assert all(any(each.visible for each in item.renderers) == item.visible for item in legend.items)
    page.map.draw_lines(lines)


def _colours(page, quantile):
    page.state.quantile = quantile
    return np.nan_to_num(colours(page))


def test_a_point_of_the_map_is_the_cell_around_it(page):
    page.state.param.update(sweep="done", x="laziness", y="growth_per_step", slices={"samples": 1}, cell=-1)
    summary = page.source.summary
    edge = np.sqrt(float(summary.laziness[2] * summary.laziness[3]))
    for x, i in ((edge * 0.999, 2), (edge * 1.001, 3)):
        tap(page, x, float(summary.growth_per_step[4]))
        place = np.unravel_index(page.state.cell, summary.phase.shape)
        assert dict(zip(summary.phase.dims, place, strict=True)) == {"samples": 1, "laziness": i, "growth_per_step": 4}
    before = page.state.cell
    tap(page, 1e9, 1.0)
    assert page.state.cell == before
    assert "laziness=" in page.words["cell"].object and "samples=5" in page.words["cell"].object


def ends(page):
    """What of the map is seen: left, right, lowest, highest."""
    figure = page.map.figure
    return [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end]


def test_what_is_seen_of_a_map_stays_until_another_map_is_chosen(page):
    page.state.param.update(sweep="done", x="laziness", y="growth_per_step", show="phase_diagram", coordinates="")
    whole = ends(page)
    select(page, (1.0, 0.1), (0.03, 0.3))
    assert page.state.part == ends(page) == [0.1, 1.0, 0.03, 0.3]
    page.state.show = "kernel_change"  # another figure
    assert ends(page) == [0.1, 1.0, 0.03, 0.3]
    moved = RangesUpdate(page.map.figure, x0=1e-9, x1=0.5, y0=0.03, y1=0.3)  # dragged beyond the map's edge
    page.map.figure._trigger_event(moved)
    np.testing.assert_allclose(ends(page), [whole[0], 0.5, 0.03, 0.3], rtol=1e-5)
    page.controls.x.value = "samples"
    assert page.state.part == [] and not page.region
    assert page.controls.finer.disabled
    assert ends(page) == page.where.frame.ravel().tolist()
    page.controls.x.value = "laziness"
    assert ends(page) == whole


def test_going_back_to_the_whole_map_is_no_part_of_it(page):
    page.state.param.update(sweep="done", x="laziness", y="growth_per_step", coordinates="", part=[0.1, 1, 0.03, 0.3])
    assert not page.controls.finer.disabled
    x, y = page.map.figure.x_range, page.map.figure.y_range
    page.map.figure._trigger_event(
        RangesUpdate(page.map.figure, x0=x.reset_start, x1=x.reset_end, y0=y.reset_start, y1=y.reset_end)
    )
    assert page.state.part == []
    assert page.controls.finer.disabled


def test_slices_go_with_their_dimension_and_a_new_one_is_that_of_the_chosen_cell(page):
    page.state.param.update(sweep="done", x="laziness", y="growth_per_step", slices={"samples": 1})
    page.state.cell = page.source.cell({"samples": 1, "laziness": 4, "growth_per_step": 2})
    page.controls.x.value = "samples"
    assert page.state.slices == {"laziness": 4}
    assert page.map.frames["cell"].visible
    page.controls.y.value = "laziness"
    assert page.state.slices == {"growth_per_step": 2}
    assert [slider.label for slider in page.controls.sliders] == ["k, growth per step of the aligned mode"]
    page.state.param.update(x="laziness", y="growth_per_step")
    assert page.state.slices == {"samples": 1}


def test_what_was_chosen_of_a_sweep_is_none_of_another(page):
    page.state.param.update(sweep="done", cell=3, other=4, slices={"samples": 1}, part=[0.1, 1, 0.03, 0.3])
    page.controls.sweep.value = "begun"
    assert (page.state.cell, page.state.other, page.state.part, page.state.slices) == (-1, -1, [], {"samples": 0})
    page.controls.sweep.value = "done"


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("", {}),
        ("?cell=%C2%B2&show=kernel_change", {"show": "kernel_change"}),
        ("?slices=%7B%22samples%22%3A+1%7D&x=a%26b&cell=-1", {"slices": {"samples": 1}, "x": "a&b", "cell": -1}),
    ],
)
def test_of_an_address_is_read_what_can_be(asked, read):
    assert Address(search=asked).query_params == read


def test_a_cell_is_kept_beside_the_next_one(page):
    page.state.param.update(sweep="done", cell=3, other=-1)
    page.keep()
    tap(page, 0.01, 0.02)
    assert page.state.other == 3 != page.state.cell
    assert page.panels["other"].figures["loss"].visible
    first, second = page.words["cell"].object, page.words["other"].object
    assert first != second


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
    shown = page.words["cell"].object.split("`")[1]
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
    summary = page.source.summary.isel(samples=1)
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


SHAPES = {
    "end values only": {"record": {"summary": True}},
    "an axis of names": {"network": {**SWEEP["network"], "activation": {"values": ["linear", "relu"]}, "width": 16}},
    "axes that advance together": {
        "problem": {"samples": {"values": [3, 5]}, "dimension": {"values": [100, 200]}},
        "zip": [["samples", "dimension"]],
    },
    "uneven axes": {"network": {"width": 64, "laziness": {"values": [0.01, 0.1, 0.5, 20]}}},
    "two points, one network, one observable": {
        "network": {"width": 64, "laziness": {"values": [0.1, 10]}},
        "record": {"points": 8, "observables": ["ntk_change"]},
        "replicates": 1,
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_sweeps_of_every_shape_can_be_explored(shape, tmp_path):
    """Every diagram, quantile, slice, pair of coordinates, cell and export."""
    (tmp_path / "sweeps").mkdir()
    path = tmp_path / "sweeps/it.yaml"
    path.write_text(yaml.safe_dump({**SWEEP, **SHAPES[shape]}))
    sweep, home = load_sweep(path), tmp_path / "results/it"
    shards = plan(sweep)
    write_plan(home / "plan.json", shards)
    (home / "shards").mkdir()
    files = [shard_file(home, name) for name in shards]
    for name, file in zip(shards, files, strict=True):
        integrity.write(archive.described(simulate(shards[name].recipe), shards[name].recipe), file)
    archive.write(summarise_sweep(sweep, files), home / "summary.nc")
    page = Explorer(Sources(tmp_path / "sweeps", tmp_path / "results"))
    page.state.cell, page.state.other = 3, 2
    for diagram in page.source.diagrams:
        page.state.show = diagram.name
        page.state.moment = 20
        for pair in [("",), *page.pairs]:
            page.state.coordinates = " ".join(pair)
        page.state.quantile = 0.16
        page.state.slices = dict.fromkeys(page.state.slices, 1)
        page.state.lines = False
        for make, kinds in ((page.picture, ("png",)), (page.data, ("nc", "csv"))):
            assert all(len(make(kind).read()) > 100 for kind in kinds)
        page.state.param.update(quantile=0.5, slices=dict.fromkeys(page.state.slices, 0), coordinates="", lines=True)
        assert page.state.show == diagram.name and page.map.diagram.name == diagram.name


def test_the_state_is_small_and_fits_an_address():
    assert {type(value) for value in State().param.values().values()} <= {str, float, int, bool, list, dict}


def test_a_page_shows_what_is_known_while_another_one_reads(folder):
    sources = Sources(folder / "config/sweeps", folder / "results")
    known = sources.get("done")
    found = []
    with sources._reading:  # as a thread that reads another sweep holds it
        asking = threading.Thread(target=lambda: found.append(sources.get("done")), daemon=True)
        asking.start()
        asking.join(10)
    assert found == [known]


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


def test_of_what_cannot_be_read_the_page_says_why_and_stays_as_it_was(page):
    page.state.param.update(sweep="done", show="kernel_change", cell=4, other=-1)
    page.reader.busy = True
    page.state.show = "during_loss"
    assert page.map.diagram.name == "kernel_change"  # not before it has been read
    page.reader._have_read("a shard is damaged")
    assert (page.state.show, page.map.diagram.name, page.state.cell) == ("kernel_change", "kernel_change", 4)
    assert "Cannot be read: a shard is damaged" in page.note.object
    page.state.show = "phase_diagram"
    assert "Cannot be read" not in page.note.object


def test_of_a_cell_that_cannot_be_read_the_page_says_so(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.state.param.update(sweep="done", cell=3)
    assert "lazyrich replay" in page.words["cell"].object
    shutil.rmtree(page.source.home / "shards")
    page.state.cell = 4
    assert "there are no trajectories, for" in page.words["cell"].object
    assert "cannot be read" in page.words["cell"].object


def test_a_sweep_that_is_gone_takes_with_it_what_was_chosen_of_it(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.state.param.update(sweep="done", cell=3, part=[0.1, 1, 0.03, 0.3])
    shutil.rmtree(page.source.home)
    page.sources.refresh("done")
    page.news()
    assert (page.state.sweep, page.state.cell, page.state.part) == ("begun", -1, [])


def test_frames_have_corners_from_the_start(folder):
    """Bokeh stops painting at an annotation with more xs than ys, and these may arrive one by one."""
    page = Explorer(Sources(folder / "config/sweeps", folder / "results"))
    for frame in page.map.frames.values():
        assert len(frame.xs) == len(frame.ys) == 4 and not frame.visible


def test_a_summary_that_has_been_written_anew_is_not_mixed_with_the_old_one(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    done = source(tmp_path / "copy", "done")
    path = done.home / "summary.nc"
    with archive.read(path) as data:
        archive.write(data.load().isel(laziness=slice(1, None)), path)
    with pytest.raises(OSError, match=r"summary.nc: has just been written anew"):
        done.fields(["kernel_change"])


def test_no_file_stays_open(folder):
    """What is open is closed by the garbage collector, in the middle of whatever HDF5 is doing in another thread."""
    done = source(folder, "done")
    done.fields(["phase", "kernel_change"])
    done.plane({"samples": 1})
    done.networks(0, RECORDED)
    assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(folder))]

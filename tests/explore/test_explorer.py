"""What the explorer's page shows, without a browser: numbers against the files, links against what there is."""

import shutil

import numpy as np
import pytest
import yaml
from bokeh.events import RangesUpdate
from bokeh.models import Legend

from lazyrich.analysis.phases import Phase
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.explore.explorer import Explorer
from lazyrich.explore.source import Sources
from lazyrich.explore.state import Address, State
from lazyrich.planning.folder import shard_file, write_plan
from lazyrich.planning.plan import plan
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

from .common import colours, land, select, tap
from .conftest import SWEEP


@pytest.fixture(scope="module")
def page(folder):
    return Explorer(Sources(folder / "config/sweeps", folder / "results"))


def test_cells_of_a_shard_that_lands_appear_at_the_next_look(folder, tmp_path):
    """On the map, in its numbers, in what is said of the sweep, and with their trajectories."""
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.session.state.param.update(sweep="begun", x="laziness", y="growth_per_step", show="phase_diagram")
    shard = land(
        page.session.source, lambda cell: page.session.state.param.update(cell=cell, slices=slices(page, cell))
    )
    cell = page.session.state.cell
    assert np.isin(shard, np.flatnonzero(page.session.source.summary.phase == Phase.not_run)).all()
    assert colour(page, cell) == "not run" and "cell was not run" in page.words["cell"].object
    before = len(page.session.source.there)
    page.session.sources.refresh("begun")
    page.news()
    assert len(page.session.source.there) == before + 1
    assert f"{before + 1} of {len(page.session.source.shards)} shards are there" in page.note.object
    assert not np.isin(shard, np.flatnonzero(page.session.source.summary.phase == Phase.not_run)).any()
    assert page.session.state.cell == cell and colour(page, cell) != "not run"
    assert "(2 replicates)" in page.words["cell"].object and page.panels["cell"].figures["loss"].visible


def slices(page, cell):
    """Where along the dimensions that are no axis of the map a cell is."""
    return {
        dim: place
        for dim, place in page.session.source.place(cell).items()
        if dim not in (page.session.state.x, page.session.state.y)
    }


def colour(page, cell):
    """The phase whose colour a cell has on the map."""
    place = page.session.source.place(cell)
    present = page.session.diagram.codes.present(page.session.whole())
    return page.session.diagram.codes.words[
        present[int(colours(page)[place[page.session.state.y], place[page.session.state.x]])]
    ]


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
    page.session.state.param.update(**{"sweep": "done", "cell": 3, **link})
    state, found = page.session.state, page.session.source
    assert state.sweep in ("begun", "done") and state.sweep == found.name
    assert {state.x, state.y} == {"laziness", "growth_per_step"}
    assert state.quantile == 0.5
    assert state.slices in ({"samples": 0}, {"samples": 1})
    assert state.part == []
    assert -1 <= state.cell < found.summary.phase.size and state.other == -1
    assert page.map is not None


def test_every_sweep_axis_diagram_quantile_and_slice_is_drawn(page):
    page.session.state.sweep = "done"
    figures = set()
    for name in list(page.controls.diagram.options.values()):
        page.session.state.show = name
        figures.add(page.map.figure.title.text)
    assert len(figures) == len(page.controls.diagram.options) > 10
    page.session.state.show = "kernel_change"
    low = _colours(page, 0.16)
    high = _colours(page, 0.84)
    assert (low <= high).all() and (low < high).any()
    page.session.state.quantile = 0.5
    page.session.state.param.update(x="samples", y="laziness")
    assert page.map.figure.xaxis[0].axis_label.startswith("n,")
    page.session.state.param.update(x="laziness", y="growth_per_step", slices={"samples": 1})
    expected = (
        page.session.source.summary.kernel_change.sel(quantile=0.5)
        .isel(samples=1)
        .transpose("growth_per_step", "laziness")
    )
    shown = colours(page)
    here = np.isfinite(expected.values)
    np.testing.assert_array_equal(shown[here], expected.values[here])
    # Below the scale stand cells that were not run, of which there are none.
    assert (shown[here] >= page.map.cells.glyph.color_mapper.low).all()


def test_every_line_that_is_seen_is_named_and_no_other(page):
    """Bands of both measured boundaries have one name, be one of them there or both; of a band one edge is named."""
    page.session.state.param.update(
        sweep="done", x="laziness", y="growth_per_step", coordinates="", show="phase_diagram", lines=True
    )
    lines = page.session.lines()
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
    page.session.state.quantile = quantile
    return np.nan_to_num(colours(page))


def test_a_point_of_the_map_is_the_cell_around_it(page):
    page.session.state.param.update(sweep="done", x="laziness", y="growth_per_step", slices={"samples": 1}, cell=-1)
    summary = page.session.source.summary
    edge = np.sqrt(float(summary.laziness[2] * summary.laziness[3]))
    for x, i in ((edge * 0.999, 2), (edge * 1.001, 3)):
        tap(page, x, float(summary.growth_per_step[4]))
        place = np.unravel_index(page.session.state.cell, summary.phase.shape)
        assert dict(zip(summary.phase.dims, place, strict=True)) == {"samples": 1, "laziness": i, "growth_per_step": 4}
    before = page.session.state.cell
    tap(page, 1e9, 1.0)
    assert page.session.state.cell == before
    assert "laziness=" in page.words["cell"].object and "samples=5" in page.words["cell"].object


def ends(page):
    """What of the map is seen: left, right, lowest, highest."""
    figure = page.map.figure
    return [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end]


def test_what_is_seen_of_a_map_stays_until_another_map_is_chosen(page):
    page.session.state.param.update(
        sweep="done", x="laziness", y="growth_per_step", show="phase_diagram", coordinates=""
    )
    whole = ends(page)
    select(page, (1.0, 0.1), (0.03, 0.3))
    assert page.session.state.part == ends(page) == [0.1, 1.0, 0.03, 0.3]
    page.session.state.show = "kernel_change"  # another figure
    assert ends(page) == [0.1, 1.0, 0.03, 0.3]
    moved = RangesUpdate(page.map.figure, x0=1e-9, x1=0.5, y0=0.03, y1=0.3)  # dragged beyond the map's edge
    page.map.figure._trigger_event(moved)
    np.testing.assert_allclose(ends(page), [whole[0], 0.5, 0.03, 0.3], rtol=1e-5)
    page.controls.x.value = "samples"
    assert page.session.state.part == [] and not page.session.region
    assert page.controls.finer.disabled
    assert ends(page) == page.session.where.frame.ravel().tolist()
    page.controls.x.value = "laziness"
    assert ends(page) == whole


def test_going_back_to_the_whole_map_is_no_part_of_it(page):
    page.session.state.param.update(
        sweep="done", x="laziness", y="growth_per_step", coordinates="", part=[0.1, 1, 0.03, 0.3]
    )
    assert not page.controls.finer.disabled
    x, y = page.map.figure.x_range, page.map.figure.y_range
    page.map.figure._trigger_event(
        RangesUpdate(page.map.figure, x0=x.reset_start, x1=x.reset_end, y0=y.reset_start, y1=y.reset_end)
    )
    assert page.session.state.part == []
    assert page.controls.finer.disabled


def test_slices_go_with_their_dimension_and_a_new_one_is_that_of_the_chosen_cell(page):
    page.session.state.param.update(sweep="done", x="laziness", y="growth_per_step", slices={"samples": 1})
    page.session.state.cell = page.session.source.cell({"samples": 1, "laziness": 4, "growth_per_step": 2})
    page.controls.x.value = "samples"
    assert page.session.state.slices == {"laziness": 4}
    assert page.map.frames["cell"].visible
    page.controls.y.value = "laziness"
    assert page.session.state.slices == {"growth_per_step": 2}
    assert [slider.label for slider in page.controls.sliders] == ["k, growth per step of the aligned mode"]
    page.session.state.param.update(x="laziness", y="growth_per_step")
    assert page.session.state.slices == {"samples": 1}


def test_what_was_chosen_of_a_sweep_is_none_of_another(page):
    page.session.state.param.update(sweep="done", cell=3, other=4, slices={"samples": 1}, part=[0.1, 1, 0.03, 0.3])
    page.controls.sweep.value = "begun"
    assert (page.session.state.cell, page.session.state.other, page.session.state.part, page.session.state.slices) == (
        -1,
        -1,
        [],
        {"samples": 0},
    )
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
    page.session.state.param.update(sweep="done", cell=3, other=-1)
    page.session.keep()
    tap(page, 0.01, 0.02)
    assert page.session.state.other == 3 != page.session.state.cell
    assert page.panels["other"].figures["loss"].visible
    first, second = page.words["cell"].object, page.words["other"].object
    assert first != second


SHAPES = {
    "end values only": {"record": {"summary": True}},
    "an axis of names": {"network": {**SWEEP["network"], "activation": {"values": ["linear", "relu"]}, "width": 16}},
    "axes that advance together": {
        "problem": {"samples": {"values": [3, 5]}, "dimension": {"values": [100, 200]}},
        "zip": [["samples", "dimension"]],
    },
    "uneven axes": {"network": {"width": 64, "laziness": {"values": [0.01, 0.1, 0.5, 20]}}},
    "axes of one's own": {
        "axes": {"scale": {"log": [0.1, 10], "points": 4}, "delta": {"values": [-1, 0, 1]}},
        "network": {"width": "round(64*max(1, scale))", "sigma_0": "scale*exp(delta)", "v_0": "scale*exp(-delta)"},
        "figures": {"axes": ["axes.scale", "growth_per_step"]},
    },
    "two points, one network, one observable": {
        "network": {"width": 64, "laziness": {"values": [0.1, 10]}},
        "record": {"points": 8, "observables": ["ntk_change"]},
        "replicates": 1,
    },
}


# Half a minute each; one with names, one with axes of the user's own and the smallest stand for all in the quick tests.
QUICK = ("an axis of names", "axes of one's own", "two points, one network, one observable")


@pytest.mark.parametrize(
    "shape", [shape if shape in QUICK else pytest.param(shape, marks=pytest.mark.slow) for shape in SHAPES]
)
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
        integrity.write(archive.described(simulate(shards[name]), shards[name]), file)
    integrity.write(summarise_sweep(sweep, files), home / "summary.nc")
    page = Explorer(Sources(tmp_path / "sweeps", tmp_path / "results"))
    page.session.state.cell, page.session.state.other = 3, 2
    for diagram in page.session.source.diagrams:
        page.session.state.show = diagram.name
        page.session.state.moment = 20
        for pair in [("",), *page.session.pairs]:
            page.session.state.coordinates = " ".join(pair)
        page.session.state.quantile = 0.16
        page.session.state.slices = dict.fromkeys(page.session.state.slices, 1)
        page.session.state.lines = False
        for make, kinds in ((page.session.picture, ("png",)), (page.session.data, ("nc", "csv"))):
            assert all(len(make(kind).read()) > 100 for kind in kinds)
        page.session.state.param.update(
            quantile=0.5, slices=dict.fromkeys(page.session.state.slices, 0), coordinates="", lines=True
        )
        assert page.session.state.show == diagram.name and page.map.diagram.name == diagram.name


def test_the_state_is_small_and_fits_an_address():
    assert {type(value) for value in State().param.values().values()} <= {str, float, int, bool, list, dict}


def test_of_what_cannot_be_read_the_page_says_why_and_stays_as_it_was(page):
    page.session.state.param.update(sweep="done", show="kernel_change", cell=4, other=-1)
    page.reader.busy = True
    page.session.state.show = "during_loss"
    assert page.map.diagram.name == "kernel_change"  # not before it has been read
    page.reader._have_read("a shard is damaged")
    assert (page.session.state.show, page.map.diagram.name, page.session.state.cell) == (
        "kernel_change",
        "kernel_change",
        4,
    )
    assert "Cannot be read: a shard is damaged" in page.note.object
    page.session.state.show = "phase_diagram"
    assert "Cannot be read" not in page.note.object


def test_of_a_cell_that_cannot_be_read_the_page_says_so(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.session.state.param.update(sweep="done", cell=3)
    assert "lazyrich replay" in page.words["cell"].object
    shutil.rmtree(page.session.source.home / "shards")
    page.session.state.cell = 4
    assert "there are no trajectories, for" in page.words["cell"].object
    assert "cannot be read" in page.words["cell"].object


def test_a_sweep_that_is_gone_takes_with_it_what_was_chosen_of_it(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.session.state.param.update(sweep="done", cell=3, part=[0.1, 1, 0.03, 0.3])
    shutil.rmtree(page.session.source.home)
    page.session.sources.refresh("done")
    page.news()
    assert (page.session.state.sweep, page.session.state.cell, page.session.state.part) == ("begun", -1, [])


def test_frames_have_corners_from_the_start(folder):
    """Bokeh stops painting at an annotation with more xs than ys, and these may arrive one by one."""
    page = Explorer(Sources(folder / "config/sweeps", folder / "results"))
    for frame in page.map.frames.values():
        assert len(frame.xs) == len(frame.ys) == 4 and not frame.visible

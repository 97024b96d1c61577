"""Pages in a real browser with the network cut off: they draw, ask for nothing and report no error."""

import numpy as np
import pytest

from lazyrich.analysis.fields import median
from lazyrich.analysis.phases import PHASES, Phase
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.draw import maps, style
from lazyrich.draw.diagrams import diagrams
from lazyrich.draw.figures import draw_figures
from lazyrich.draw.map_frame import with_symbol
from lazyrich.draw.report import write_report
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.browser import NEEDS_CHROMIUM, browser

__all__ = ["browser"]

pytestmark = NEEDS_CHROMIUM

SWEEP = {
    "title": "A sweep with <angle> brackets & ampersands",
    "description": "Made by a test.",
    "problem": {"samples": 4, "dimension": 100, "noise_std": 0.1},
    "network": {"width": 64, "laziness": {"log": [0.01, 30], "points": 7}},
    "training": {"growth_per_step": {"log": [0.02, 1.6], "points": 5}, "steps": 300},
    "record": {"points": 8},
}


# A third axis to slide over, values that are spaced unevenly, and replicates.
SLICED = {
    **SWEEP,
    "problem": {"samples": {"values": [3, 5]}, "dimension": 100, "noise_std": 0.1},
    "network": {"width": 64, "laziness": {"values": [0.01, 0.1, 0.5, 20]}},
    "training": {"growth_per_step": {"values": [0.02, 0.3, 1.9]}, "steps": 300},
    "record": {"points": 40, "spacing": "log"},
    "replicates": 2,
    "figures": {"axes": ["laziness", "growth_per_step"]},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report page and its figures, and the summary that they show."""
    folder, summary, _ = made(SWEEP, tmp_path_factory.mktemp("results"))
    return folder, summary


@pytest.fixture(scope="module")
def sliced(tmp_path_factory):
    """The same of a sweep with three axes, unevenly spaced; and all networks."""
    return made(SLICED, tmp_path_factory.mktemp("sliced"))


# A sweep, some of whose networks diverge, and the part of it that has been trained.
TRAINED = {
    **SWEEP,
    "network": {"width": 64, "laziness": {"values": [0.01, 0.1, 1]}},
    "training": {"growth_per_step": {"log": [0.02, 5], "points": 5}, "steps": 300},
}
RUNNING = {**TRAINED, "network": {"width": 64, "laziness": {"values": [0.01, 0.1, 1, 10]}}}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The pages of a sweep that is partly trained, and its summary."""
    folder, summary, _ = made(RUNNING, tmp_path_factory.mktemp("running"), load_sweep(TRAINED))
    return folder, summary


LINE = {
    **SWEEP,
    "network": {"width": 64, "laziness": {"values": [0.01, 1, 30]}},
    "training": {"growth_per_step": 0.1, "steps": 300},
}


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """The pages of a sweep over one axis, with trajectories of all its cells."""
    return made(LINE, tmp_path_factory.mktemp("line"))[0]


def made(data, folder, part=None):
    """A sweep, or the part of it that another sweep is, trained, analysed and drawn: its folder, summary and networks."""
    sweep = load_sweep(data)
    recipe = whole(part or sweep)
    run = archive.described(simulate(recipe), recipe)
    archive.write(run, folder / "shard.nc")
    summary = summarise_sweep(sweep, [folder / "shard.nc"])
    archive.write(summary, folder / "summary.nc")
    figures = folder / "figures"
    draw_figures(sweep, summary=folder / "summary.nc", shards=[str(folder / "shard.nc")], folder=figures)
    page = folder / "report.html"
    files = {"summary": folder / "summary.nc", "shards": [str(folder / "shard.nc")], "figures": figures}
    write_report(sweep, name="test", page=page, **files)
    return folder, summary, run


def opened(browser, path, width):
    """The page offline, with what it asked for and what it complained of."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function(
        "window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents.every(d => d.is_idle)"
        " && (document.getElementById('atlas')?.dataset.ready ?? 'yes') == 'yes'",
        timeout=30_000,
    )
    return page, asked, errors


@pytest.mark.slow
def test_every_page_of_a_sweep_draws_all_that_it_has_a_place_for(line, pages, sliced, browser):
    for folder in (line, pages[0], sliced[0]):
        for path in (folder / "report.html", *sorted((folder / "figures").glob("*.html"))):
            page, _, errors = opened(browser, path, 1280)
            assert not errors, (path, errors)
            places = page.locator(".drawing").count()
            assert places and page.evaluate("Bokeh.documents.length") >= places, path
            for i in range(places):
                assert page.locator(".drawing").nth(i).bounding_box()["height"] > 200, path
            page.context.close()


@pytest.mark.parametrize("width", [1280, pytest.param(800, marks=pytest.mark.slow)])
def test_the_report_opens_offline_and_whole(pages, browser, width):
    folder, _ = pages
    page, asked, errors = opened(browser, folder / "report.html", width)
    assert not errors
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked
    assert page.inner_text("h1") == SWEEP["title"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
    boxes = [each.bounding_box() for each in page.locator(".slot, .panels > div, #cell table, #cell code").all()]
    assert len(boxes) == 2 + 4 + 2
    assert all(box["height"] > 15 and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes), "cut off"
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert apart or a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1, "overlap"
    page.context.close()


# Where the centre of a cell is on the page, by Bokeh's own scales.
PLACE = """([x, y]) => {
  const view = Array.from(Bokeh.index).flatMap(v => v.model.type == 'Figure' ? [v] : v.child_views ?? [])[0];
  const box = view.canvas_view.el.getBoundingClientRect(), frame = view.frame;
  return [box.left + frame.x_scale.compute(x), box.top + frame.y_scale.compute(y)];
}"""


def test_every_cell_has_its_phase_colour_on_the_screen(pages, browser, tmp_path):
    """Pixel by pixel, in the middle of each cell that no boundary crosses."""
    import matplotlib.image

    folder, summary = pages
    page, _, errors = opened(browser, folder / "figures" / "phase_diagram.html", 1280)
    assert not errors
    page.screenshot(path=tmp_path / "page.png")
    image = np.round(matplotlib.image.imread(tmp_path / "page.png")[..., :3] * 255).astype(int)
    seen, checked = set(), 0
    for i, x in enumerate(summary.laziness.values):
        for j, y in enumerate(summary.growth_per_step.values):
            code = Phase(int(summary.phase.values[i, j]))
            text = PHASES.colours[code]
            expected = [int(text[k : k + 2], 16) for k in (1, 3, 5)]
            column, row = (round(value) for value in page.evaluate(PLACE, [float(x), float(y)]))
            near = image[row - 12 : row + 13 : 6, column - 12 : column + 13 : 6].reshape(-1, 3)
            # A line may cross part of a cell; most of its middle has the cell's colour, and no other phase's.
            assert (np.abs(near - expected).max(axis=1) <= 2).mean() > 0.5, (x, y, code)
            seen.add(code)
            checked += 1
    assert checked == 35
    assert len(seen) >= 4
    page.context.close()


@pytest.mark.slow
def test_hovering_shows_the_cell_not_the_pointer(pages, browser):
    folder, summary = pages
    page, _, _ = opened(browser, folder / "figures" / "phase_diagram.html", 1280)
    x, y = float(summary.laziness.values[2]), float(summary.growth_per_step.values[1])
    column, row = page.evaluate(PLACE, [x, y])
    page.mouse.move(column - 9, row + 5)
    page.mouse.move(column + 9, row + 5)
    page.wait_for_timeout(500)
    text = page.evaluate(
        """() => { const texts = []; const walk = node => { for (const child of node.childNodes) {
             if (child.nodeType == 3) texts.push(child.textContent);
             if (child.shadowRoot) walk(child.shadowRoot); if (!['STYLE', 'SCRIPT'].includes(child.nodeName)) walk(child); } };
             walk(document.body); return texts.join(' '); }"""
    )
    assert f"{x:.3g}"[:5] in text, text[-400:]
    page.context.close()


# ---- the report page's maps and trajectories -----------------------------------------------------------------------------

# Where a cell is on one of the two maps.
CELL = """([slot, x, y]) => {
  const find = view => view.model.type == 'Figure' ? [view] : view.child_views ?? [];
  const shown = Array.from(Bokeh.index).flatMap(find).filter(view => view.el.closest(`#${slot} .drawings > div:not([hidden])`));
  const box = shown[0].canvas_view.el.getBoundingClientRect(), frame = shown[0].frame;
  return [box.left + frame.x_scale.compute(x), box.top + frame.y_scale.compute(y)];
}"""
# Curves of the panels: panel -> key -> [steps, values], of those that are seen.
CURVES = """() => Object.fromEntries(Bokeh.documents.map(d => d.roots()[0]).filter(f => f.name?.startsWith('panel-')).map(f =>
  [f.name.slice(6), Object.fromEntries(f.renderers.filter(r => r.name && r.visible && r.data_source).map(r => [r.name,
    [r.glyph.x.field, r.glyph.y.field].map(k => Array.from(r.data_source.data[k] ?? r.data_source.data.get(k)))]))]))"""


# Title, limits and scale of the colours of the map that a slot shows.
LOOK = """slot => {
  const find = view => view.model.type == 'Figure' ? [view] : view.child_views ?? [];
  const shown = Array.from(Bokeh.index).flatMap(find).filter(view => view.el.closest(`#${slot} .drawings > div:not([hidden])`));
  const {title, renderers} = shown[0].model, {glyph} = renderers.find(each => each.name == 'cells');
  const mapper = glyph.color_mapper ?? glyph.fill_color.transform;
  return [title.text, mapper.low, mapper.high, mapper.type];
}"""


RANGE = """panel => Bokeh.documents.map(d => d.roots()[0]).filter(f => f.name == `panel-${panel}`)
  .map(f => [f.y_range.start, f.y_range.end])[0]"""


def settled(page):
    page.wait_for_function("document.getElementById('atlas').dataset.ready == 'yes'")


def click(page, slot, x, y, heading):
    page.mouse.click(*page.evaluate(CELL, [slot, float(x), float(y)]))
    page.wait_for_function("heading => document.querySelector('#cell h3').textContent == heading", arg=heading)
    settled(page)


def slide_to(page, number):
    """Move the first slider as a hand on the keyboard does."""
    slider = page.locator("#slices input").first
    slider.press("Home")
    for _ in range(number):
        slider.press("ArrowRight")
    settled(page)
    page.wait_for_timeout(100)  # Bokeh paints in the next frame


def colours_on(page, slot, summary, path):
    """The colour in the middle of every cell of a map, (x, y) -> three bytes."""
    import matplotlib.image

    page.screenshot(path=path, full_page=True)
    image = np.round(matplotlib.image.imread(path)[..., :3] * 255).astype(int)
    found = {}
    for i, x in enumerate(summary.laziness.values):
        for j, y in enumerate(summary.growth_per_step.values):
            column, row = page.evaluate(CELL, [slot, float(x), float(y)])
            row += page.evaluate("window.scrollY")
            near = image[round(row) - 8 : round(row) + 9 : 4, round(column) - 8 : round(column) + 9 : 4].reshape(-1, 3)
            colours, counts = np.unique(near, axis=0, return_counts=True)
            found[i, j] = colours[np.argmax(counts)]  # a line may cross part of a cell
    return found


@pytest.mark.slow
def test_slices_show_their_own_cells_in_colours_that_stay(sliced, browser, tmp_path):
    """Unevenly spaced axes, at both ends of the slider: each cell of the left map has its phase's colour."""
    folder, summary, _ = sliced
    page, _, errors = opened(browser, folder / "report.html", 1280)
    seen = []
    for number in (0, 1, 0):
        slide_to(page, number)
        words = page.inner_text("#slices span")
        assert f"n = {int(summary.samples[number])}" in words
        codes = summary.phase.isel(samples=number).transpose("laziness", "growth_per_step").values
        for (i, j), colour in colours_on(page, "left", summary, tmp_path / "page.png").items():
            text = PHASES.colours[Phase(int(codes[i, j]))]
            expected = [int(text[k : k + 2], 16) for k in (1, 3, 5)]
            assert np.abs(colour - expected).max() <= 2, (number, i, j)
        seen.append(codes)
    assert len(np.unique(seen[0])) > 1
    assert not errors
    page.context.close()


@pytest.mark.slow
def test_a_click_shows_the_stored_trajectory_of_that_cell(sliced, browser):
    """On either map and in either slice; numbers to the resolution of a page, 1/65532 of an axis."""
    folder, summary, run = sliced
    page, _, errors = opened(browser, folder / "report.html", 1280)
    for number, slot, i, j in ((0, "left", 1, 1), (0, "right", 3, 0), (1, "left", 0, 1)):
        slide_to(page, number)
        x, y = summary.laziness.values[i], summary.growth_per_step.values[j]
        click(page, slot, x, y, f"χ = {x:g}, k = {y:g}, n = {int(summary.samples[number])}")
        command = page.inner_text("#cell code")
        assert (
            f"--cell laziness={x:g} growth_per_step={y:g} samples={int(summary.samples[number])} --replicate 0"
            in command
        )
        where = (run.laziness.round(9) == round(float(x), 9)) & (run.samples == summary.samples[number].item())
        where &= (run.replicate == 0) & np.isclose(run.growth_per_step, y, rtol=1e-9)
        (row,) = np.flatnonzero(where)
        network = run.isel(network=row)
        drawn = page.evaluate(CURVES)
        for panel, key, scale in (
            ("loss", "loss", 1.0),
            ("rho_and_v", "rho", 1.0),
            ("rho_and_v", "v", np.sqrt(float(network.gamma))),
            ("rho_over_v", "rho_over_v", 1.0),
            ("kernel_distance", "ntk_target_error", 1.0),
            ("kernel_distance", "ntk_end_error", 1.0),
        ):
            steps, values = (np.array([np.nan if v is None else v for v in each], float) for each in drawn[panel][key])
            low, high = page.evaluate(RANGE, panel)
            stored = scale * network[key].values.astype(float)
            # Everything between the axis' ends is drawn, to half a step of the axis.
            inside = (stored > low * 1.01) & (stored < high * 0.99)
            assert inside.sum() >= 2, (panel, key)
            np.testing.assert_allclose(steps, network.step.values, atol=300 / 65532)
            error = (high - low) if panel == "rho_over_v" else np.log(high / low) * stored[inside]
            assert (np.abs(values[inside] - stored[inside]) <= error / 65532).all(), (panel, key)
    assert not errors
    page.context.close()


@pytest.mark.slow
def test_a_network_that_oscillates_between_records_is_dots(running, browser):
    folder, summary = running
    cells = summary["phase"].transpose("growth_per_step", "laziness").values
    j, i = np.argwhere(cells == Phase.oscillating)[0]
    page, _, errors = opened(browser, folder / "report.html", 1280)
    x, y = summary.laziness.values[i], summary.growth_per_step.values[j]
    page.mouse.click(*page.evaluate(CELL, ["left", float(x), float(y)]))
    page.wait_for_function(f"document.querySelector('#cell code').textContent.includes('growth_per_step={y:g}')")
    settled(page)
    drawn = page.evaluate(CURVES)["loss"]
    assert len(drawn["dots_loss"][0]) == 8 and "loss" not in drawn
    assert not errors
    page.context.close()


@pytest.mark.slow
def test_maps_can_be_chosen_and_move_together(sliced, browser):
    folder, summary, _ = sliced
    page, _, errors = opened(browser, folder / "report.html", 1280)
    found = {diagram.heading: diagram for diagram in diagrams(load_sweep(SLICED), summary)}
    headings = page.locator("#right option").all_inner_texts()
    assert headings == list(found)
    seen = set()
    # Forth and back: figures are shared and keep nothing of the map that they showed before.
    for heading in headings + headings[::-1]:
        page.select_option("#right select", label=heading)
        settled(page)
        title, *limits = page.evaluate(LOOK, "right")
        if found[heading].codes is None:
            values = summary[found[heading].variable]
            assert title == with_symbol(heading, values.attrs.get("symbol", ""))
            low, high, log = maps.scale(median(values).values.astype(float))
            # The page has numbers to 1/65532 of their range, and limits as they are.
            assert limits == [low, high, "LogColorMapper" if log else "LinearColorMapper"]
            seen.add((low, high))
        else:
            assert title == heading
    assert len(seen) > 6
    assert page.locator("#right .drawings > div:not([hidden])").count() == 1
    page.select_option("#right select", label="Which theory describes it best")
    settled(page)
    assert "Theory whose target overlap" in page.inner_text("#right .caption")
    x, y = float(summary.laziness.values[1]), float(summary.growth_per_step.values[1])
    column, row = page.evaluate(CELL, ["left", x, y])
    page.mouse.move(column, row)
    assert "which theory describes it best:" in page.inner_text("#readout")
    assert f"χ = {x:g}, k = {y:g}" in page.inner_text("#readout")
    before = page.evaluate(CELL, ["right", x, y])
    page.mouse.down()
    page.mouse.move(column + 40, row + 25, steps=4)
    page.mouse.up()
    page.wait_for_timeout(300)
    moved = np.array(page.evaluate(CELL, ["right", x, y])) - before
    assert np.abs(moved - [40, 25]).max() <= 3
    assert not errors
    page.context.close()


@pytest.mark.slow
def test_cells_that_were_not_run_are_white_and_say_so(running, browser, tmp_path):
    """On both maps and beside the pointer, told apart from a diverged network's; the smallest number has the lowest colour."""
    folder, summary = running
    page, _, errors = opened(browser, folder / "report.html", 1280)
    page.select_option("#right select", label="Change of the kernel")
    settled(page)
    page.wait_for_timeout(100)
    change = summary.kernel_change.sel(quantile=0.5).values
    phases = colours_on(page, "left", summary, tmp_path / "left.png")
    numbers = colours_on(page, "right", summary, tmp_path / "right.png")
    white, grey = ([int(text[k : k + 2], 16) for k in (1, 3, 5)] for text in (style.NOT_RUN, style.NO_VALUE))
    seen = set()
    for (i, j), colour in numbers.items():
        x, y = (float(summary[name].values[k]) for name, k in (("laziness", i), ("growth_per_step", j)))
        page.mouse.move(*page.evaluate(CELL, ["right", x, y]))
        said = page.inner_text("#readout")
        if i == 3:
            assert (colour == white).all() and (phases[i, j] == white).all()
            assert said.endswith("phases: not run; ‖Θ − Θ₀‖/‖Θ₀‖ = not run"), said
        elif np.isnan(change[i, j]):
            assert np.abs(colour - grey).max() <= 2
            assert said.endswith("phases: diverging; ‖Θ − Θ₀‖/‖Θ₀‖ = no value"), said
        else:
            assert min(np.abs(colour - each).max() for each in (white, grey)) > 2
            assert float(said.rpartition(" = ")[2]) == pytest.approx(change[i, j], rel=0.006)  # three digits
        seen.add((i == 3, bool(np.isnan(change[i, j]))))
    assert seen == {(True, True), (False, True), (False, False)}
    lowest = np.unravel_index(np.nanargmin(change), change.shape)
    assert np.abs(numbers[lowest] - [68, 1, 84]).max() <= 2, "viridis begins there"
    assert page.inner_text("#right .caption").count("white: not run") == 1
    click(page, "right", 10, 0.02, "χ = 10, k = 0.02")
    assert page.inner_text("#cell .note") == "No network was trained in this cell."
    assert page.locator("#cell .panels").is_hidden()
    assert {"phases", "not run"} <= {text.lower() for text in page.locator("#cell td").all_inner_texts()}
    assert not errors
    page.context.close()

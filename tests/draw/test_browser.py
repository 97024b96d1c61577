"""Pages in a real browser with the network cut off: they draw, ask for nothing and report no error."""

import os
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

import lazyrich
from lazyrich import archive
from lazyrich.draw import style
from lazyrich.draw.figures import draw_figures
from lazyrich.draw.report import write_report
from lazyrich.phases import Phase
from lazyrich.plan import whole
from lazyrich.simulate import simulate
from lazyrich.sweep_file import load_sweep

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None and os.environ.get("LAZYRICH_REQUIRE_BROWSER"):
    raise RuntimeError("LAZYRICH_REQUIRE_BROWSER is set and there is no chromium; apt-get install chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; apt-get install chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SWEEP = {
    "title": "A sweep with <angle> brackets & ampersands",
    "description": "Made by a test.",
    "problem": {"samples": 4, "dimension": 100, "noise_std": 0.1},
    "network": {"width": 64, "laziness": {"log": [0.01, 30], "points": 7}},
    "training": {"growth_per_step": {"log": [0.02, 1.6], "points": 5}, "steps": 300},
    "record": {"points": 8},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report page and its figures, and the summary that they show."""
    folder = tmp_path_factory.mktemp("results")
    sweep = load_sweep(SWEEP)
    recipe = whole(sweep).recipe
    run = archive.described(simulate(recipe), recipe)
    archive.write(run, folder / "shard.nc")
    summary = lazyrich.analyse(run)
    archive.write(summary, folder / "summary.nc")
    figures = folder / "figures"
    draw_figures(sweep, summary=folder / "summary.nc", shards=[str(folder / "shard.nc")], folder=figures)
    page = folder / "report.html"
    write_report(sweep, name="test", summary=folder / "summary.nc", figures=figures, page=page)
    return folder, summary


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


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
        "window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents.every(d => d.is_idle)", timeout=30_000
    )
    return page, asked, errors


@pytest.mark.parametrize("width", [1280, 800])
def test_the_report_opens_offline_and_whole(pages, browser, width):
    folder, _ = pages
    page, asked, errors = opened(browser, folder / "report.html", width)
    assert not errors
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked
    assert page.inner_text("h1") == SWEEP["title"]
    count = page.locator("figure").count()
    assert count == 5
    boxes = [page.locator("figure").nth(i).bounding_box() for i in range(count)]
    assert all(box["height"] > 400 and box["x"] >= 0 for box in boxes)
    assert all(box["x"] + box["width"] <= width for box in boxes), "a figure is cut off"
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert apart or a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1, "figures overlap"
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
            text = style.PHASE_COLOURS[code]
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

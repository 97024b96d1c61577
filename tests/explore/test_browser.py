"""The explorer in a real browser: clicks, slices, axes, links, selections, exports; nothing asked of anybody else."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import lazyrich
from lazyrich.explore.source import Source
from lazyrich.sweep.reader import load_sweep
from tests.browser import MAP, NEEDS_CHROMIUM, PLACE, browser
from tests.workflow.conftest import copied

from .common import land
from .conftest import SWEEP

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM

NUMBERS = f"Array.from({MAP}.model.renderers.find(each => each.name == 'cells').data_source.data.image[0]).join()"
SEEN = f"[{MAP}.model.x_range, {MAP}.model.y_range].flatMap(range => [range.start, range.end])"
# All text on the page, that in shadow roots too.
TEXT = """() => { const texts = []; const walk = node => { for (const child of node.childNodes) {
  if (child.nodeType == 3) texts.push(child.textContent); if (child.shadowRoot) walk(child.shadowRoot);
  if (!['STYLE', 'SCRIPT'].includes(child.nodeName)) walk(child); } }; walk(document.body); return texts.join(' '); }"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(folder, *options):
    """Where `lazyrich explore` serves a project's folder, by its own command."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(Path(lazyrich.__file__).parents[1])}
    command = [sys.executable, "-m", "lazyrich.cli", "explore", "--no-browser", "--port", str(port), *options]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}/"
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(url, timeout=30).close()
                break
            except urllib.error.URLError:
                assert server.poll() is None
                assert time.monotonic() < end
                time.sleep(0.2)
        try:
            yield url
        finally:  # a test that fails must not wait for the server
            server.terminate()


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as url:
        yield url


@contextmanager
def opened(browser, url, width=1280):
    """The page; at the end nothing was asked of another host and nothing complained."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_function(f"window.Bokeh && Bokeh.documents.length && {MAP}", timeout=60_000)
    page.wait_for_function("Bokeh.documents.every(each => each.is_idle)")
    yield page
    assert not errors
    assert all(each.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")) for each in asked), asked
    context.close()


def click(page, x, y):
    page.mouse.click(*page.evaluate(PLACE, [x, y]))


def says(page, words):
    page.wait_for_function(f"words => ({TEXT})().includes(words)", arg=words)


@pytest.fixture(scope="module")
def axes():
    sweep = load_sweep(SWEEP)
    return [[point[0] for point in sweep.dims[name,]] for name in ("laziness", "growth_per_step")]


@pytest.mark.parametrize("width", [1280, pytest.param(800, marks=pytest.mark.slow)])
def test_a_click_shows_trajectories_and_a_link_restores_the_view(browser, address, axes, width, tmp_path):
    xs, ys = axes
    with opened(browser, address + "?sweep=done", width) as page:
        click(page, xs[2], ys[1])
        words = f"lazyrich replay done --cell samples=3 laziness={xs[2]} growth_per_step={ys[1]} --replicate 0"
        says(page, words)
        says(page, "(2 replicates)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / "explorer.png", full_page=True)
        link = page.url
        assert "cell=" in link
    with opened(browser, link, width) as page:
        says(page, words)


@pytest.mark.slow
def test_of_a_link_that_is_wrong_somewhere_the_rest_is_shown(browser, address):
    wrong = "cell=1.5&slices=abc&moment=-3&quantile=nan&other=[]&lines=7&part=[1,true]", "cell=²&slices=[true]&part={}"
    for each in wrong:
        _is_as_asked(browser, address + f"?sweep=done&{each}&show=kernel_change&x=samples")


def _is_as_asked(browser, link):
    with opened(browser, link) as page:
        assert page.evaluate(f"{MAP}.model.title.text").startswith("Change of the kernel")
        assert page.evaluate(f"{MAP}.model.below[0].axis_label").startswith("n,")


@pytest.mark.slow
def test_axes_slices_and_diagrams_can_be_chosen(browser, address):
    with opened(browser, address + "?sweep=done") as page:
        page.get_by_label("Show").select_option(label="Change of the kernel")
        page.wait_for_function(f"{MAP}?.model.title.text.startsWith('Change of the kernel')")
        page.get_by_label("Horizontal axis").select_option(label="n, number of samples")
        page.wait_for_function(f"{MAP}?.model.below[0].axis_label.startsWith('n,')")
        page.wait_for_function(
            "location.search.includes('x=samples') && location.search.includes('show=kernel_change')"
        )
        # The axis that was horizontal has a slider now; the map is filled, not drawn anew.
        before, drawn = page.evaluate(NUMBERS), page.evaluate(f"{MAP}.model.id")
        page.locator(".noUi-handle:visible").first.press("ArrowRight")
        page.wait_for_function(f"before => {NUMBERS} != before", arg=before)
        page.wait_for_function("location.search.includes('slices=')")
        assert page.evaluate(f"{MAP}.model.id") == drawn


@pytest.mark.slow
def test_a_slider_moves_the_map_through_training(browser, address, axes):
    xs, ys = axes
    with opened(browser, address + "?sweep=done") as page:
        click(page, xs[2], ys[1])
        says(page, "(2 replicates)")
        page.get_by_label("Show").select_option(label="Stage at time τ")
        page.wait_for_function(f"{MAP}?.model.title.text.startsWith('Stage at τ = ')")
        seen = set()
        for _ in range(3):
            before = page.evaluate(f"{MAP}.model.title.text")
            seen.add(page.evaluate(NUMBERS))
            page.locator(".noUi-handle:visible").first.press("PageUp")
            page.wait_for_function(f"before => {MAP}.model.title.text != before", arg=before)
        assert len(seen) > 1
        page.wait_for_function("location.search.includes('moment=')")


@pytest.mark.slow
def test_boundaries_can_be_taken_off_and_axes_be_dimensionless(browser, address):
    with opened(browser, address + "?sweep=done&show=kernel_change") as page:
        drawn = f"{MAP}.model.renderers.filter(each => each.name == 'lazy_rich_predicted' && each.visible).length"
        assert page.evaluate(drawn) == 1
        page.locator("input[type=checkbox]").uncheck()
        page.wait_for_function(f"{drawn} == 0")
        page.get_by_label("Coordinates").select_option(label="χ and h")
        page.wait_for_function(f"{MAP}?.model.left[0].axis_label.startsWith('h, share')")
        page.wait_for_function("location.search.includes('lines=False')")
        link = page.url
    with opened(browser, link) as page:
        assert page.evaluate(f"{MAP}.model.left[0].axis_label").startswith("h, share")
        assert page.evaluate(drawn) == 0


@pytest.mark.slow
def test_a_box_is_looked_at_alone_and_its_sweep_file_can_be_had(browser, address, axes, tmp_path):
    xs, ys = axes
    with opened(browser, address + "?sweep=done") as page:
        box(page, (xs[1], xs[4]), (ys[1], ys[3]))
        page.wait_for_function(f"start => {MAP}.model.x_range.start > start", arg=xs[0])
        with page.expect_download() as download:
            page.get_by_text("Sweep file of the selected part").click()
        path = tmp_path / "finer.yaml"
        download.value.save_as(path)
        found = [point[0] for point in load_sweep(path).dims["laziness",]]
        # To a pixel or two of 380 over the axis' 3.5 decades.
        assert abs(found[0] / xs[1] - 1) < 0.1 and abs(found[-1] / xs[4] - 1) < 0.1
        page.wait_for_function("location.search.includes('part=')")
        link, seen = page.url, page.evaluate(SEEN)
    with opened(browser, link) as page:
        np.testing.assert_allclose(page.evaluate(SEEN), seen, rtol=1e-5)
        page.get_by_label("Show").select_option(label="Change of the kernel")
        page.wait_for_function(f"{MAP}?.model.title.text.startsWith('Change of the kernel')")
        np.testing.assert_allclose(page.evaluate(SEEN), seen, rtol=1e-5)
        page.evaluate(f"{MAP}.reset()")  # as the tool of that name does
        page.wait_for_function("location.search.includes('part=%5B%5D')")
        assert page.evaluate(SEEN)[0] < xs[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "start"), [("SVG", b"<?xml"), ("PNG", b"\x89PNG"), ("NC", b"\x89HDF"), ("CSV", None)]
)
def test_the_map_is_exported(browser, address, tmp_path, label, start):
    with opened(browser, address + "?sweep=done") as page:
        with page.expect_download() as download:
            page.get_by_text(label, exact=True).click()
        download.value.save_as(tmp_path / "file")
        content = (tmp_path / "file").read_bytes()
        assert len(content) > 1000
        assert content.startswith(start) if start else b"kernel_change" in content.splitlines()[0]


def test_a_sweep_that_runs_says_so(browser, address):
    with opened(browser, address + "?sweep=begun") as page:
        says(page, "shards are there")


@pytest.mark.slow
def test_cells_of_a_shard_that_lands_appear_on_an_open_page(browser, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    begun = Source("begun", tmp_path / "copy/config/sweeps/begun.yaml", tmp_path / "copy/results")
    before, shards = len(begun.there), len(begun.shards)
    with served(tmp_path / "copy") as url, opened(browser, url + "?sweep=begun&slices=%7B%22samples%22%3A1%7D") as page:
        says(page, f"{before} of {shards} shards are there")
        drawn = page.evaluate(NUMBERS)
        land(begun)
        says(page, f"{before + 1} of {shards} shards are there")
        page.wait_for_function(f"drawn => {NUMBERS} != drawn", arg=drawn)


def box(page, x, y):
    """Draw a box over the map, from one end to the other along both axes."""
    page.evaluate(f"{MAP}.model.toolbar.tools.find(each => each.type == 'BoxSelectTool').active = true")
    page.mouse.move(*page.evaluate(PLACE, [x[0], y[0]]))
    page.mouse.down()
    page.mouse.move(*page.evaluate(PLACE, [x[1], y[1]]), steps=5)
    page.mouse.up()


@pytest.mark.slow
def test_running_a_sweep_is_off_unless_asked_for(browser, address):
    with opened(browser, address + "?sweep=done") as page:
        assert page.get_by_text("Run it here").count() == 0


@pytest.mark.slow
def test_a_part_is_run_from_the_page_where_that_was_asked_for(browser, tmp_path, axes):
    xs, ys = axes
    project = copied(tmp_path)
    project.sweep("mine", {**SWEEP, "title": "Mine"})
    project.snakemake("results/mine/summary.nc")
    with served(tmp_path, "--run") as url, opened(browser, url + "?sweep=mine") as page:
        box(page, (xs[1], xs[4]), (ys[1], ys[3]))
        page.wait_for_function(f"start => {MAP}.model.x_range.start > start", arg=xs[0])
        page.get_by_text("Run it here").click()
        ended = f"(({TEXT})().match(/mine_part_1 (is done|failed).*/) ?? [null])[0]"
        page.wait_for_function(ended, timeout=300_000, polling=1000)
        assert page.evaluate(ended).startswith("mine_part_1 is done"), page.evaluate(ended)
        page.get_by_label("Sweep").select_option(label="mine_part_1")
        says(page, "Mine, a part of it")
    part = load_sweep(tmp_path / "config/sweeps/mine_part_1.yaml")
    assert part.networks == load_sweep(SWEEP).networks
    assert (tmp_path / "results/mine_part_1/report.html").exists()


def test_only_this_machine_is_served_and_only_the_page(address):
    port = int(address.rsplit(":")[-1].strip("/"))
    for path in (
        "../config/config.yaml",
        "%2e%2e/config/config.yaml",
        "config/config.yaml",
        "results/done/plan.json",
        "static/%2e%2e/%2e%2e/plan.json",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address + path, timeout=30)
        assert refused.value.code in (400, 403, 404)
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [line.split() for line in listening.splitlines()]
    hosts = {row[1].split(":")[0] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}
    assert hosts == {"0100007F"}

"""The explorer in a real browser: clicks, slices, axes, links, selections, exports; nothing asked of anybody else."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

import lazyrich
from lazyrich.sweep_file import load_sweep
from tests.browser import NEEDS_CHROMIUM, browser

from .conftest import SWEEP

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM

# The map's view, wherever Panel has put it.
MAP = """(() => { const found = []; const walk = view => { if (view.model.type == 'Figure') found.push(view);
  for (const child of view.child_views ?? []) walk(child); }; for (const view of Array.from(Bokeh.index)) walk(view);
  return found.find(view => view.model.renderers.some(each => each.name == 'cells')); })()"""
PLACE = f"""([x, y]) => {{ const view = {MAP}; const box = view.canvas_view.el.getBoundingClientRect();
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)]; }}"""
# All text on the page, that in shadow roots too.
TEXT = """() => { const texts = []; const walk = node => { for (const child of node.childNodes) {
  if (child.nodeType == 3) texts.push(child.textContent); if (child.shadowRoot) walk(child.shadowRoot);
  if (!['STYLE', 'SCRIPT'].includes(child.nodeName)) walk(child); } }; walk(document.body); return texts.join(' '); }"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(folder):
    """Where `lazyrich explore` serves the folder, by its own command."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(Path(lazyrich.__file__).parents[1])}
    command = [sys.executable, "-m", "lazyrich.cli", "explore", "--no-browser", "--port", str(port)]
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
        yield url
        server.terminate()
        server.wait()


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


@pytest.mark.parametrize("width", [1280, 800])
def test_a_click_shows_trajectories_and_a_link_restores_the_view(browser, address, axes, width, tmp_path):
    xs, ys = axes
    with opened(browser, address + "?sweep=done", width) as page:
        click(page, xs[2], ys[1])
        words = f"lazyrich replay done --cell growth_per_step={ys[1]} laziness={xs[2]} samples=3"
        says(page, words)
        says(page, "(2 replicates)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / "explorer.png", full_page=True)
        link = page.url
        assert "cell=" in link
    with opened(browser, link, width) as page:
        says(page, words)


def test_axes_slices_and_diagrams_can_be_chosen(browser, address):
    with opened(browser, address + "?sweep=done") as page:
        page.get_by_label("Show").select_option(label="Change of the kernel")
        page.wait_for_function(f"{MAP}?.model.title.text.startsWith('Change of the kernel')")
        page.get_by_label("Horizontal axis").select_option(label="n, number of samples")
        page.wait_for_function(f"{MAP}?.model.below[0].axis_label.startsWith('n,')")
        page.wait_for_function(
            "location.search.includes('x=samples') && location.search.includes('show=kernel_change')"
        )
        # The axis that was horizontal has a slider now.
        before = page.evaluate(f"{MAP}.model.id")
        page.locator(".noUi-handle").first.press("ArrowRight")
        page.wait_for_function(f"before => {MAP} && {MAP}.model.id != before", arg=before)
        page.wait_for_function("location.search.includes('slices=')")


def test_a_box_is_looked_at_alone_and_its_sweep_file_can_be_had(browser, address, axes, tmp_path):
    xs, ys = axes
    with opened(browser, address + "?sweep=done") as page:
        page.evaluate(f"{MAP}.model.toolbar.tools.find(each => each.type == 'BoxSelectTool').active = true")
        page.mouse.move(*page.evaluate(PLACE, [xs[1], ys[1]]))
        page.mouse.down()
        page.mouse.move(*page.evaluate(PLACE, [xs[4], ys[3]]), steps=5)
        page.mouse.up()
        page.wait_for_function(f"start => {MAP}.model.x_range.start > start", arg=xs[0])
        with page.expect_download() as download:
            page.get_by_text("Sweep file of the selected part").click()
        path = tmp_path / "finer.yaml"
        download.value.save_as(path)
        found = [point[0] for point in load_sweep(path).dims["laziness",]]
        # To a pixel or two of 380 over the axis' 3.5 decades.
        assert abs(found[0] / xs[1] - 1) < 0.1 and abs(found[-1] / xs[4] - 1) < 0.1


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

"""How fast the explorer is in a browser: first paint, click to trajectories, sliders, on a large sweep.

    python benchmarks/explorer.py

A sweep of 500 × 500 cells at each of three sample sizes, one network a cell, is trained in a copy of the project (two minutes)
and explored by Debian's Chromium, headless and without a GPU. Times are the browser's own: from the event that a person causes
to the second frame after the numbers on the page have changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from workflow import project, snakemake

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.browser import CHROMIUM, FLAGS, MAP, PLACE  # noqa: E402

POINTS, ROUNDS, PORT = 500, 15, 5199
SWEEP = {
    "title": "Three quarters of a million networks",
    "problem": {"samples": {"values": [5, 10, 20]}, "dimension": 10000, "noise_std": 0.1},
    "network": {
        "width": 1024,
        "sigma_0": {"log": [1e-4, 10], "points": POINTS},
        "v_0": {"log": [1e-4, 10], "points": POINTS},
    },
    "training": {"growth_per_step": 0.1, "tau": 60},
    "record": {"points": 64},
    "figures": {"axes": ["sigma_0", "v_0"]},
}
# Watch for the numbers to change after the next event of a kind; `answer` resolves to the milliseconds in between.
WATCH = """([event, numbers]) => { const look = new Function('return ' + numbers), before = look(); let start = null;
  addEventListener(event, () => { start = performance.now(); }, {once: true, capture: true});
  window.answer = new Promise(done => { const check = () => {
    if (start !== null && look() !== before)
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
    else requestAnimationFrame(check); }; check(); }); }"""
IMAGE = f"{MAP}.model.renderers.find(each => each.name == 'cells').data_source.data.image[0]"
PANEL = """(() => { for (const each of Bokeh.documents[0]._all_models.values())
  if (each.type == 'GlyphRenderer' && each.name == 'loss') return each.data_source.data.step; return null; })()"""


def first_paint(page: Page, url: str) -> float:
    """Milliseconds from the call for the page until its map is drawn."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_function(f"window.Bokeh && Bokeh.documents.length && {MAP}", polling=20, timeout=120_000)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return 1000 * (time.perf_counter() - start)


def settle(page: Page) -> None:
    """Until nothing is to be done any more, the example's trajectories among it."""
    page.wait_for_function(PANEL)
    page.wait_for_timeout(500)
    page.wait_for_function("Bokeh.documents.every(each => each.is_idle)")


def clicks(page: Page) -> list[float]:
    """Click cell after cell."""
    found = []
    for value in np.geomspace(3e-4, 3, ROUNDS):
        page.evaluate(WATCH, ["pointerdown", PANEL])
        page.mouse.click(*page.evaluate(PLACE, [value, 1e-2]))
        found.append(page.evaluate("window.answer"))
        settle(page)
    return found


def steps(page: Page, slider: int, keys: list[str]) -> list[float]:
    """Move a slider key by key."""
    found = []
    for key in keys:
        page.evaluate(WATCH, ["keydown", IMAGE])
        page.locator(".noUi-handle:visible").nth(slider).press(key)
        found.append(page.evaluate("window.answer"))
        settle(page)
    return found


def row(name: str, found: list[float], aim: str) -> None:
    """A line of the table."""
    print(f"| {name} | {np.median(found):,.0f} | {max(found):,.0f} | {aim} |", flush=True)


def measure(url: str) -> None:
    """Print the table."""
    print("| | median, ms | largest, ms | aim, ms |\n| --- | ---: | ---: | ---: |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        paints = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            paints.append(first_paint(page, url))
            settle(page)
            page.close()
        row("first paint, first visitor", paints[:1], "3,000")
        row("first paint, later ones", paints[1:], "3,000")
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        first_paint(page, url)
        settle(page)
        found = clicks(page)
        row("click to trajectories", found, "250")
        row(
            "slider over samples, phases",
            steps(page, 0, ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"] * 4),
            "200",
        )
        page.get_by_label("Show").select_option(label="Change of the kernel")
        settle(page)
        row(
            "slider over samples, kernel change",
            steps(page, 0, ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"] * 4),
            "200",
        )
        start = time.perf_counter()
        page.get_by_label("Show").select_option(label="Training loss at time τ")
        page.wait_for_function(f"{MAP}.model.title.text.startsWith('Training loss at τ')", timeout=120_000)
        row("read the training losses of all networks", [1000 * (time.perf_counter() - start)], "")
        settle(page)
        row("slider over time, training loss", steps(page, 0, ["ArrowRight"] * ROUNDS), "200")
        browser.close()


def main() -> None:
    """Train, serve, measure."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        project(home, "large", SWEEP)
        snakemake(home, "results/large/summary.nc")
        environment = {**os.environ, "PYTHONPATH": str(home / "src")}
        command = [sys.executable, "-m", "lazyrich.cli", "explore", "--no-browser", "--port", str(PORT)]
        with subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.DEVNULL) as server:
            url = f"http://127.0.0.1:{PORT}/"
            for _ in range(600):
                try:
                    urllib.request.urlopen(url + "static/js/bokeh.min.js", timeout=30).close()
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            measure(url)
            server.terminate()


if __name__ == "__main__":
    main()

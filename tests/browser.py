"""Debian's Chromium, headless, for tests that look at pages: import `browser`, and set `pytestmark = NEEDS_CHROMIUM`."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None and os.environ.get("LAZYRICH_REQUIRE_BROWSER"):
    raise RuntimeError("LAZYRICH_REQUIRE_BROWSER is set and there is no chromium; apt-get install chromium")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; apt-get install chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# JavaScript in the explorer: the map's view, wherever Panel has put it; a point of the map on the page.
MAP = """(() => { const found = []; const walk = view => { if (view.model.type == 'Figure') found.push(view);
  for (const child of view.child_views ?? []) walk(child); }; for (const view of Array.from(Bokeh.index)) walk(view);
  return found.find(view => view.model.renderers.some(each => each.name == 'cells')); })()"""
PLACE = f"""([x, y]) => {{ const view = {MAP}; const box = view.canvas_view.el.getBoundingClientRect();
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)]; }}"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()

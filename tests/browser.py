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


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()

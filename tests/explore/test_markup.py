"""What files, folders and addresses say is shown as text, whatever it holds: no element of the page is made of it."""

from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import netCDF4
import pytest
import yaml
from bokeh.models import Div
from bokeh.models.widgets.markups import Markup
from panel.models.markup import HTML

from lazyrich.analysis.summary import summarise_sweep
from lazyrich.explore.explorer import Explorer
from lazyrich.explore.launch import Launcher
from lazyrich.explore.markup import html, plain
from lazyrich.explore.serve import why
from lazyrich.explore.source import Sources
from lazyrich.planning.folder import shard_file, write_plan
from lazyrich.planning.plan import plan
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.browser import MAP, NEEDS_CHROMIUM, PLACE, browser

from .conftest import SWEEP
from .test_browser import click, opened, says, served

__all__ = ["browser"]


def hostile(name):
    """HTML that runs a script where it is read as such; it may be a file's name."""
    return f"<img src=x onerror=window.ran='{name}'>"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A sweep of which the file's name, the title, an activation and all attributes of netCDF files are hostile."""
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)  # an activation's file is named as seen from there
        make(root)
    return root


def make(root):
    """Make the project's folder."""
    sweeps, activation = root / "config/sweeps", hostile("activation") + ".py"
    sweeps.mkdir(parents=True)
    (sweeps / activation).write_text("import torch\n\n\ndef f(x):\n    return torch.tanh(x)\n")
    changes = {
        "title": hostile("title"),
        "problem": {"samples": 3, "dimension": 20, "noise_std": 0.1},
        "network": {
            "width": 8,
            "activation": {"values": ["linear", f"{activation}:f"]},
            "laziness": {"log": [0.1, 10], "points": 3},
        },
        "training": {"growth_per_step": {"log": [0.05, 0.5], "points": 3}, "steps": 50},
    }
    (root / "config/config.yaml").write_text("sweeps: [later]\nbudget: {core_hours: 1.0e-9, disk_gb: 1}\n")
    for name, change in ((hostile("file"), {}), ("later", {"seed": 1})):
        path = sweeps / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**SWEEP, **changes, **change}))
        sweep, home = load_sweep(path), root / "results" / name
        shards = plan(sweep)
        write_plan(home / "plan.json", shards)
        (home / "shards").mkdir()
        for each, shard in shards.items():
            data = archive.described(simulate(shard), shard)
            integrity.write(spoiled(data), shard_file(home, each))
        summary = summarise_sweep(sweep, [shard_file(home, each) for each in shards])
        integrity.write(spoiled(summary), home / "summary.nc")
        with netCDF4.Dataset(home / "summary.nc") as written:
            assert written["laziness"].symbol == hostile("symbol")


def spoiled(data):
    """The dataset with hostile attributes of every variable."""
    for name in data.variables:
        said = f"{hostile('long_name')} {name}"
        data[name].attrs |= {"symbol": hostile("symbol"), "long_name": said, "units": hostile("units")}
    return data


@pytest.mark.parametrize("text", [hostile("x"), "a & b", "<script>1", "*a* _b_ `c` [d](e)", "{0}", "&lt;", "'\""])
def test_texts_stay_texts_in_html(text):
    for found in (html("<p>{}</p>", text), f"<p>{plain(text)}</p>"):
        assert (
            type(found) is str
        )  # Panel escapes it once more, which strings of markupsafe would not be by `html.escape`
        assert as_read(found) == (["p"], text)


def test_no_tex_is_left_for_a_widget_to_read():
    for text in (r"$$\href{javascript:alert(1)}{a}$$", r"\(a\)", r"\[a\]"):
        assert not {"$", "\\"} & set(plain(text))
        assert as_read(plain(text)) == ([], text)


def as_read(found):
    """(elements, text) that a browser makes of HTML."""
    elements, texts = [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: elements.append(tag)
    parser.handle_data = texts.append
    parser.feed(found)
    parser.close()
    return elements, "".join(texts)


def test_every_part_of_the_page_that_reads_html_is_given_the_projects_own(project, monkeypatch):
    monkeypatch.chdir(project)
    config, results = Path("config/sweeps"), Path("results")
    page = Explorer(Sources(config, results), Launcher(config, results))
    page.session.state.choose("sweep", hostile("file"))
    page.session.see([0.2, 5.0, 0.1, 0.4])
    page.controls.run.clicks += 1
    page.session.state.cell = page.session.source.summary["phase"].size - 1  # of the second activation
    for show in ("kernel_change", "during_loss"):
        page.session.state.show = show
        texts = {}
        for model in page.__panel__().get_root().references():
            if isinstance(model, Markup) and not getattr(model, "render_as_text", False):
                elements, text = as_read(unescape(model.text) if isinstance(model, HTML) else model.text)
                assert set(elements) <= {"h3", "p", "b", "code"}, model.text
                texts[type(model)] = texts.get(type(model), "") + text
        assert hostile("title") in texts[HTML] and hostile("activation") in texts[HTML]
        assert "budget.core_hours = 1e-09" in texts[HTML] and hostile("file") in texts[HTML]
        assert hostile("long_name") in texts[Div]
    page.go_back(hostile("why"))
    assert as_read(page.note.object)[0] == ["h3", "p", "p", "b"]


@NEEDS_CHROMIUM
def test_nothing_of_a_hostile_folder_runs_in_a_browser(browser, project):
    asked = urlencode(
        {"sweep": hostile("file"), "show": hostile("show"), "x": hostile("x"), "coordinates": hostile("c")}
    )
    with served(project, "--run") as url:
        with opened(browser, f"{url}?{asked}") as page:
            says(page, hostile("title"))
            says(page, hostile("file"))
            says(page, hostile("long_name"))
            page.mouse.move(*page.evaluate(PLACE, [1.0, 0.15]))
            says(page, f"{hostile('symbol')} = 1, {hostile('symbol')} = 0.1581: ")
            page.get_by_label("Show").select_option(label="Change of the kernel")
            page.wait_for_function(f"{MAP}?.model.title.text.startsWith('Change of the kernel')")
            page.locator(".noUi-handle:visible").first.press("ArrowRight")
            says(page, hostile("activation"))
            click(page, 1.0, 0.15)
            says(page, f"{hostile('symbol')} = 1")
            nothing_has_run(page)
        # A sweep that cannot be read, for a key of its file: the others are shown.
        (project / "config/sweeps/later.yaml").write_text(yaml.safe_dump({hostile("key"): 1}))
        page = browser.new_page()
        page.goto(f"{url}?sweep=later")
        says(page, hostile("title"))
        nothing_has_run(page)
        page.close()


def test_why_a_page_cannot_be_shown_is_text():
    said = why(ValueError(f"{hostile('key')}: unknown key")).object
    assert as_read(said) == (["p", "b"], f"This page cannot be shown: {hostile('key')}: unknown key")


def nothing_has_run(page):
    """No script of a file ran, and no element was made that one would run of later."""
    assert page.evaluate("window.ran") is None
    # Playwright's selectors look into shadow roots.
    assert page.locator("img[src=x]").count() == 0

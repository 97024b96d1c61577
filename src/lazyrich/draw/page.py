"""Pages and texts from templates; pages have everything inside and open without a server or a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from lazyrich.sweep.words import counted
from lazyrich.system.disk import replacing

TEMPLATES = Environment(loader=PackageLoader("lazyrich.draw", "pages"), autoescape=select_autoescape(["html"]))


def script_safe(text: str) -> Markup:
    """Return JSON that is safe inside a script element, which "</" would end."""
    return Markup(text.replace("</", "<\\/"))


TEMPLATES.filters["script_safe"] = script_safe
TEMPLATES.filters["counted"] = counted
# A bar in a cell of a Markdown table would end it.
TEMPLATES.filters["cell"] = lambda text: text.replace("|", "\\|")


def bokeh_scripts() -> list[Markup]:
    """Return BokehJS itself, for script elements.

    Bokeh's own `INLINE` would add the scripts of every imported extension; HoloViews imports Panel, whose scripts are remote.
    """
    return [Markup(script) for script in Resources(mode="inline", components=["bokeh"]).js_raw]


def write_page(path: str | Path, template: str, **values: Any) -> None:
    """Write a page from a template; a reader sees either the whole page or the earlier one."""
    with replacing(path) as temporary:
        temporary.write_text(TEMPLATES.get_template(template).render(**values), encoding="utf-8")

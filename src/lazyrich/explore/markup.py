"""HTML of the page in which texts of files, folders and addresses stay texts, whatever they hold."""

from __future__ import annotations

from markupsafe import Markup, escape


def html(template: str, *texts: object) -> str:
    """Return the project's own HTML with texts in its `{}`, as an HTML pane takes it; a Markdown pane would read them again."""
    return str(Markup(template).format(*texts))


def plain(text: object) -> str:
    """Return HTML of a text for a widget that reads HTML and TeX, such as the words above a slider."""
    return str(escape(text)).replace("$", "&#36;").replace("\\", "&#92;")

"""Serve the explorer, to this machine only."""

from __future__ import annotations

import logging
from pathlib import Path

import panel as pn
from bokeh.document import Document
from bokeh.models import CustomJS
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.server import Server

from lazyrich.explore.explorer import Explorer
from lazyrich.explore.guard import guard
from lazyrich.explore.launch import Launcher
from lazyrich.explore.markup import html
from lazyrich.explore.source import Sources
from lazyrich.explore.state import Address


def serve(config: Path, results: Path, *, port: int = 5006, show: bool = True, run: bool = False) -> None:
    """Serve one page a visitor over a results folder until the process is stopped; nothing else of the disk is served.

    With `run` pages may write sweep files into `config` and run them.
    """
    web_server = server(config, results, port=port, show=show, run=run)
    web_server.start()
    web_server.io_loop.start()


def server(config: Path, results: Path, *, port: int, show: bool = False, run: bool = False) -> Server:
    """Return the guarded server, which answers once it is started."""
    launcher = Launcher(config, results) if run else None
    sources = Sources(config, results)
    pn.extension(inline=True)
    Explorer(sources).example()  # not shown: reads and compiles what the first page needs
    web_server = pn.serve(
        {"/": lambda: _page(sources, launcher)},
        address="127.0.0.1",
        port=port,
        location=False,  # a page brings its own
        start=False,
        show=show,
    )
    guard(web_server._tornado)  # Bokeh gives it by no public name
    return web_server


def _page(sources: Sources, launcher: Launcher | None) -> None:
    pn.state.onload(_send_at_once)
    # Panel writes the address but does not notice when the browser goes back.
    back = CustomJS(code="window.addEventListener('popstate', () => window.location.reload())")
    document, context = _visit()
    document.js_on_event("document_ready", back)
    assert context.request is not None  # that of the page
    address = Address.from_request(context.request)  # type: ignore[arg-type]  # Bokeh's proxy has all of a request
    try:
        Explorer(sources, launcher, address).servable(title="lazyrich", location=address)
    except Exception as error:  # of any kind: Panel would show it as HTML, and its text may come from a file
        logging.getLogger("lazyrich").exception("a page cannot be shown")
        why(error).servable(title="lazyrich")


def why(error: Exception) -> pn.pane.HTML:
    """Return the message in place of a page that cannot be shown."""
    return pn.pane.HTML(html("<p><b>This page cannot be shown: {}</b></p>", error))


def _visit() -> tuple[Document, BokehSessionContext]:
    """Return the document of the page that is being served, and its session."""
    document = pn.state.curdoc
    assert document is not None  # while a page is made or loads
    context = document.session_context
    assert isinstance(context, BokehSessionContext)  # of a server's page
    return document, context


def _send_at_once() -> None:
    """Send each piece of a message to the browser without waiting for the receipt of the last one, which takes 40 ms.

    Tornado has `WebSocketHandler.set_nodelay` for this; Bokeh does not call it and has no public name for the socket.
    """
    session = _visit()[1].session
    assert session is not None  # the page is loaded by one
    for connection in session._subscribed_connections:
        connection._socket.set_nodelay(True)

"""Which requests the explorer answers: those of this machine's browser for the page, and no others.

The server listens on loopback, but any web page may send requests there. A rule in front of the router refuses them, whatever
they ask for: pages, files and web sockets alike. A second rule closes every route that the page does not use.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import Application, ErrorHandler, OutputTransform, RequestHandler

# Any port: through an ssh tunnel, the browser names the port at its own end. DNS rebinding can choose the port but not the
# name: a browser sends the name under which its page was opened, and nobody can point these three elsewhere.
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
# The page, its web socket, its icon, and the scripts and styles of Bokeh and Panel. Of their other routes `/components/`
# imports whatever module the address names, which may end the process, and `/autoload.js` gives every origin a session.
ROUTES = re.compile(r"/(ws|favicon\.ico|static/.*)?")
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(application: Application) -> None:
    """Refuse all requests but those of this machine's browser for what the page needs; no other site may use an answer."""
    application.default_router.rules[:0] = [
        Rule(_Foreign(), _Refusal),
        Rule(_Unused(), ErrorHandler, {"status_code": 404}),
    ]
    application.add_transform(_Headers)


def foreign(headers: HTTPHeaders) -> bool:
    """Return whether the headers of a request are those of another host or of another site's page.

    A link on another site may open the page: that site sees nothing of it.
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    if not LOOPBACK.fullmatch(host):
        return True
    # Another port is another site: any user of this machine may serve there.
    if origin is not None and not _same(origin, host):
        return True
    opened = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and not opened


def _same(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:  # no address at all
        return False


class _Foreign(Matcher):
    """Match foreign requests."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return the handler's arguments (none) for a foreign request; None for any other."""
        return {} if foreign(request.headers) else None


class _Unused(Matcher):
    """Match routes that the page does not use."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return the handler's arguments (none) for a route that is not the page's; None for one that is."""
        return None if ROUTES.fullmatch(request.path) else {}


class _Refusal(RequestHandler):
    """Answer 403 to every method."""

    def prepare(self) -> None:
        """Say which requests are answered."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(
            "The explorer answers its own page at http://localhost or http://127.0.0.1, any port, and nobody else.\n"
        )


class _Headers(OutputTransform):
    """Put `HEADERS` on every answer."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return the answer's first part with other headers."""
        headers.update(HEADERS)
        return status_code, headers, chunk

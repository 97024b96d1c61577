"""Which requests the explorer answers: those of this machine's browser for the page, and no others.

The server listens on loopback, but any web page may send requests there. One rule in front of the router refuses them, whatever
they ask for: pages, files and web sockets alike.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import Application, OutputTransform, RequestHandler

# Any port: of an ssh tunnel the browser names its own end. DNS rebinding can choose the port, but not the name, for a browser
# sends the name that its page was opened under, and these three are nobody's to point elsewhere.
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(application: Application) -> None:
    """Refuse all requests but those of this machine's browser, and forbid other sites every use of an answer."""
    application.default_router.rules.insert(0, Rule(_Foreign(), _Refusal))
    application.add_transform(_Headers)


def foreign(headers: HTTPHeaders) -> bool:
    """Whether the headers of a request are those of another host or of another site's page.

    A link of another site that opens the page is not: such a site sees nothing of what it opens.
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
    """Match what is refused."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return arguments of the handler, none, where a request is foreign; None where it is not."""
        return {} if foreign(request.headers) else None


class _Refusal(RequestHandler):
    """Answer 403 to every method."""

    def prepare(self) -> None:
        """Say what would be answered."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(
            "The explorer answers its own page at http://localhost or http://127.0.0.1, any port, and nobody else.\n"
        )


class _Headers(OutputTransform):
    """Put `HEADERS` on every answer, and take off those by which Bokeh lets other origins read."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return the answer's first part with other headers."""
        for name in [name for name in headers if name.startswith("Access-Control-")]:
            del headers[name]
        headers.update(HEADERS)
        return status_code, headers, chunk

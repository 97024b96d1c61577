"""Who is answered: this machine's browser, through a tunnel as well; no other host name, no page of another site."""

import asyncio
import http.client
import re
import sys
import threading

import panel as pn
import pytest
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop

from lazyrich.explore.guard import HEADERS, foreign
from lazyrich.explore.serve import server

PATHS = (
    "/",
    "/ws",
    "/autoload.js?bokeh-autoload-element=x",
    "/static/js/bokeh.min.js",
    "/favicon.ico",
    "/metadata",
    "/x",
)
OTHERS = (
    "rebound.test",
    "rebound.test:{port}",
    "127.0.0.1.rebound.test:{port}",
    "localhost.rebound.test:{port}",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
)
# No names of hosts at all, of which Tornado refuses some itself.
WRONG = (
    "localhost@rebound.test",
    "rebound.test,localhost",
    "localhost:1.rebound.test",
    "localhost:5006/",
    "localhost:",
    "",
)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def port(folder):
    """The port of a server over a results folder, which may run sweeps."""
    made = {}
    begun = threading.Event()

    def run():
        asyncio.set_event_loop(asyncio.new_event_loop())
        made["server"] = server(folder / "config/sweeps", folder / "results", port=0)
        made["server"].start()
        made["loop"] = IOLoop.current()
        made["loop"].add_callback(begun.set)
        made["loop"].start()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    yield made["server"].port
    made["loop"].add_callback(made["loop"].stop)
    thread.join()
    made["server"].stop()
    pn.state.kill_all_servers()


def answer(port, path="/", **headers):
    """(status, headers, content) of a request with these headers; the true Host unless told otherwise."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        found = connection.getresponse()
        return found.status, found.headers, b"" if found.status == 101 else found.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost", "localhost:8000", "[::1]:{port}"]
)
def test_the_page_and_its_socket_are_answered_under_every_name_of_this_machine(port, host):
    host = host.format(port=port)
    status, _, content = answer(port, Host=host)
    assert status == 200
    token = re.search(rb'"token":"([^"]+)"', content)[1].decode()
    asked = {**UPGRADE, "Sec-WebSocket-Protocol": f"bokeh, {token}", "Host": host, "Origin": f"http://{host}"}
    assert answer(port, "/ws", **asked)[0] == 101


@pytest.mark.parametrize("path", PATHS)
def test_no_other_host_name_is_answered(port, path):
    for host in OTHERS:
        host = host.format(port=port)
        assert answer(port, path, Host=host)[0] == 403, host
        assert answer(port, path, Host=host, Origin=f"http://{host}", **UPGRADE)[0] == 403, host


@pytest.mark.parametrize("host", WRONG)
def test_no_wrong_host_name_is_answered(port, host):
    assert answer(port, Host=host)[0] in (400, 403)
    assert foreign(HTTPHeaders({"Host": host}))


@pytest.mark.parametrize("path", PATHS)
def test_no_page_of_another_site_is_answered(port, path):
    for origin in ("http://other.test", f"http://localhost:{port}", "http://127.0.0.1:1", "null", "http://[", ""):
        assert answer(port, path, Origin=origin)[0] == 403, origin
        assert answer(port, path, Origin=origin, **UPGRADE)[0] == 403, origin
    for site in ("cross-site", "same-site"):
        for mode, into in (
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("navigate", "iframe"),
            ("websocket", "websocket"),
        ):
            asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": into}
            assert answer(port, path, **asked)[0] == 403, asked


def test_a_link_of_another_site_opens_the_page():
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert not foreign(HTTPHeaders({"Host": "localhost:5006", **asked}))
    assert foreign(HTTPHeaders({"Host": "rebound.test:5006", **asked}))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["localhost:{port}", "rebound.test"])
def test_no_answer_may_be_framed_or_read_by_others(port, path, host):
    _, headers, _ = answer(port, path, Host=host.format(port=port))
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_no_module_is_imported_that_an_address_names(port, tmp_path, monkeypatch):
    (tmp_path / "imported_by_address.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    for path in (
        "/components/imported_by_address/x/__css__/x",
        "//components/imported_by_address/x/__css__/x",
        "/%63omponents/imported_by_address/x/__css__/x",
        "/static/../components/imported_by_address/x/__css__/x",
        "/components/panel.widgets/Select/_stylesheets/css/select.css",
    ):
        assert answer(port, path)[0] in (403, 404), path
        assert "imported_by_address" not in sys.modules
    assert answer(port, "/components/panel/x/__css__/x")[0] == 404
    assert answer(port)[0] == 200


@pytest.mark.parametrize("path", ["/metadata", "/autoload.js?bokeh-autoload-element=x"])
def test_no_route_is_open_that_the_page_does_not_use(port, path):
    assert answer(port, path)[0] == 404


def test_a_query_with_two_question_marks_is_answered(port):
    assert answer(port, "/?sweep=done?&show=?")[0] == 200

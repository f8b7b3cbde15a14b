"""Nobody but our own page talks to the practice server, and nothing said to it brings it down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from practice_server import CountingDesk, Page, get, serving
from starlette.websockets import WebSocket, WebSocketState
from websockets.exceptions import ConnectionClosed, InvalidStatus

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.desk.server import (
    BURST,
    MAX_MESSAGE,
    RATE,
    TABS,
    Hub,
    PracticeServer,
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "page"
    (folder / "parts").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>", encoding="utf-8")
    (folder / "app.js").write_text("export {};", encoding="utf-8")
    (folder / "parts" / "look.css").write_text(":root {}", encoding="utf-8")
    (folder / "notes.txt").write_text("not part of the page", encoding="utf-8")
    (folder.parent / "secret.js").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(pages):
    with serving(CountingDesk(), pages=pages) as running:
        yield running


@pytest.fixture(autouse=True)
def _alive(server):
    yield
    assert get(server)[0] == 200  # whatever a test did: the next page is served


@pytest.fixture(scope="module", autouse=True)
def _alive_at_the_end(server):
    yield
    with Page(server) as page:
        number = page.say("add")["number"]
        page.until(lambda state: state.get("number") == number)


# -- pages ------------------------------------------------------------------------------------


def test_the_printed_address_opens_the_page(server):
    status, headers, body = get(server, f"/?token={server.token}", cookie=False)
    assert (status, headers["location"], body) == (303, "/", b"")
    name, *attributes = headers["set-cookie"].split("; ")
    assert name == f"{server.guard.cookie}={server.token}"
    assert str(server.port) in server.guard.cookie  # cookies are shared by all ports of a host
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    status, headers, body = get(server)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>page</title>" in body


def test_an_address_for_a_command_line_opens_once(server):
    path = server.address_once().removeprefix(server.origin)
    assert server.token not in path
    assert get(server, path, cookie=False)[0] == 303
    assert get(server, path, cookie=False)[0] == 403


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/app.js", "text/javascript"), ("/parts/look.css", "text/css"), ("/index.html", "text/html")],
)
def test_types_are_pinned(server, path, kind):
    assert get(server, path)[1]["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/app.js", "/none.js", "/?token=wrong", "/?token={}"])
@pytest.mark.parametrize("cookie", [True, False])
def test_every_response_is_sealed(server, path, cookie):
    _, headers, _ = get(server, path.format(server.token), cookie=cookie)
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


FOREIGN_HOSTS = [
    "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}0",
    "127.0.0.1.evil.example:{port}", "127.attacker.example:{port}", "localhost.evil:{port}",
    "127.0.0.1:{port}.evil.example", "[::1]:{port}", "0.0.0.0:{port}", "127.1:{port}",
    "LOCALHOST:{port}", "127.0.0.1:{port}@evil.example",
]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts(server, host):
    host = host.format(port=server.port)
    assert get(server, host=host)[0] in {400, 421}
    assert get(server, f"/?token={server.token}", host=host, cookie=False)[0] in {400, 421}
    with pytest.raises(InvalidStatus):
        Page(server, Host=host)  # beside the one that is right
    sent = f"GET / HTTP/1.1\r\nHost: {host}\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
    assert b" 200 " not in _raw(server, sent.encode())


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}"])
def test_own_hosts(server, host):
    assert get(server, host=host.format(port=server.port))[0] == 200


@pytest.mark.parametrize("cookie", [False, "", "wrong", "x" * 5000, "\xff"])
@pytest.mark.parametrize("path", ["/", "/app.js", "/none.js"])
def test_nothing_without_the_cookie(server, cookie, path):
    status, _, body = get(server, path, cookie=cookie)
    assert (status, b"orderflow-bt replay" in body) == (403, True)


@pytest.mark.parametrize("token", ["", "wrong", "%00", "%ff", "a&token=b", "x" * 3000])
def test_wrong_tokens(server, token):
    status, headers, _ = get(server, f"/?token={token}")
    assert status == 403
    assert "set-cookie" not in headers
    doubled = get(server, f"/?token={server.token}&token={token}", cookie=False)
    assert doubled[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_asked_for_by_another_site(server, site):
    assert get(server, Sec_Fetch_Site=site)[0] == 403
    assert get(server, f"/?token={server.token}", cookie=False, Sec_Fetch_Site=site)[0] == 403
    with pytest.raises(InvalidStatus):
        Page(server, Sec_Fetch_Site=site)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_asked_for_by_us(server, site):
    assert get(server, Sec_Fetch_Site=site)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_pages_are_only_read(server, method):
    assert get(server, method=method)[0] in {400, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.js", "/..%2fsecret.js", "/%2e%2e/secret.js", "/%2e%2e%2fsecret.js",
        "/..\\secret.js", "/..%5csecret.js", "//secret.js", "/./../secret.js",
        "/parts/../../secret.js",
        "/%252e%252e%252fsecret.js", "/app.js/../../secret.js", "/..%00/secret.js",
        "/app.js%00.html",
        "/etc/passwd", "//etc/passwd", "/file:///etc/passwd", "/notes.txt", "/parts", "/parts/",
        "/.", "/..", "/%c0%ae%c0%ae/secret.js", "/guard.py", "/../guard.py", "/ws", "/app.js/",
        "/APP.JS", "/" + "a" * 9000, "http://127.0.0.1/app.js", "*",
    ],
)  # fmt: skip
def test_paths_that_are_not_the_pages(server, path):
    status, _, body = get(server, path)
    assert status in {400, 404}
    assert b"secret" not in body
    assert b"not part" not in body


def test_the_exchange_leads_nowhere_else(server):
    for path in ("//evil.example/", "/\\evil.example", "/app.js"):
        status, headers, _ = get(server, f"{path}?token={server.token}", cookie=False)
        assert (status, headers["location"]) == (303, "/")


# -- the WebSocket ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        None, "null", "", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1",
        "http://127.0.0.1:1", "http://127.0.0.1:{port}.evil.example", "http://localhost:{port}",
        "http://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}", "file://", "ws://127.0.0.1:{port}",
    ],
)  # fmt: skip
def test_foreign_origins(server, origin):
    origin = origin and origin.format(port=server.port)
    with pytest.raises(InvalidStatus) as refused:
        Page(server, origin=origin)
    assert refused.value.response.status_code == 403


def test_two_origins_are_none(server):
    with pytest.raises(InvalidStatus):
        Page(server, origin="http://evil.example", Origin=server.origin)


@pytest.mark.parametrize("cookie", [None, "", "wrong"])
def test_no_socket_without_the_cookie(server, cookie):
    with pytest.raises(InvalidStatus) as refused:
        Page(server, cookie=cookie)
    assert refused.value.response.status_code == 403


def test_both_names_of_this_machine(server):
    name = f"localhost:{server.port}"
    with Page(server, host=name, origin=f"http://{name}") as page:
        assert page.hello == {"hello": 1}


# -- what is said -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{", "[]", "null", "1", '"do"', "[" * 60_000, '{"a":' * 9000, "1" * 60_000,
        '{"do":1}', '{"do":null}', '{"id":1}', '{"do":"add","id":[1]}', '{"do":"add","id":1.5}',
        '{"do":"add","id":true}', '{"do":"nothing known"}', '{"do":"add","count":"1"}',
        '{"do":"add","count":NaN}', '{"do":"add","count":1e999}', '{"ack":"1"}', '{"ack":true}',
        '{"ack":-1}', '{"ack":99999}', '{"ack":1e9}', '{"ack":null}', '{"do":"add","count":null}',
        '{"do":"__init__"}', '{"do":"\\ud800"}', "\x00", "{}", '{"do":"' + "x" * 50_000 + '"}',
    ],
)  # fmt: skip
def test_messages_that_mean_nothing_are_refused_in_words(server, text):
    with Page(server) as page:
        page.socket.send(text)
        while (answer := page.take()) is None:
            pass
        assert answer["ok"] is False
        assert answer["error"]["what"]
        assert page.say("add")["ok"]


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, bytes(range(256)), b"\xff" * MAX_MESSAGE])
def test_binary_messages_are_refused(server, data):
    with Page(server) as page:
        page.socket.send(data)
        while (answer := page.take()) is None:
            pass
        assert answer["error"]["what"] == "a binary message"


def test_messages_too_large_end_the_connection(server):
    with Page(server) as page:
        page.socket.send("x" * (MAX_MESSAGE + 1))
        assert page.closed() == 1009
    with Page(server) as page:
        page.socket.send(["x" * 1000] * (MAX_MESSAGE // 1000 + 1))  # in small fragments
        assert page.closed() == 1009


def test_text_that_is_no_text_ends_the_connection(server):
    with Page(server) as page:
        page.socket.send(b"\xff\xfe{", text=True)
        assert page.closed() in {1007, None}


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 64, b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x83"]
)
def test_garbage_after_the_handshake(server, garbage):
    with Page(server) as page:
        page.socket.socket.sendall(garbage)
        time.sleep(0.02)


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 9000, b"GET / HTTP/1.1\r\nHost" + b":" * 9],
)  # fmt: skip
def test_garbage_in_place_of_http(server, garbage):
    assert b" 200 " not in _raw(server, garbage)


def test_a_connection_that_breaks_while_both_sides_speak_ends_in_silence():
    async def receive():
        return {"type": "websocket.receive", "text": "nonsense"}

    async def send(message):
        if message["type"] != "websocket.accept":
            raise BrokenPipeError

    async def serve():
        socket = WebSocket({"type": "websocket"}, receive, send)
        socket.client_state = WebSocketState.CONNECTED
        await Hub(CountingDesk()).serve(socket)

    with ThreadPoolExecutor(1) as elsewhere:  # here the loop of a browser's test may run
        for _ in range(20):  # which of the two hears of it first is chance
            elsewhere.submit(lambda: asyncio.run(serve())).result()


def _flood(server, text):
    """Say something as fast as it goes, until it is refused: (code, replies, messages said)."""
    codes, sent = [], 0
    with Page(server, acks=False) as page:
        reader = threading.Thread(target=lambda: codes.append(page.closed(20)), daemon=True)
        reader.start()
        with contextlib.suppress(ConnectionClosed):
            while sent < 10_000_000:
                page.socket.send(text)
                sent += 1
        reader.join(20)
        return codes[0], len(page.raw), sent


def test_ten_thousand_messages_a_second(server):
    with Page(server) as other:
        began = time.monotonic()
        code, replies, sent = _flood(server, '{"do":"nothing known"}')
        lasted = time.monotonic() - began
        assert code == 1008
        assert sent > BURST
        assert replies < BURST + RATE * lasted + 10
        assert other.say("add")["ok"]


def test_many_floods_at_once(server):
    codes = []
    threads = [
        threading.Thread(
            target=lambda: codes.append(_flood(server, '{"do":"add"}')[0]), daemon=True
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    with Page(server) as page:
        for _ in range(10):
            assert page.say("add")["ok"]
    for thread in threads:
        thread.join(20)
    assert codes == [1008] * 4


def test_tabs_are_bounded(server):
    pages = [Page(server) for _ in range(TABS)]
    with pytest.raises(ConnectionClosed) as end:
        Page(server)
    assert end.value.rcvd.code == 1013
    for page in pages:
        page.socket.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # the server hears of the ends one by one
        try:
            Page(server).socket.close()
        except ConnectionClosed:
            time.sleep(0.01)
        else:
            break


def test_a_taken_port_is_said(server):
    with pytest.raises(UsageError, match=re.escape(f"port {server.port}")):
        PracticeServer(CountingDesk(), port=server.port)


def _raw(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        plain.sendall(data)
        plain.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := plain.recv(65536):
            found += chunk
        return found


def test_json_replies_repeat_the_id(server):
    with Page(server) as page:
        page.socket.send(json.dumps({"do": "add", "id": "mine"}))
        while (answer := page.take()) is None:
            pass
        assert answer["reply"] == "mine"

"""Who may talk to the local server: nobody but the page it served, on the machine it runs on.

A server on loopback can be reached by every web site the person has open: by name (a foreign name
that resolves to 127.0.0.1), by WebSocket (which no same-origin rule stops) and by a form or frame.
So the Host must be ours to the letter, the Origin of a WebSocket too, and both need a cookie that
only somebody who knows the printed address gets. ``docs/replay-safety.md`` tells why each is there.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_BYTES = 32
_ASK = "Open the address that `orderflow-bt replay` printed in its terminal."
_OURS = {"same-origin", "none"}  # asked by our page, or by the person through the address bar


def new_token() -> str:
    """A random token, fit for an address and a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """ASGI middleware: refuses what is not from our own page, and seals every response.

    Args:
        app: What is guarded.
        port: The port the server listens on.
        token: The secret of the printed address, and the value of the cookie it becomes.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._token = token
        self._tickets: set[str] = set()
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | ({*names} if port == 80 else set())
        # Cookies are shared by all ports of a host: the port is in the name.
        self.cookie = f"orderflow-bt-{port}"
        sockets = " ".join(f"ws://{host}" for host in sorted(self._hosts))
        self._headers = [(name.encode(), value.encode()) for name, value in _seals(sockets).items()]

    def ticket(self) -> str:
        """A token that opens the page once: for a command line, which others may read."""
        ticket = new_token()
        self._tickets.add(ticket)
        return ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection: pass it on, or refuse it."""
        if scope["type"] == "http":
            await self._http(scope, receive, self._sealed(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._host(scope):
            await _answer(send, HTTPStatus.MISDIRECTED_REQUEST, "This server has another name.")
        elif scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, HTTPStatus.METHOD_NOT_ALLOWED, "Pages are only read here.")
        elif not self._fetched_by_us(scope):
            await _answer(send, HTTPStatus.FORBIDDEN, f"Another site asked for this. {_ASK}")
        elif (token := _token(scope)) is not None:
            if self._takes(token):
                await self._exchange(send)
            else:
                await _answer(send, HTTPStatus.FORBIDDEN, f"This address is not valid. {_ASK}")
        elif not self._known(scope):
            await _answer(send, HTTPStatus.FORBIDDEN, f"This browser is not known here. {_ASK}")
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        own = self._host(scope) and origins == [f"http://{hosts[0]}"]
        if own and self._fetched_by_us(scope) and self._known(scope):
            await self._app(scope, receive, send)
        else:
            await receive()  # websocket.connect; closing before accepting answers 403
            await send({"type": "websocket.close", "code": 1008})

    def _host(self, scope: Scope) -> bool:
        hosts = _values(scope, b"host")
        return len(hosts) == 1 and hosts[0] in self._hosts

    def _fetched_by_us(self, scope: Scope) -> bool:
        # Old browsers do not send it; the cookie's SameSite=Strict stands behind it.
        return _OURS.issuperset(_values(scope, b"sec-fetch-site"))

    def _known(self, scope: Scope) -> bool:
        pairs = ";".join(_values(scope, b"cookie")).split(";")
        found = (pair.strip().partition("=") for pair in pairs)
        return any(name == self.cookie and _same(value, self._token) for name, _, value in found)

    def _takes(self, token: str) -> bool:
        for ticket in self._tickets:
            if _same(token, ticket):
                self._tickets.remove(ticket)
                return True
        return _same(token, self._token)

    async def _exchange(self, send: Send) -> None:
        """The token goes out of the address, into a cookie that no script reads."""
        cookie = f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        # Always to the start: a path from the address could lead elsewhere (//evil.example).
        extra = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await _answer(send, HTTPStatus.SEE_OTHER, "", extra)

    def _sealed(self, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        return sealed


def _seals(sockets: str) -> dict[str, str]:
    """Headers of every response; ``sockets`` are our WebSocket addresses.

    Some browsers do not count ``ws:`` of the own host among ``'self'``, so they are named.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": f"'self' {sockets}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "content-security-policy": "; ".join(f"{key} {value}" for key, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _token(scope: Scope) -> str | None:
    """The token in the address, None without one; empty where it is not one token."""
    query = scope["query_string"].decode("latin-1")
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=20).get("token")
    except ValueError:
        return ""
    return None if found is None else found[0] if len(found) == 1 else ""


async def _answer(
    send: Send, status: HTTPStatus, text: str, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The local server: one desk, every open page a view of it, and the only clock.

What moves the desk runs in slices of some milliseconds on the event loop, with reads and writes in
between; while nothing plays the loop sleeps until somebody asks for something. A page paints a
frame, then acknowledges it: at most two are on their way, and what happened meanwhile is folded
into the next one, so that a slow or hidden page costs nothing and never lags behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect, WebSocketState

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.desk.guard import Guard, new_token
from orderflow_bt.replay.desk.messages import Message, read_message, reply_to, words
from orderflow_bt.replay.desk.pages import PAGE, Pages

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from starlette.websockets import WebSocket

HOST = "127.0.0.1"
IN_FLIGHT = 2  # frames sent and not acknowledged
FRAME_EVERY = 1 / 30  # seconds between two frames to a page
TURNS = 8  # of the loop between two slices of work: a message takes some to be read and answered
MAX_MESSAGE = 64 * 1024  # bytes; a page's largest is a note
RATE, BURST = 240.0, 480.0  # messages a second of a page, and how many at once
TABS = 16
REFUSED, TRY_LATER = 1008, 1013  # of RFC 6455's closing codes


class View(Protocol):
    """What one page has been sent so far."""

    @property
    def seq(self) -> int:
        """Of the last frame made for it."""


class Desk(Protocol):
    """What is served: see `orderflow_bt.replay.desk.desk`."""

    version: int  # another number whenever there is something new to show

    @property
    def greeting(self) -> int:
        """Another number whenever what `hello` says has changed."""

    notices: tuple[int, deque[dict[str, Any]]]  # how many there were, and the latest of them

    def hello(self) -> dict[str, Any]:
        """What a page needs to know before its first frame."""

    def view(self) -> View:
        """The view of a page that has nothing yet."""

    def frame(self, view: Any) -> bytes:
        """What the view lacks, as a binary frame; the view has it from now on."""

    def handle(self, message: Message) -> dict[str, Any]:
        """Obey; what to add to the reply.

        Raises:
            OrderflowError: It cannot be obeyed.
        """
        ...

    def work(self, now: float) -> float | None:
        """Go on for some milliseconds; seconds until there is more to do, None: nothing."""


class _Client:
    """One open page."""

    def __init__(self, socket: WebSocket, view: View, noticed: int, now: float) -> None:
        self.socket = socket
        self.view = view
        self.acked = view.seq
        self.seen: int | None = None  # the desk's version that it was last sent
        self.greeted: int | None = None  # its greeting
        self.noticed = noticed  # how many of its notices
        self.ready = asyncio.Event()
        self._allowance, self._asked = BURST, now

    def allows(self, now: float) -> bool:
        """Whether one more message may come now."""
        self._allowance = min(BURST, self._allowance + (now - self._asked) * RATE) - 1
        self._asked = now
        return self._allowance >= 0

    def ack(self, seq: int) -> None:
        """The page has painted frame ``seq``."""
        if not self.acked <= seq <= self.view.seq:
            raise UsageError(f"frame {seq} was not sent", fix="Acknowledge each frame once")
        self.acked = seq
        self.ready.set()

    async def send(self, message: str | bytes) -> None:
        """Send it, unless the connection was closed meanwhile.

        Raises:
            WebSocketDisconnect: It was.
        """
        if self.socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(REFUSED)
        if isinstance(message, str):
            await self.socket.send_text(message)
        else:
            await self.socket.send_bytes(message)

    @property
    def has_room(self) -> bool:
        return self.view.seq - self.acked < IN_FLIGHT


class Hub:
    """The open pages, and the one task that moves the desk.

    Args:
        desk: What every page shows.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._clients: set[_Client] = set()
        self._noticed = 0  # of the desk's notices, how many some page was told of
        self._asked = asyncio.Event()

    async def drive(self) -> None:
        """Let the desk work whenever it has something to do, and tell the pages."""
        version = None
        loop = asyncio.get_running_loop()
        while True:
            self._asked.clear()
            wait = self.desk.work(loop.time())
            if self.desk.version != version:
                version = self.desk.version
                for client in self._clients:
                    client.ready.set()
            if wait is not None and wait <= 0:
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), wait)

    async def serve(self, websocket: WebSocket) -> None:
        """One page, from its connection to its end."""
        await websocket.accept()
        if len(self._clients) >= TABS:
            await websocket.close(TRY_LATER, f"{TABS} pages are open already")
            return
        now = asyncio.get_running_loop().time()
        client = _Client(websocket, self.desk.view(), self._noticed, now)
        self._clients.add(client)
        client.ready.set()
        tasks = [
            asyncio.ensure_future(self._read(client)),
            asyncio.ensure_future(self._send_frames(client)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(WebSocketDisconnect):
                for task in done:
                    task.result()  # what failed ends the connection: a page then begins anew
        finally:
            self._clients.discard(client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_frames(self, client: _Client) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await client.ready.wait()
            client.ready.clear()
            while client.has_room and client.seen != self.desk.version:
                began = loop.time()
                if client.greeted != self.desk.greeting:
                    client.greeted = self.desk.greeting
                    await client.send(_text(self.desk.hello()))
                count, latest = self.desk.notices
                for notice in list(latest)[max(0, len(latest) - (count - client.noticed)) :]:
                    await client.send(_text({"notice": notice}))
                client.noticed = self._noticed = count
                client.seen = self.desk.version
                await client.send(self.desk.frame(client.view))
                await asyncio.sleep(max(0.0, began + FRAME_EVERY - loop.time()))

    async def _read(self, client: _Client) -> None:
        loop = asyncio.get_running_loop()
        while True:
            received = await client.socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            if not client.allows(loop.time()):
                await client.socket.close(REFUSED, "too many messages")
                return
            answer = self._answer(client, received.get("text"))
            if answer is not None:
                await client.send(_text(answer))

    def _answer(self, client: _Client, text: str | None) -> Mapping[str, Any] | None:
        message = None
        try:
            message = read_message(text)
            if message.ack is not None:
                client.ack(message.ack)
                return None
            answer = self.desk.handle(message)
        except OrderflowError as error:
            return reply_to(message, ok=False) | {"error": words(error)}
        self._asked.set()
        return reply_to(message, ok=True) | answer


class PracticeServer:
    """A desk served on loopback.

    Args:
        desk: What every page shows.
        port: Where to listen; 0 takes a free port.
        token: The secret of the address; a new one where None is given.
        pages: Folder of the page's files.

    Raises:
        UsageError: The port is taken.
    """

    def __init__(
        self, desk: Desk, *, port: int = 0, token: str | None = None, pages: Path = PAGE
    ) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.token = token or new_token()
        self._hub = Hub(desk)
        self._failed: BaseException | None = None
        app = Starlette(
            routes=[
                WebSocketRoute("/ws", self._hub.serve),
                Route("/{path:path}", Pages(pages).serve, methods=["GET"]),
            ],
            lifespan=self._driving,
        )
        self.guard = Guard(app, port=self.port, token=self.token)
        config = uvicorn.Config(
            self.guard, ws="websockets-sansio", http="h11", lifespan="on",
            ws_max_size=MAX_MESSAGE, ws_per_message_deflate=False,
            ws_ping_interval=None,  # on loopback an end is heard; a kernel may compile for longer
            log_config=None, access_log=False, server_header=False, date_header=False,
            proxy_headers=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    @property
    def origin(self) -> str:
        """Address of the page, for a browser that is known already."""
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """Address that opens the page, in any browser of this machine."""
        return f"{self.origin}/?token={self.token}"

    @property
    def started(self) -> bool:
        """Whether pages are served."""
        return self._server.started

    def address_once(self) -> str:
        """Address that opens the page once."""
        return f"{self.origin}/?token={self.guard.ticket()}"

    def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until `stop`, or Ctrl-C, which is raised when the server has ended.

        Args:
            ready: Called when pages can be opened.

        Raises:
            KeyboardInterrupt: It was pressed.
        """
        self._ready = ready
        self._server.run(sockets=[self._socket])
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """End serving; from any thread."""
        self._server.should_exit = True

    @asynccontextmanager
    async def _driving(self, _app: Starlette) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self._hub.drive())
        task.add_done_callback(self._end)
        if self._ready is not None:
            asyncio.get_running_loop().call_soon(self._ready)
        yield
        task.cancel()

    def _end(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled():
            self._failed = task.exception()
            self.stop()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it lets another program take the port over
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # whoever comes before all is ready waits, and is not refused
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be used: {error.strerror}",
            where="--port",
            fix="Give another, or none for a free one",
        ) from None
    return listener


def _text(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

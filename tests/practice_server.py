"""A practice server on loopback, a desk that only counts, and a page without a browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections import deque

from websockets.sync.client import connect

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.desk.server import PracticeServer

HEADER = struct.Struct("<12I")
MAGIC = 0x3152464F
GROWING = ("fills", "journal")  # of which a frame has what is new


class CountingDesk:
    """Shows a number; ``add`` raises it, ``play`` lets it run by itself."""

    def __init__(self, slice_s=0.0):
        self.version = self.greeting = 0
        self.notices = (0, deque())
        self.number = 0
        self.playing = False
        self.slice_s = slice_s

    def hello(self):
        return {"hello": 1}

    def view(self):
        return CountingView()

    def frame(self, view):
        view.seq += 1
        state = json.dumps({"number": self.number}).encode()
        state += b" " * (-len(state) % 8)
        return HEADER.pack(MAGIC, view.seq, 0, len(state), *[0] * 8) + state

    def handle(self, message):
        if message.do == "add":
            count = message.fields.get("count", 1)
            if type(count) is not int:
                raise UsageError(f"{count!r} is not a count", where="add", fix="Send a number")
            self.number += count
        elif message.do in {"play", "pause"}:
            self.playing = message.do == "play"
        else:
            raise UsageError(f"unknown command {message.do!r}")
        self.version += 1
        return {"number": self.number}

    def work(self, now):
        if not self.playing:
            return None
        time.sleep(self.slice_s)
        self.number += 1
        self.version += 1
        return 0.0


class CountingView:
    def __init__(self):
        self.seq = 0


@contextlib.contextmanager
def serving(desk, **options):
    """The server of a desk, running on a thread."""
    server = PracticeServer(desk, **options)
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def get(server, path="/", *, method="GET", cookie=True, host=None, **headers):
    """(status, headers, body) of a request whose path goes out as it is written here."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["Host"] = host or f"127.0.0.1:{server.port}"
    if cookie:
        headers["Cookie"] = f"{server.guard.cookie}={server.token if cookie is True else cookie}"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def state_of(frame):
    """(seq, is reset, state) of a binary frame."""
    header = HEADER.unpack_from(frame)
    assert header[0] == MAGIC
    return header[1], bool(header[2] & 1), json.loads(frame[48 : 48 + header[3]])


class Page:
    """A page without a browser: says, hears, and acknowledges what it has seen.

    Args:
        server: Whose page.
        origin, cookie, host: What a foreign page would send instead; None leaves it out.
        acks: Whether frames are acknowledged as they come.
    """

    def __init__(self, server, *, origin="own", cookie="own", host=None, acks=True, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie is not None:
            value = server.token if cookie == "own" else cookie
            sent["Cookie"] = f"{server.guard.cookie}={value}"
        uri = f"ws://{host or f'127.0.0.1:{server.port}'}/ws"
        opened = connect(
            uri, origin=server.origin if origin == "own" else origin, additional_headers=sent,
            sock=socket.create_connection(("127.0.0.1", server.port)), compression=None,
            max_size=None, open_timeout=10, close_timeout=2,
        )  # fmt: skip
        self.socket = opened.__enter__()
        self.acks = acks
        self.raw = []  # everything that came, in order
        self.frames = []
        self.state = {}
        self.number = 0
        self.hello = None
        while self.hello is None:
            self.take()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _take(self, timeout=10.0):
        received = self.socket.recv(timeout=timeout)
        self.raw.append(received)
        return received

    def take(self, timeout=10.0):
        """The next thing that comes: a dict of JSON, or None after a frame."""
        received = self._take(timeout)
        if isinstance(received, str):
            found = json.loads(received)
            self.hello = found if "hello" in found else self.hello
            return found
        seq, reset, state = state_of(received)
        before = {} if reset else self.state
        grown = {name: before.get(name, []) + state.get(name, []) for name in GROWING}
        self.state = before | state | grown
        self.frames.append(received)
        if self.acks:
            self.socket.send(json.dumps({"ack": seq}))
        return None

    def say(self, do, **fields):
        """Send a command; its reply, once it has come."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "do": do, **fields}))
        while True:
            answer = self.take()
            if answer is not None and answer.get("reply") == self.number:
                return answer

    def until(self, wanted, timeout=10.0):
        """Take what comes until the state is as wanted."""
        end = time.monotonic() + timeout
        while not wanted(self.state):
            left = end - time.monotonic()
            assert left > 0, f"not within {timeout} s: {self.state}"
            self.take(left)
        return self.state

    def closed(self, timeout=10.0):
        """The code that the server closes with, whatever comes before."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                self.take(timeout)
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None

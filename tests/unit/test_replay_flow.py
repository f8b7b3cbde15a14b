"""Frames are bounded, folded and shared; the loop is neither blocked nor kept awake."""

from __future__ import annotations

import threading
import time

import pytest
from practice_server import CountingDesk, Page, get, serving

from orderflow_bt.replay.desk.server import FRAME_EVERY, IN_FLIGHT


def test_two_frames_in_flight_and_the_rest_folded():
    with serving(CountingDesk()) as server, Page(server, acks=False) as page:
        while len(page.frames) < IN_FLIGHT:
            page.say("add")
        numbers = [page.say("add")["number"] for _ in range(20)]
        with pytest.raises(TimeoutError):
            page.take(5 * FRAME_EVERY)
        page.acks = True
        page.socket.send('{"ack":1}')
        assert page.take() is None
        assert page.state["number"] == numbers[-1]  # what was skipped is in it
        assert len(page.frames) == IN_FLIGHT + 1


def test_frames_of_a_running_desk_are_spaced():
    with serving(CountingDesk()) as server, Page(server) as page:
        page.say("play")
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            page.take()
        assert 3 <= len(page.frames) <= 0.5 / FRAME_EVERY + 3
        assert page.state["number"] > 3 * len(page.frames)


def test_two_pages_see_the_same():
    with serving(CountingDesk()) as server, Page(server) as one, Page(server) as two:
        one.say("add", count=3)
        two.say("add", count=4)
        for page in (one, two):
            assert page.until(lambda state: state.get("number") == 7)


def test_a_slow_page_does_not_slow_the_other():
    with serving(CountingDesk()) as server, Page(server, acks=False), Page(server) as other:
        other.say("play")
        other.until(lambda state: state.get("number", 0) > 100)


def test_a_busy_desk_leaves_room_for_answers():
    with serving(CountingDesk(slice_s=0.015)) as server, Page(server) as page:
        page.say("play")
        began = time.monotonic()
        for _ in range(5):
            assert page.say("add")["ok"]
            assert get(server, "/none.js")[0] == 404
        assert time.monotonic() - began < 3


def test_a_paused_desk_sleeps():
    class Watched(CountingDesk):
        calls = 0

        def work(self, now):
            self.calls += 1
            return super().work(now)

    desk = Watched()
    with serving(desk) as server, Page(server) as page:
        page.say("add")
        page.until(lambda state: state.get("number") == 1)
        calls, used = desk.calls, time.thread_time()
        time.sleep(0.3)
        assert desk.calls == calls
        assert time.thread_time() - used < 0.1


def test_a_desk_that_fails_ends_the_server():
    class Broken(CountingDesk):
        def work(self, now):
            if self.number:
                raise ZeroDivisionError

    from orderflow_bt.replay.desk.server import PracticeServer

    server = PracticeServer(Broken())
    ready, failed = threading.Event(), []

    def run():
        try:
            server.run(ready.set)
        except ZeroDivisionError as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    page = Page(server)
    page.socket.send('{"do":"add"}')
    thread.join(10)
    assert len(failed) == 1
    page.socket.close()


def test_a_frame_that_cannot_be_made_ends_the_connection_and_no_other():
    class Broken(CountingDesk):
        def frame(self, view):
            if self.number == 7:
                raise ZeroDivisionError
            return super().frame(view)

    with serving(Broken()) as server, Page(server) as page:
        page.until(lambda state: "number" in state)
        page.socket.send('{"do":"add","count":7}')
        assert page.closed() in (1006, 1011, None)
        server._hub.desk.number = 8
        with Page(server) as again:
            again.until(lambda state: state.get("number") == 8)

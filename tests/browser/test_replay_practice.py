"""A practice in a browser, on the real desk: the tape, orders and fills, questions, coming back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from page_driver import Driver
from practice_market import START, plan_of, practice_lake
from practice_server import serving

from orderflow_bt.replay.desk.opening import open_desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

pytestmark = pytest.mark.browser

LARGE = {"width": 1600, "height": 900}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, TapeId]:
    return practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=30_000)


@pytest.fixture
def address(market: tuple[Lake, TapeId], tmp_path: Path) -> Iterator[str]:
    lake, tape = market
    desk = open_desk(lake, plan_of(tape, hours=(8.0, 23.0)), tmp_path / "practice")
    with serving(desk) as server:
        yield server.address
    desk.close()


@contextmanager
def at(browser: Browser, address: str) -> Iterator[Driver]:
    context = browser.new_context(viewport=LARGE)
    reader = Driver(context, address)
    yield reader
    context.close()
    assert reader.problems == []


SHOWN = """() => {
  const store = window.orderflow.store;
  const names = ["forming", "fills", "trips", "orders", "account", "last", "journal", "score"];
  const found = Object.fromEntries(names.map(name => [name, store[name]]));
  found.bars = store.bars.slice(-40);
  found.marks = [...store.marks].sort(([a], [b]) => a - b);
  found.row = store.clock.row;
  return JSON.stringify(found, (_, one) => ArrayBuffer.isView(one) ? Array.from(one) : one);
}"""


def shown(reader: Driver) -> dict[str, Any]:
    """What must be the same for whoever looks at the same moment."""
    return json.loads(reader.page.evaluate(SHOWN))


def place(reader: Driver, kind: str, size: str = "0.1", **prices: float) -> None:
    """Send an order from the pad, prices in units of the wire."""
    page = reader.page
    page.click(f"#pad .types [data-value={kind}]")
    page.fill("#pad-size", size)
    page.fill("#pad-reason", "trend")
    decimals = reader.look("store.hello.price_decimals")
    for name, price in prices.items():
        page.fill(f"#pad-{name}", f"{price / 10**decimals:.{decimals}f}")
    page.click("#pad .send")
    page.keyboard.press("Escape")


def until_working(reader: Driver, count: int) -> None:
    """Go from one event of the orders to the next until so many are left."""
    for _ in range(40):
        if reader.look("store.orders.length") == count:
            return
        reader.go("o")
    pytest.fail(f"still working: {reader.look('store.orders')}")


def test_the_tape_runs_stops_and_goes_back(browser: Browser, address: str):
    with at(browser, address) as reader:
        page = reader.page
        first = reader.look("store.clock.row")
        assert reader.look("store.bars.length") > 50  # the warm-up is shown
        for key in (".", "c", "p", "m", "ArrowRight"):
            assert reader.go(key) > first
        reader.go("ArrowRight")
        before = shown(reader)
        reader.go("ArrowLeft")
        assert page.locator("#hindsight").is_visible()
        reader.go("End")
        after = shown(reader)
        assert {**after, "journal": []} == {**before, "journal": []}
        for key in ("3", "0"):
            row = reader.look("store.clock.row")
            page.keyboard.press(key)
            page.keyboard.press("Space")
            reader.until(lambda row=row: reader.look("store.clock.row") > row + 20)
            page.keyboard.press("Space")
            reader.until(lambda: not reader.look("store.clock.playing"))
        still = reader.look("store.clock.row")
        page.wait_for_timeout(200)
        assert reader.look("store.clock.row") == still


def test_a_bracket_ends_at_stop_or_target(browser: Browser, address: str):
    with at(browser, address) as reader:
        page = reader.page
        reader.go("m")
        last = reader.look("store.last")
        place(reader, "bracket", stop=last - 40, target=last + 40)
        reader.until(lambda: reader.look("store.orders.length") == 3)
        until_working(reader, 2)
        assert reader.look("store.account.position") == pytest.approx(0.1)
        stop = page.locator("[data-order]").filter(has_text="sell stop").locator("input")
        stop.focus()
        before = reader.look("store.orders.find(one => one.type === 'stop').price")
        stop.press("ArrowUp")
        stop.press("Enter")
        reader.go("o")
        assert reader.look("store.orders.find(one => one.type === 'stop').price") == before + 1
        until_working(reader, 0)
        assert reader.look("store.account.position") == 0
        (trip,) = reader.look("store.trips")
        assert trip["reason"] == "trend"
        assert trip["hindsight"] is False
        assert abs(trip["r"]) < 3
        page.click("#tab-trades")
        assert "long" in reader.text("#panel-trades")


def test_a_reload_and_a_second_tab_see_the_same(browser: Browser, address: str):
    with at(browser, address) as reader:
        reader.go("m")
        place(reader, "market")
        reader.until(lambda: reader.look("store.orders.length") == 1)
        reader.go("m")
        reader.until(lambda: reader.look("store.account.position") > 0)
        reader.page.keyboard.press("j")
        reader.page.fill("#note", "they lift it #trend")
        reader.page.keyboard.press("Enter")
        reader.until(lambda: reader.look("store.journal.at(-1).kind") == "note")
        before = shown(reader)
        reader.page.reload()
        reader.until(lambda: reader.look("store.journal.length") == len(before["journal"]))
        assert shown(reader) == before
        second = Driver(reader.context, address.split("?", maxsplit=1)[0])
        second.until(lambda: second.look("store.journal.length") == len(before["journal"]))
        assert shown(second) == before
        row = reader.go("ArrowRight")
        second.until(lambda: second.look("store.clock.row") == row)
        assert second.problems == []


def test_a_killed_server_is_taken_up_again(
    browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path
):
    lake, tape = market
    command = [sys.executable, "-m", "orderflow_bt", "--data", str(lake.root), "replay"]
    asked = [tape.symbol, "--market", "um", "--date", str(START), "--time", "08:00:00"]
    first, address = start([*command, *asked, "--out", str(tmp_path), "--no-open"])
    context = browser.new_context(viewport=LARGE)
    try:
        reader = Driver(context, address)
        reader.go("m")
        place(reader, "market")
        reader.until(lambda: reader.look("store.orders.length") == 1)
        reader.go("m")
        reader.until(lambda: reader.look("store.account.position") > 0)
        reader.page.wait_for_timeout(300)
        before = shown(reader)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(20)
        reader.until(lambda: reader.page.locator("#lost").is_visible())
        (folder,) = (path for path in tmp_path.iterdir() if (path / "journal.jsonl").exists())
        second, _ = start([*command, "--resume", str(folder), "--no-open"])
        try:
            reader.until(lambda: reader.page.locator("#lost").is_hidden())
            reader.until(lambda: reader.look("store.fills.length") == len(before["fills"]))
            after = shown(reader)
            for name in ("fills", "trips", "account", "row", "forming", "bars"):
                assert after[name] == before[name], name
            kinds = [entry["kind"] for entry in after["journal"]]
            assert kinds[: len(before["journal"])] == [e["kind"] for e in before["journal"]]
        finally:
            end(second)
    finally:
        end(first)
        context.close()


def end(program: subprocess.Popen[str]) -> None:
    """Kill a program and let go of it."""
    program.kill()
    program.wait(20)
    if program.stdout is not None:
        program.stdout.close()


def start(command: list[str]) -> tuple[subprocess.Popen[str], str]:
    """A server as a program of its own, and the address it tells."""
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert program.stdout is not None
    heard = ""
    for line in program.stdout:
        heard += line
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*", heard)
        if found:
            return program, found.group()
    pytest.fail(heard)

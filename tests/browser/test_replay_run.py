"""The whole practice in a browser: real lake, engine, journal, server and page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from page_driver import Driver
from practice_market import blind_plan, plan_of, practice_lake
from practice_server import serving

from orderflow_bt.replay.desk.opening import open_desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from orderflow_bt.replay.desk.desk import Desk
    from orderflow_bt.replay.desk.opening import Plan
    from orderflow_bt.replay.desk.server import PracticeServer
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, TapeId]:
    return practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=40_000)


class Tab(Driver):
    """A page on a real desk."""

    def __init__(self, context: BrowserContext, address: str, desk: Desk) -> None:
        self.desk = desk
        super().__init__(context, address)
        self.until(lambda: self.store("bars.length") > 0)

    def store(self, what: str) -> Any:
        """A part of what the page knows."""
        return self.look(f"store.{what}")

    def row(self) -> int:
        """The desk's row as the page is told it: while sealed, counted from the start."""
        player = self.desk.player
        return player.row - (player.window.first if self.store("hello.blind") else 0)

    def rest(self) -> None:
        """Wait until the page shows what the desk shows, and the desk has come to rest."""
        self.until(
            lambda: (
                not self.desk.mover.seeking
                and not self.desk.mover.playing
                and self.store("clock.row") == self.row()
                and not self.store("clock.seeking")
            )
        )

    def press(self, *keys: str) -> None:
        """Press keys, each once what the one before did is shown."""
        for key in keys:
            row = self.desk.version
            self.page.keyboard.press(key)
            self.until(lambda row=row: self.desk.version != row)
            self.rest()


@contextlib.contextmanager
def practising(
    browser: Browser, lake: Lake, plan: Plan, folder: Path
) -> Iterator[tuple[Desk, PracticeServer, Tab]]:
    desk = open_desk(lake, plan, folder)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        with serving(desk) as server:
            tab = Tab(context, server.address, desk)
            yield desk, server, tab
            assert tab.problems == []
    finally:
        context.close()
        desk.close()


def test_play_step_and_jump(browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path):
    lake, tape = market
    with practising(browser, lake, plan_of(tape), tmp_path / "p") as (desk, _, tab):
        assert "token" not in tab.page.url
        first = desk.player.row
        tab.press(".")
        assert desk.player.row == first + 1
        rows = [desk.player.row]
        for key in ("c", "p", "ArrowRight", "m", "n"):
            tab.press(key)
            rows.append(desk.player.row)
        assert rows == sorted(set(rows))
        tab.press("ArrowLeft")
        assert desk.player.row < rows[-1]
        assert tab.store("clock.furthest") is False
        tab.press("End")
        assert desk.player.row == rows[-1]
        assert tab.store("clock.furthest") is True
        for key in ("1", "3"):  # 1x and 100x
            tab.page.keyboard.press(key)
            tab.page.keyboard.press("Space")
            row = tab.store("clock.row")
            tab.until(lambda row=row: tab.store("clock.row") > row)
            assert tab.store("clock.playing")
            tab.press("Space")
            tab.until(lambda: not tab.store("clock.playing"))
        tab.page.keyboard.press("0")
        tab.page.keyboard.press("g")
        tab.page.keyboard.type("09:30")
        tab.page.keyboard.press("Enter")
        tab.until(lambda: desk.player.now >= desk.player.window.start + 89 * 60_000_000)
        tab.rest()
        tab.press("[")
        assert desk.player.row == first
        bars = tab.store("bars.length")
        tab.page.keyboard.press("Space")  # as fast as it goes, to the end
        tab.until(lambda: tab.store("clock.at_end"))
        tab.rest()
        assert tab.store("bars.length") > bars
        shown = tab.store("bars.map(bar => [bar.number, bar.volume]).slice(-300)")
        numbers = [number for number, _ in shown]
        assert numbers == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))


def _send(tab: Tab, kind: str, side: int, **fields: str) -> int:
    """Fill the pad and send; the order's id."""
    page, made = tab.page, len(tab.desk.player.actions)
    page.click(f"#pad .types [data-value={kind}]")
    page.click(f"#pad .sides [data-value='{side}']")
    page.fill("#pad-size", "0.05")
    page.fill("#pad-reason", "other")
    for name, text in fields.items():
        page.fill(f"#pad-{name}", text)
    page.click("#pad .send")
    tab.until(lambda: len(tab.desk.player.actions) > made)
    page.keyboard.press("Escape")
    return tab.desk.player.actions[-1].order


def test_each_order_type_from_the_pad(
    browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path
):
    lake, tape = market
    with practising(browser, lake, plan_of(tape), tmp_path / "p") as (desk, _, tab):

        def price(offset: int) -> str:
            return f"{(desk.player.session.last_price + offset) / 10:.1f}"

        sent = [
            _send(tab, "market", 1),
            _send(tab, "limit", -1, price=price(2)),
            _send(tab, "stop", 1, price=price(3)),
            _send(tab, "stop_limit", 1, price=price(3), limit=price(20)),
            _send(tab, "trailing", -1, trail="0.4"),
        ]
        for _ in range(60):
            tab.press("m")
            if {fill["order"] for fill in tab.store("fills")} >= set(sent):
                break
        assert {fill["order"] for fill in tab.store("fills")} >= set(sent)
        tab.press("Shift+X", "m", "m")
        tab.until(lambda: tab.store("account.position") == 0)
        entry = _send(tab, "bracket", 1, price="", stop=price(-12), target=price(12))
        tab.press("m")
        legs = {order["role"] for order in tab.store("orders") if order["parent"] == entry}
        assert legs == {"stop", "target"}
        for _ in range(60):
            if tab.store("account.position") == 0:
                break
            tab.press("o")
        tab.press("m")  # a fill is heard a moment after it was made
        trip = tab.store("trips")[-1]
        assert trip["exit_role"] in ("stop", "target")
        assert abs(trip["r"]) > 0.2
        kinds = [entry["kind"] for entry in tab.store("journal")]
        assert kinds.count("trip") == len(tab.store("trips"))
        assert tab.problems == []


def test_a_question_a_reload_and_a_second_tab(
    browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path
):
    lake, tape = market
    with practising(browser, lake, plan_of(tape), tmp_path / "p") as (desk, server, tab):
        tab.page.keyboard.press("d")
        tab.until(lambda: tab.page.locator("#drill").is_visible())
        tab.rest()
        question = tab.store("drill")
        assert "truth" not in question
        tab.page.reload()  # in the middle of it
        tab.until(lambda: tab.page.locator("#drill").is_visible())
        assert tab.store("drill")["question"] == question["question"]
        tab.page.keyboard.press("1")
        tab.page.keyboard.press("Enter")
        tab.until(lambda: tab.store("score")["reads"]["all"]["answers"] == 1)
        tab.page.keyboard.press("Enter")
        _send(tab, "market", -1)
        tab.press("m", "m")
        other = Tab(tab.page.context, server.origin, desk)
        other.rest()
        for key in ("clock", "fills", "trips", "account", "orders", "journal"):
            assert other.store(key) == tab.store(key), key
        other.press("m")
        tab.rest()
        assert other.store("clock") == tab.store("clock")
        assert other.problems == []


def test_the_page_finds_a_server_that_was_begun_again(
    browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path
):
    lake, tape = market
    context = browser.new_context()
    folder, plan = tmp_path / "p", plan_of(tape)
    desk = open_desk(lake, plan, folder)
    with serving(desk) as server:
        tab = Tab(context, server.address, desk)
        _send(tab, "market", 1)
        tab.press("m", "m", "m")
        before = {key: tab.store(key) for key in ("clock", "fills", "account")}
        assert before["fills"]
    desk.close()
    again = tab.desk = open_desk(lake, plan, folder)
    with serving(again, port=server.port, token=server.token):
        row = before["clock"]["row"]
        tab.until(lambda: again.version > 0 or tab.store("connection") in ("open", True))
        tab.press("m")
        assert tab.store("clock.row") > row
        assert tab.store("fills")[: len(before["fills"])] == before["fills"]
        loud = [text for text in tab.problems if "WebSocket" not in text]  # while none was there
        assert loud == []
    again.close()
    context.close()


def test_a_blind_practice_until_the_reveal(
    browser: Browser, market: tuple[Lake, TapeId], tmp_path: Path
):
    lake, tape = market
    with practising(browser, lake, blind_plan(lake), tmp_path / "p") as (_, _, tab):
        tab.press("m", "m")
        shown = tab.page.content() + tab.page.title()
        assert tape.symbol not in shown
        assert "2026" not in shown
        assert "sealed" in tab.page.inner_text("body")
        tab.page.click("#reveal")
        tab.page.get_by_role("button", name="reveal", exact=True).last.click()
        tab.until(lambda: tab.store("hello.blind") is False)
        assert tab.store("hello.symbol") == tape.symbol
        assert tape.symbol in tab.page.inner_text("body")

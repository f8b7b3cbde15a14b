"""The desk of the replay page in a browser: keys, pad, ladder, tape, questions, connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mock_desk import FLAT, MockDesk
from page_driver import Opened

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SIZES = {"laptop": (1280, 720), "screen": (1920, 1080), "4k": (3840, 2160)}


@pytest.fixture
def desk() -> Iterator[MockDesk]:
    with MockDesk() as served:
        yield served


@pytest.fixture
def opened(browser: Browser, desk: MockDesk) -> Iterator[Opened]:
    made = Opened(browser, desk)
    yield made
    made.context.close()
    assert made.problems == []


KEYS = {
    "Space": {"do": "play"},
    "+": {"do": "speed", "value": 2},
    "-": {"do": "speed", "value": 0.5},
    "1": {"do": "speed", "value": 1},
    "2": {"do": "speed", "value": 10},
    "3": {"do": "speed", "value": 100},
    "4": {"do": "speed", "value": 1000},
    "0": {"do": "speed", "value": "max"},
    ".": {"do": "step", "by": "trade", "count": 1},
    "c": {"do": "step", "by": "cluster", "count": 1},
    "p": {"do": "step", "by": "price", "count": 1},
    "ArrowRight": {"do": "step", "by": "bar", "count": 1},
    "m": {"do": "step", "by": "minute", "count": 1},
    "ArrowLeft": {"do": "back", "by": "bar", "count": 1},
    "n": {"do": "jump", "to": "next_event"},
    "o": {"do": "jump", "to": "next_order_event"},
    "]": {"do": "jump", "to": "next_session"},
    "[": {"do": "jump", "to": "previous_session"},
    "End": {"do": "jump", "to": "furthest"},
    "d": {"do": "drill"},
    "Shift+X": {"do": "order", "action": {"do": "close"}},
    "Shift+C": {"do": "order", "action": {"do": "cancel_all"}},
}


def test_keys_ask_what_the_help_says(browser: Browser, desk: MockDesk):
    opened = Opened(browser, desk)
    for key, command in KEYS.items():
        desk.speed = 1
        desk.push(drill=None)
        opened.until(lambda: opened.look("store.clock.version") == desk.version)
        assert opened.look("store.clock.speed") == 1
        assert opened.press(key) == [command], key
    assert opened.look("store.clock.playing")
    assert opened.press("Space") == [{"do": "pause"}]
    # every key that the help shows is in one of these tables
    opened.page.keyboard.press("?")
    shown = opened.page.locator("#help dd").evaluate_all(
        "nodes => nodes.map(n => n.dataset.action)"
    )
    assert len(shown) == len(set(shown)) == len(KEYS) + len(HERE) + len(ELSEWHERE)
    opened.context.close()
    assert opened.problems == []


# what the other keys of the help change on the page itself, as a script tells
HERE = {
    "g": "document.activeElement.id === 'go-to'",
    "u": "document.querySelector('#pauses').open",
    "b": "orderflow.pad.side === 1",
    "s": "orderflow.pad.side === -1",
    "t": "orderflow.pad.type === 'limit'",
    "a": "document.activeElement.id === 'pad-size'",
    "r": "document.activeElement.id === 'pad-reason'",
    "j": "document.activeElement.id === 'note'",
    "v": "orderflow.settings.mode === 'delta' && orderflow.chart.mode === 'delta'",
    "f": "orderflow.chart.following",
    "i": "document.activeElement.id === 'bars'",
    "q": "document.querySelector('#tape').hidden",
    "l": "document.querySelector('#ladder').hidden",
    "e": "document.querySelector('#desk').hidden",
    "k": "orderflow.settings.tab === 'orders'",  # behind the journal's, the last
    "y": "document.documentElement.dataset.theme === 'dark'",
    "Shift+Y": "document.documentElement.dataset.palette === 'blue-orange'",
    "?": "document.querySelector('#help').open",
}
ELSEWHERE = ("previous-event", "send", "buy-market", "sell-market", "answer", "confidence-down",
             "confidence-up", "submit", "escape")  # fmt: skip  # tested below


def test_keys_change_the_page(browser: Browser, desk: MockDesk):
    opened = Opened(browser, desk)
    opened.page.keyboard.press("Shift+S")  # without a reason: nothing is sent
    assert opened.page.evaluate("document.activeElement.id === 'pad-size'")
    opened.page.keyboard.press("Escape")
    for key, holds in HERE.items():
        if key == "b":
            opened.page.keyboard.press("s")
        opened.page.keyboard.press(key)
        assert opened.page.evaluate(holds), key
        opened.page.keyboard.press("Escape")
    opened.until(lambda: opened.page.evaluate("document.activeElement === document.body"))
    assert not opened.page.evaluate("document.querySelector('dialog[open]')")
    assert {one["do"] for one in desk.commands} <= {"ladder"}
    opened.page.keyboard.press("e")
    assert opened.page.locator("#pad").is_visible()
    opened.context.close()
    assert opened.problems == []


def test_keys_typed_into_fields_stay_there(opened: Opened):
    opened.page.fill("#pad-reason", "")
    opened.page.locator("#pad-reason").press_sequentially("bmp c.")
    assert opened.page.input_value("#pad-reason") == "bmp c."
    assert [one["do"] for one in opened.desk.commands] == ["ladder"]


ORDERS = {
    "market": ({}, {"do": "market"}),
    "limit": ({"price": "600.0"}, {"do": "limit", "price": 6000}),
    "stop": ({"price": "601.5"}, {"do": "stop", "price": 6015}),
    "stop_limit": (
        {"price": "601.5", "limit": "601.7"},
        {"do": "stop_limit", "price": 6015, "limit": 6017},
    ),
    "trailing": ({"trail": "0.8"}, {"do": "trailing", "trail": 8}),
    "bracket": (
        {"price": "599.0", "stop": "598.0", "target": "602.0"},
        {"do": "bracket", "price": 5990, "stop": 5980, "target": 6020, "entry": "limit"},
    ),
}


def test_the_pad_sends_what_it_shows(opened: Opened):
    page = opened.page
    for kind, (fields, action) in ORDERS.items():
        page.click(f"#pad .types [data-value={kind}]")
        page.fill("#pad-size", "0.25")
        page.fill("#pad-reason", "failed auction")
        for name, text in fields.items():
            page.fill(f"#pad-{name}", text)
        shown = opened.text("#pad .send")
        assert shown.startswith("Buy 0.250"), shown
        if "price" in fields:
            assert fields["price"] in shown
        (asked,) = opened.asked(lambda: page.click("#pad .send"))
        sent = asked["action"]
        assert sent.pop("reason") == "failed auction"
        assert (sent.pop("qty"), sent.pop("side")) == (0.25, 1)
        assert sent == action
    assert page.locator("#toasts .toast").count() == 0


def test_the_pad_does_not_send_what_cannot_be_meant(opened: Opened):
    page = opened.page
    before = len(opened.desk.commands)
    page.fill("#pad-size", "1")
    page.click("#pad .send")  # no reason
    assert page.evaluate("document.activeElement.id") == "pad-reason"
    assert "why you enter" in opened.text("#toasts")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator("#toasts .toast").count() == 0
    page.keyboard.press("Shift+B")
    assert "why you enter" in opened.text("#toasts")
    page.click("#pad .types [data-value=bracket]")
    page.fill("#pad-reason", "trend")
    page.fill("#pad-stop", "605.0")  # above the market, of a buy
    assert "below its entry" in opened.text("#pad .problem")
    assert page.get_attribute("#pad-stop", "aria-invalid") == "true"
    page.click("#pad .send")
    page.wait_for_timeout(100)
    assert len(opened.desk.commands) == before


def test_orders_by_key_ladder_and_chart(opened: Opened):
    page = opened.page
    page.fill("#pad-size", "0.1")
    page.fill("#pad-reason", "trend")
    page.keyboard.press("Escape")
    base = {"qty": 0.1, "reason": "trend"}
    assert opened.press("Shift+S")[0]["action"] == {"do": "market", "side": -1, **base}
    assert opened.press("Shift+B")[0]["action"] == {"do": "market", "side": 1, **base}
    assert opened.press("Shift+Enter")[0]["action"] == {"do": "market", "side": 1, **base}
    last = opened.look("store.last")
    size = opened.look("store.hello.row_size")
    above = page.locator(f".rung[data-price='{_rung_near(page, last + 4 * size)}']")
    price = float(above.get_attribute("data-price"))
    left, right = {"position": {"x": 20, "y": 5}}, {"position": {"x": 200, "y": 5}}
    (buy,) = opened.asked(lambda: above.click(**left))
    assert buy["action"] == {"do": "stop", "side": 1, "price": price, **base}
    (sell,) = opened.asked(lambda: above.click(**right))
    assert sell["action"] == {"do": "limit", "side": -1, "price": price, **base}
    before = len(opened.desk.commands)
    above.click(modifiers=["Shift"], **left)
    assert opened.look("pad.price") == price
    assert len(opened.desk.commands) == before
    page.locator(".rungs").focus()
    page.keyboard.press("ArrowDown")
    (below,) = opened.press("b")
    assert below["action"]["do"] == "limit"
    assert below["action"]["price"] < last
    box = page.locator("#chart").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 120)
    page.mouse.click(box["x"] + 200, box["y"] + 120)
    page.wait_for_timeout(50)
    here = opened.look("pad.price")
    page.wait_for_timeout(600)  # or it is the second of a double click
    page.keyboard.down("Control")
    (chart,) = opened.asked(lambda: page.mouse.click(box["x"] + 200, box["y"] + 120))
    page.keyboard.up("Control")
    assert chart["action"]["price"] == here != price


def _rung_near(page: Page, price: float) -> str:
    rungs = page.locator(".rung").evaluate_all("nodes => nodes.map(n => n.dataset.price)")
    return min(rungs, key=lambda one: abs(float(one) - price))


def test_an_amount_by_risk(opened: Opened):
    page = opened.page
    page.click("#pad .types [data-value=bracket]")
    page.click("#pad .by [data-value=risk]")
    page.fill("#pad-size", "0.5")
    page.fill("#pad-reason", "trend")
    last = opened.look("store.last")
    page.fill("#pad-stop", f"{(last - 25) / 10:.1f}")
    assert opened.text("#pad .send") == "Buy 20.000 market"  # 50 of 10 000 over a distance of 2.5
    assert "risk 50.00 USDT (0.50 %)" in opened.text("#pad .line")
    (asked,) = opened.asked(lambda: page.click("#pad .send"))
    assert asked["action"]["qty"] == 20


def test_working_orders_move_and_go(opened: Opened):
    order = {"id": 7, "type": "limit", "side": 1, "qty": 0.5, "price": 5990, "stop": 5980,
             "target": None, "filled": 0.1, "state": "working", "parent": None}  # fmt: skip
    held = FLAT | {"position": -0.3, "average": 6010.0, "open_r": -0.25, "realized_r": 1.5}
    opened.desk.push(orders=[order], account=held)
    opened.until(lambda: opened.page.locator("[data-order='7']").count())
    assert "0.400" in opened.text("[data-order='7']")
    assert opened.text("#position-side") == "short 0.300"
    assert opened.text("#open-r") == "-0.25 R"
    price = opened.page.locator("[data-order='7'] input").first
    price.focus()
    price.press("ArrowUp")
    (moved,) = opened.asked(lambda: price.press("Enter"))
    assert moved["action"] == {"do": "replace", "order": 7, "price": 5991}
    stop = opened.page.locator("[data-order='7'] input").nth(1)
    stop.fill("597.5")
    (moved,) = opened.asked(lambda: stop.press("Enter"))
    assert moved["action"] == {"do": "replace", "order": 7, "stop": 5975}
    (gone,) = opened.asked(lambda: opened.page.click("[data-order='7'] button"))
    assert gone["action"] == {"do": "cancel", "order": 7}
    opened.desk.push(orders=[order | {"state": "cancel sent"}], account=held)
    opened.until(lambda: "cancel sent" in opened.text("[data-order='7']"))
    (closed,) = opened.asked(lambda: opened.page.click("#position button"))
    assert closed["action"] == {"do": "close"}


def test_a_question_and_its_truth(opened: Opened):
    page = opened.page
    question = {"id": 1, "kind": "absorption", "concept": "absorbed or moving",
                "question": "Absorbed, or moving?", "choices": ["absorbed", "moving"],
                "asked_at": 0, "hides": []}  # fmt: skip
    opened.desk.push(drill=question)
    opened.until(lambda: page.locator("#drill").is_visible())
    assert page.locator("#drill button.main").is_disabled()
    page.keyboard.press("2")
    page.keyboard.press("'")
    page.keyboard.press("'")
    page.keyboard.press(",")
    (answer,) = opened.press("Enter")
    assert 0 <= answer.pop("seconds") < 10
    assert answer == {"do": "answer", "choice": "moving", "confidence": 80}
    told = question | {"choice": "moving", "confidence": 80, "truth": "absorbed", "hit": False,
                       "brier": 0.64, "because": "0.05 ATR on a delta of 40 %"}  # fmt: skip
    reads = {"all": {"answers": 3, "hits": 2, "brier": 0.2, "hit_rate": 2 / 3, "chance": 0.5}}
    opened.desk.push(drill=told, score={"reads": reads})
    opened.until(lambda: "Not so" in opened.text("#drill"))
    assert "it was absorbed, you said moving, 80 % sure" in opened.text("#drill")
    assert "2 of 3 right" in opened.text("#drill")
    page.keyboard.press("Enter")
    assert page.locator("#drill").is_hidden()
    assert opened.look("sent.filter(one => one.do === 'order').length") == 0


def test_transport_line_asks_nothing_beyond_what_was_seen(opened: Opened):
    page = opened.page
    desk = opened.desk
    desk._go_to(30_000)
    opened.until(lambda: opened.look("store.clock.row") == 30_000)
    furthest = opened.look("store.clock.furthest_time")
    opened.press("ArrowRight")
    opened.until(lambda: opened.look("store.clock.furthest_time") > furthest)
    seen = opened.look("store.clock.furthest_time")
    line = page.locator("#timeline").bounding_box()
    middle = line["y"] + line["height"] / 2
    (asked,) = opened.asked(lambda: page.mouse.click(line["x"] + 1, middle))
    assert asked["do"] == "seek"
    assert asked["time"] < seen
    opened.until(lambda: page.locator("#hindsight").is_visible())
    assert opened.look("store.clock.furthest") is False
    assert opened.look("store.clock.furthest_time") == seen
    (asked,) = opened.asked(lambda: page.mouse.click(line["x"] + line["width"] * 0.9, middle))
    assert asked == {"do": "jump", "to": "furthest"}
    opened.until(lambda: page.locator("#hindsight").is_hidden())
    page.keyboard.press("g")
    page.fill("#go-to", "+10m")
    (asked,) = opened.asked(lambda: page.keyboard.press("Enter"))
    assert asked["time"] == pytest.approx(opened.look("store.clock.time"), abs=20 * 60e6)
    page.keyboard.press("g")
    page.fill("#go-to", "soon")
    page.keyboard.press("Enter")
    assert "is no time" in opened.text("#toasts")
    assert desk.commands[-1] == asked


def test_events_are_stepped_through_both_ways(opened: Opened):
    (known, *_) = sorted(
        opened.page.evaluate("[...orderflow.store.marks.values()].map(one => one.known_at)"),
        reverse=True,
    )
    assert opened.press("Shift+N") == [{"do": "seek", "time": known + 1}]
    opened.page.click("#tab-signals")
    opened.until(opened.page.locator(".events li").first.is_visible)
    before = opened.page.locator("#detectors-big_trades")
    (asked,) = opened.asked(before.check)
    assert asked == {"do": "detectors", "name": "big_trades", "on": True}
    (asked,) = opened.asked(lambda: opened.page.click("#panel-signals [data-key=next-event]"))
    assert asked == {"do": "jump", "to": "next_event"}


def test_errors_say_what_where_and_what_to_do(opened: Opened):
    opened.desk.refuse["drill"] = UsageError(
        "no place is left for a question", where="drill", fix="Go back, or open another day"
    )
    opened.press("d")
    opened.until(lambda: opened.page.locator(".toast").count() == 1)
    shown = opened.text("#toasts")
    for part in ("o place is left for a question", "drill", "Go back, or open another day"):
        assert part in shown


def test_settings_and_state_come_back_after_a_reload(opened: Opened):
    page = opened.page
    page.keyboard.press("Shift+Y")
    page.keyboard.press("q")
    page.click("#theme [data-value=light]")
    row = opened.look("store.clock.row")
    opened.press("ArrowRight")
    opened.until(lambda: opened.look("store.clock.row") > row)
    opened.desk.push(journal=[{"n": 1, "kind": "note", "text": "sellers give up", "elapsed": 0,
                               "row": 5, "tags": ["absorption"]}])  # fmt: skip
    time_shown = opened.look("store.clock.time")
    page.reload()
    opened.greeted(2)
    opened.until(lambda: opened.look("store.bars.length") > 0)
    opened.until(lambda: len(opened.look("store.journal")) == 1)
    assert opened.look("store.clock.time") == time_shown
    root = "document.documentElement.dataset"
    assert page.evaluate(f"[{root}.theme, {root}.palette]") == ["light", "blue-orange"]
    assert page.locator("#tape").is_hidden()
    with MockDesk() as other:  # on another port
        second = page.context.new_page()
        second.goto(other.url)
        opened.until(lambda: second.evaluate(f"{root}.palette") == "blue-orange")
        assert second.evaluate(f"{root}.theme") == "light"
        second.close()
    page.keyboard.press("j")
    assert "sellers give up" in opened.text("#panel-journal")
    page.fill("#note", "again #test")
    (asked,) = opened.asked(lambda: page.keyboard.press("Enter"))
    assert asked == {"do": "note", "text": "again", "tags": ["test"]}


def test_a_lost_connection_is_said_and_taken_up_again(browser: Browser):
    with MockDesk() as desk:
        opened = Opened(browser, desk)
        port, token = desk.server.port, desk.server.token
        desk.stop()
        opened.until(lambda: opened.page.locator("#lost").is_visible())
        assert "Connection lost" in opened.text("#lost")
        opened.page.keyboard.press("d")
        opened.until(lambda: opened.page.locator(".toast").count())
        desk.start(port, token)
        opened.until(lambda: opened.page.locator("#lost").is_hidden())
        opened.greeted(2)
        assert opened.press("ArrowRight") == [{"do": "step", "by": "bar", "count": 1}]
        opened.context.close()
        assert all("WebSocket" in one for one in opened.problems)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_overflows(browser: Browser, desk: MockDesk, size: str):
    width, height = SIZES[size]
    scheme = "light" if size == "screen" else "dark"
    opened = Opened(browser, desk, viewport={"width": width, "height": height}, color_scheme=scheme)
    page = opened.page
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    spilt = page.evaluate("""() => [...document.querySelectorAll(
        '#top, #transport, #honesty, #desk, #position, #pad, #dock, .tabs, #ladder, #tape')]
        .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.id)""")
    assert spilt == []
    chart = page.locator("#chart").bounding_box()
    assert chart["width"] > 0.45 * width
    texts = page.evaluate("""() => [...document.querySelectorAll('button, select, input')]
        .filter(node => node.offsetParent)
        .filter(node => !(node.title || node.closest('label') || node.labels?.length))
        .map(node => node.outerHTML.slice(0, 80))""")
    assert texts == []  # every control says what it does
    opened.context.close()
    assert opened.problems == []


def test_a_blind_page_says_so(browser: Browser):
    sealed = {"source": None, "hash": "77aa", "sealed": True, "market": "sealed",
              "book": "no resting book in this replay"}  # fmt: skip
    with MockDesk(blind=True, honesty=sealed, challenge="K7Q2X-9XABC-3F4TM") as desk:
        opened = Opened(browser, desk)
        assert "sealed until the reveal" in opened.text("#honesty")
        assert "no resting book in this replay" in opened.text("#honesty")
        assert opened.text("#challenge") == "challenge K7Q2X-9XABC-3F4TM"
        assert opened.text("#title") == "Blind start"
        assert "since start" in opened.page.locator("#transport").inner_html()
        content = opened.page.content()
        assert "SIMUSDT" not in content
        assert "2024" not in content
        opened.page.click("#reveal")
        (asked,) = opened.asked(lambda: opened.page.click("#unveiled button.main"))
        assert asked == {"do": "reveal"}
        opened.context.close()
        assert opened.problems == []


TITLES = "[...document.querySelectorAll('#tape .fill li')].map(node => node.title)"


def test_rows_of_the_tape_are_used_again_and_stay_in_order(opened: Opened):
    page, desk = opened.page, opened.desk
    opened.until(lambda: page.evaluate(f"{TITLES}.length") > 5)
    rows = page.evaluate(f"{TITLES}.length")
    for row in (12_004, 12_007, 12_031, 12_100, 12_101):
        desk._go_to(row)
        opened.until(lambda row=row: opened.look("store.clock.row") == row)
    page.wait_for_timeout(400)  # the tape is written anew four to ten times a second
    added = page.evaluate(TITLES)
    assert len(added) == rows
    page.reload()
    opened.until(lambda: page.evaluate(f"{TITLES}.length") == rows)
    assert page.evaluate(TITLES) == added
    page.fill("#least", "1")
    page.keyboard.press("Enter")
    page.locator("#least").blur()
    opened.until(lambda: page.evaluate(TITLES) != added)
    sizes = page.evaluate("[...document.querySelectorAll('#tape .fill li :nth-child(3)')]"
                          ".map(node => Number(node.textContent))")  # fmt: skip
    assert sizes
    assert min(sizes) >= 1

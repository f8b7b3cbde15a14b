"""The replay's chart alone, on a made market: what it shows and what gestures do. No server."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser
REPOSITORY = Path(__file__).parent.parent.parent
ADDRESS = "http://chart.test"


def _serve(route: Route) -> None:
    path = REPOSITORY / urlparse(route.request.url).path[1:]
    kind = {".js": "text/javascript"}.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    route.fulfill(body=path.read_bytes(), content_type=kind)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The chart at a laptop's size; a test fails on anything that the console says."""
    context = browser.new_context(viewport={"width": 1200, "height": 640}, color_scheme="dark")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.route(f"{ADDRESS}/**", _serve)
    opened.goto(f"{ADDRESS}/tests/page/chart.html")
    while opened.evaluate("document.documentElement.dataset.ready") != "yes":
        opened.wait_for_timeout(10)
    yield opened
    context.close()
    assert problems == []


def make(page: Page, options: str = "{}", bars: int = 40, trades: int = 200) -> dict[str, Any]:
    return page.evaluate(f"harness.make({options}, {bars}, {trades})")


def state(page: Page) -> dict[str, Any]:
    return page.evaluate("harness.frame().then(() => harness.chart.state())")


def test_it_draws_bars_and_follows(page: Page):
    shown = make(page)
    assert shown["bars"] == 40
    assert shown["visible"][1] == shown["forming"] == 40
    assert shown["following"]
    assert shown["hasText"]
    assert shown["bottom"] < page.evaluate("harness.market.store.last") < shown["top"]


def test_only_the_forming_bar_is_painted_while_nothing_else_changes(page: Page):
    before = make(page)
    page.evaluate("""() => {
        for (let k = 0; k < 5; k += 1) { harness.market.left = 99; harness.market.trade(); }
        return harness.show();
    }""")
    after = state(page)
    assert after["painted"]["live"] > before["painted"]["live"]
    assert (
        after["painted"]["history"] <= before["painted"]["history"] + 1
    )  # a strip's scale may grow
    assert after["spritesPainted"] == before["spritesPainted"]
    idle = state(page)
    assert idle["painted"]["frames"] == after["painted"]["frames"]


def test_a_closed_bar_costs_one_picture(page: Page):
    before = make(page)
    page.evaluate("harness.market.bars(1); harness.show()")
    after = state(page)
    assert after["bars"] == 41
    assert after["visible"][1] == 40
    if after["rowPx"] == before["rowPx"]:
        assert after["spritesPainted"] == before["spritesPainted"] + 1


def test_wheel_zooms_time_and_with_control_price(page: Page):
    before = make(page)
    page.mouse.move(500, 200)
    page.mouse.wheel(0, 400)
    wide = state(page)
    assert wide["columnW"] < before["columnW"]
    assert wide["following"]
    assert wide["autoPrice"]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    tall = state(page)
    assert tall["columnW"] == wide["columnW"]
    assert tall["rowPx"] / tall["merge"] > wide["rowPx"] / wide["merge"]
    assert not tall["autoPrice"]
    page.mouse.dblclick(500, 200)
    assert state(page)["autoPrice"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_dragging_shows_the_past_which_stays_while_bars_close(page: Page):
    before = make(page)
    drag(page, (300, 200), (580, 205))
    past = state(page)
    assert not past["following"]
    assert past["autoPrice"]
    assert past["visible"][1] < before["visible"][1]
    page.evaluate("harness.market.bars(3); harness.show()")
    assert state(page)["visible"] == past["visible"]
    drag(page, (300, 200), (320, 300))
    assert not state(page)["autoPrice"]
    page.evaluate("harness.chart.follow()")
    assert state(page)["following"]
    assert page.evaluate("harness.told.prices") == []  # a drag is no click


def test_dragging_an_axis_stretches_it(page: Page):
    before = make(page)
    drag(page, (before["plot"]["w"] + 140, 200), (before["plot"]["w"] + 140, 120))
    tall = state(page)
    assert tall["rowPx"] / tall["merge"] > before["rowPx"] / before["merge"]
    drag(page, (600, 632), (660, 632))
    assert state(page)["columnW"] > before["columnW"]


def test_a_reset_finds_the_place_again(page: Page):
    make(page, bars=60)
    page.evaluate("harness.chart.pan(20, 0)")
    past = state(page)
    page.evaluate("""() => {
        const { store } = harness.market;
        store.bars = store.bars.slice(10);
        store.epoch += 1;
        return harness.show();
    }""")
    again = state(page)
    assert again["bars"] == 50
    assert abs(again["visible"][1] - past["visible"][1]) <= 1
    assert not again["following"]


def test_a_click_tells_the_price_on_the_tick(page: Page):
    make(page, "{tick: 5, price: 42000}")
    price = page.evaluate("harness.market.store.last - 35")
    y = page.evaluate(f"harness.chart.yOf({price})")
    page.mouse.click(400, y)
    page.keyboard.down("Shift")
    page.mouse.click(400, y, button="right")
    page.keyboard.up("Shift")
    page.mouse.click(400, 600)  # a strip has no price
    page.wait_for_timeout(350)
    page.mouse.dblclick(400, y)  # the second click is not one of its own: it brings the view back
    plain, shifted, doubled = page.evaluate("harness.told.prices")
    assert doubled == plain
    assert plain == {"price": price, "shift": False, "ctrl": False, "alt": False, "button": 0}
    assert shifted["price"] == price
    assert (shifted["shift"], shifted["button"]) == (True, 2)


def test_an_orders_line_is_dragged_by_its_handle(page: Page):
    make(page)
    page.evaluate("harness.market.dress(); harness.show()")
    handle = next(h for h in state(page)["handles"] if h["id"] == 6)
    target = page.evaluate("harness.market.store.orders[2].price") - 40
    y = page.evaluate(f"harness.chart.yOf({target})")
    drag(page, (handle["x"] + 5, handle["y"] + 9), (handle["x"] + 5, y))
    assert page.evaluate("harness.told.moves") == [{"id": 6, "price": target, "part": "price"}]
    page.mouse.move(handle["x"] + 5, handle["y"] + 9)
    page.mouse.down()
    page.mouse.move(handle["x"] + 5, y)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert len(page.evaluate("harness.told.moves")) == 1
    assert page.evaluate("harness.told.prices") == []


def test_the_crosshair_reads_exactly(page: Page):
    shown = make(page)
    page.evaluate("harness.market.dress(); harness.show()")
    bar = page.evaluate(
        "(({ open, volume, poc }) => ({ open, volume, poc }))(harness.market.store.bars[34])"
    )
    x = page.evaluate("harness.chart.xOf(34)") + 30
    page.mouse.move(x, page.evaluate(f"harness.chart.yOf({bar['poc']})"))
    hovered = state(page)
    assert hovered["hover"]["number"] == 34
    assert f"O {bar['open'] / 10:.1f}" in hovered["readout"]
    assert f"Vol {bar['volume']:,.3f}".rstrip("0") in hovered["readout"]
    assert "2024-01-02 09:04" in hovered["readout"]
    assert "bid" in hovered["readout"]
    zone = page.evaluate("harness.market.store.marks.get('z-16').low + 5")
    page.mouse.move(shown["plot"]["w"] - 20, page.evaluate(f"harness.chart.yOf({zone})"))
    assert "imbalance zones active" in state(page)["readout"]
    page.mouse.move(shown["plot"]["w"] - 20, -1)
    assert page.evaluate("harness.told.hovers.at(-1)") is None


def test_keys_of_the_chart_and_a_visible_focus(page: Page):
    before = make(page)
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.getElementById('chart')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("-")
    assert state(page)["columnW"] < before["columnW"]
    page.keyboard.press("Shift+ArrowLeft")
    assert not state(page)["following"]
    page.keyboard.press("Home")
    assert state(page)["following"]


def test_a_click_leaves_the_keys_to_the_page(page: Page):
    before = make(page)
    page.mouse.click(400, 200)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert state(page)["columnW"] == before["columnW"]
    assert page.evaluate("document.activeElement === document.body")


def test_modes_and_themes_repaint(page: Page):
    make(page)
    x = page.evaluate("harness.chart.xOf(36)") + 30
    y = page.evaluate("harness.chart.yOf(harness.market.store.bars[36].poc)")
    seen = set()
    for mode in ("bidask", "delta", "volume"):
        page.evaluate(f"harness.chart.setMode('{mode}')")
        assert state(page)["mode"] == mode
        seen.add(str(page.evaluate(f"harness.pixels('history', {x}, {y} - 3, 24)")))
    assert len(seen) == 3
    corner = "harness.pixels('history', 3, 3, 1)[0]"
    for scheme, palette, ground, buy in (
        ("light", "teal-red", [252, 252, 250, 255], "#2ba37a"),
        ("light", "blue-orange", [252, 252, 250, 255], "#5b9fe0"),
        ("dark", "blue-orange", [17, 21, 26, 255], "#3a86d9"),
        ("system", "teal-red", [17, 21, 26, 255], "#1f9d70"),
    ):
        page.evaluate(f"harness.chart.setTheme('{scheme}', '{palette}')")
        assert state(page)["palette"]["buy"] == buy
        assert page.evaluate(corner) == ground
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(50)
    assert state(page)["palette"]["ground"] == "#fcfcfa"
    assert page.evaluate(
        "(() => { try { harness.chart.setMode('x') } catch (e) { return e.message } })()"
    )


def test_the_last_price_is_amber_on_the_axis(page: Page):
    shown = make(page)
    y = page.evaluate("harness.chart.yOf(harness.market.store.last)")
    x = shown["axis"] + 3
    [tag] = page.evaluate(f"harness.pixels('live', {x}, {y} + 6, 1)")
    assert tag == [242, 193, 75, 255]


def test_of_many_big_trades_the_strongest_are_drawn(page: Page):
    shown = make(page, "{perBar: 60}", bars=300)
    page.evaluate("""() => {
        const { store } = harness.market;
        for (let id = 0; id < 600; id += 1) {
            const bar = store.bars[id % 300];
            const mark = { id, detector: "big_trades", kind: "big", direction: 1, text: "big" };
            const at = { known_at: bar.open_time + 1, low: bar.poc, high: bar.poc, strength: id };
            store.marks.set(id, { ...mark, ...at });
        }
        store.marks_version += 1;
        harness.chart.zoomTime(0.05);
        return harness.show();
    }""")
    drawn = page.evaluate("harness.chart.hits.marks.map((mark) => mark.id)")
    assert len(drawn) == int(shown["plot"]["w"] / 9)
    assert min(drawn) == 600 - len(drawn)


def test_a_question_of_a_drill_hides_what_would_answer_it(page: Page):
    make(page)
    page.evaluate("harness.market.dress(); harness.show()")
    assert state(page)["marks"] > 5
    page.evaluate(
        "harness.market.store.drill = { id: 1, hides: ['marks', 'auction'] }; harness.show()"
    )
    assert state(page)["marks"] == 0
    page.evaluate("harness.market.store.drill.truth = 'absorbed'; harness.show()")
    assert state(page)["marks"] > 5


@pytest.mark.parametrize("size", [(320, 180), (1366, 768), (3840, 2160)])
def test_it_takes_any_size_and_sharpness(page: Page, size: tuple[int, int]):
    make(page)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(60)
    shown = state(page)
    assert shown["plot"]["w"] < size[0]
    sizes = "harness.chart.surface.layers.map((layer) => [layer.canvas.width, layer.canvas.height])"
    assert page.evaluate(sizes) == [list(size)] * 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_bars_it_says_what_to_do(page: Page):
    page.evaluate("harness.market = new harness.Market(); harness.show()")
    shown = state(page)
    assert shown["bars"] == 0
    x, y = shown["plot"]["w"] / 2, shown["plot"]["h"] / 2
    row = page.evaluate(f"harness.pixels('live', {x} - 40, {y}, 80)")
    assert max(alpha for *_, alpha in row) > 100

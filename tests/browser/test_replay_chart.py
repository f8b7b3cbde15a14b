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

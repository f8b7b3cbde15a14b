"""Somebody at the replay page in a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_desk import MockDesk
    from playwright.sync_api import Browser, BrowserContext, Page


class Driver:
    """An open page.

    Attributes:
        page: Of the browser.
        problems: What its console complained of.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(url)
        self.until(lambda: self.look("store.clock.time") is not None)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def look(self, what: str) -> Any:
        """A part of the page's state."""
        return self.page.evaluate(f"window.orderflow.{what}")

    def until(self, fulfilled: Callable[[], Any], seconds: float = 90.0) -> None:
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not fulfilled():
            assert time.monotonic() < end, f"waited in vain; {self.problems}; {self.toasts()}"
            self.page.wait_for_timeout(20)

    def toasts(self) -> str:
        """What the page tells in passing."""
        return str(self.page.evaluate("document.querySelector('#toasts')?.textContent ?? ''"))

    def text(self, place: str) -> str:
        """What stands there, with plain minus and spaces."""
        return self.page.locator(place).inner_text().replace("\u2212", "-").replace("\u00a0", " ")

    def go(self, key: str) -> int:
        """Press a key that moves the tape, and wait until it has: the row where it stands."""
        version, row = self.look("store.version"), self.look("store.clock.row")
        self.page.keyboard.press(key)
        self.until(lambda: self.look("store.clock.row") != row)
        self.until(lambda: not self.look("store.clock.seeking"))
        assert self.look("store.version") > version
        return int(self.look("store.clock.row"))


class Opened(Driver):
    """A page on a mock desk."""

    def __init__(self, browser: Browser, desk: MockDesk, **context: Any) -> None:
        context.setdefault("viewport", {"width": 1280, "height": 720})
        self.desk = desk
        super().__init__(browser.new_context(**context), desk.url)
        self.greeted(1)

    def greeted(self, times: int) -> None:
        """Wait until the page has greeted the desk so often."""
        self.until(lambda: [one["do"] for one in self.desk.commands].count("ladder") == times)

    def asked(self, do: Callable[[], Any], count: int = 1) -> list[dict[str, Any]]:
        """What the page asks the server when something is done."""
        before = len(self.desk.commands)
        do()
        self.until(lambda: len(self.desk.commands) >= before + count)
        return self.desk.commands[before:]

    def press(self, key: str) -> list[dict[str, Any]]:
        """What the page asks the server when a key is pressed."""
        return self.asked(lambda: self.page.keyboard.press(key))

"""Photograph the replay page over a simulated market, and write the table of its keys."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from from_tests import Driver, chromium, serving

from orderflow_bt.replay.desk.opening import Plan, open_desk
from orderflow_bt.sim import SimConfig
from orderflow_bt.store.lake import SIMULATED
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, HOUR_US, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "img" / "replay"
GUIDE = HERE / "replay.md"
KEYS_JS = HERE.parent / "orderflow_bt" / "replay" / "page" / "keys.js"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->\n"
START = dt.date(2026, 1, 5)
HOUR = 13
SIZE = {"width": 1440, "height": 810}


@contextmanager
def served() -> Iterator[str]:
    """The address of the page over a simulated day."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        market = SimulatedMarket(seed=7, start=START, days=1, trades_per_day=250_000)
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / SIMULATED).write_text("one day of SIMUSDT, seed 7", encoding="utf-8")
        lake, tape = store_market(market, folder / "data")
        day = (START - dt.date(1970, 1, 1)).days * DAY_US
        plan = Plan(
            tape, day + HOUR * HOUR_US, day + DAY_US, time_bars("1m"),
            SimConfig.for_market(tape.market),
        )  # fmt: skip
        desk = open_desk(lake, plan, folder / "practice")
        with serving(desk) as server:
            yield server.address
        desk.close()


class Reader(Driver):
    """Somebody at the page.

    Args:
        browser: Theirs.
        address: Of the page.
        scheme: dark or light.
        palette: Of the page.
    """

    def __init__(self, browser: Browser, address: str, scheme: str, palette: str) -> None:
        super().__init__(browser.new_context(viewport=SIZE, color_scheme=scheme), address)
        self.until(lambda: self.look("store.bars.length") > 0)
        if self.page.evaluate("document.documentElement.dataset.palette") != palette:
            self.page.keyboard.press("Shift+Y")

    def press(self, key: str, times: int = 1) -> None:
        """Press a key that moves the tape, and wait until it has."""
        for _ in range(times):
            self.go(key)

    def photograph(self, name: str, place: str | None = None) -> None:
        """Keep a picture of the page, or of a part of it."""
        self.page.mouse.move(2, 2)
        self.page.wait_for_timeout(300)
        target = self.page.locator(place) if place else self.page
        target.screenshot(path=FOLDER / f"{name}.png")


def trade(reader: Reader) -> None:
    """Buy with a bracket, and let some minutes pass."""
    page = reader.page
    last = reader.look("store.last")
    page.click("#pad .types [data-value=bracket]")
    page.click("#pad .by [data-value=risk]")
    page.fill("#pad-size", "0.5")
    page.fill("#pad-stop", f"{(last - 60) / 10:.1f}")
    page.fill("#pad-target", f"{(last + 30) / 10:.1f}")
    page.fill("#pad-reason", "absorption")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Enter")
    reader.until(lambda: len(reader.look("store.orders")) > 0)
    reader.press("m", 3)


def photograph(address: str, browser: Browser) -> None:
    """Every picture of the guide."""
    reader = Reader(browser, address, "dark", "teal-red")
    reader.press("ArrowRight", 6)
    trade(reader)
    reader.photograph("page")
    reader.photograph("desk", "#desk")
    reader.page.set_viewport_size({"width": 1920, "height": 810})
    reader.photograph("tape", "#tape")
    reader.photograph("ladder", "#ladder")
    reader.page.set_viewport_size(SIZE)
    reader.page.keyboard.press("?")
    reader.photograph("keys", "#help")
    reader.page.keyboard.press("Escape")
    reader.page.keyboard.press("Shift+X")  # a question is not asked while something is open
    reader.press("m")
    reader.page.keyboard.press("Shift+C")
    reader.press("m")
    reader.until(
        lambda: not reader.look("store.orders") and not reader.look("store.account.position")
    )
    reader.page.close()
    reader = Reader(browser, address, "light", "blue-orange")
    reader.page.click("#tab-practice")
    reader.page.click("#panel-practice button:has-text('aggression')")
    reader.until(lambda: reader.look("store.drill") is not None)
    reader.page.keyboard.press("1")
    reader.photograph("question")
    reader.page.close()


def key_table() -> str:
    """The table of keys in Markdown, from the page's own."""
    script = (
        f"import {{ KEYS, written }} from {json.dumps(KEYS_JS.as_uri())};"
        "for (const one of KEYS) console.log([one.group, one.shown ?? one.keys.map(written)"
        ".join(', '), one.says].join('\\t'));"
    )
    node = shutil.which("node")
    if node is None:
        sys.exit("node is needed to read the page's keys")
    command = [node, "--input-type=module", "--eval", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows, before = ["| | key | what it does |", "| --- | --- | --- |"], ""
    for line in told.splitlines():
        group, keys, says = line.split("\t")
        rows.append(f"| {'' if group == before else group} | `{keys}` | {says} |")
        before = group
    return "\n".join(rows) + "\n"


def main() -> None:
    """Write table and pictures."""
    text = GUIDE.read_text()
    head, rest = text.split(BEGIN)
    GUIDE.write_text(head + BEGIN + key_table() + END + rest.split(END)[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served() as address, chromium() as browser:
        photograph(address, browser)


if __name__ == "__main__":
    main()

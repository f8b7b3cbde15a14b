"""A practice for the picture of its page: questions answered by chance and by heart on the demo."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from from_tests import practise

from orderflow_bt.replay.practice.review import read_practice
from orderflow_bt.replay.practice.review_page import write_review
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, HOUR_US

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


def photograph(lake_folder: Path, folder: Path, browser: Browser, out: Path) -> None:
    """Practise on the demo's lake, write the page, and take pictures of its top and of an error.

    Args:
        lake_folder: The demo's lake.
        folder: Of the practice, made here.
        browser: Takes the picture.
        out: Where the pictures go.
    """
    lake = Lake(lake_folder)
    tape = lake.tapes()[0]
    day = lake.days(tape)[3]
    start = day.first_time // DAY_US * DAY_US + 8 * HOUR_US
    practise(lake, tape, start, folder, questions=60, orders=8, hours=14, skill=0.4, seed=5).close()
    page, missing = write_review(read_practice(folder), lake)
    if missing:
        sys.exit(missing)
    view = browser.new_page(viewport={"width": 1200, "height": 1010}, color_scheme="dark")
    view.goto(page.as_uri())
    view.screenshot(path=out / "practice.png")
    view.locator("#misread figure").nth(1).screenshot(path=out / "misread.png")

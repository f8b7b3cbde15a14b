"""A headless Chromium: for tests of pages, the pictures of the docs, the benchmark of the chart."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ARGUMENTS = [
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class NoChromiumError(Exception):
    """There is none on this machine, or nothing to drive it with."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, closed when the block ends.

    Raises:
        NoChromiumError: The message says what is absent.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise NoChromiumError("no chromium on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoChromiumError("playwright is not installed (pip install -e '.[dev]')") from None
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield started
        finally:
            started.close()

"""The browser of the tests of pages; skipped with a reason where there is none.

``ORDERFLOW_BT_REQUIRE_BROWSER=1`` turns the skip into a failure.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from chromium import NoChromiumError, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except NoChromiumError as absent:
            if os.environ.get("ORDERFLOW_BT_REQUIRE_BROWSER") == "1":
                pytest.fail(str(absent))
            pytest.skip(str(absent))
        yield started

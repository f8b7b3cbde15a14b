"""Draw the pictures of README and docs again, from the demo's own run: `make pictures`."""

from __future__ import annotations

import mimetypes
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import draw_fills
import draw_readings
import draw_replay
import stage_practice
from from_tests import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

REPOSITORY = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent / "img"


def main() -> None:
    """Draw readings, fills and replay; run the demo, photograph its report, copy a footprint."""
    draw_readings.main()
    draw_fills.main()
    draw_replay.main()
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run(
            [sys.executable, "-m", "orderflow_bt", "--quiet", "demo", "--out", str(demo)],
            check=True,
        )
        run = demo / "runs" / "delta_divergence-SIMUSDT"
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1200, "height": 1180}, color_scheme="dark")
            page.goto((run / "report.html").as_uri())
            page.screenshot(path=HERE / "report.png")
            picture = page.locator("#entries picture").first
            picture.scroll_into_view_if_needed()
            picture.screenshot(path=HERE / "entry.png")
            photograph_chart(browser)
            stage_practice.photograph(demo / "data", Path(folder) / "practice-demo", browser, HERE)
            browser.close()


def photograph_chart(browser: Browser) -> None:
    """The replay's chart on a made market, with every sign it has."""

    def serve(route: Route) -> None:
        path = REPOSITORY / urlparse(route.request.url).path[1:]
        kind = {".js": "text/javascript"}.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        route.fulfill(body=path.read_bytes(), content_type=kind)

    page = browser.new_page(viewport={"width": 1400, "height": 760}, color_scheme="dark")
    page.route("http://chart.test/**", serve)
    page.goto("http://chart.test/tests/page/chart.html")
    while page.evaluate("document.documentElement.dataset.ready") != "yes":
        page.wait_for_timeout(20)
    page.evaluate("""async () => {
        await harness.make({ seed: 12, perBar: 520, move: 2 }, 36, 240);
        harness.market.dress();
        await harness.show();
    }""")
    page.screenshot(path=HERE / "chart.png")
    page.close()


if __name__ == "__main__":
    main()

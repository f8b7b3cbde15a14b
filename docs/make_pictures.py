"""Draw the pictures of README and docs again, from the demo's own run: `make pictures`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import draw_readings
import draw_replay
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent / "img"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def main() -> None:
    """Draw readings and replay; run the demo, photograph its report, copy a footprint."""
    draw_readings.main()
    draw_replay.main()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        sys.exit("a Chromium is needed to photograph the report")
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run(
            [sys.executable, "-m", "orderflow_bt", "--quiet", "demo", "--out", str(demo)],
            check=True,
        )
        run = demo / "runs" / "delta_divergence-SIMUSDT"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
            page = browser.new_page(viewport={"width": 1200, "height": 1180}, color_scheme="dark")
            page.goto((run / "report.html").as_uri())
            page.screenshot(path=HERE / "report.png")
            picture = page.locator("#entries picture").first
            picture.scroll_into_view_if_needed()
            picture.screenshot(path=HERE / "entry.png")
            browser.close()


if __name__ == "__main__":
    main()

"""The replay's chart under load in a headless Chromium: frames a second, and how busy it is.

    python benchmarks/replay_page.py [--seconds 8] [--size 1920x1080] [--only WORD]

A made market pushes twenty frames a second: forty trades into the forming bar, as a replay does; or
a new bar with every push, as a fast one does. Frames a second are counted by
``requestAnimationFrame`` (at most 60), the busy share of the page's main thread by CDP
``Performance.getMetrics``; painting is the part of it that the chart's own code takes. Everything
is drawn by software: a screen with a GPU does better. Needs chromium and playwright.
"""

from __future__ import annotations

import json
import mimetypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from cases import parser_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Route

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "tests"))

from chromium import NoChromiumError, chromium  # noqa: E402 - a helper of the tests, by the path

ADDRESS = "http://chart.test"
PUSHES = 20
MARKET = {"perBar": 900, "move": 2.2, "rowSize": 3, "pull": 0.002}  # about 30 rows a bar
# name: width of a column in pixels, bars of a push, trades of a push
CASES = {
    "120 bars x 30 rows": (13.5, 0, 40),
    "120 bars x 30 rows, a new bar each push": (13.5, 1, 2),
    "24 bars with numbers": (67, 0, 40),
    "24 bars with numbers, a new bar each push": (67, 1, 2),
    "500 bars": (3.2, 0, 40),
}
PREPARE = """async ([market, column]) => {
  const { harness } = window;
  await harness.make(market, 540, 400);
  harness.market.dress();
  await harness.show();
  harness.chart.zoomTime(column / harness.chart.state().columnW);
  await harness.frame();
}"""
LOAD = """async ([bars, trades, seconds, pushes]) => {
  const { harness } = window;
  const { chart, market } = harness;
  const before = { ...chart.painted };
  let frames = 0;
  let pushed = 0;
  let running = true;
  const count = () => { frames += 1; if (running) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const timer = setInterval(() => {
    for (let k = 0; k < bars; k += 1) {
      const { bars: closed, forming } = market.store;
      const { number, open_time, close_time } = forming;
      closed.push({ ...closed[closed.length - 100], number, open_time, close_time });
      market.store.forming = null;
    }
    for (let k = 0; k < trades; k += 1) { market.left = 900; market.trade(); }
    chart.update(market.settle());
    pushed += 1;
  }, 1000 / pushes);
  const begun = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const lasted = performance.now() - begun;
  running = false;
  clearInterval(timer);
  const { visible, merge } = chart.state();
  const shown = market.store.bars.slice(visible[0] - visible[1]);
  return { fps: (1000 * frames) / lasted, pushes: pushed, bars: visible[1] - visible[0] + 1,
    rows: shown.reduce((sum, bar) => sum + bar.n_rows, 0) / shown.length / merge,
    paint: (chart.painted.totalMs - before.totalMs) / (chart.painted.frames - before.frames),
    history: chart.painted.history - before.history };
}"""


def serve(route: Route) -> None:
    """Answer from the repository's folder."""
    path = REPOSITORY / urlparse(route.request.url).path[1:]
    kind = {".js": "text/javascript"}.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    route.fulfill(body=path.read_bytes(), content_type=kind)


def worked(session: CDPSession) -> float:
    """Seconds that the main thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def measure(browser: Browser, name: str, size: tuple[int, int], seconds: float) -> str:
    """One case's line."""
    column, bars, trades = CASES[name]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.route(f"{ADDRESS}/**", serve)
    page.goto(f"{ADDRESS}/tests/page/chart.html")
    while page.evaluate("document.documentElement.dataset.ready") != "yes":
        page.wait_for_timeout(20)
    page.evaluate(f"({PREPARE})({json.dumps([MARKET, column])})")
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    begun = worked(session)
    found = page.evaluate(f"({LOAD})({json.dumps([bars, trades, seconds, PUSHES])})")
    busy = (worked(session) - begun) / seconds
    context.close()
    return (
        f"| {name} | {found['bars']} x {found['rows']:.0f} | {found['fps']:.0f} | {busy:.0%} "
        f"| {found['paint']:.1f} | {found['history']} of {found['pushes']} |"
    )


def main() -> None:
    """Print a table."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    print(f"{options.size}, {PUSHES} pushes a second, software drawing")
    print("| case | bars x rows | fps | main thread busy | paint, ms a frame | whole repaints |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    try:
        with chromium() as browser:
            for name in CASES:
                if options.only in name:
                    print(measure(browser, name, (width, height), options.seconds), flush=True)
    except NoChromiumError as absent:
        print(f"skipped: {absent}")


if __name__ == "__main__":
    main()

"""The report opened from disk: no error, no request, every picture decoded, verdict in sight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from run_folders import build_run_folder

from orderflow_bt.report import build

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def in_coin(folder: Path) -> Path:
    """The same run with its money in a coin, which has eight digits after the point."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["instrument"] |= {"currency": "BTC", "quote": "USD"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {
        "full": build(build_run_folder(folder / "full", trips=4, bars=576, gap=True)),
        "empty": build(build_run_folder(folder / "empty", trips=0, bars=288)),
        "coin": build(in_coin(build_run_folder(folder / "coin", trips=2, bars=288))),
    }


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        *(
            (name, scheme, width)
            for name in ("full", "empty")
            for scheme in ("dark", "light")
            for width in (1440, 420)
        ),
        ("coin", "light", 390),
    ],
)
def test_it_opens_offline(
    browser: Browser, reports: dict[str, Path], name: str, scheme: str, width: int
):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True
    )
    page = context.new_page()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url[:80]))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(reports[name].as_uri())
    assert problems == []
    assert [url for url in requests if not url.startswith("data:")] == [reports[name].as_uri()]
    headline = page.locator("#verdict h1")
    assert headline.is_visible()
    assert headline.bounding_box()["y"] < 400
    sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert all(size > 0 for size in sizes)
    assert bool(sizes) == (name != "empty")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(17, 21, 26)") == (scheme == "dark")
    context.close()


def test_paper_is_light_and_shows_every_row(browser: Browser, reports: dict[str, Path]):
    context = browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1123})
    page = context.new_page()
    page.goto(reports["full"].as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 250)"
    shown = page.evaluate("document.querySelector('.scroll').getBoundingClientRect().height")
    whole = page.evaluate("document.querySelector('.scroll').scrollHeight")
    assert shown == pytest.approx(whole, abs=2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 688, "height": 1000})  # what the margins of A4 leave
    wide = "[...document.images].filter(i => i.getBoundingClientRect().right > innerWidth).length"
    assert page.evaluate(wide) == 0
    page.emulate_media(media="screen")  # a small screen scrolls them sideways
    assert page.evaluate(wide) > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()


def test_a_heading_sorts_its_table_both_ways(browser: Browser, reports: dict[str, Path]):
    context = browser.new_context(offline=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(reports["full"].as_uri())
    heads = page.locator("#round-trips thead th").all_text_contents()
    column = heads.index("net")

    def shown() -> list[float]:
        texts = page.locator(f"#round-trips tbody td:nth-child({column + 1})").all_text_contents()
        return [float(text.replace("\u2212", "-").replace(",", "")) for text in texts]

    before = shown()
    head = page.locator("#round-trips thead th").nth(column)
    head.click()
    assert shown() == sorted(before)
    head.press("Enter")
    assert shown() == sorted(before, reverse=True)
    assert problems == []
    context.close()

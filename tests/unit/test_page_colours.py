"""The page's colours are the report's: one visual language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import orderflow_bt.replay
from orderflow_bt.report.theme import DARK, DARK_COLOUR_BLIND, LIGHT, LIGHT_COLOUR_BLIND, Theme

SHEET = (Path(orderflow_bt.replay.__file__).parent / "page" / "theme.css").read_text()
NAMES = {
    "ground": "ground",
    "panel": "panel",
    "rule": "grid",
    "ink": "ink",
    "muted": "muted",
    "buy": "buy",
    "sell": "sell",
    "buy-lit": "buy_lit",
    "sell-lit": "sell_lit",
    "accent": "accent",
    "event": "event",
    "curve": "curve",
}
SAFE = '[data-palette="blue-orange"]'


def variables(*selectors: str) -> dict[str, str]:
    """Variables that hold where these rules do, later ones above earlier ones."""
    found: dict[str, str] = {}
    for selector in selectors:
        body = re.search(rf"(?m)^\s*{re.escape(selector)} {{\n(.*?)\n\s*}}", SHEET, re.DOTALL)
        assert body, selector
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", body[1]))
    return found


@pytest.mark.parametrize(
    ("selectors", "theme"),
    [
        ([":root"], DARK),
        ([":root", f":root{SAFE}"], DARK_COLOUR_BLIND),
        ([':root[data-theme="light"]'], LIGHT),
        ([':root[data-theme="light"]', f':root[data-theme="light"]{SAFE}'], LIGHT_COLOUR_BLIND),
        ([":root:not([data-theme])"], LIGHT),
        ([":root:not([data-theme])", f":root:not([data-theme]){SAFE}"], LIGHT_COLOUR_BLIND),
    ],
)
def test_variables_are_the_reports_colours(selectors: list[str], theme: Theme):
    found = variables(*selectors)
    assert found == {name: getattr(theme, field) for name, field in NAMES.items()}

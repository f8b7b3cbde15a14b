"""The pictures of the readings: each is drawn by the code it shows, and each is on a page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def pictures():
    sys.path.insert(0, str(DOCS))
    try:
        import draw_readings

        return {picture.__name__: picture for picture in draw_readings.PICTURES}
    finally:
        sys.path.remove(str(DOCS))


def test_every_picture_can_be_drawn_and_is_stored(pictures):
    stored = {path.stem for path in (DOCS / "img" / "readings").glob("*.png")}
    assert stored == set(pictures)
    for picture in pictures.values():
        assert picture().axes


def test_every_picture_is_on_a_page_and_every_page_finds_its_pictures(pictures):
    shown = set()
    for page in DOCS.rglob("*.md"):
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
            shown.add(Path(link).stem)
    assert set(pictures) <= shown

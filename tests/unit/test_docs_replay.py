"""The guide to the replay page: its keys are the page's, its pictures are there and small."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "replay.md").read_text(encoding="utf-8")


def test_the_table_of_keys_is_that_of_the_page():
    if shutil.which("node") is None:
        if os.environ.get("ORDERFLOW_BT_REQUIRE_BROWSER"):
            pytest.fail("no node on PATH")
        pytest.skip("no node on PATH")
    sys.path.insert(0, str(DOCS))
    try:
        import draw_replay
    finally:
        sys.path.remove(str(DOCS))
    shown = GUIDE.split(draw_replay.BEGIN)[1].split(draw_replay.END)[0]
    assert shown == draw_replay.key_table()
    assert shown.count("\n") > 40


def test_pictures_are_small_and_all_of_them_shown():
    shown = {Path(link).name for link in re.findall(r"\((img/replay/[^)]+)\)", GUIDE)}
    stored = {path.name: path.stat().st_size for path in (DOCS / "img" / "replay").glob("*.png")}
    assert shown == set(stored)
    assert all(size < 300_000 for size in stored.values())


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (DOCS / link).exists(), link

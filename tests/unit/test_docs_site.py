"""The site's table of contents has every page of the documentation, each once."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SITE = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_page_is_in_the_table_of_contents_once():
    listed = re.findall(r"^ +- (\S+\.md)$", SITE, re.MULTILINE)
    docs = REPOSITORY / "docs"
    assert sorted(listed) == sorted(str(page.relative_to(docs)) for page in docs.rglob("*.md"))


def test_the_site_fetches_nothing_from_elsewhere():
    assert "font: false" in SITE
    assert not re.search(r"https?://", SITE)

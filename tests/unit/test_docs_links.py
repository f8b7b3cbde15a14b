"""Every link within README and docs leads somewhere, and every reading has a page of one shape."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
READINGS = sorted((REPOSITORY / "docs" / "readings").glob("*.md"))
PAGES = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]
)
PARTS = ["Formula", "Worked example", "Known when", "How to get it", "Other tools"]


def prose(page):
    """The text of a page without its code, in which brackets are no links."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def headings(page):
    return re.findall(r"^(#+) +(.+?) *$", prose(page), re.MULTILINE)


def anchors(page):
    """The names that GitHub gives a page's headings."""
    names = set()
    for _, title in headings(page):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        name = base = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        again = 0
        while name in names:
            again += 1
            name = f"{base}-{again}"
        names.add(name)
    return names


def broken(page):
    """The links of a page that lead nowhere."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", prose(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        there = (page.parent / name).resolve() if name else page
        missing = not there.exists() or not there.is_relative_to(REPOSITORY)
        if missing or (anchor and (there.suffix != ".md" or anchor not in anchors(there))):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page):
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.REPOSITORY", tmp_path)
    (tmp_path / "there.md").write_text("# A `title` (of it)\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    good = ["there.md", "there.md#a-title-of-it", "there.md#twice-1", "#here", "https://x.org/#y"]
    bad = ["gone.md", "there.md#gone", "#gone", "../outside.md", "gone.png"]
    page.write_text("# Here\n" + "\n".join(f"[a `word`]({link})" for link in [*good, *bad]))
    assert broken(page) == bad


@pytest.mark.parametrize("page", READINGS, ids=lambda page: page.stem)
def test_each_reading_has_the_same_parts(page):
    levels = headings(page)
    assert levels[0][0] == "#"
    assert [title for level, title in levels if level == "##"] == PARTS


def test_the_index_names_each_reading_by_its_title():
    rows = re.findall(
        r"^\| \[(.+)\]\(readings/(.+)\.md\) \|",
        (REPOSITORY / "docs" / "definitions.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name: title for title, name in rows} == {
        page.stem: headings(page)[0][1] for page in READINGS
    }


def test_pages_that_the_code_names_are_there():
    named = set()
    for folder in ("orderflow_bt", "strategies", "tests"):
        for module in (REPOSITORY / folder).rglob("*.py"):
            text = module.read_text(encoding="utf-8")
            named |= set(re.findall(r"(?<![\w/])docs/[\w/-]+\.md", text))
    assert named
    assert [name for name in sorted(named) if not (REPOSITORY / name).is_file()] == []

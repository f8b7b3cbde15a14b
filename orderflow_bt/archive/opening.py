"""From what a user writes to the source that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orderflow_bt.archive.folder import FolderSource
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from orderflow_bt.archive.source import Source


def open_source(text: str, listing: str | None = None) -> Source:
    """A source from what a user writes: an ``http(s)://`` address, or a folder.

    Args:
        text: What the user wrote.
        listing: The address that lists, as an S3 bucket does, what an address has; by default that
            address itself is asked.

    Raises:
        UsageError: Neither an address that can be fetched from nor a folder with ``data/`` in it.
    """
    scheme = urlsplit(text).scheme.lower()
    if scheme in ("http", "https"):
        from orderflow_bt.archive.http import HttpSource  # noqa: PLC0415 - folders need no requests

        return HttpSource(text, listing or text)
    root = Path(urlsplit(text).path) if scheme == "file" else Path(text)
    if "://" in text and scheme != "file":
        raise UsageError(
            f"{text!r} cannot be fetched from",
            where="--source",
            fix="Give an http or https address, or a folder",
        )
    if not (root / "data").is_dir():
        raise UsageError(
            f"{text!r} is not a folder laid out like the archive: it has no data/ in it",
            where="--source",
            fix="Give the folder that holds data/spot/daily/… or data/futures/um/daily/…",
        )
    return FolderSource(root)

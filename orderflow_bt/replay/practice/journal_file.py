"""The journal of a practice as it lies in its folder: read, whoever writes it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.chain import Lines, read_head, read_lines
from orderflow_bt.replay.practice.shapes import check_entries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orderflow_bt.replay.practice.chain import Entry

VERSION = 1
FILE = "journal.jsonl"
TORN = "journal.torn"
HEAD = "journal.head"


def read_journal(folder: Path) -> Lines:
    """What a journal holds, also while somebody writes it.

    Raises:
        UsageError: There is no journal.
        OrderflowError: It cannot be read, holds what no journal does, or is of a later version.
    """
    path = folder / FILE
    try:
        return read_folder(folder)
    except FileNotFoundError:
        raise UsageError(
            "not a practice folder: it holds no journal",
            where=str(folder),
            fix="orderflow-bt practice lists those there are",
        ) from None
    except OSError as error:
        raise OrderflowError(f"it cannot be read: {error.strerror}", where=str(path)) from error


def read_folder(folder: Path) -> Lines:
    """The same, for who holds the journal's lock.

    Raises:
        OSError: It cannot be read.
        OrderflowError: It holds what no journal does, or is of a later version.
    """
    path = folder / FILE
    head = read_head(folder / HEAD)  # first: whoever writes now is ahead of it
    found = read_lines(path.read_bytes()).beside(head)
    check_entries(found.entries, path)
    if found.entries and found.entries[0].get("version", 0) > VERSION:
        raise OrderflowError(
            f"a journal of version {found.entries[0]['version']}",
            where=str(path),
            fix="Take a newer orderflow-bt",
        )
    return found


def is_revealed(entries: Sequence[Entry]) -> bool:
    """Whether a practice ended with the reveal."""
    return any(entry["kind"] == "reveal" for entry in entries)


def is_sealed(entries: Sequence[Entry]) -> bool:
    """Whether symbol and date of a practice are still hidden from who practises."""
    return bool(entries) and bool(entries[0].get("blind")) and not is_revealed(entries)


def refuse_edited(path: Path, found: Lines) -> None:
    """Go on with no journal that is not as it was written.

    Raises:
        OrderflowError: It was edited, cut, or made anew.
    """
    what = ""
    if found.edited_at:
        what = f"line {found.edited_at} does not follow the line before it: the journal was edited"
    elif found.cut:
        what = f"lines were cut off the journal's end: {found.cut} that {HEAD} knows of"
    elif found.is_remade:
        what = f"the journal was made anew: its lines are not those that {HEAD} knows of"
    if what:
        raise OrderflowError(
            what, where=str(path), fix="Put the original back, or practise in another folder"
        )

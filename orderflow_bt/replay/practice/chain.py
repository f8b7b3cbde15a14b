"""Lines of JSON chained by hashes: an edit in the middle shows, and a torn last line is no loss.

The chain alone cannot tell that its last lines are gone: a *head* beside the file, the number of
lines and the hash of the last, can.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

Entry = dict[str, Any]

DIGITS = 32  # of a hash, in hexadecimal
FIRST = hashlib.sha256(b"orderflow-bt journal 1").hexdigest()[:DIGITS]
_SEAL = re.compile(rb',"hash":"([0-9a-f]{%d})"\}' % DIGITS)
_SEAL_BYTES = len(',"hash":""}') + DIGITS
_HEAD = re.compile(rb"(\d{10}) ([0-9a-f]{%d})\n" % DIGITS)


class Head(NamedTuple):
    """What a file of chained lines is known to have held.

    Attributes:
        lines: How many.
        digest: Hash of the last of them.
    """

    lines: int
    digest: str

    def packed(self) -> bytes:
        """As it lies beside the file: always as long, so that it is written over in one go."""
        return f"{self.lines:010d} {self.digest}\n".encode()


@dataclass(frozen=True, slots=True)
class Lines:
    """What a file of chained lines holds.

    Attributes:
        entries: Of whole lines, without their hashes, up to the first that does not follow.
        digests: Their hashes.
        size: Bytes of the whole lines.
        torn: Bytes behind the last whole line: a line that was not written to its end.
        edited_at: Number of the first line (from 1) that does not follow the one before it; 0
            where all do.
        cut: How many lines the head knows of that are gone from the end.
        is_remade: Whether the lines follow each other and are not those that the head knows.
        has_head: Whether there is one; without it lines cut off the end do not show.
    """

    entries: list[Entry]
    digests: list[str]
    size: int
    torn: bytes
    edited_at: int
    cut: int = 0
    is_remade: bool = False
    has_head: bool = False

    @property
    def last_hash(self) -> str:
        """That the next line follows."""
        return self.digests[-1] if self.digests else FIRST

    @property
    def head(self) -> Head:
        """Of these lines."""
        return Head(len(self.digests), self.last_hash)

    def beside(self, head: Head | None) -> Lines:
        """The same, held against the head that was kept."""
        if head is None or self.edited_at:
            return replace(self, has_head=head is not None)
        cut = max(0, head.lines - len(self.digests))
        known = self.digests[head.lines - 1] if not cut and head.lines else head.digest
        return replace(self, cut=cut, is_remade=known != head.digest, has_head=True)


def seal(entry: Entry, before: str) -> tuple[bytes, str]:
    """An entry as a line that follows the line of hash ``before``; the line and its hash.

    Raises:
        UsageError: The entry holds what JSON cannot say.
    """
    try:
        body = json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        raw = body.encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"a journal's entry cannot be written as JSON: {error}") from error
    digest = _digest(raw, before)
    return raw[:-1] + f',"hash":"{digest}"}}\n'.encode(), digest


def read_lines(raw: bytes) -> Lines:
    """Take a file apart and follow its chain."""
    whole, newline, torn = raw.rpartition(b"\n")
    entries: list[Entry] = []
    digests: list[str] = []
    before = FIRST
    for number, line in enumerate(whole.split(b"\n") if newline else [], start=1):
        found = _open(line, before)
        if found is None:
            return Lines(entries, digests, len(whole) + 1, torn, number)
        entry, before = found
        entries.append(entry)
        digests.append(before)
    return Lines(entries, digests, len(whole) + len(newline), torn, 0)


def read_head(path: Path) -> Head | None:
    """The head that lies at a path; None where there is none, or it cannot be read."""
    try:
        found = _HEAD.fullmatch(path.read_bytes())
    except OSError:
        return None
    return found and Head(int(found[1]), found[2].decode())


def _open(line: bytes, before: str) -> tuple[Entry, str] | None:
    match = _SEAL.fullmatch(line, max(len(line) - _SEAL_BYTES, 0))
    if match is None:
        return None
    body = line[: match.start()] + b"}"
    digest = _digest(body, before)
    if digest.encode() != match[1]:
        return None
    try:
        entry: Entry = json.loads(body)
    except (ValueError, RecursionError):  # sealed by something else
        return None
    return entry, digest


def _digest(body: bytes, before: str) -> str:
    return hashlib.sha256(before.encode() + body).hexdigest()[:DIGITS]

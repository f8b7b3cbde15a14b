"""Lines of JSON chained by hashes: an edit in the middle shows, and a torn last line is no loss."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from orderflow_bt.errors import UsageError

Entry = dict[str, Any]

DIGITS = 32  # of a hash, in hexadecimal
FIRST = hashlib.sha256(b"orderflow-bt journal 1").hexdigest()[:DIGITS]
_SEAL = re.compile(rb',"hash":"([0-9a-f]{%d})"\}' % DIGITS)
_SEAL_BYTES = len(',"hash":""}') + DIGITS


@dataclass(frozen=True, slots=True)
class Lines:
    """What a file of chained lines holds.

    Attributes:
        entries: Of whole lines, without their hashes, up to the first that does not follow.
        last_hash: That the next line follows.
        size: Bytes of the whole lines.
        torn: Bytes behind the last whole line: a line that was not written to its end.
        edited_at: Number of the first line (from 1) that does not follow the one before it; 0
            where all do.
    """

    entries: list[Entry]
    last_hash: str
    size: int
    torn: bytes
    edited_at: int


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
    before = FIRST
    for number, line in enumerate(whole.split(b"\n") if newline else [], start=1):
        found = _open(line, before)
        if found is None:
            return Lines(entries, before, len(whole) + 1, torn, number)
        entry, before = found
        entries.append(entry)
    return Lines(entries, before, len(whole) + len(newline), torn, 0)


def _open(line: bytes, before: str) -> tuple[Entry, str] | None:
    match = _SEAL.fullmatch(line, max(len(line) - _SEAL_BYTES, 0))
    if match is None:
        return None
    body = line[: match.start()] + b"}"
    digest = _digest(body, before)
    if digest.encode() != match[1]:
        return None
    entry: Entry = json.loads(body)
    return entry, digest


def _digest(body: bytes, before: str) -> str:
    return hashlib.sha256(before.encode() + body).hexdigest()[:DIGITS]

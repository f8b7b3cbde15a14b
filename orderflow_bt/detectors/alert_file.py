"""A CSV file of alerts, read a line at a time and refused where it is not what it should be."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import stat
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIDES = {
    "buy": 1, "long": 1, "up": 1, "1": 1, "+1": 1,
    "sell": -1, "short": -1, "down": -1, "-1": -1,
    "": 0, "0": 0, "flat": 0,
}  # fmt: skip
COLUMNS = ("ts", "symbol", "kind", "side")
LONGEST_LINE = 1 << 16  # bytes; who writes more has not written alerts
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SHOWN = 40  # letters of what a file holds, in an error
_DATE = 8  # digits: 20240102 is a day, not the 234th of 1970
_FIX_TIME = "Write it as 2024-01-02T03:04:05Z, or as a Unix time in s, ms or us"


class Alert(NamedTuple):
    """A line of the file.

    Attributes:
        time: Microseconds UTC.
        kind: What it calls itself.
        side: +1 buy, -1 sell, 0 neither.
    """

    time: int
    kind: str
    side: int


def read_alerts(path: str, symbol: str) -> tuple[list[Alert], str]:
    """The alerts of a file in the order of their times, and its SHA-256.

    Args:
        path: The file.
        symbol: Only alerts of this symbol; all of the file where empty.

    Raises:
        UsageError: It cannot be read, or does not hold alerts; or it holds some, none of which is
            of the symbol.
    """
    try:
        file = _open(Path(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the alerts cannot be read: {reason}", where=path) from error
    with file:
        lines = _Lines(file, path)
        try:
            alerts = sorted(_parse(lines, symbol))
        except csv.Error as error:
            fix = "Quote what holds a comma or a quote, and end lines with LF or CRLF"
            raise _wrong(f"the alerts cannot be read: {error}", lines.where, fix) from error
        except OSError as error:
            raise _wrong(f"the alerts cannot be read: {error.strerror}", lines.where) from error
    return alerts, lines.digest.hexdigest()


def _open(path: Path) -> IO[bytes]:
    """A plain file: a pipe can be read once, and a run may look again."""
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ValueError("it is a folder")
    if not stat.S_ISREG(kind):
        raise ValueError("it is a pipe or a device. Write them into a file first")
    return path.open("rb")


class _Lines:
    """Lines of a file as text, none of any length, hashed as they are read.

    Attributes:
        digest: SHA-256 of what was read.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self.digest = hashlib.sha256()
        self._file, self._path, self._number = file, path, 0

    @property
    def where(self) -> str:
        """The line that was read last."""
        return f"{self._path}, line {self._number}" if self._number else self._path

    def __iter__(self) -> Iterator[str]:
        while raw := self._file.readline(LONGEST_LINE + 1):
            self.digest.update(raw)
            self._number += 1
            if len(raw) > LONGEST_LINE:
                raise _wrong(f"a line is longer than {LONGEST_LINE} bytes", self.where)
            try:
                text = raw.decode("utf-8-sig" if self._number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise _not_text(self.where) from error
            if "\0" in text:
                raise _not_text(self.where)
            yield text


def _parse(lines: _Lines, symbol: str) -> Iterator[Alert]:
    rows = csv.DictReader(lines, strict=True)
    names = list(rows.fieldnames or ())
    if missing := [name for name in COLUMNS if name not in names]:
        held = f"it has {_short(', '.join(names))}" if names else "it is empty"
        raise _wrong(
            f"the alerts lack the column {missing[0]!r}: {held}",
            lines.where,
            f"The first line names the columns: {','.join(COLUMNS)}",
        )
    wanted, others, found = symbol.upper(), set[str](), False
    for row in rows:
        if None in row.values() or any(map(str.strip, row.get(None, ()))):
            raise _wrong(f"a line of the alerts has not {len(names)} fields", lines.where)
        own = row["symbol"].strip().upper()
        if symbol and own != wanted:
            if len(others) < 5:  # as many as an error names
                others.add(own)
            continue
        found = True
        yield _alert(row, lines.where)
    if others and not found:
        raise UsageError(
            f"no alert of the file is of {symbol!r}",
            where=lines.where.partition(", line")[0],
            fix=f"It has alerts of {_short(', '.join(sorted(others)))}",
        )


def _alert(row: Mapping[str, str], where: str) -> Alert:
    side = row["side"].strip().lower()
    if side not in SIDES:
        raise _wrong(f"{_short(row['side'])!r} is not buy or sell", where)
    kind = row["kind"].strip() or "alert"
    return Alert(_time(row["ts"].strip(), where), sys.intern(kind), SIDES[side])


def _time(text: str, where: str) -> int:
    """A time as written, in microseconds UTC."""
    if text.isdecimal() and len(text) != _DATE:
        for digits, factor in ((11, 1_000_000), (14, 1_000), (17, 1)):
            if len(text) <= digits:
                return int(text) * factor
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{_short(text)!r} is not a time", where, _FIX_TIME) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def _not_text(where: str) -> UsageError:
    return _wrong("the alerts are no text in UTF-8", where, "Save the file as CSV in UTF-8")


def _wrong(what: str, where: str, fix: str = "") -> UsageError:
    return UsageError(what, where=where, fix=fix)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

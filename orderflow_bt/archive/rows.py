"""Blocks of CSV text to integer columns: units grow as rows need them, errors name the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.archive.parsed import ParsedDay
from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels import parse
from orderflow_bt.kernels.plain_rows import read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Given the header's names (None where there is none) and the number of fields in a row: the role
# of each field, as `orderflow_bt.kernels.parse` numbers them.
Layout = Callable[[list[str] | None, int], list[int]]

COLUMN_WORDS = ("id", "price", "quantity", "first trade id", "last trade id", "time", "side")

_LONGEST_ROW = 4096
_USUAL_ROW = 45  # bytes; shorter than most, so that room is seldom reserved twice
_MOST_RESERVED = 1 << 26  # rows; reserved memory costs nothing until it is written to
_INT64_MAX = 2**63 - 1
_TICK_SHARE = 999  # of 1000 prices must be exact at the tick's decimals

_MS_FROM, _US_FROM, _US_TO = 10**11, 10**14, 10**17


def parse_csv(
    blocks: Iterable[bytes], layout: Layout, label: str, expected_bytes: int
) -> ParsedDay:
    """Parse a whole file of trades.

    Args:
        blocks: The text, cut anywhere.
        layout: Names the role of each field.
        label: What an error calls the file.
        expected_bytes: Size of the text, to reserve room; any value is correct.

    Raises:
        MalformedError: A header, row or number that cannot be read exactly.
    """
    parser = RowParser(layout, label, expected_bytes)
    for block, start in whole_rows(blocks, parser.check_length):
        parser.feed(block, start)
    return parser.finish()


def whole_rows(
    blocks: Iterable[bytes], check_length: Callable[[bytes], None]
) -> Iterator[tuple[bytes, int]]:
    """Blocks and offsets in them from which on, up to the last newline, there are whole rows.

    Args:
        blocks: Text, cut anywhere.
        check_length: Given every row that is still without its end; raises if it is too long.
    """
    rest = b""
    for block in blocks:
        cut = block.find(b"\n") + 1
        if rest:
            # Only the row that the border cuts is copied.
            if not cut:
                rest += block
                check_length(rest)
                continue
            yield rest + block[:cut], 0
            rest = b""
            block_start = cut
        else:
            block_start = 0
        end = block.rfind(b"\n") + 1
        if end > block_start:
            yield block, block_start
        rest = block[max(end, block_start) :]
        check_length(rest)
    if rest:
        yield rest + b"\n", 0


def tick_decimals(digits: NDArray[np.int64]) -> int:
    """The least decimals that 99.9 % of the prices keep to, from how many need which."""
    return int((digits.cumsum() * 1000 >= digits.sum() * _TICK_SHARE).argmax())


def time_unit(times: NDArray[np.int64], label: str, *, header: bool, rows_before: int = 0) -> str:
    """The unit, ``ms`` or ``us``, that the magnitude of every time tells.

    Raises:
        MalformedError: The times are of neither unit, or of both.
    """
    low, high = int(times.min()), int(times.max())
    for unit, start, stop in (("ms", _MS_FROM, _US_FROM), ("us", _US_FROM, _US_TO)):
        if start <= low and high < stop:
            return unit
    if low >= _MS_FROM and high < _US_TO:
        odd = int((times >= _US_FROM).argmax() or (times < _US_FROM).argmax())
        what = f"milliseconds and microseconds are mixed: the time {times[odd]}"
    else:
        odd = int(((times < _MS_FROM) | (times >= _US_TO)).argmax())
        what = f"the time {times[odd]} is neither in milliseconds nor in microseconds"
    row = rows_before + odd + 1 + header
    raise MalformedError(what, where=f"{label}, row {row}, column time")


class RowParser:
    """The state of a file that is being parsed: its columns so far and the units they are in."""

    def __init__(self, layout: Layout, label: str, expected_bytes: int) -> None:
        self.layout = layout
        self.label = label
        self.expected_bytes = expected_bytes
        self.roles: NDArray[np.int64] | None = None
        self.names: list[str] = []
        self.header = False
        self.rows = 0
        self.rows_before = 0  # handed over already
        self.columns = np.empty((parse.COLUMNS, 0), np.int64)
        self.decimals = np.zeros(parse.COLUMNS, np.int64)
        self.digits = np.zeros(parse.MAX_DECIMALS + 1, np.int64)

    def check_length(self, rest: bytes) -> None:
        """Refuse the beginning of a row that is longer than any row of trades.

        Raises:
            MalformedError: It is.
        """
        if len(rest) > _LONGEST_ROW and b"\n" not in rest:
            raise self._error("the row is longer than any row of trades", rest)

    def feed(self, block: bytes, start: int) -> None:
        """Parse the rows of ``block[start:]`` up to its last newline.

        Raises:
            MalformedError: One cannot be read.
        """
        if self.roles is None:
            start = self._open(block, start)
        if self.roles is None:
            return
        text = np.frombuffer(block, np.uint8)
        end = block.rfind(b"\n") + 1
        while start < end:
            if self.rows == self.columns.shape[1]:
                self._grow()
            start = self._advance(block, text, start, end)

    def _advance(self, block: bytes, text: NDArray[np.uint8], start: int, end: int) -> int:
        """Parse rows until they end or the columns are full; where the next row begins."""
        assert self.roles is not None, "opened before"
        while start < end:
            code, offset, self.rows, detail = read_rows(
                text, start, end, self.roles, self.columns, self.rows, self.decimals, self.digits
            )
            start = int(offset)
            if code == parse.FINER:
                self._refine(parse.PRICE if detail > 0 else parse.QTY, abs(detail))
            elif code in (parse.DONE, parse.FULL):
                break
            else:
                raise self._row_error(code, detail, block, start)
        return start

    def finish(self) -> ParsedDay:
        """The whole file.

        Raises:
            MalformedError: It holds no trades, or its times are in no known unit.
        """
        if not self.rows:
            raise MalformedError("the file holds no trades", where=self.label)
        columns = self.columns[:, : self.rows]
        return ParsedDay(
            columns=columns,
            price_decimals=int(self.decimals[parse.PRICE]),
            qty_decimals=int(self.decimals[parse.QTY]),
            tick_decimals=tick_decimals(self.digits),
            time_unit=time_unit(columns[parse.TIME], self.label, header=self.header),
            header=self.header,
        )

    def _open(self, block: bytes, start: int) -> int:
        """Learn the columns from the first line that is not blank; where the rows begin."""
        if block.startswith(b"\xef\xbb\xbf", start):
            start += 3
        while block[start : start + 1] in (b"\n", b"\r"):
            start += 1
        if start == len(block):
            return start
        end = block.find(b"\n", start) + 1 or len(block)
        fields = block[start:end].decode("utf-8", "replace").strip().split(",")
        self.header = not fields[0][:1].isdecimal()
        try:
            roles = self.layout(fields if self.header else None, len(fields))
        except MalformedError as error:
            raise MalformedError(error.what, where=f"{self.label}, row 1", fix=error.fix) from None
        self.names = (
            fields
            if self.header
            else [COLUMN_WORDS[role] if role >= 0 else "an unused column" for role in roles]
        )
        self.roles = np.array(roles, np.int64)
        return end if self.header else start

    def _grow(self) -> None:
        """Make room: what the text's size suggests, then half as much again."""
        expected = min(self.expected_bytes // _USUAL_ROW, _MOST_RESERVED)
        wanted = max(1024, self.rows * 3 // 2, expected)
        grown = np.zeros((parse.COLUMNS, wanted), np.int64)
        grown[:, : self.rows] = self.columns[:, : self.rows]
        self.columns = grown

    def _refine(self, role: int, decimals: int) -> None:
        """Rescale a column to finer units."""
        factor = 10 ** (decimals - int(self.decimals[role]))
        column = self.columns[role, : self.rows]
        if self.rows and int(column.max()) * factor > _INT64_MAX:
            raise MalformedError(
                f"{COLUMN_WORDS[role]}s from {decimals} decimals to the largest one do not fit 64 "
                "bits",
                where=f"{self.label}, row {self.rows_before + self.rows + 1 + self.header}",
            )
        column *= factor
        self.decimals[role] = decimals

    def _row_error(self, code: int, detail: int, block: bytes, at: int) -> MalformedError:
        end = min(x for x in (block.find(b",", at), block.find(b"\n", at)) if x >= 0)
        line = block[at : block.find(b"\n", at)]
        if code == parse.TOO_FEW_FIELDS:
            return self._error(f"the row has fewer than {len(self.names)} columns", line)
        if code == parse.TOO_MANY_FIELDS:
            return self._error(f"the row has more than {len(self.names)} columns", line)
        what = {
            parse.BAD_NUMBER: "unreadable number",
            parse.TOO_LARGE: "a number that 64 bits cannot hold exactly:",
            parse.BAD_BOOLEAN: "unknown spelling of true or false:",
        }[code]
        text = block[at:end].decode("utf-8", "replace").rstrip("\r")
        return self._error(f"{what} {text!r} in column {self.names[detail]!r}")

    def _error(self, what: str, line: bytes = b"") -> MalformedError:
        shown = line[:120].decode("utf-8", "replace").rstrip("\r")
        return MalformedError(
            what + (f": {shown!r}" if line else ""),
            where=f"{self.label}, row {self.rows_before + self.rows + 1 + self.header}",
            fix="The archive's copy is broken; nothing of this day was stored",
        )

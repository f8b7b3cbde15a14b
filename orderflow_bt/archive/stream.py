"""A day's rows in pieces: bounded memory, whatever the day's size."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.archive.rows import Layout, RowParser, tick_decimals, time_unit, whole_rows
from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

PIECE_ROWS = 1 << 20  # a row group of the lake


class _Spare(threading.local):
    """Memory that a thread's last stream has left for its next one."""

    columns: list[NDArray[np.int64]]

    def __init__(self) -> None:
        self.columns = []


_spare = _Spare()


class FinerUnitsError(Exception):
    """A row needs more decimals than the pieces before it were given in; begin again with these.

    Attributes:
        decimals: Of prices and of quantities.
    """

    def __init__(self, decimals: tuple[int, int]) -> None:
        super().__init__(decimals)
        self.decimals = decimals


class RowStream(RowParser):
    """The rows of one file, as they stand in it, a piece at a time.

    Args:
        blocks: The text, cut anywhere.
        layout: Names the role of each field.
        label: What an error calls the file.
        decimals: The least units to give prices and quantities in, as decimals; the first piece
            makes them finer where its rows need that.
        piece_rows: The most rows in a piece.
        ignored: Members of the archive that were passed over.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        layout: Layout,
        label: str,
        decimals: tuple[int, int],
        *,
        piece_rows: int = PIECE_ROWS,
        ignored: tuple[str, ...] = (),
    ) -> None:
        super().__init__(layout, label, 0)
        self.blocks = blocks
        self.ignored = ignored
        self.time_unit = ""
        self.decimals[parse.PRICE], self.decimals[parse.QTY] = decimals
        self._piece_rows = piece_rows
        kept = [columns for columns in _spare.columns if columns.shape[1] == piece_rows]
        _spare.columns = []
        self.columns, self._spare, *_ = (*kept, self.columns, self.columns)

    @property
    def price_decimals(self) -> int:
        """Of the pieces given so far."""
        return int(self.decimals[parse.PRICE])

    @property
    def qty_decimals(self) -> int:
        """Of the pieces given so far."""
        return int(self.decimals[parse.QTY])

    @property
    def tick_decimals(self) -> int:
        """The least decimals in which 99.9 % of the prices parsed so far are exact."""
        return tick_decimals(self.digits)

    @property
    def finer_than_tick(self) -> int:
        """Prices parsed so far that are not exact in these."""
        return int(self.digits[self.tick_decimals + 1 :].sum())

    def pieces(self) -> Iterator[NDArray[np.int64]]:
        """Pieces like `ParsedDay.columns`; the memory of one is used again for the next but one.

        Raises:
            MalformedError: A header, row or number that cannot be read exactly; or no row at all.
            FinerUnitsError: A piece after the first needs finer units than the first.
        """
        for block, start in whole_rows(self.blocks, self.check_length):
            at = self._open(block, start) if self.roles is None else start
            if self.roles is None:
                continue
            text = np.frombuffer(block, np.uint8)
            end = block.rfind(b"\n") + 1
            while at < end:
                if self.rows == self._piece_rows:
                    yield self._piece()
                self._grow()
                at = self._advance(block, text, at, end)
        if self.rows:
            yield self._piece()
        elif not self.rows_before:
            raise MalformedError("the file holds no trades", where=self.label)

    def release(self) -> None:
        """Let this thread's next stream use the memory of the pieces: nobody needs them any more.

        Fresh memory costs a fifth of the time that parsing takes.
        """
        _spare.columns = [columns for columns in (self.columns, self._spare) if columns.size]
        self.columns = self._spare = np.empty((parse.COLUMNS, 0), np.int64)

    def _piece(self) -> NDArray[np.int64]:
        piece = self.columns[:, : self.rows]
        unit = time_unit(
            piece[parse.TIME], self.label, header=self.header, rows_before=self.rows_before
        )
        if self.time_unit not in ("", unit):
            raise MalformedError(
                f"milliseconds and microseconds are mixed: the time {piece[parse.TIME, 0]}",
                where=f"{self.label}, row {self.rows_before + 1 + self.header}, column time",
            )
        self.time_unit = unit
        self.rows_before += self.rows
        self.rows = 0
        self.columns, self._spare = self._spare, self.columns
        return piece

    def _grow(self) -> None:
        if not self.columns.shape[1]:
            self.columns = np.empty((parse.COLUMNS, self._piece_rows), np.int64)
        if not self.rows and self.roles is not None:
            for role in (parse.FIRST_ID, parse.LAST_ID):
                if role not in self.roles:
                    self.columns[role] = 0

    def _refine(self, role: int, decimals: int) -> None:
        if self.rows_before:
            wanted = {parse.PRICE: self.price_decimals, parse.QTY: self.qty_decimals}
            wanted[role] = decimals
            raise FinerUnitsError((wanted[parse.PRICE], wanted[parse.QTY]))
        super()._refine(role, decimals)

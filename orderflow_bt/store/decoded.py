"""Decoded days in the cache: a day's columns as they are used, mapped instead of decoded."""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from orderflow_bt.kernels.blocks import BLOCK, block_extremes
from orderflow_bt.store.ahead import Work
from orderflow_bt.store.cache import KeepLater
from orderflow_bt.store.files import written_ns
from orderflow_bt.store.reader import row_groups
from orderflow_bt.types import Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from orderflow_bt.store.arrays import ArrayFile
    from orderflow_bt.store.cache import Cache, Part
    from orderflow_bt.store.schema import DayInfo

SHELF = "days"
_DTYPES = dict(zip(Trades._fields, ("i8", "i8", "i8", "i8", "i1", "i4"), strict=True))
PIECE_ROWS = 1 << 20
REACH = 20_480  # trades before a piece that are mapped with it; a multiple of the block's 64


class Piece(NamedTuple):
    """Consecutive trades of one day, and the least and greatest price of each block of them.

    A day's pieces are cut at multiples of `PIECE_ROWS`, wherever they come from.

    Attributes:
        trades: Columns of equal length.
        lows: int64 ``[ceil(rows / 64)]``, of trades ``[64 k, 64 k + 64)`` of the piece.
        highs: int64, the same.
        day: Whose trades these are.
        first: Which of its trades is the first of these; a multiple of 64.
        longer: The same with up to `REACH` earlier trades of the day, in the same memory: of a day
            that is mapped.
    """

    trades: Trades
    lows: NDArray[np.int64]
    highs: NDArray[np.int64]
    day: DayInfo
    first: int
    longer: Piece | None = None


def with_blocks(trades: Trades, day: DayInfo, first: int) -> Piece:
    """Trades with the extremes of their blocks."""
    count = -(-trades.rows // BLOCK)
    lows, highs = np.empty(count, np.int64), np.empty(count, np.int64)
    trades = trades.frozen()
    block_extremes(trades.price, lows, highs)
    lows.flags.writeable = highs.flags.writeable = False
    return Piece(trades, lows, highs, day, first)


def content_hash(info: DayInfo) -> str:
    """Hash of what tells one content of a stored day from another, without reading its columns.

    Those are the file's footer (where it came from, its quality, the size of every column and the
    range of ids and times in each of its row groups), its size, and when it was written.
    """
    made_from = f"{info.bytes} {written_ns(info.path)} {info.footer}"
    return hashlib.sha256(made_from.encode()).hexdigest()


def name_of(info: DayInfo, price_decimals: int, qty_decimals: int) -> str:
    """What a decoded day is called in the cache."""
    made_from = f"day 1 {content_hash(info)} {price_decimals} {qty_decimals}"
    key = hashlib.sha256(made_from.encode()).hexdigest()[:24]
    return f"{info.tape.label}-{info.date}-{key}"


class Read(NamedTuple):
    """Trades of a stored day: a piece of it out of the cache, or as they were decoded."""

    day: DayInfo
    name: str  # what the day is called in the cache
    piece: Piece | None
    trades: Trades


def readers(
    day: DayInfo, price_decimals: int, qty_decimals: int, cache: Cache | None
) -> Iterator[Work[Read]]:
    """What maps a stored day piece by piece, or decodes it; see `row_groups`."""
    name = ""
    if cache is not None:
        name = name_of(day, price_decimals, qty_decimals)
        kept = cache.get(SHELF, name)
        if kept is not None:
            with kept:
                rows = kept.rows("id")
                for first in range(0, rows, PIECE_ROWS):
                    piece = map_piece(kept, day, first, min(first + PIECE_ROWS, rows))
                    read = partial(Read, day, name, piece, piece.trades)
                    yield Work(piece.trades.rows, (), read)
            return
    for work in row_groups(day, price_decimals, qty_decimals):
        yield Work(work.rows, work.parts, partial(_decoded, work.result, day, name))


def _decoded(trades: Callable[[], Trades], day: DayInfo, name: str) -> Read:
    return Read(day, name, None, trades())


def in_pieces(reads: Iterable[Read], keeper: DayKeeper | None) -> Iterator[Piece]:
    """Pieces of days, of which those that were decoded are given to the keeper."""
    for _, of_day in groupby(reads, key=lambda read: id(read.day)):
        parts: list[Trades] = []
        waiting = first = 0
        for read in of_day:
            day, name = read.day, read.name
            if read.piece is not None:
                yield read.piece
                continue
            parts.append(read.trades)
            waiting += read.trades.rows
            while waiting >= PIECE_ROWS or (waiting and first + waiting == day.rows):
                trades = _joined(parts)
                rows = min(PIECE_ROWS, waiting)
                piece = with_blocks(trades.slice(0, rows), day, first)
                parts = [trades.slice(rows, waiting)]
                first, waiting = first + rows, waiting - rows
                if keeper is not None:
                    keeper.take(name, piece)
                yield piece
        if waiting:  # more or fewer than the day says it has
            yield with_blocks(_joined(parts), day, first)


def _joined(parts: list[Trades]) -> Trades:
    parts = [part for part in parts if part.rows]
    return parts[0] if len(parts) == 1 else Trades(*map(np.concatenate, zip(*parts, strict=True)))


def map_piece(kept: ArrayFile, day: DayInfo, first: int, stop: int) -> Piece:
    """Trades ``[first, stop)`` of a decoded day; ``first`` is a multiple of the block's 64."""
    begin = max(0, first - REACH)
    blocks = begin // BLOCK, -(-stop // BLOCK)
    spans = dict.fromkeys(Trades._fields, (begin, stop))
    found = kept.map_rows(spans | {"lows": blocks, "highs": blocks})
    lows, highs = found.pop("lows"), found.pop("highs")
    lows.flags.writeable = highs.flags.writeable = False
    longer = Piece(Trades(**found).frozen(), lows, highs, day, begin)
    count = (first - begin) // BLOCK
    trades = longer.trades.slice(first - begin, stop - begin)
    return Piece(trades, lows[count:], highs[count:], day, first, longer)


class DayKeeper:
    """Writes days through to the cache, on a thread of its own, while they are used.

    Args:
        cache: Where they are kept.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._later = KeepLater()
        self._part: Part | None = None
        self._name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._later.close()
        if self._part is not None:
            self._part.discard()

    def take(self, name: str, piece: Piece) -> None:
        """Keep a piece of the day that the cache calls so; pieces come in order, days whole."""
        self._later.submit(self._put, name, piece)

    def _put(self, name: str, piece: Piece) -> None:
        if piece.first == 0:
            self._begin(name, piece.day)
        if self._part is None or self._name != name:
            return
        for column, values in zip(Trades._fields, piece.trades, strict=True):
            self._part.put(column, values)
        self._part.put("lows", piece.lows)
        self._part.put("highs", piece.highs)
        if piece.first + piece.trades.rows == piece.day.rows:
            self._part.keep({"tape": str(piece.day.tape), "date": piece.day.date.isoformat()})
            self._part = None

    def _begin(self, name: str, day: DayInfo) -> None:
        if self._part is not None:
            self._part.discard()
        blocks = ("i8", (-(-day.rows // BLOCK),))
        shapes = {column: (dtype, (day.rows,)) for column, dtype in _DTYPES.items()}
        self._part = self._cache.part(SHELF, name, shapes | {"lows": blocks, "highs": blocks})
        self._name = name

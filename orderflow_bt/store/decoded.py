"""Decoded days in the cache: a day's columns as they are used, mapped instead of decoded."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from orderflow_bt.kernels.blocks import BLOCK, block_extremes
from orderflow_bt.store.reader import row_groups
from orderflow_bt.types import Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.store.arrays import ArrayFile
    from orderflow_bt.store.cache import Cache, Part
    from orderflow_bt.store.schema import DayInfo

SHELF = "days"
_DTYPES = dict(zip(Trades._fields, ("i8", "i8", "i8", "i8", "i1", "i4"), strict=True))
PIECE_ROWS = 1 << 20
_AHEAD = 2  # pieces that wait to be written


class Piece(NamedTuple):
    """Consecutive trades of one day, and the least and greatest price of each block of them.

    Attributes:
        trades: Columns of equal length.
        lows: int64 ``[ceil(rows / 64)]``, of trades ``[64 k, 64 k + 64)`` of the piece.
        highs: int64, the same.
    """

    trades: Trades
    lows: NDArray[np.int64]
    highs: NDArray[np.int64]


def with_blocks(trades: Trades) -> Piece:
    """Trades with the extremes of their blocks."""
    count = -(-trades.rows // BLOCK)
    lows, highs = np.empty(count, np.int64), np.empty(count, np.int64)
    block_extremes(trades.price, lows, highs)
    return Piece(trades, lows, highs)


def content_hash(path: Path) -> str:
    """Hash of what tells one content of a stored day from another, without reading its columns.

    Those are the file's footer (where it came from, its quality, the size of every column and the
    range of ids and times in each of its row groups), its size, and when it was written.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - length))
        digest = hashlib.sha256(f"{size} {os.fstat(file.fileno()).st_mtime_ns} ".encode())
        digest.update(file.read())
    return digest.hexdigest()


def name_of(info: DayInfo, price_decimals: int, qty_decimals: int) -> str:
    """What a decoded day is called in the cache."""
    made_from = f"day 1 {content_hash(info.path)} {price_decimals} {qty_decimals}"
    key = hashlib.sha256(made_from.encode()).hexdigest()[:24]
    return f"{info.tape.label}-{info.date}-{key}"


class Read(NamedTuple):
    """A piece of a stored day, and what the day is called in the cache: empty if it came thence."""

    piece: Piece
    info: DayInfo
    name: str


def readers(
    info: DayInfo, price_decimals: int, qty_decimals: int, cache: Cache | None
) -> Iterator[Callable[[], Read]]:
    """A function for each piece of a stored day that maps or decodes it; see `row_groups`."""
    name = ""
    if cache is not None:
        name = name_of(info, price_decimals, qty_decimals)
        kept = cache.get(SHELF, name)
        if kept is not None:
            with kept:
                rows = kept.rows("id")
                for start in range(0, rows, PIECE_ROWS):
                    piece = map_piece(kept, start, min(start + PIECE_ROWS, rows))
                    yield partial(Read, piece, info, "")
            return
    for decode in row_groups(info, price_decimals, qty_decimals):
        yield partial(_decode, decode, info, name)


def _decode(decode: Callable[[], Trades], info: DayInfo, name: str) -> Read:
    return Read(with_blocks(decode()), info, name)


def map_piece(kept: ArrayFile, start: int, stop: int) -> Piece:
    """Trades ``[start, stop)`` of a decoded day; ``start`` is a multiple of the block's 64."""
    first, last = start // BLOCK, -(-stop // BLOCK)
    return Piece(
        Trades(*(kept.map(name, start, stop) for name in Trades._fields)),
        kept.map("lows", first, last),
        kept.map("highs", first, last),
    )


class DayKeeper:
    """Writes days through to the cache, on a thread of its own, while they are used.

    Args:
        cache: Where they are kept.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._pool = ThreadPoolExecutor(1, "keep")
        self._waiting: deque[Future[None]] = deque()
        self._part: Part | None = None
        self._name = ""
        self._tail: NDArray[np.int64] = np.empty(0, np.int64)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        if self._part is not None:
            self._part.discard()
        for future in self._waiting:
            future.result()

    def take(self, info: DayInfo, name: str, trades: Trades, first: int) -> None:
        """Keep trades of a day from its row ``first`` on; pieces come in order, days whole."""
        self._waiting.append(self._pool.submit(self._put, info, name, trades, first))
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()

    def _put(self, info: DayInfo, name: str, trades: Trades, first: int) -> None:
        stop = first + trades.rows
        if first == 0:
            self._begin(info, name)
        if self._part is None or self._name != name or stop > info.rows:
            return
        for column, values in zip(Trades._fields, trades, strict=True):
            self._part.put(column, values)
        prices = np.concatenate([self._tail, trades.price]) if self._tail.size else trades.price
        whole = prices.size if stop == info.rows else prices.size // BLOCK * BLOCK
        count = -(-whole // BLOCK)
        lows, highs = np.empty(count, np.int64), np.empty(count, np.int64)
        block_extremes(prices[:whole], lows, highs)
        self._part.put("lows", lows)
        self._part.put("highs", highs)
        self._tail = prices[whole:].copy()
        if stop == info.rows:
            self._part.keep({"tape": str(info.tape), "date": info.date.isoformat()})
            self._part = None

    def _begin(self, info: DayInfo, name: str) -> None:
        if self._part is not None:
            self._part.discard()
        blocks = ("i8", (-(-info.rows // BLOCK),))
        shapes = {column: (dtype, (info.rows,)) for column, dtype in _DTYPES.items()}
        self._part = self._cache.part(SHELF, name, shapes | {"lows": blocks, "highs": blocks})
        self._name = name
        self._tail = np.empty(0, np.int64)

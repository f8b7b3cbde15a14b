"""The stretch of tape in hand: the latest trades, and the tail that queue estimates look over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from orderflow_bt.kernels.blocks import BLOCK, block_extremes
from orderflow_bt.kernels.memory import address_of
from orderflow_bt.kernels.quotes import NO_PRICE, quotes_before

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.store import Piece
    from orderflow_bt.types import Trades

T = TypeVar("T", bound=np.generic)

_NO_BLOCKS = np.zeros(0, np.int64)
_NO_BLOCKS.flags.writeable = False


Blocks = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


class _Columns(NamedTuple):
    time: NDArray[np.int64]
    price: NDArray[np.int64]
    qty: NDArray[np.int64]
    side: NDArray[np.int8]
    id: NDArray[np.int64]

    @classmethod
    def of(cls, trades: Trades | Stretch) -> _Columns:
        columns = (trades.time, trades.price, trades.qty, trades.side, trades.id)
        return cls(*map(np.ascontiguousarray, columns))  # kernels get their addresses

    @classmethod
    def empty(cls, rows: int) -> _Columns:
        time, price, qty, number = (np.empty(rows, np.int64) for _ in range(4))
        return cls(time, price, qty, np.empty(rows, np.int8), number)

    def write(self, at: int, other: _Columns, start: int, stop: int) -> None:
        pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(self, other, strict=True)
        for column, values in pairs:
            column[at : at + stop - start] = values[start:stop]


def _frozen(column: NDArray[T]) -> NDArray[T]:
    view = column[:]
    view.flags.writeable = False
    return view


class Stretch:
    """Trades in hand, which never change: any number of sessions may live through them.

    Attributes:
        time, price, qty, side, id: Columns, read-only; rows ``[0, end)`` are valid.
        first: The first row that is new; those before it were lived through already.
        end: Where they end.
        base: Tape index of row 0.
        first_bid, first_ask: Quote proxies just before row 0.
    """

    __slots__ = (
        "_blocks", "_tick", "base", "end", "first", "first_ask", "first_bid", "id", "price", "qty",
        "side", "time",
    )  # fmt: skip

    def __init__(
        self,
        columns: _Columns,
        first: int,
        end: int,
        base: int,
        quotes: tuple[int, int],
        *,
        tick: int,
        blocks: Blocks | None = None,
    ) -> None:
        self.first = first
        self.end = end
        self.base = base
        self._tick = tick
        self._blocks = blocks
        self._hold(columns, quotes)

    def _hold(self, columns: _Columns, quotes: tuple[int, int]) -> None:
        # Frozen, whether they are a buffer's or a piece's: kernels are compiled for one of the two.
        self.time, self.price, self.qty, self.side, self.id = (
            _frozen(columns.time), _frozen(columns.price), _frozen(columns.qty),
            _frozen(columns.side), _frozen(columns.id),
        )  # fmt: skip
        self.first_bid, self.first_ask = quotes

    @property
    def blocks(self) -> Blocks:
        """Lowest and highest price of every whole block of rows; none where that would not pay."""
        if self._blocks is None:
            self._blocks = (_NO_BLOCKS, _NO_BLOCKS)
            if self.end - self.first >= 4 * BLOCK:
                lows, highs = (np.empty(-(-self.end // BLOCK), np.int64) for _ in range(2))
                block_extremes(self.price[: self.end], lows, highs)
                lows.flags.writeable = highs.flags.writeable = False
                self._blocks = (lows, highs)
        return self._blocks

    def time_of(self, row: int) -> int:
        """Time of one trade; nothing is copied for it."""
        return self.time.item(row)

    def price_of(self, row: int) -> int:
        """Price of one trade; nothing is copied for it."""
        return self.price.item(row)

    def quotes(self, row: int) -> tuple[int, int]:
        """Inferred (bid, ask) just before ``row``; ``NO_PRICE`` where unknown."""
        bid, ask = quotes_before(
            self.price, self.side, row, self._tick, self.first_bid, self.first_ask
        )
        return int(bid), int(ask)


class _Border(Stretch):
    """The first trades of a piece behind the last ones of another, copied when somebody looks.

    Where no order works and nothing is held, nobody does.
    """

    __slots__ = ("_parts",)

    def __init__(self, before: Stretch, columns: _Columns, keep: int, *, tick: int) -> None:
        self.first = min(keep, before.end)
        self.end = self.first + keep
        self.base = before.base + before.end - self.first
        self._tick = tick
        self._blocks = None
        self._parts: tuple[Stretch, _Columns] | None = before, columns

    def __getattr__(self, name: str) -> Any:
        if name not in _COPIED or self._parts is None:
            raise AttributeError(name)
        (before, behind), self._parts = self._parts, None
        row = before.end - self.first
        columns = _Columns.empty(self.end)
        columns.write(0, _Columns.of(before), row, before.end)
        columns.write(self.first, behind, 0, self.end - self.first)
        self._hold(columns, before.quotes(row))
        return getattr(self, name)

    def time_of(self, row: int) -> int:
        """Time of one trade; nothing is copied for it."""
        place = self._place(row)
        return super().time_of(row) if place is None else place[0].time.item(place[1])

    def price_of(self, row: int) -> int:
        """Price of one trade; nothing is copied for it."""
        place = self._place(row)
        return super().price_of(row) if place is None else place[0].price.item(place[1])

    def _place(self, row: int) -> tuple[Stretch | _Columns, int] | None:
        """Where a row lies that is not copied yet."""
        if self._parts is None:
            return None
        before, behind = self._parts
        row -= self.first
        return (before, before.end + row) if row < 0 else (behind, row)

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(Stretch, tick=self._tick)
        quotes = self.first_bid, self.first_ask
        return made, (_Columns.of(self), self.first, self.end, self.base, quotes)


_COPIED = frozenset({"first_bid", "first_ask", *_Columns._fields})


class TapeBuffer:
    """Makes stretches of a tape that comes in pieces: they forget, without changing any answer.

    A large piece is not copied. Its first ``keep`` rows stand behind those of the piece before;
    from there on it has tail enough of its own. Of one that lies behind the piece before in memory,
    nothing is copied, and of one behind a piece that is mapped, not before somebody looks.

    Args:
        keep: How many earlier trades a row of a stretch may look back over.
        tick: The exchange's price step, in price units.
    """

    def __init__(self, keep: int, tick: int) -> None:
        self._keep = keep
        self._tick = tick
        self._mapped: Stretch | None = None  # the latest trades, if they are not in the columns
        self._restart(_Columns.empty(0), 0, 0, (NO_PRICE, NO_PRICE))

    def _restart(self, source: _Columns, end: int, base: int, quotes: tuple[int, int]) -> None:
        """Begin new columns with the last rows before ``end`` of others."""
        latest = Stretch(source, end, end, base, quotes, tick=self._tick)
        row = max(0, end - self._keep)
        self._columns = _Columns.empty(4 * self._keep)
        self._columns.write(0, source, row, end)
        self._end = end - row
        self._base = base + row
        self._quotes = latest.quotes(row)
        self._mapped = None

    def append(self, trades: Trades, piece: Piece | None = None) -> list[Stretch]:
        """The trades as one stretch or two, in order.

        ``piece`` is the stored one that they are the trades of, or the first of its trades.
        """
        rows, keep = trades.rows, self._keep
        if piece is not None and (stretch := self._further(trades, piece)):
            self._mapped = stretch
            return [stretch]
        if rows < 4 * keep:
            return [self._behind(_Columns.of(trades), rows)]
        columns, latest = _Columns.of(trades), self._mapped
        if latest is None:
            head = self._behind(columns, keep)
            quotes = head.quotes(head.first)
        else:  # which nobody writes to: what is copied of it can be copied later
            head = _Border(latest, columns, keep, tick=self._tick)
            quotes = latest.quotes(latest.end)
        base = head.base + head.first
        blocks = (piece.lows, piece.highs) if piece else None
        rest = Stretch(columns, keep, rows, base, quotes, tick=self._tick, blocks=blocks)
        if piece and piece.longer:
            self._mapped = rest  # the next piece may lie behind it
        else:
            self._restart(columns, rows, base, quotes)
        return [head, rest]

    def _further(self, trades: Trades, piece: Piece) -> Stretch | None:
        """The stretch of a piece before which, in memory, lies what was read last; else None."""
        latest, longer = self._mapped, piece.longer
        if latest is None or longer is None:
            return None
        before, earlier = piece.first - longer.first, longer.trades
        row = latest.end - before
        if (
            not self._keep <= before <= latest.end
            or address_of(trades.time) != address_of(earlier.time[before:])
            or any(
                latest.id[row + k] != earlier.id[k] or latest.time[row + k] != earlier.time[k]
                for k in (0, before - 1)
            )
        ):
            return None
        columns = _Columns.of(earlier.slice(0, before + trades.rows))
        base, quotes = latest.base + row, latest.quotes(row)
        blocks = longer.lows, longer.highs
        end = before + trades.rows
        return Stretch(columns, before, end, base, quotes, tick=self._tick, blocks=blocks)

    def _behind(self, piece: _Columns, rows: int) -> Stretch:
        """The first rows of a piece, fewer than there is room for, behind what came before."""
        if self._mapped is not None:
            latest = self._mapped
            quotes = latest.first_bid, latest.first_ask
            self._restart(_Columns.of(latest), latest.end, latest.base, quotes)
        if self._end + rows > len(self._columns.time):
            self._restart(self._columns, self._end, self._base, self._quotes)
        if self._end + rows > len(self._columns.time):
            wider = _Columns.empty(self._end + rows)
            wider.write(0, self._columns, 0, self._end)
            self._columns = wider
        first = self._end
        self._columns.write(first, piece, 0, rows)
        self._end += rows
        columns, quotes = self._columns, self._quotes
        return Stretch(columns, first, self._end, self._base, quotes, tick=self._tick)


def empty_stretch() -> Stretch:
    """What is in hand before the first trade."""
    return Stretch(_Columns.empty(0), 0, 0, 0, (NO_PRICE, NO_PRICE), tick=1)

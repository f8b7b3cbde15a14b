"""The trades an order met: read again from the lake, with the quotes inferred before each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.kernels.quotes import NO_PRICE, quotes_before
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.store import Lake
    from orderflow_bt.types import Trades

_EPOCH = dt.date(1970, 1, 1)


class Met(NamedTuple):
    """A trade, and the quotes inferred from those before it. Integers, in the run's units."""

    id: int
    time: int
    side: int
    price: int
    qty: int
    bid: int | None
    ask: int | None


class Wanted(NamedTuple):
    """Which trades of ``[start, end]`` to give.

    Attributes:
        start: The decision; the last trade before it is given too.
        end: The end of the order, or of the window.
        ids: Trades that are wanted whatever they are.
        side: Of the aggressor of trades that can meet the order at rest; 0 for any.
        price: The order's price, None where it has none.
        beyond: Wanted are trades at ``price`` or on this side of it: +1 above, -1 below.
        at_time: Trades of this time are wanted too, None for none.
    """

    start: int
    end: int
    ids: frozenset[int]
    side: int
    price: int | None
    beyond: int
    at_time: int | None = None


class Stretch(NamedTuple):
    """What was read.

    Attributes:
        before: The last trade before the decision, if it is in the lake.
        met: The wanted trades, in their order.
        nearest: The price nearest to the order's, of trades that did not reach it.
        rows: Trades between the decision and the end.
        missing: Days that are not in the lake.
        changed: Days whose bytes are not those the run read.
    """

    before: Met | None
    met: list[Met]
    nearest: int | None
    rows: int
    missing: list[dt.date]
    changed: list[dt.date]


def tape_of(manifest: dict[str, Any]) -> TapeId:
    """The tape a run read."""
    tape = manifest["tape"]
    return TapeId(tape["exchange"], MarketType(tape["market"]), Kind(tape["kind"]), tape["symbol"])


def read_stretch(lake: Lake, manifest: dict[str, Any], wanted: Wanted) -> Stretch:
    """Read the wanted trades of a run's tape, a piece at a time."""
    reader = _Reader(wanted, int(manifest["instrument"]["tick_size"]))
    missing, changed = [], []
    read = {entry["date"]: entry["sha256"] for entry in manifest["data"]}
    tape = tape_of(manifest)
    first, last = (_EPOCH + dt.timedelta(days=t // DAY_US) for t in (wanted.start, wanted.end))
    units = (manifest["instrument"]["price_decimals"], manifest["instrument"]["qty_decimals"])
    date = first
    while date <= last:
        day = lake.day(tape, date)
        if day is None:
            if date.isoformat() in read:
                missing.append(date)
        else:
            if read.get(date.isoformat(), day.source_sha256) != day.source_sha256:
                changed.append(date)
            for trades in lake.read(tape, date, *units):
                reader.take(trades)
        date += dt.timedelta(days=1)
    return Stretch(reader.before, reader.met, reader.nearest, reader.rows, missing, changed)


class _Reader:
    def __init__(self, wanted: Wanted, tick: int) -> None:
        self.wanted, self.tick = wanted, tick
        self.bid = self.ask = NO_PRICE
        self.clock = 0
        self.before: Met | None = None
        self.met: list[Met] = []
        self.nearest: int | None = None
        self.rows = 0

    def take(self, trades: Trades) -> None:
        """The next piece of tape."""
        wanted = self.wanted
        time = np.maximum(trades.time, self.clock)
        start = int(np.searchsorted(time, wanted.start, side="left"))
        stop = int(np.searchsorted(time, wanted.end, side="right"))
        if start:
            self.before = next(self._made(trades, time, np.array([start - 1])))
        price, side = trades.price[start:stop], trades.side[start:stop]
        self.rows += stop - start
        chosen = np.isin(trades.id[start:stop], list(wanted.ids))
        if wanted.at_time is not None:
            chosen |= time[start:stop] == wanted.at_time
        if wanted.price is not None:
            fits = np.ones(stop - start, np.bool_) if wanted.side == 0 else side == wanted.side
            reaches = wanted.beyond * (price - wanted.price) >= 0
            chosen |= fits & reaches
            self._note_nearest(price[fits & ~reaches])
        self.met += self._made(trades, time, start + np.flatnonzero(chosen))
        if trades.rows:
            self.bid, self.ask = map(
                int,
                quotes_before(
                    trades.price, trades.side, trades.rows, self.tick, self.bid, self.ask
                ),
            )
            self.clock = int(time[-1])

    def _note_nearest(self, short: np.ndarray[Any, Any]) -> None:
        assert self.wanted.price is not None
        if short.size:
            best = int(short[np.argmin(np.abs(short - self.wanted.price))])
            known = self.nearest
            if known is None or abs(best - self.wanted.price) < abs(known - self.wanted.price):
                self.nearest = best

    def _made(
        self, trades: Trades, time: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]
    ) -> Iterator[Met]:
        for row in rows.tolist():
            bid, ask = quotes_before(trades.price, trades.side, row, self.tick, self.bid, self.ask)
            yield Met(
                int(trades.id[row]),
                int(time[row]),
                int(trades.side[row]),
                int(trades.price[row]),
                int(trades.qty[row]),
                None if bid == NO_PRICE else int(bid),
                None if ask == NO_PRICE else int(ask),
            )

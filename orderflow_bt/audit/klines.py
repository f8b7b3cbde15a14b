"""A day's trades against the exchange's own one-minute klines: equal, explained, or unequal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.audit.crossing import Minute, Moved, Row, explain
from orderflow_bt.flow import BarStream
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import SeriesStore
from orderflow_bt.types import DAY_US, MINUTE_US, BarStatus, Kind, MarketType, time_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.store import DayInfo, Lake, SeriesRows
    from orderflow_bt.types import Bar, TapeId, Trades

_EPOCH = dt.date(1970, 1, 1)
WINDOW_US = 100_000  # futures aggregates gather fills of so long
_ONE_ROW = 1 << 40  # footprints are not wanted here


class Difference(NamedTuple):
    """A field of a minute that differs; integers in units of ``10**-decimals``."""

    name: str
    ours: int
    theirs: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Unequal:
    """A minute whose kline is not what the trades make, and nothing explains it.

    Attributes:
        time: Its start, microseconds UTC.
        count: Raw trades on the tape.
        kline_count: Raw trades by the exchange; None where it has no kline of that minute.
        differences: What differs.
    """

    time: int
    count: int
    kline_count: int | None
    differences: tuple[Difference, ...] = ()


@dataclass(slots=True)
class KlineCheck:
    """What the comparison of a day has shown.

    Attributes:
        equal: Minutes that are equal in every field (those without trades on both sides too).
        explained: Rows that hold fills of two minutes; with these cut, their minutes are equal.
        unequal: Minutes that differ.
    """

    equal: int = 0
    explained: list[Moved] = field(default_factory=list)
    unequal: list[Unequal] = field(default_factory=list)

    @property
    def status(self) -> str:
        """``equal`` or ``unequal``."""
        return "unequal" if self.unequal else "equal"


def minutes_of(tape: TapeId) -> SeriesId:
    """The exchange's one-minute klines of a tape."""
    return SeriesId(tape.exchange, tape.market, SeriesKind.KLINES, tape.symbol, "1m")


def check_klines(lake: Lake, info: DayInfo) -> KlineCheck | None:
    """Compare a stored day with the klines beside it, or None where none are stored.

    Open, high, low, close, volume, count and taker buy volume must be equal; quote volume to the
    last digit that the exchange gives (which it cuts once a trade where prices and quantities have
    more). On ``cm`` quote volume is left out: klines give the base volume, rounded once a trade.

    A futures aggregate may hold fills of two minutes; over midnight too, where the neighbouring
    day and its klines are stored.

    Raises:
        LakeError: The day or its klines cannot be read.
    """
    tape = info.tape
    series = minutes_of(tape)
    store = SeriesStore(lake)
    if not store.has(series, info.date):
        return None
    check = _compared(lake, info, [(info, store.read(series, info.date))])
    if not _may_cross(tape):
        return check
    start = (info.date - _EPOCH).days * DAY_US
    ends = {start: -1, start + DAY_US - MINUTE_US: 1}
    beside = [info.date + dt.timedelta(days=ends[m.time]) for m in check.unequal if m.time in ends]
    around = [
        (day, store.read(series, day.date))
        for date in sorted({info.date, *beside})
        if (day := lake.day(tape, date)) and store.has(series, date)
    ]
    return _compared(lake, info, around) if len(around) > 1 else check


def _compared(lake: Lake, info: DayInfo, days: Sequence[tuple[DayInfo, SeriesRows]]) -> KlineCheck:
    """Compare a day, with the help of its neighbours among ``days``, in units that hold all."""
    tape = info.tape
    digits = [klines.decimals.get("quote_volume", 0) for _, klines in days]
    qty = max(max(day.qty_decimals, klines.decimals["volume"]) for day, klines in days)
    price = max(max(day.price_decimals, klines.decimals["open"]) for day, klines in days)
    price = max(price, max(digits) - qty)  # the exchange's quote volumes are whole numbers too
    grain = 10 ** max(0, price + qty - min(digits))
    ours: dict[int, Minute] = {}
    theirs: dict[int, Minute] = {}
    rows: list[Row] = []
    for day, klines in days:
        minutes, near = _our_minutes(lake, tape, day, price, qty)
        ours |= minutes
        rows += near
        theirs |= _their_minutes(klines, price, qty, has_quote=tape.market is not MarketType.CM)
    moved = explain(ours, theirs, rows, grain)
    for row in moved:
        for time in row.minutes:
            ours[time] = theirs[time]
    start = (info.date - _EPOCH).days * DAY_US
    within = range(start, start + DAY_US)
    check = KlineCheck(explained=[row for row in moved if any(m in within for m in row.minutes)])
    for time in sorted(time for time in {*ours, *theirs} if time in within):
        mine, kline = ours.get(time, Minute()), theirs.get(time)
        if kline is None or mine.differs(kline, grain):
            check.unequal.append(_unequal(time, mine, kline, price, qty))
        else:
            check.equal += 1
    return check


def _may_cross(tape: TapeId) -> bool:
    """Whether a row may hold fills of two minutes."""
    return tape.kind is Kind.AGG_TRADES and tape.market.is_futures


def _our_minutes(
    lake: Lake, tape: TapeId, info: DayInfo, price: int, qty: int
) -> tuple[dict[int, Minute], list[Row]]:
    """The day's minutes with trades, and the rows that may hold fills of two of them."""
    stream = BarStream(
        time_bars("1m"),
        ids_are_continuous=False,
        ticks_per_row=_ONE_ROW,
        keep_cells=False,
    )
    minutes: dict[int, Minute] = {}
    rows: list[Row] = []
    may_cross = _may_cross(tape)
    end = 0
    for trades in lake.read(tape, info.date, price, qty):
        batches = list(stream.feed_parts(trades))
        end = int(trades.time[-1])
        if may_cross:
            rows += _near_borders(trades)
        for batch in batches:
            _collect(minutes, batch.tolist())
    _collect(minutes, stream.close_until(end - end % MINUTE_US + MINUTE_US).tolist())
    return minutes, rows


def _collect(minutes: dict[int, Minute], bars: Sequence[Bar]) -> None:
    for bar in bars:
        if bar.status == BarStatus.EMPTY or not bar.trades:
            continue
        minutes[bar.open_time] = Minute(
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.quote_volume,
            bar.count,
            bar.buy_volume,
        )


def _near_borders(trades: Trades) -> list[Row]:
    """Aggregates of several fills, so near a minute's border that fills may lie behind it."""
    into = trades.time % MINUTE_US
    near = (into < WINDOW_US) | (into >= MINUTE_US - WINDOW_US)
    at = np.flatnonzero(near & (trades.fills > 1))
    columns = (trades.id, trades.time, trades.price, trades.qty, trades.side, trades.fills)
    return [
        Row(*values) for values in zip(*(column[at].tolist() for column in columns), strict=True)
    ]


def _their_minutes(
    klines: SeriesRows, price: int, qty: int, *, has_quote: bool
) -> dict[int, Minute]:
    def scaled(name: str, decimals: int) -> list[int]:
        factor = 10 ** max(0, decimals - klines.decimals[name])
        return [value * factor for value in klines.columns[name].tolist()]

    quote: list[int | None] = [None] * klines.rows
    if has_quote:
        quote = list(scaled("quote_volume", price + qty))
    columns = zip(
        klines.columns["open_time"].tolist(),
        *(scaled(name, price) for name in ("open", "high", "low", "close")),
        scaled("volume", qty),
        quote,
        klines.columns["count"].tolist(),
        scaled("taker_buy_volume", qty),
        strict=True,
    )
    return {time: Minute(*values) for time, *values in columns}


def _unequal(time: int, mine: Minute, kline: Minute | None, price: int, qty: int) -> Unequal:
    if kline is None:
        return Unequal(time, mine.count, None)
    if not mine.count:
        return Unequal(time, 0, kline.count)
    places = [price] * 4 + [qty, price + qty, 0, qty]
    found = tuple(
        Difference(name.replace("_", " "), ours, theirs, decimals)
        for name, ours, theirs, decimals in zip(Minute._fields, mine, kline, places, strict=True)
        if ours is not None and theirs is not None and ours != theirs
    )
    return Unequal(time, mine.count, kline.count, found)

"""Readings an exchange publishes beside its tape: klines, funding rates, open interest.

A series is no tape: its rows have times instead of ids, and nobody builds bars from it. It is what
a tape is compared with, and what money and margin need.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, SECOND_US, MarketType

DEFAULT_INTERVAL = "1m"
METRICS_INTERVAL_US = 5 * MINUTE_US
INTERVALS_US = {
    "1s": SECOND_US,
    "1m": MINUTE_US,
    "3m": 3 * MINUTE_US,
    "5m": 5 * MINUTE_US,
    "15m": 15 * MINUTE_US,
    "30m": 30 * MINUTE_US,
    "1h": HOUR_US,
    "2h": 2 * HOUR_US,
    "4h": 4 * HOUR_US,
    "6h": 6 * HOUR_US,
    "8h": 8 * HOUR_US,
    "12h": 12 * HOUR_US,
    "1d": DAY_US,
}
LONG_INTERVALS = ("3d", "1w", "1mo")  # of candles that the exchange publishes by the month only
_MONDAY = dt.date(1970, 1, 5)


class SeriesKind(StrEnum):
    """What a series holds, in the words of the exchange's archive."""

    KLINES = "klines"
    MARK_KLINES = "markPriceKlines"
    INDEX_KLINES = "indexPriceKlines"
    PREMIUM_KLINES = "premiumIndexKlines"
    FUNDING = "fundingRate"
    METRICS = "metrics"

    @property
    def is_klines(self) -> bool:
        """Whether the rows are candles of an interval."""
        return self not in (SeriesKind.FUNDING, SeriesKind.METRICS)

    @property
    def is_monthly(self) -> bool:
        """Whether every series of the kind is published by the month only."""
        return self is SeriesKind.FUNDING


Unit = Literal["time", "price", "quantity", "base", "amount", "count", "rate", "exact"]


class Field(NamedTuple):
    """One column of a series.

    ``unit`` is ``time`` (microseconds UTC as read), ``count`` (whole numbers), ``exact`` (decimal
    numbers of any size, absent where the exchange left them out), or the name of a unit: an int64
    of ``10**-decimals``, the decimals being those of all columns of that unit in the file.
    """

    name: str
    unit: Unit


_CANDLE = (
    Field("open_time", "time"),
    Field("open", "price"),
    Field("high", "price"),
    Field("low", "price"),
    Field("close", "price"),
)
_TRADED = (
    *_CANDLE,
    Field("volume", "quantity"),
    Field("close_time", "time"),
    Field("quote_volume", "amount"),
    Field("count", "count"),
    Field("taker_buy_volume", "quantity"),
    Field("taker_buy_quote_volume", "amount"),
)
# Coin-margined futures count contracts; what stands in place of the quote volume is base currency.
_TRADED_IN_CONTRACTS = (
    *_CANDLE,
    Field("volume", "quantity"),
    Field("close_time", "time"),
    Field("base_volume", "base"),
    Field("count", "count"),
    Field("taker_buy_volume", "quantity"),
    Field("taker_buy_base_volume", "base"),
)
_INDEX = (*_CANDLE, Field("close_time", "time"), Field("count", "count"))
_FUNDING = (
    Field("time", "time"),
    Field("interval_hours", "count"),
    Field("rate", "rate"),
)
_METRICS = (
    Field("time", "time"),
    Field("open_interest", "exact"),
    Field("open_interest_value", "exact"),
    Field("top_trader_account_ratio", "exact"),
    Field("top_trader_position_ratio", "exact"),
    Field("account_ratio", "exact"),
    Field("taker_volume_ratio", "exact"),
)


@dataclass(frozen=True, slots=True, order=True)
class SeriesId:
    """Names one series: whose readings, of what, and for klines at which interval."""

    exchange: str
    market: MarketType
    kind: SeriesKind
    symbol: str
    interval: str = ""

    def __post_init__(self) -> None:
        if self.kind.is_klines and self.interval not in (*INTERVALS_US, *LONG_INTERVALS):
            raise UsageError(
                f"{self.interval!r} is not an interval of klines",
                where="--interval",
                fix="Known: " + ", ".join([*INTERVALS_US, *LONG_INTERVALS]),
            )
        if not self.kind.is_klines and self.interval:
            raise UsageError(f"{self.kind.value} has no interval", where="--interval")
        if self.kind is not SeriesKind.KLINES and not self.market.is_futures:
            raise UsageError(
                f"{self.kind.value} is published for futures only",
                where=f"--market {self.market.value}",
                fix="Give --market um or --market cm",
            )

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns of its rows, the time first."""
        if self.kind is SeriesKind.FUNDING:
            return _FUNDING
        if self.kind is SeriesKind.METRICS:
            return _METRICS
        if self.kind is not SeriesKind.KLINES:
            return _INDEX
        return _TRADED_IN_CONTRACTS if self.market is MarketType.CM else _TRADED

    @property
    def is_monthly(self) -> bool:
        """Whether a stored piece is a month, since the exchange publishes nothing shorter."""
        return self.kind.is_monthly or self.interval in LONG_INTERVALS

    @property
    def step_us(self) -> int:
        """Microseconds from a row to the next; 0 where that is no one number (funding, months)."""
        if self.kind is SeriesKind.METRICS:
            return METRICS_INTERVAL_US
        long = {"3d": 3 * DAY_US, "1w": 7 * DAY_US}
        return (INTERVALS_US | long).get(self.interval, 0)

    def candles_in(self, piece: dt.date, found: dt.date) -> list[dt.date]:
        """The days of a piece on which candles longer than a day begin.

        Those of a week begin on Monday, those of a month on its first, and those of three days
        three days apart from the one that is ``found``.
        """
        days = [piece + dt.timedelta(days=n) for n in range((self.piece_end(piece) - piece).days)]
        if self.interval == "1mo":
            return days[:1]
        first, step = (found, 3) if self.interval == "3d" else (_MONDAY, 7)
        return [day for day in days if (day - first).days % step == 0]

    @property
    def label(self) -> str:
        """A name for files on their way."""
        parts = [self.exchange, self.market.value, self.symbol, self.kind.value, self.interval]
        return "-".join(part for part in parts if part)

    def piece_of(self, date: dt.date) -> dt.date:
        """The first day of the stored piece, a day or a month, that holds ``date``."""
        return date.replace(day=1) if self.is_monthly else date

    def pieces(self, dates: list[dt.date]) -> list[dt.date]:
        """The pieces that hold the days ``dates``, each once, in order."""
        return sorted({self.piece_of(date) for date in dates})

    def piece_end(self, piece: dt.date) -> dt.date:
        """The day after a piece."""
        if self.is_monthly:
            return (piece + dt.timedelta(days=31)).replace(day=1)
        return piece + dt.timedelta(days=1)

    def piece_text(self, piece: dt.date) -> str:
        """``2024-01-31``, or ``2024-01`` where a piece is a month."""
        return piece.isoformat()[: 7 if self.is_monthly else 10]

    def __str__(self) -> str:
        interval = f" {self.interval}" if self.interval else ""
        return f"{self.symbol} ({self.exchange} {self.market.value} {self.kind.value}{interval})"


def parse_piece(text: str) -> dt.date:
    """The first day of a piece, from what `SeriesId.piece_text` wrote.

    Raises:
        ValueError: The text is neither a day nor a month.
    """
    return dt.date.fromisoformat(text + "-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text)

"""The nouns every package shares: sides, tapes, trades, bar specifications, bars.

Prices are int64 price units (``10**-price_decimals`` of the quote), quantities int64 lots
(``10**-qty_decimals`` of the base, or contracts), times int64 microseconds UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.errors import UnsupportedError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
LONGEST_DELAY = 10 * 366 * 86_400  # seconds from something's time until it may be used


class Side(IntEnum):
    """Of the aggressor of a trade, or of an order."""

    BUY = 1
    SELL = -1


class MarketType(StrEnum):
    """Which of an exchange's markets: spot, USD-margined futures, coin-margined futures."""

    SPOT = "spot"
    UM = "um"
    CM = "cm"

    @property
    def is_futures(self) -> bool:
        """True for both futures markets."""
        return self is not MarketType.SPOT


class Kind(StrEnum):
    """What an archive file holds."""

    AGG_TRADES = "aggTrades"
    TRADES = "trades"


@dataclass(frozen=True, slots=True, order=True)
class TapeId:
    """Names one tape: whose trades, of what, in which form."""

    exchange: str
    market: MarketType
    kind: Kind
    symbol: str

    @property
    def ids_are_continuous(self) -> bool:
        """Whether a hole in the ids means lost trades.

        Aggregate ids have no holes. Raw futures trades leave out insurance-fund and
        auto-deleveraging fills, whose ids are then missing although nothing was lost.
        """
        return self.kind is Kind.AGG_TRADES or not self.market.is_futures

    @property
    def label(self) -> str:
        """A name for files on their way."""
        return f"{self.exchange}-{self.market.value}-{self.symbol}-{self.kind.value}"

    def __str__(self) -> str:
        return f"{self.symbol} ({self.exchange} {self.market.value} {self.kind.value})"


class Trades(NamedTuple):
    """A piece of a tape as columns of equal length, in id order.

    Attributes:
        id: int64, the exchange's id (aggregate id, or trade id).
        time: int64 microseconds UTC, never decreasing.
        price: int64 price units.
        qty: int64 lots.
        side: int8, the aggressor's: +1 buy, -1 sell.
        fills: int32, raw fills in the row (last trade id - first trade id + 1).
    """

    id: NDArray[np.int64]
    time: NDArray[np.int64]
    price: NDArray[np.int64]
    qty: NDArray[np.int64]
    side: NDArray[np.int8]
    fills: NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of trades (``len()`` of a named tuple counts its columns)."""
        return len(self.id)

    def slice(self, start: int, stop: int) -> Trades:
        """The trades of ``[start, stop)``, as views."""
        return Trades(
            self.id[start:stop],
            self.time[start:stop],
            self.price[start:stop],
            self.qty[start:stop],
            self.side[start:stop],
            self.fills[start:stop],
        )

    def frozen(self) -> Trades:
        """The same trades, as views that nobody can write to.

        Kernels are compiled anew for columns that can be written to: whatever a tape comes from, it
        is handed on frozen.
        """
        views = self.slice(0, self.rows)
        for view in views:
            view.flags.writeable = False
        return views


class BarStatus(IntEnum):
    """What a bar can be trusted for."""

    OK = 0
    EMPTY = 1  # no trade in the interval, ids continuous: flat at the last price
    GAP = 2  # trades are missing inside it

    @property
    def label(self) -> str:
        """The word the command line prints."""
        return self.name.lower()


_ACTIVITY = {
    "tick": "500",
    "volume": "100",
    "dollar": "1000000",
    "range": "20",
    "delta": "50",
    "reversal": "20,8",
    "renko": "50",
}
_EXAMPLES = ", ".join(["30s", "1m", "5m", "4h", "1d", *(f"{k}:{v}" for k, v in _ACTIVITY.items())])
_LONGEST_BAR = 10_000 * DAY_US
_LETTERS = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}


class BarSpec(NamedTuple):
    """How the tape is cut into bars. Build one with `time_bars` or `BarSpec.parse`.

    Hooks compare them at every bar.

    Attributes:
        kind: The cutting rule: ``time``, ``tick``, ``volume``, ``dollar``, ``range``, ``delta``,
            ``reversal`` or ``renko``. All but the first are *activity bars*.
        size: For time bars, the interval in microseconds; 0 for activity bars, which therefore
            count as shorter than any time bar.
        amounts: What closes an activity bar, as written: trades, base units, quote units or ticks.
        unit: What tick bars count: ``trades`` (rows of the tape) or ``fills``.
        anchor: Where activity bars restart: ``day`` (00:00 UTC), ``start`` (never), or a trading
            session such as ``09:30-16:00/America/New_York`` (at its open and at its close).
    """

    kind: str
    size: int = 0
    amounts: tuple[Decimal, ...] = ()
    unit: str = "trades"
    anchor: str = "day"

    @classmethod
    def parse(cls, text: str) -> BarSpec:
        """Read ``30s``, ``5m``, ``1d``, ``tick:500``, ``volume:100``, ``reversal:20,8``.

        Activity bars take ``@start`` or ``@09:30-16:00/America/New_York`` behind them, and tick
        bars ``,fills``.

        Raises:
            UsageError: The text is not a bar specification.
        """
        text = text.strip()
        if match := re.fullmatch(r"(\d+)([smhd])", text):
            size = int(match[1]) * _LETTERS[match[2]]
            if size > _LONGEST_BAR:
                raise UsageError(f"a time bar of {text[:40]!r} is too long", fix="Such as 1d")
            if size <= 0 or (DAY_US % size and size % DAY_US):
                raise UsageError(
                    f"a time bar of {text!r} does not divide a UTC day",
                    fix="Take an interval that does, such as 30s, 1m, 5m, 4h or 1d",
                )
            return cls("time", size)
        match = re.fullmatch(r"([a-z]+):(\d[\d.,]*?)(,fills)?(?:@(.+))?", text)
        if match is None or match[1] not in _ACTIVITY:
            raise UsageError(f"{text!r} is not a bar specification", fix=f"Examples: {_EXAMPLES}")
        return cls._activity(
            text, match[1], match[2], match[4] or "day", fills=match[3] is not None
        )

    @classmethod
    def _activity(cls, text: str, kind: str, sizes: str, anchor: str, *, fills: bool) -> BarSpec:
        example = f"{kind}:{_ACTIVITY[kind]}"
        try:
            amounts = tuple(Decimal(part) for part in sizes.split(","))
        except InvalidOperation:
            amounts = ()
        in_whole = kind in ("tick", "range", "reversal", "renko")
        if (
            len(amounts) != (2 if kind == "reversal" else 1)
            or min(amounts) <= 0
            or (in_whole and any(amount % 1 for amount in amounts))
            or (fills and kind != "tick")
        ):
            need = "whole numbers above 0" if in_whole else "a number above 0"
            raise UsageError(
                f"{text!r} is not a bar specification", fix=f"{kind} takes {need}, as {example}"
            )
        if anchor not in ("day", "start") and not re.fullmatch(
            r"\d\d:\d\d-\d\d:\d\d/[\w/+-]+", anchor
        ):
            raise UsageError(
                f"{anchor!r} is not where bars can restart",
                where=text,
                fix="Write @day, @start, or a session such as @09:30-16:00/America/New_York",
            )
        return cls(kind, 0, amounts, "fills" if fills else "trades", anchor)

    @property
    def is_time(self) -> bool:
        """Whether these are bars of equal time, not of activity."""
        return self.kind == "time"

    def count(self, bars: int) -> int:
        """How long that many bars last, in microseconds: for an order's ``expires``.

        Raises:
            UnsupportedError: These are activity bars, which last as long as they need.
        """
        if not self.is_time:
            raise UnsupportedError(
                f"{self} bars have no length in time",
                fix="Count bars in on_bar, or give a duration, such as time_bars('5m').count(5)",
            )
        return bars * self.size

    def lookback(self, bars: int) -> int:
        """How much earlier tape gives about that many closed bars, in microseconds.

        Exact for time bars. For activity bars nobody knows: one day, the restart of their anchor.
        """
        return bars * self.size if self.is_time else DAY_US

    def __str__(self) -> str:
        if not self.is_time:
            sizes = ",".join(format(amount.normalize(), "f") for amount in self.amounts)
            fills = ",fills" if self.unit == "fills" else ""
            return f"{self.kind}:{sizes}{fills}" + (
                "" if self.anchor == "day" else f"@{self.anchor}"
            )
        for letter, unit in reversed(_LETTERS.items()):
            if self.size % unit == 0:
                return f"{self.size // unit}{letter}"
        return f"{self.size}us"  # pragma: no cover - parse makes whole seconds only


def time_bars(interval: str) -> BarSpec:
    """Bars of equal time, aligned to the UTC day: ``time_bars("5m")``."""
    spec = BarSpec.parse(interval)
    if not spec.is_time:
        raise UsageError(f"{interval!r} is not a time interval", fix="Examples: 30s, 1m, 5m, 4h")
    return spec


class Bar(NamedTuple):
    """One closed bar. Prices in price units, volumes in lots, times in microseconds UTC.

    A bar is known at ``close_time``. A time bar is the half-open interval up to it. An activity bar
    opens at the time of its first trade, and ``close_time`` is when its last trade made it whole
    (range bars: when the next trade did).
    Field order is the column order of the bar kernel's output.
    """

    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    buy_volume: int
    quote_upper: int  # quote volume = quote_upper * 2**32 + quote_lower, in price units x lots
    quote_lower: int
    count: int  # type: ignore[assignment] # raw fills; hides tuple.count, which no bar needs
    trades: int  # rows of the tape
    min_delta: int
    max_delta: int
    delta_at_high: int  # running delta right after the first trade at the bar's high
    delta_at_low: int
    poc: int  # low edge of the row with the most volume
    status: int

    @property
    def sell_volume(self) -> int:
        """Volume of aggressive sells, in lots."""
        return self.volume - self.buy_volume

    @property
    def delta(self) -> int:
        """Aggressive buys minus aggressive sells, in lots."""
        return 2 * self.buy_volume - self.volume

    @property
    def delta_percent(self) -> float:
        """Delta in hundredths of the volume; 0 without volume."""
        return 100 * self.delta / self.volume if self.volume else 0.0

    @property
    def quote_volume(self) -> int:
        """Sum of price x quantity, in price units x lots."""
        return (self.quote_upper << 32) + self.quote_lower

    @property
    def is_synthetic(self) -> bool:
        """Whether it is a renko brick that no trade of its own made."""
        return self.trades == 0 and self.open != self.close

    @property
    def is_gap(self) -> bool:
        """Whether trades are known to be missing inside the bar."""
        return self.status == BarStatus.GAP

"""Unfinished auctions: extremes at which both sides still traded; and the initial balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.sessions import UTC_DAY
from orderflow_bt.types import MINUTE_US

if TYPE_CHECKING:
    from orderflow_bt.flow.sessions import TradingSession
    from orderflow_bt.flow.views import Footprint
    from orderflow_bt.types import Trades


class AuctionMode(StrEnum):
    """What makes a bar's extreme unfinished."""

    BOTH_SIDES = "both_sides"  # sellers and buyers traded at it
    SINGLE_PRINT = "single_print"  # it holds one fill


class Auction(NamedTuple):
    """Whether a bar's two extremes are unfinished; known at the bar's close."""

    known_at: int
    high: bool
    low: bool


def read_auction(
    footprint: Footprint, *, least: int = 0, mode: AuctionMode = AuctionMode.BOTH_SIDES
) -> Auction:
    """Read a bar's extremes, on rows one exchange tick high whatever a chart shows.

    The auction at a high is finished where nobody sold there. It is unfinished where somebody did,
    and buyers took more than ``least`` lots; lows mirror.

    Args:
        footprint: With rows one tick high: grouped rows nearly always hold both sides.
        least: Lots that the advancing side must exceed.
        mode: `AuctionMode.SINGLE_PRINT` asks instead whether the extreme row holds one fill.
    """
    known_at = footprint.bar.close_time
    if not len(footprint):
        return Auction(known_at, high=False, low=False)
    (_, low_bid, low_ask, *low_counts), (_, high_bid, high_ask, *high_counts) = (
        footprint.cells[row].tolist() for row in (0, -1)
    )
    if mode is AuctionMode.SINGLE_PRINT:
        return Auction(known_at, high=sum(high_counts) == 1, low=sum(low_counts) == 1)
    return Auction(
        known_at,
        high=high_bid > 0 and high_ask > least,
        low=low_ask > 0 and low_bid > least,
    )


class UnfinishedLevel(NamedTuple):
    """An unfinished extreme: its price, the side it lies on (+1 high, -1 low), and since when."""

    price: int
    side: int
    known_at: int


@dataclass(slots=True)
class UnfinishedAuctions:
    """Unfinished extremes until a later trade at or through them resolves them.

    Attributes:
        least: As for `read_auction`.
        mode: As for `read_auction`.
        live: The levels not resolved yet, oldest first.
    """

    least: int = 0
    mode: AuctionMode = AuctionMode.BOTH_SIDES
    live: list[UnfinishedLevel] = field(default_factory=list)

    def push(self, footprint: Footprint) -> list[UnfinishedLevel]:
        """A bar closed; the levels it leaves."""
        auction = read_auction(footprint, least=self.least, mode=self.mode)
        found = []
        if auction.high:
            found.append(UnfinishedLevel(footprint.bar.high, +1, auction.known_at))
        if auction.low:
            found.append(UnfinishedLevel(footprint.bar.low, -1, auction.known_at))
        self.live += found
        return found

    def feed(self, trades: Trades) -> list[tuple[UnfinishedLevel, int]]:
        """Trades after every bar pushed so far; (level, row of the trade that resolved it)."""
        if trades.rows == 0 or not self.live:
            return []
        low, high = int(trades.price.min()), int(trades.price.max())
        resolved = []
        for level in self.live:
            reached = high >= level.price if level.side > 0 else low <= level.price
            if reached:
                hits = level.side * (trades.price - level.price) >= 0
                resolved.append((level, int(np.argmax(hits))))
        ended = {level for level, _ in resolved}
        self.live = [level for level in self.live if level not in ended]
        return sorted(resolved, key=lambda pair: pair[1])


class Balance(NamedTuple):
    """High and low of a session's first minutes."""

    high: int
    low: int
    known_at: int  # of the last trade that moved it, or the end of those minutes
    is_final: bool

    def extension(self, multiple: Fraction | float) -> tuple[Fraction, Fraction]:
        """Prices that many times the range above the high and below the low."""
        reach = Fraction(multiple) * (self.high - self.low)
        return self.high + reach, self.low - reach


class InitialBalance:
    """The range of the first ``minutes`` of each session: developing, then final.

    Raises:
        UsageError: ``minutes`` is not positive.
    """

    def __init__(self, session: TradingSession = UTC_DAY, *, minutes: int = 60) -> None:
        if minutes < 1:
            raise UsageError(f"an initial balance of {minutes} minutes", fix="Take 1 or more")
        self._session = session
        self._length = minutes * MINUTE_US
        self._bounds = (0, 0)
        self._range: Balance | None = None

    def feed(self, trades: Trades) -> None:
        """Take the next trades."""
        while trades.rows:
            now = int(trades.time[0])
            start, end = self._bounds
            if now >= end:
                bounds = self._session.at(now)
                if bounds is None:
                    later = (s for s, _ in self._session.between(now, now) if s > now)
                    stop = int(np.searchsorted(trades.time, min(later)))
                    trades = trades.slice(stop, trades.rows)
                    continue
                self._bounds, self._range = bounds, None
                start, end = bounds
            inside = int(np.searchsorted(trades.time, min(start + self._length, end)))
            if inside:
                self._widen(trades.slice(0, inside))
            trades = trades.slice(int(np.searchsorted(trades.time, end)), trades.rows)

    def at(self, now: int) -> Balance | None:
        """The open session's balance as known at ``now``, at or after the last trade fed."""
        start, end = self._bounds
        if self._range is None or not start <= now < end:
            return None
        settled = start + self._length
        if now < settled:
            return self._range
        return self._range._replace(known_at=settled, is_final=True)

    def _widen(self, trades: Trades) -> None:
        top, bottom = int(np.argmax(trades.price)), int(np.argmin(trades.price))
        high, low = int(trades.price[top]), int(trades.price[bottom])
        known = [int(trades.time[top]), int(trades.time[bottom])]
        if self._range is not None:
            kept = self._range
            if high <= kept.high:
                high, known[0] = kept.high, kept.known_at
            if low >= kept.low:
                low, known[1] = kept.low, kept.known_at
        self._range = Balance(high, low, max(known), is_final=False)

"""Averages and context of a tape: VWAP and its bands, TWAP, price impact, flow imbalance.

Sums are whole numbers, so nothing depends on the order of adding; values are exact fractions.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow.sessions import TradingSession
    from orderflow_bt.types import Bar, Trades

_SAFE = 2**62


class Vwap:
    """Volume-weighted average price since an anchor, and how far trades lie from it.

    Args:
        session: Begins anew with each session, and with the time between two.
        since: Trades before this time do not count: an anchored VWAP.

    Attributes:
        known_at: Time of the last trade that counts, microseconds UTC; None before one does.
    """

    def __init__(self, session: TradingSession | None = None, *, since: int | None = None) -> None:
        self._session = session
        self._since = since
        self.reset()

    def reset(self) -> None:
        """Anchor at the next trade."""
        self.known_at: int | None = None
        self._until: int | None = None
        self._reference = 0
        self._qty = self._first = self._second = 0

    def feed(self, trades: Trades) -> None:
        """Add a piece of tape."""
        if self._since is not None:
            trades = trades.slice(int(np.searchsorted(trades.time, self._since)), trades.rows)
        while trades.rows:
            now = int(trades.time[0])
            stop = trades.rows
            if self._session is not None:
                if self._until is None or now >= self._until:
                    self.reset()
                    edges = self._session.edges(now, now)
                    self._until = min(edge for edge in edges if edge > now)
                stop = int(np.searchsorted(trades.time, self._until))
            self._add(trades.slice(0, stop))
            trades = trades.slice(stop, trades.rows)

    def _add(self, trades: Trades) -> None:
        if self.known_at is None:
            self._reference = int(trades.price[0])
        away = trades.price - self._reference
        farthest = max(-int(away.min()), int(away.max()), 1)
        if farthest**2 * int(trades.qty.max()) * trades.rows < _SAFE:
            weighted = away * trades.qty
            self._first += int(weighted.sum())
            self._second += int((weighted * away).sum())
            self._qty += int(trades.qty.sum())
        else:
            for price, qty in zip(away.tolist(), trades.qty.tolist(), strict=True):
                self._qty += qty
                self._first += qty * price
                self._second += qty * price * price
        self.known_at = int(trades.time[-1])

    @property
    def value(self) -> Fraction | None:
        """The average in price units; None without volume."""
        if not self._qty:
            return None
        return self._reference + Fraction(self._first, self._qty)

    @property
    def variance(self) -> Fraction | None:
        """Mean squared distance of the volume from the average, in square price units."""
        if not self._qty:
            return None
        return Fraction(self._second * self._qty - self._first**2, self._qty**2)

    @property
    def sigma(self) -> float | None:
        """Standard deviation of the volume around the average, in price units."""
        variance = self.variance
        return None if variance is None else sqrt(variance)

    def band(self, k: float) -> float | None:
        """The average plus ``k`` standard deviations, in price units."""
        value, sigma = self.value, self.sigma
        return None if value is None or sigma is None else float(value) + k * sigma


class Twap:
    """Time-weighted average price since the first trade: each price holds until the next trade."""

    def __init__(self) -> None:
        self._start: int | None = None
        self._area = 0
        self._time = self._price = 0

    def feed(self, trades: Trades) -> None:
        """Add a piece of tape."""
        if trades.rows == 0:
            return
        if self._start is None:
            self._start = self._time = int(trades.time[0])
        first = (int(trades.time[0]) - self._time) * self._price
        spans, prices = np.diff(trades.time), trades.price[:-1]
        largest = int(np.abs(prices).max()) if len(prices) else 0
        if largest * int(trades.time[-1] - trades.time[0]) < _SAFE:
            area = int((spans * prices).sum())
        else:
            area = sum(a * b for a, b in zip(spans.tolist(), prices.tolist(), strict=True))
        self._area += first + area
        self._time, self._price = int(trades.time[-1]), int(trades.price[-1])

    def at(self, now: int) -> Fraction | None:
        """The average in price units from the first trade until ``now``; None before that."""
        if self._start is None or now < self._time:
            return None
        if now == self._start:
            return Fraction(self._price)
        return Fraction(self._area + (now - self._time) * self._price, now - self._start)


def kyle_lambda(
    signed_volumes: Sequence[int], price_changes: Sequence[int], *, intercept: bool = True
) -> Fraction | None:
    """Price impact: least-squares slope of price change on signed volume, bucket by bucket.

    Args:
        signed_volumes: Buys minus sells of each bucket, such as bars' ``delta``.
        price_changes: Close minus the close before of each bucket.
        intercept: Fit one, or force the line through 0.

    Returns:
        Price units per lot; None where the volumes do not vary.

    Raises:
        UsageError: The two differ in length.
    """
    if len(signed_volumes) != len(price_changes):
        raise UsageError("as many price changes as signed volumes are needed")
    n = len(signed_volumes)
    pairs = list(zip(map(int, signed_volumes), map(int, price_changes), strict=True))
    product = sum(q * p for q, p in pairs)
    square = sum(q * q for q, _ in pairs)
    if intercept:
        sum_q, sum_p = sum(q for q, _ in pairs), sum(p for _, p in pairs)
        product, square = n * product - sum_q * sum_p, n * square - sum_q**2
    return Fraction(product, square) if square else None


def vpin(bars: Sequence[Bar]) -> Fraction | None:
    """Mean of ``|buys - sells| / volume`` over volume bars: by true aggressor, no classification.

    Each bar is divided by its own volume. It follows volatility: context, never a signal.

    Returns:
        Between 0 and 1, known with the last bar; None without a bar that has volume.
    """
    shares = [Fraction(abs(bar.delta), bar.volume) for bar in bars if bar.volume]
    return sum(shares, Fraction(0)) / len(shares) if shares else None


def order_flow_imbalance(
    bid_prices: NDArray[np.int64],
    bid_qtys: NDArray[np.int64],
    ask_prices: NDArray[np.int64],
    ask_qtys: NDArray[np.int64],
) -> NDArray[np.int64]:
    """What each change of the best quotes adds to the demand at them (Cont, Kukanov and Stoikov).

    ``e = [Pb >= Pb'] qb - [Pb <= Pb'] qb' - [Pa <= Pa'] qa + [Pa >= Pa'] qa'``, a prime marking the
    quote before. Sum it over an interval. A tape of trades has no quotes: this is for quotes that
    you bring; of trades there is `trade_flow_imbalance`.

    Args:
        bid_prices: int64 [n], price units, in order of time; the other columns as long.
        bid_qtys: int64 [n], lots.
        ask_prices: int64 [n], price units.
        ask_qtys: int64 [n], lots.

    Returns:
        int64 [n - 1] (none of fewer than two quotes), lots.

    Raises:
        UsageError: The columns differ in length.
    """
    columns = [np.asarray(c, np.int64) for c in (bid_prices, bid_qtys, ask_prices, ask_qtys)]
    if len({len(column) for column in columns}) != 1:
        raise UsageError("quotes of four columns of one length are needed")
    (bid, was_bid), (bid_qty, was_bid_qty), (ask, was_ask), (ask_qty, was_ask_qty) = (
        (column[1:], column[:-1]) for column in columns
    )
    changes: NDArray[np.int64] = (
        (bid >= was_bid) * bid_qty
        - (bid <= was_bid) * was_bid_qty
        - (ask <= was_ask) * ask_qty
        + (ask >= was_ask) * was_ask_qty
    )
    return changes


def trade_flow_imbalance(trades: Trades) -> int:
    """Aggressive buys minus aggressive sells of a piece of tape, in lots.

    Stands in for order-flow imbalance, which needs best quotes that a tape does not have.
    """
    return sum((trades.qty * trades.side).tolist())


def sign_autocorrelation(signs: Sequence[int], lag: int = 1) -> Fraction | None:
    """How much the side of a taker order tells of the one ``lag`` orders later; mean removed.

    Give the sides of reconstructed taker orders: rows of the tape split one order into many, and
    so repeat its sign.

    Returns:
        Between -1 and 1; None where the signs do not vary or are too few.

    Raises:
        UsageError: The lag is not positive.
    """
    if lag < 1:
        raise UsageError(f"a lag of {lag}", fix="Take 1 or more")
    n = len(signs)
    if n <= lag:
        return None
    total = sum(map(int, signs))
    away = [n * int(sign) - total for sign in signs]  # times n: whole numbers
    square = sum(value * value for value in away)
    product = sum(a * b for a, b in zip(away, away[lag:], strict=False))
    return Fraction(product, square) if square else None

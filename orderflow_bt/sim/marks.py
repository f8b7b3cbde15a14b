"""An account marked to the market: equity at bar closes, its worst fall, a trade's extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.kernels.marking import live_through

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.trips import Trips


class EquityRow(NamedTuple):
    """The account at a bar's close."""

    time: int
    equity: Decimal
    position: int
    price: int


class Marks:
    """Follows one account through the tape.

    Attributes:
        max_drawdown: Worst equity / peak - 1, marked at every trade.
    """

    def __init__(self, account: Account, trips: Trips, cash: Decimal) -> None:
        self._account = account
        self._trips = trips
        self._inverse = account.instrument.is_inverse
        self._peak = float(cash)
        self.max_drawdown = 0.0
        self._closes: list[tuple[int, int | Fraction, int, int]] = []
        self._rows: list[EquityRow] = []  # of as many of them as were looked at

    def at_close(self, time: int, price: int) -> None:
        """Note the equity at a bar's close."""
        account = self._account
        self._closes.append((time, account.equity_units(price), account.position, price))

    @property
    def rows(self) -> list[EquityRow]:
        """The account at every bar close, in order."""
        printed = self._account.printed
        for time, units, position, price in self._closes[len(self._rows) :]:
            self._rows.append(EquityRow(time, printed(units), position, price))
        return self._rows

    def through(self, tape: Stretch, start: int, stop: int) -> None:
        """Mark the open position at every trade of rows ``[start, stop)``."""
        low, high = self._trips.extremes
        peak, worst, low, high = live_through(
            tape.price, *tape.blocks, start, stop, *self._account.equity_line(), self._inverse,
            self._peak, self.max_drawdown, low, high,
        )  # fmt: skip
        self._peak, self.max_drawdown = peak, worst
        self._trips.extremes = low, high

    def at(self, price: int) -> None:
        """Mark the account at one price, after a fill or a payment."""
        constant, slope = self._account.equity_line()
        equity = constant + (slope / price if self._inverse else slope * price)
        self._peak = max(self._peak, equity)
        fall = equity / self._peak - 1.0
        self.max_drawdown = min(self.max_drawdown, fall)

"""An account marked to the market: equity at bar closes, its worst fall, a trade's extremes.

No hook can see any of it, so changes of the account are only noted as they come, and what happened
between them is looked up on the tape once for many of them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.kernels.marking import ENDS, live_through

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.buffer import Stretch


class EquityRow(NamedTuple):
    """The account at a bar's close."""

    time: int
    equity: Decimal
    position: int
    price: int


class Marks:
    """Follows one account through the tape.

    Attributes:
        trips: (lowest, highest) price that each ended round trip lived through, in order.
    """

    def __init__(self, account: Account, cash: Decimal) -> None:
        self._account = account
        self._inverse = account.instrument.is_inverse
        self._peak = float(cash)
        self._worst = 0.0
        self._row = 0  # the first that is not marked yet
        self._line = account.equity_line()  # as of the last change
        self._extremes = (0, 0)  # of the round trip under way
        self.trips: list[tuple[int, int]] = []
        self._steps = array("q")  # changes since: row, trip, price of the fill, last price
        self._lines = array("d")  # and the account's line behind each
        self._closes: list[NDArray[np.int64]] = []  # [n, 2]: time and price of bar closes
        self._count = 0  # of those
        self._changes: list[tuple[int, int | Fraction, int]] = [(0, account.ledger, 0)]
        self._rows: list[EquityRow] = []  # of as many closes as were looked at

    @property
    def max_drawdown(self) -> float:
        """Worst equity / peak - 1, at every trade that is marked."""
        return self._worst

    @property
    def extremes(self) -> tuple[int, int]:
        """Lowest and highest price that the round trip under way lived through."""
        return self._extremes

    # -- changes ----------------------------------------------------------------------------------

    def begin(self, tape: Stretch) -> None:
        """Another stretch is in hand; what there was is marked."""
        self._row = tape.first

    def changed(self, row: int, last: int, trip: int = 0, price: int = 0, closes: int = 0) -> None:
        """Note that the account has changed behind the trades before ``row``.

        Args:
            row: Of the stretch in hand.
            last: Price of the last trade.
            trip: What it did to a round trip: `SHRINKS`, `ENDS`, `OPENS`, added up.
            price: Of the fill, if it was one.
            closes: Bars of this piece that had closed before.
        """
        account = self._account
        self._steps.extend((row, trip, price, last))
        self._lines.extend(account.equity_line())
        change = (self._count + closes, account.ledger, account.position)
        if self._changes[-1][0] == change[0]:
            self._changes[-1] = change
        else:
            self._changes.append(change)

    def catch_up(self, tape: Stretch, row: int) -> None:
        """Mark the account at every trade before ``row`` of the stretch in hand."""
        if not self._steps and (row <= self._row or self._line[1] == 0.0):
            self._row = max(self._row, row)
            return
        steps = np.array(self._steps, np.int64).reshape(-1, 4)
        lines = np.array([*self._line, *self._lines]).reshape(-1, 2)
        ended = np.zeros((np.count_nonzero(steps[:, 1] & ENDS), 2), np.int64)
        self._peak, self._worst, *extremes = live_through(
            tape.price, *tape.blocks, self._row, row, steps, lines, self._inverse, self._peak,
            self._worst, *self._extremes, ended,
        )  # fmt: skip
        self._extremes = extremes[0], extremes[1]
        self.trips += map(tuple, ended.tolist())
        self._row, self._line = row, (float(lines[-1, 0]), float(lines[-1, 1]))
        self._steps, self._lines = array("q"), array("d")

    # -- equity at bar closes ---------------------------------------------------------------------

    def close_bars(self, time: NDArray[np.int64], price: NDArray[np.int64]) -> None:
        """Add bar closes: their times and the price of the last trade before each."""
        if len(time):
            self._closes.append(np.column_stack([time, price]))
            self._count += len(time)

    @property
    def rows(self) -> list[EquityRow]:
        """The account at every bar close, in order."""
        account, done = self._account, len(self._rows)
        if done < self._count:
            closes = np.concatenate(self._closes)
            self._closes = [closes]
            starts = [start for start, _, _ in self._changes]
            units: int | Fraction = 0  # of the row before: while nothing is held they stay
            equity = account.printed(units)
            for number, (time, price) in enumerate(closes[done:].tolist(), done):
                _, ledger, held = self._changes[bisect_right(starts, number) - 1]
                before, units = units, account.equity_of(ledger, held, price)
                if units != before:
                    equity = account.printed(units)
                self._rows.append(EquityRow(time, equity, held, price))
        return self._rows

"""Round trips: a position from flat to flat, what it made and what it went through."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.kernels import records as r
from orderflow_bt.kernels import trips as t
from orderflow_bt.kernels._jit import exact
from orderflow_bt.sim import logs
from orderflow_bt.sim.rounding import PER_UNIT, cents, money, ratio
from orderflow_bt.sim.shelf import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.logs import FillLog
    from orderflow_bt.sim.shelf import Shelf
    from orderflow_bt.strategy.api import Fill

_SAFE = float(1 << 60)  # of sums and products: below it nothing needs more than 64 bits
_follow_exactly = exact(t.follow)


class Plan(NamedTuple):
    """What a bracket meant to do: its entry, stop and target prices, where it had them.

    The entry of a market order is the last price when it was sent; None where that was not on the
    right side of the stop, and then the risk is measured from what the entry got.
    """

    entry: int | None
    stop: int | None
    target: int | None


NO_PLAN = Plan(None, None, None)


class RoundTrip(NamedTuple):
    """A position from flat to flat. Prices of entry and exit are averages in quote currency."""

    id: int
    side: int
    entry_time: int
    exit_time: int
    qty: int
    entry_price: Decimal
    exit_price: Decimal | None
    stop_price: int | None
    target_price: int | None
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal  # received; negative where it was paid
    net_pnl: Decimal
    risk: Decimal | None
    r_multiple: float | None
    mae_ticks: int
    mfe_ticks: int
    mae_money: Decimal | None  # None where it is beyond all bounds
    mfe_money: Decimal | None
    exit_role: str
    event_id: int | None
    is_open: bool
    spans_gap: bool


class Trips:
    """Follows one account's fills from trip to trip, many at once, when somebody looks.

    Args:
        account: Whose fills they are.
        log: The fills.

    Attributes:
        plans: Of brackets, by their entry orders.
    """

    def __init__(self, account: Account, log: FillLog) -> None:
        self._account = account
        self._log = log
        self._is_inverse = account.instrument.is_inverse
        self.plans: dict[int, Plan] = {}
        self._gaps: list[tuple[int, int]] = []
        self._packed = Rows(t.TRIP_RECORD)  # those that ended first
        self._rows = np.zeros((16, t.TRIP_RECORD), np.int64)  # of the others, and of that under way
        self._ended = 0  # of the rows
        self._marked = 0  # of these, those whose extremes are known
        self._followed = 0  # fills
        self._held = 0  # behind them
        self._done: list[RoundTrip] = []  # records of as many as were looked at

    def shelve(self, shelf: Shelf) -> None:
        """Have round trips that ended first put away there."""
        self._packed = Rows(t.TRIP_RECORD, shelf)

    # -- following --------------------------------------------------------------------------------

    def follow(self) -> None:
        """Take in the fills since."""
        log, first = self._log, self._followed
        if first == log.written:
            return
        fills = log.rows(first, log.written)
        self._followed = log.written
        rows = self._room_for(len(fills) + 1)
        begun = self._count_begun
        arguments = (first, self._held, begun)
        if self._may_overflow(fills, rows[0]):
            large = rows.astype(object)
            ended = _follow_exactly(fills.astype(object), *arguments, large)
            rows[:] = large
        else:
            ended = t.follow(fills, *arguments, rows)
        self._held += int(fills[:, r.F_SIDE] @ fills[:, r.F_QTY])
        self._ended += ended
        if self.plans:
            for row in rows[: ended + 1]:
                if row[t.T_ID] >= begun and row[t.T_QTY_IN]:
                    plan = self.plans.get(int(fills[row[t.T_FIRST] - first, r.F_ORDER]), NO_PLAN)
                    row[t.T_PLAN : t.T_PLAN + 3] = [r.ABSENT if p is None else p for p in plan]

    def _room_for(self, count: int) -> NDArray[np.int64]:
        """The row under way and those behind it."""
        needed = self._ended + count
        if needed > len(self._rows):
            grown = np.zeros((max(needed, 2 * len(self._rows)), t.TRIP_RECORD), np.int64)
            grown[: self._ended + 1] = self._rows[: self._ended + 1]
            self._rows = grown
        return self._rows[self._ended : needed]

    def _may_overflow(self, fills: NDArray[np.int64], trip: NDArray[np.int64]) -> bool:
        lots = fills[:, r.F_QTY].astype(np.float64)
        fees = np.abs(fills[:, r.F_FEE].astype(np.float64))
        largest = max(
            float((lots * fills[:, r.F_PRICE]).max()),
            float(fees.max() * lots.max()),
            float(lots.sum()) + float(trip[t.T_QTY_IN]) + abs(self._held),
            float(fees.sum()) + abs(float(trip[t.T_FEES])),
        )
        return largest > _SAFE

    def mark(self, excursions: NDArray[np.int64]) -> None:
        """Add how far the next round trips that ended went: `Excursions.follow`."""
        self.follow()
        rows = self._rows[self._marked : self._marked + len(excursions)]
        rows[:, t.T_MAE : t.T_MFE_MONEY + 1] = excursions
        self._marked += len(excursions)

    def fund(self, amount: Decimal) -> None:
        """Add a funding to the round trip under way."""
        self.follow()
        if self._held:
            self._rows[self._ended, t.T_FUNDING] += int(amount * PER_UNIT)

    def note_gap(self, gap: tuple[int, int]) -> None:
        """Remember a hole in the tape, for the round trips that span it."""
        self._gaps.append(gap)

    def pack(self) -> None:
        """Put round trips that ended aside, where they are many and marked."""
        count = self._marked
        if count < logs.CHUNK:
            return
        self._packed.add(self._rows[:count].copy())
        self._rows = self._rows[count : self._ended + 1].copy()
        self._ended -= count
        self._marked = 0

    # -- what there is ----------------------------------------------------------------------------

    @property
    def count_done(self) -> int:
        """How many round trips ended."""
        self.follow()
        return len(self._packed) + self._ended

    @property
    def _count_begun(self) -> int:
        return len(self._packed) + self._ended + (self._held != 0)

    @property
    def done(self) -> list[RoundTrip]:
        """Round trips that ended, in order, as far as the tape is marked."""
        self._done += self.since(len(self._done))
        return self._done

    def r_multiples(self) -> NDArray[np.float64]:
        """Float64 [n], what round trips that ended made in R; NaN where there was no risk."""
        parts = [np.empty(0, np.float64)]
        for rows in self._blocks():
            made = np.full(len(rows), np.nan)
            for place in np.flatnonzero(rows[:, _STOP] != r.ABSENT).tolist():
                result = self._finished(rows[place].tolist()).r_multiple
                made[place] = np.nan if result is None else result
            parts.append(made)
        return np.concatenate(parts)

    def _blocks(self) -> Iterator[NDArray[np.int64]]:
        """Rows of round trips that ended, as far as the tape is marked."""
        return chain(self._packed.blocks(), (self._rows[: self._marked],))

    def since(self, first: int) -> Iterator[RoundTrip]:
        """Round trips that ended, but for the ``first`` ones, made one by one and not kept."""
        for rows in self._blocks():
            for row in rows[min(first, len(rows)) :].tolist():
                yield self._finished(row)
            first = max(0, first - len(rows))

    @property
    def fills(self) -> list[tuple[Fill, int]]:
        """Every fill with the round trip it opened or closed (a reversal counts as closing)."""
        return list(zip(self._log, self._log.columns()["round_trip"].tolist(), strict=True))

    def still_open(self, time: int, price: int, excursion: Sequence[int]) -> RoundTrip | None:
        """The open position as a trip valued at ``price``, listed apart from the ended ones.

        Args:
            time: Now.
            price: Of the last trade.
            excursion: How far it went, as `mark` has it of ended ones.
        """
        self.follow()
        if not self._held:
            return None
        row = self._rows[self._ended].tolist()
        row[t.T_EXIT], row[t.T_MAE : t.T_MFE_MONEY + 1] = time, excursion
        worth_in, worth_out = self._worths(row)
        worth_out += self._account.worth(price, row[t.T_QTY_IN] - row[t.T_QTY_OUT])
        return self._record(row, worth_in, worth_out, None)

    def _finished(self, row: list[int]) -> RoundTrip:
        worth_in, worth_out = self._worths(row)
        average = self._average(worth_out, _paid(row, t.T_PAID_OUT), row[t.T_QTY_OUT])
        return self._record(row, worth_in, worth_out, average)

    def _worths(self, row: list[int]) -> tuple[int | Fraction, int | Fraction]:
        """What was traded into a round trip and out of it, in the account's units."""
        worth = self._account.worth
        if not self._is_inverse:
            return worth(_paid(row, t.T_PAID_IN), 1), worth(_paid(row, t.T_PAID_OUT), 1)
        fills = self._log.rows(row[t.T_FIRST], row[t.T_LAST] + 1).tolist()
        ins = [fill for fill in fills if fill[r.F_SIDE] == row[t.T_SIDE]]
        outs = [fill for fill in fills if fill[r.F_SIDE] != row[t.T_SIDE]]
        # Of a reversal's fill a part belongs to another: the first one in, the last one out.
        return self._worth_of(ins[::-1], row[t.T_QTY_IN]), self._worth_of(outs, row[t.T_QTY_OUT])

    def _worth_of(self, fills: list[list[int]], lots: int) -> int | Fraction:
        """Worth of the first ``lots`` of fills."""
        worth: int | Fraction = 0
        for fill in fills:
            part = min(lots, fill[r.F_QTY])
            worth += self._account.worth(fill[r.F_PRICE], part)
            lots -= part
        return worth

    def _record(
        self,
        row: list[int],
        worth_in: int | Fraction,
        worth_out: int | Fraction,
        exit_price: Decimal | None,
    ) -> RoundTrip:
        event, *plan = (None if row[c] == r.ABSENT else row[c] for c in (t.T_EVENT, *_PLANNED))
        planned, account, qty, side = Plan(*plan), self._account, row[t.T_QTY_IN], row[t.T_SIDE]
        gross = account.printed(account.profit(side, worth_in, worth_out))
        fees, paid_in = cents(row[t.T_FEES]), _paid(row, t.T_PAID_IN)
        funding = cents(row[t.T_FUNDING]) if row[t.T_FUNDING] else Decimal(0)
        net = gross - fees + funding
        risk = None
        if planned.stop is not None:
            entered = worth_in if planned.entry is None else account.worth(planned.entry, qty)
            at_risk = account.profit(side, account.worth(planned.stop, qty), entered)
            risk = account.printed(at_risk if at_risk >= 0 else -at_risk)
        mae, mfe = (
            None if row[column] == r.ABSENT else cents(row[column])
            for column in (t.T_MAE_MONEY, t.T_MFE_MONEY)
        )  # fmt: skip
        return RoundTrip(
            id=row[t.T_ID],
            side=side,
            entry_time=row[t.T_ENTRY],
            exit_time=row[t.T_EXIT],
            qty=qty,
            entry_price=self._average(worth_in, paid_in, qty),
            exit_price=exit_price,
            stop_price=planned.stop,
            target_price=planned.target,
            gross_pnl=gross,
            fees=fees,
            funding=funding,
            net_pnl=net,
            risk=risk,
            r_multiple=float(net / risk) if risk else None,
            mae_ticks=row[t.T_MAE],
            mfe_ticks=row[t.T_MFE],
            mae_money=mae,
            mfe_money=mfe,
            exit_role="open" if exit_price is None else logs.ROLES[row[t.T_ROLE]],
            event_id=event,
            is_open=exit_price is None,
            spans_gap=self._lacks_trades(row[t.T_ENTRY], row[t.T_EXIT]),
        )

    def _lacks_trades(self, start: int, end: int) -> bool:
        """Whether a hole begins before ``end`` and ends after ``start``; holes stand in order."""
        before = bisect_left(self._gaps, (end, 0))
        return before > 0 and self._gaps[before - 1][1] > start

    def _average(self, worth: int | Fraction, paid: int, lots: int) -> Decimal:
        units = self._account.instrument
        if units.is_inverse:  # harmonic
            return money(self._account.mean_price(worth, lots) / 10**units.price_decimals)
        return ratio(paid, lots * 10**units.price_decimals)


_PLANNED = range(t.T_PLAN, t.T_PLAN + 3)
_STOP = _PLANNED[Plan._fields.index("stop")]


def _paid(row: list[int], column: int) -> int:
    """A sum of price x lots."""
    return (row[column] << t.PART_BITS) + row[column + 1]

"""Round trips: a position from flat to flat, what it made and what it went through."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.marking import ENDS, OPENS, SHRINKS
from orderflow_bt.sim import logs
from orderflow_bt.sim.rounding import PER_UNIT, cents, half_even, money, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.marks import Marks
    from orderflow_bt.strategy.api import Fill


_PART = 1 << 62


class Plan(NamedTuple):
    """What a bracket meant to do: its entry, stop and target prices, where it had them.

    The entry of a market order is the last price when it was sent; None where that was not on the
    right side of the stop, and then the risk is measured from what the entry got.
    """

    entry: int | None
    stop: int | None
    target: int | None


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
    exit_role: str
    event_id: int | None
    is_open: bool
    spans_gap: bool


class _Trip:
    """A round trip under way, or ended and not yet written as a record."""

    __slots__ = (
        "entry_time", "event_id", "exit_role", "exit_time", "fees", "funding", "id", "paid_in",
        "paid_out", "plan", "qty_in", "qty_out", "side", "worth_in", "worth_out",
    )  # fmt: skip

    def __init__(self, id_: int, side: int, time: int, event_id: int | None, plan: Plan) -> None:
        self.id = id_
        self.side = side
        self.entry_time = time
        self.exit_time = -1
        self.plan = plan
        self.event_id = event_id
        self.qty_in = 0
        self.qty_out = 0
        self.paid_in = 0  # sums of price x lots
        self.paid_out = 0
        self.fees = 0  # hundred-millionths
        self.funding = Decimal(0)
        self.worth_in: int | Fraction = 0  # in the account's units, where that is not the same
        self.worth_out: int | Fraction = 0
        self.exit_role = ""


def _packed(trip: _Trip, extremes: tuple[int, int]) -> list[int]:
    """A round trip in integers, sums of price x lots in two parts."""
    numbers = [
        trip.id, trip.side, trip.entry_time, trip.exit_time, trip.qty_in, trip.qty_out, trip.fees,
        int(trip.funding * PER_UNIT), logs.ROLE_CODE[trip.exit_role], *extremes,
        *divmod(trip.paid_in, _PART), *divmod(trip.paid_out, _PART),
    ]  # fmt: skip
    perhaps = (trip.event_id, *trip.plan)
    return numbers + [logs.ABSENT if value is None else value for value in perhaps]


def _unpacked(row: list[int]) -> tuple[_Trip, tuple[int, int]]:
    """The round trip and the extremes that `_packed` took."""
    event, *plan = (None if value == logs.ABSENT else value for value in row[15:])
    trip = _Trip(row[0], row[1], row[2], event, Plan(*plan))
    trip.exit_time, trip.qty_in, trip.qty_out, trip.fees = row[3:7]
    trip.funding, trip.exit_role = cents(row[7]), logs.ROLES[row[8]]
    trip.paid_in, trip.paid_out = row[11] * _PART + row[12], row[13] * _PART + row[14]
    return trip, (row[9], row[10])


class Trips:
    """Follows one account from trip to trip.

    Args:
        account: Whose fills are booked.
        marks: Knows what the trips lived through.
        log: The fills.
    """

    def __init__(self, account: Account, marks: Marks, log: logs.FillLog) -> None:
        self._account = account
        self._log = log
        self._marks = marks
        self._is_inverse = account.instrument.is_inverse
        self._open: _Trip | None = None
        self._count = 0
        self._gaps: list[tuple[int, int]] = []
        self._packed: list[NDArray[np.int64]] = []  # as `_packed`, of those that ended first
        self._ended: list[_Trip] = []  # the others
        self._done: list[RoundTrip] = []  # records of as many as were looked at

    @property
    def done(self) -> list[RoundTrip]:
        """Round trips that ended, in order, as far as the tape is marked."""
        self._done += self.since(len(self._done))
        return self._done

    def since(self, first: int) -> Iterator[RoundTrip]:
        """Round trips that ended, but for the ``first`` ones, made one by one and not kept."""
        for chunk in self._packed:
            for row in chunk[min(first, len(chunk)) :].tolist():
                yield self._finished(*_unpacked(row))
            first = max(0, first - len(chunk))
        ended = zip(self._ended[first:], self._marks.trips[first:], strict=False)
        for trip, extremes in ended:
            yield self._finished(trip, extremes)

    def _finished(self, trip: _Trip, extremes: tuple[int, int]) -> RoundTrip:
        worth = self._worth(trip.worth_out, trip.paid_out)
        average = self._average(worth, trip.paid_out, trip.qty_out)
        return self._record(trip, trip.exit_time, worth, average, extremes, is_open=False)

    def pack(self) -> None:
        """Let round trips that ended take less room, where they are many and marked."""
        count = len(self._marks.trips)
        if count < logs.CHUNK or self._is_inverse:
            return
        rows = map(_packed, self._ended[:count], self._marks.trips)
        self._packed.append(np.array(list(rows), np.int64))
        del self._ended[:count]
        self._marks.trips.clear()

    @property
    def fills(self) -> list[tuple[Fill, int]]:
        """Every fill with the round trip it opened or closed (a reversal counts as closing)."""
        return list(zip(self._log, self._log.columns()["round_trip"].tolist(), strict=True))

    @property
    def count_done(self) -> int:
        """How many round trips ended."""
        return sum(map(len, self._packed)) + len(self._ended)

    @property
    def opened_at(self) -> int:
        """Entry time of the round trip under way, 0 when flat."""
        return self._open.entry_time if self._open else 0

    @property
    def open_id(self) -> int | None:
        """Id of the round trip under way, None when flat."""
        return self._open.id if self._open else None

    def fund(self, amount: Decimal) -> None:
        """Add a funding to the round trip under way."""
        if self._open is not None:
            self._open.funding += amount

    def note_gap(self, gap: tuple[int, int]) -> None:
        """Remember a hole in the tape, for the round trips that span it."""
        self._gaps.append(gap)

    @property
    def current_id(self) -> int:
        """Id of the round trip under way; when flat, of the one that comes next."""
        return self._open.id if self._open else self._count

    def book(self, order: list[Any], report: list[int], fee: int, plan: Plan) -> int:
        """Book a fill in the account and in the round trips it ends or begins.

        Args:
            order: Row of the order that filled.
            report: Of the fill, as the matching kernel writes it.
            fee: Hundred-millionths.
            plan: Of the bracket whose entry it is.

        Returns:
            What it did: `SHRINKS`, `ENDS`, `OPENS`, added up.
        """
        side, price, qty = order[logs.SIDE], report[k.R_PRICE], report[k.R_QTY]
        position = self._account.position
        closing = min(qty, abs(position)) if side * position < 0 else 0
        opening = qty - closing
        self._account.book(side, qty, price, fee)
        done, trip = 0, self._open
        fee_closing = half_even(fee * closing, qty) if opening and closing else fee
        if closing:
            assert trip is not None
            done = SHRINKS
            trip.qty_out += closing
            trip.paid_out += price * closing
            trip.fees += fee_closing
            trip.exit_role = order[logs.ROLE]
            if self._is_inverse:
                trip.worth_out += self._account.worth(price, closing)
            if closing == abs(position):
                done |= ENDS
                trip.exit_time = report[k.R_TIME]
                self._ended.append(trip)
                trip = self._open = None
        if opening:
            if trip is None:
                done |= OPENS
                trip = self._open = _Trip(
                    self._count, side, report[k.R_TIME], order[logs.EVENT], plan
                )
                self._count += 1
            trip.qty_in += opening
            trip.paid_in += price * opening
            trip.fees += fee - fee_closing if closing else fee
            if self._is_inverse:
                trip.worth_in += self._account.worth(price, opening)
        return done

    def still_open(self, time: int, price: int) -> RoundTrip | None:
        """The open position as a trip valued at ``price``, listed apart from the ended ones."""
        trip = self._open
        if trip is None:
            return None
        trip.exit_role = "open"
        left = self._account.worth(price, trip.qty_in - trip.qty_out)
        worth = self._worth(trip.worth_out, trip.paid_out) + left
        return self._record(trip, time, worth, None, self._marks.extremes, is_open=True)

    def _worth(self, worth: int | Fraction, paid: int) -> int | Fraction:
        """What trading for ``paid``, the sum of price x lots, is worth in the account's units."""
        return worth if self._is_inverse else self._account.worth(paid, 1)

    def _record(
        self,
        trip: _Trip,
        time: int,
        worth_out: int | Fraction,
        exit_price: Decimal | None,
        extremes: tuple[int, int],
        *,
        is_open: bool,
    ) -> RoundTrip:
        plan, account, qty = trip.plan, self._account, trip.qty_in
        worth_in = self._worth(trip.worth_in, trip.paid_in)
        gross = account.printed(account.profit(trip.side, worth_in, worth_out))
        fees = cents(trip.fees)
        net = gross - fees + trip.funding
        risk = None
        if plan.stop is not None:
            entered = worth_in if plan.entry is None else account.worth(plan.entry, qty)
            at_risk = account.profit(trip.side, account.worth(plan.stop, qty), entered)
            risk = account.printed(at_risk if at_risk >= 0 else -at_risk)
        adverse, favourable = extremes if trip.side > 0 else extremes[::-1]
        tick = account.instrument.tick_size
        paid, parts = trip.paid_in, qty
        if self._is_inverse:
            paid, parts = account.mean_price(worth_in, qty).as_integer_ratio()
        return RoundTrip(
            id=trip.id,
            side=trip.side,
            entry_time=trip.entry_time,
            exit_time=time,
            qty=qty,
            entry_price=self._average(worth_in, trip.paid_in, qty),
            exit_price=exit_price,
            stop_price=plan.stop,
            target_price=plan.target,
            gross_pnl=gross,
            fees=fees,
            funding=trip.funding,
            net_pnl=net,
            risk=risk,
            r_multiple=float(net / risk) if risk else None,
            mae_ticks=min(0, half_even(trip.side * (adverse * parts - paid), parts * tick)),
            mfe_ticks=max(0, half_even(trip.side * (favourable * parts - paid), parts * tick)),
            exit_role=trip.exit_role,
            event_id=trip.event_id,
            is_open=is_open,
            spans_gap=self._lacks_trades(trip.entry_time, time),
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

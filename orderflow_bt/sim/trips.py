"""Round trips: a position from flat to flat, what it made and what it went through."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.sim.rounding import PER_UNIT, cents, half_even, money, ratio

if TYPE_CHECKING:
    from fractions import Fraction

    from orderflow_bt.sim.account import Account
    from orderflow_bt.strategy.api import Fill


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
        "entry_time", "event_id", "exit_role", "exit_time", "fees", "funding", "high", "id", "low",
        "paid_in", "paid_out", "plan", "qty_in", "qty_out", "side", "worth_in", "worth_out",
    )  # fmt: skip

    def __init__(self, id_: int, fill: Fill, plan: Plan) -> None:
        self.id = id_
        self.side = fill.side
        self.entry_time = fill.time
        self.exit_time = -1
        self.plan = plan
        self.event_id = fill.event_id
        self.qty_in = 0
        self.qty_out = 0
        self.paid_in = 0  # sums of price x lots
        self.paid_out = 0
        self.fees = Decimal(0)
        self.funding = Decimal(0)
        self.worth_in: int | Fraction = 0  # in the account's units
        self.worth_out: int | Fraction = 0
        self.low = fill.price
        self.high = fill.price
        self.exit_role = ""


class Trips:
    """Follows one account from trip to trip.

    Attributes:
        fills: Every fill with the round trip it opened or closed (a reversal counts as closing).
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._open: _Trip | None = None
        self._count = 0
        self._gaps: list[tuple[int, int]] = []
        self._ended: list[_Trip] = []
        self._done: list[RoundTrip] = []  # records of as many of them as were looked at
        self.fills: list[tuple[Fill, int]] = []

    @property
    def done(self) -> list[RoundTrip]:
        """Round trips that ended, in order."""
        for trip in self._ended[len(self._done) :]:
            average = self._average(trip.worth_out, trip.paid_out, trip.qty_out)
            self._done.append(self._record(trip, trip.exit_time, trip.worth_out, average, False))
        return self._done

    @property
    def count_done(self) -> int:
        """How many round trips ended."""
        return len(self._ended)

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

    def times(self, count: int) -> list[tuple[int, int, int | None]]:
        """(id, entry time, exit time or None) of the first ``count`` round trips."""
        found: list[tuple[int, int, int | None]] = [
            (trip.id, trip.entry_time, trip.exit_time) for trip in self._ended[:count]
        ]
        if self._open is not None and self._open.id < count:
            found.append((self._open.id, self._open.entry_time, None))
        return found

    def note_gap(self, gap: tuple[int, int]) -> None:
        """Remember a hole in the tape, for the round trips that span it."""
        self._gaps.append(gap)

    @property
    def extremes(self) -> tuple[int, int]:
        """Lowest and highest price that the round trip under way lived through."""
        trip = self._open
        return (trip.low, trip.high) if trip else (0, 0)

    @extremes.setter
    def extremes(self, prices: tuple[int, int]) -> None:
        if self._open is not None:
            self._open.low, self._open.high = prices

    def apply(self, fill: Fill, plan: Plan) -> None:
        """Book a fill in the account and in the round trips it ends or begins."""
        self.fills.append((fill, self._open.id if self._open else self._count))
        position = self._account.position
        closing = min(fill.qty, abs(position)) if fill.side * position < 0 else 0
        opening = fill.qty - closing
        self._account.apply(fill.side, fill.qty, fill.price, fill.fee)
        fee_closing = fill.fee
        if opening and closing:
            fee_closing = cents(half_even(int(fill.fee * PER_UNIT) * closing, fill.qty))
        if closing:
            trip = self._open
            assert trip is not None
            trip.qty_out += closing
            trip.paid_out += fill.price * closing
            trip.fees += fee_closing
            trip.worth_out += self._account.worth(fill.price, closing)
            trip.exit_role = fill.role
            trip.low, trip.high = min(trip.low, fill.price), max(trip.high, fill.price)
            if closing == abs(position):
                trip.exit_time = fill.time
                self._ended.append(trip)
                self._open = None
        if opening:
            if self._open is None:
                self._open = _Trip(self._count, fill, plan)
                self._count += 1
            trip = self._open
            trip.qty_in += opening
            trip.paid_in += fill.price * opening
            trip.worth_in += self._account.worth(fill.price, opening)
            trip.fees += fill.fee - (fee_closing if closing else Decimal(0))

    def still_open(self, time: int, price: int) -> RoundTrip | None:
        """The open position as a trip valued at ``price``, listed apart from the ended ones."""
        trip = self._open
        if trip is None:
            return None
        trip.exit_role = "open"
        left = self._account.worth(price, trip.qty_in - trip.qty_out)
        return self._record(trip, time, trip.worth_out + left, None, True)

    def _record(
        self,
        trip: _Trip,
        time: int,
        worth_out: int | Fraction,
        exit_price: Decimal | None,
        is_open: bool,  # noqa: FBT001 - a field of the record
    ) -> RoundTrip:
        plan, account, qty = trip.plan, self._account, trip.qty_in
        gross = account.printed(account.profit(trip.side, trip.worth_in, worth_out))
        net = gross - trip.fees + trip.funding
        risk = None
        if plan.stop is not None:
            entered = trip.worth_in if plan.entry is None else account.worth(plan.entry, qty)
            at_risk = account.profit(trip.side, account.worth(plan.stop, qty), entered)
            risk = account.printed(at_risk if at_risk >= 0 else -at_risk)
        adverse, favourable = (trip.low, trip.high) if trip.side > 0 else (trip.high, trip.low)
        tick = account.instrument.tick_size
        paid, parts = trip.paid_in, qty
        if account.instrument.is_inverse:
            paid, parts = account.mean_price(trip.worth_in, qty).as_integer_ratio()
        return RoundTrip(
            id=trip.id,
            side=trip.side,
            entry_time=trip.entry_time,
            exit_time=time,
            qty=qty,
            entry_price=self._average(trip.worth_in, trip.paid_in, qty),
            exit_price=exit_price,
            stop_price=plan.stop,
            target_price=plan.target,
            gross_pnl=gross,
            fees=trip.fees,
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

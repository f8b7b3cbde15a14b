"""Funding: what a perpetual contract pays between longs and shorts, row by row of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.kernels.orders import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from orderflow_bt.sim.account import Account


class Funding(NamedTuple):
    """One funding of a contract, as the exchange published it.

    Attributes:
        time: Microseconds UTC.
        rate: Share of the position's value that longs pay to shorts.
        interval_hours: Length of the period it ends.
        mark: Mark price in quote currency, or None where none is stored.
    """

    time: int
    rate: Decimal
    interval_hours: int
    mark: Decimal | None


class FundingPayment(NamedTuple):
    """What one funding did to the account. ``amount`` is negative where it was paid."""

    time: int
    rate: Decimal
    interval_hours: int
    mark: Decimal
    mark_source: str  # mark, or last_trade
    position: int
    amount: Decimal
    round_trip: int


class FundingClock:
    """The fundings still to come, each applied once to what is held when it is due.

    Args:
        rows: Of the contract, by time.
        shift: Microseconds by which the exchange takes its look earlier (-) or later (+).

    Attributes:
        next_time: When the next one is due.
        payments: What was paid and received.
    """

    def __init__(self, rows: Iterable[Funding], shift: int = 0) -> None:
        self._rows = [row._replace(time=row.time + shift) for row in rows]
        self._next = -1
        self._step()
        self.payments: list[FundingPayment] = []

    def _step(self) -> None:
        self._next += 1
        self.next_time = self._rows[self._next].time if self._next < len(self._rows) else NEVER

    def pay(self, account: Account, last_price: int, round_trip: int | None) -> Decimal | None:
        """Apply the next funding to what is held; None where nothing is."""
        row = self._rows[self._next]
        self._step()
        if account.position == 0 or round_trip is None:
            return None
        mark = account.instrument.price(last_price) if row.mark is None else row.mark
        amount = account.funding(mark, row.rate)
        account.clock(row.time)
        account.pay(amount)
        source = "last_trade" if row.mark is None else "mark"
        self.payments.append(
            FundingPayment(
                row.time, row.rate, row.interval_hours, mark, source, account.position, amount,
                round_trip,
            )
        )  # fmt: skip
        return amount

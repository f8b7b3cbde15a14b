"""The books of a session: its fills, and what they do to the account, its trips and its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim import logs
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.margin import NO_BAND, Margin
from orderflow_bt.sim.marks import Marks
from orderflow_bt.sim.trips import Trips

if TYPE_CHECKING:
    from orderflow_bt.sim.funding import FundingClock
    from orderflow_bt.sim.session import Session


class Books:
    """Every fill is booked here, whoever causes it.

    Attributes:
        fills: Every fill, in order.
        can_be_liquidated: Whether there is a price at which the position is.
    """

    def __init__(self, session: Session) -> None:
        config = session.config
        self._session = session
        self._tick = session.instrument.tick_size
        self.account = Account(session.instrument, config.cash, config.fees, config.fee_changes)
        self.margin = Margin(self.account, config)
        self.marks = Marks(self.account, config.cash)
        self.fills = logs.FillLog()
        self.trips = Trips(self.account, self.marks, self.fills)
        self.can_be_liquidated = False

    def fill(
        self, order_id: int, order: list[Any], report: list[int], rule: int, fee: int | None = None
    ) -> None:
        """Book a fill of an order, and let the strategy hear of it in time.

        Args:
            order_id: Whose.
            order: Its row.
            report: As of the matching kernel, but with the trade's id for its index.
            rule: By its code in `logs`.
            fee: Hundred-millionths; None: by the account's rates.
        """
        session, account, trips, tick = self._session, self.account, self.trips, self._tick
        time, price, qty = report[k.R_TIME], report[k.R_PRICE], report[k.R_QTY]
        account.clock(time)
        maker = report[k.R_RULE] != k.TOOK
        if fee is None:
            fee = account.fee(price, qty, maker=maker)
        event = order[logs.EVENT]
        number = self.fills.add(
            order_id, time, report[k.R_INDEX], order[logs.SIDE], qty, price,
            logs.ROLE_CODE[order[logs.ROLE]], maker, rule, report[k.R_AHEAD],
            report[k.R_SLIPPAGE] // tick, fee, logs.ABSENT if event is None else event,
            price if maker else report[k.R_REFERENCE], report[k.R_SPREAD] // tick,
            report[k.R_BPS] // tick, report[k.R_IMPACT] // tick, trips.current_id,
        )  # fmt: skip
        done = trips.book(order, report, fee, session.broker.plan_of(order_id))
        self.marks.changed(session.cursor, session.last_price, done, price, session.closes)
        if session.hooks.hears_fills:
            session.tell(time, order_id, number)

    def pay(self, funding: FundingClock) -> None:
        """Apply the next funding to what is held."""
        session = self._session
        amount = funding.pay(self.account, session.last_price, self.trips.open_id)
        if amount is not None:
            self.trips.fund(amount)
            self.marks.changed(session.cursor, session.last_price, closes=session.closes)

    def show(self, slots: memoryview) -> None:
        """Tell the matching kernel, by its state, what is held and where that is liquidated."""
        position = slots[k.POSITION] = self.account.position
        band = self.margin.band() if position else NO_BAND
        self.can_be_liquidated = band != NO_BAND
        slots[k.LIQUIDATE_LOW], slots[k.LIQUIDATE_HIGH] = band

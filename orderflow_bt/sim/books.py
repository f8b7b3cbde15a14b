"""The books of a session: its fills, and what they do to the account, its trips and its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.clerk import write_fill
from orderflow_bt.kernels.records import CHUNK
from orderflow_bt.sim import logs
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.margin import NO_BAND, Margin
from orderflow_bt.sim.marks import Marks
from orderflow_bt.sim.trips import Trips

if TYPE_CHECKING:
    from orderflow_bt.sim.funding import FundingClock
    from orderflow_bt.sim.stepper import Stepper


class Books:
    """Every fill is booked here or by the kernel's clerk, on one account.

    Attributes:
        fills: Every fill, in order.
    """

    def __init__(self, session: Stepper) -> None:
        config = session.config
        self._session = session
        self._state = session.state
        self._scratch = np.zeros(k.REPORT_FIELDS, np.int64)
        self.fills = logs.FillLog(session.state)
        self.account = Account(session.instrument, config.cash, config.fees, config.fee_changes)
        self.account.fills = self.fills
        self.margin = Margin(self.account, config)
        self.marks = Marks(self.account, config.cash, session.state)
        self.trips = Trips(self.account, self.fills)
        session.state.slots[k.BAND] = k.UNKNOWN

    # -- what kernel and books tell each other ----------------------------------------------------

    def charge(self, time: int) -> None:
        """Let the rates of ``time`` hold from now on."""
        account, slots = self.account, self._state.slots
        account.clock(time)
        slots[k.BAND] = k.UNKNOWN
        if self.counts_by_hand:
            self._session.broker.count_by_hand()
            return
        slots[k.UNIT], slots[k.CENT] = account.unit, account.cent
        slots[k.MAKER_PART], slots[k.MAKER_WHOLE] = account.rates[True]
        slots[k.TAKER_PART], slots[k.TAKER_WHOLE] = account.rates[False]
        self._share()

    @property
    def counts_by_hand(self) -> bool:
        """Whether the account's money is not for a kernel: fractions, or too large."""
        account = self.account
        numbers = (account.ledger, account.cent, account.unit, *account.rates[True],
                   *account.rates[False])  # fmt: skip
        return any(not isinstance(number, int) or abs(number) >= k.NEVER for number in numbers)

    def _share(self) -> None:
        """Tell the kernel of money that it did not book; its band does not hold any more."""
        account, slots = self.account, self._state.slots
        slots[k.BAND] = k.UNKNOWN
        if isinstance(account.ledger, int) and abs(account.ledger) < k.NEVER:
            slots[k.LEDGER], slots[k.FEES_PAID] = account.ledger, account.fees_units
        else:
            self._session.broker.count_by_hand()

    def take_over(self) -> None:
        """Take in what the kernel has booked."""
        slots, fills = self._state.slots, self.fills
        if slots[k.N_FILLS] != fills.written:
            fills.written = slots[k.N_FILLS]
            self.account.take_over(slots[k.BOOKED], slots[k.LEDGER], slots[k.FEES_PAID])

    def make_room(self) -> None:
        """Let the kernel have room for fills and for changes of the account."""
        rows = self._session.broker.rows
        self.catch_up()
        self.trips.pack()
        self._session.broker.put_away()
        self.fills.make_room(rows + CHUNK)
        self.marks.make_room(rows + CHUNK)

    def show(self) -> None:
        """Tell the matching kernel where the position is liquidated."""
        slots = self._state.slots
        slots[k.LIQUIDATE_LOW], slots[k.LIQUIDATE_HIGH] = (
            self.margin.band() if self.account.position else NO_BAND
        )
        slots[k.BAND] = k.EXACT
        slots[k.BAND_RULE], slots[k.SAFE_RATE], slots[k.SAFE_WORTH] = self.margin.rule(
            self._session.last_price
        )

    @property
    def can_be_liquidated(self) -> bool:
        """Whether there is a price at which the position is."""
        slots = self._state.slots
        low: int = slots[k.LIQUIDATE_LOW]
        return low > NO_BAND[0] or slots[k.LIQUIDATE_HIGH] < NO_BAND[1]

    # -- booking ----------------------------------------------------------------------------------

    def fill(
        self, order_id: int, report: list[int], rule: int, row: int, fee: int | None = None
    ) -> None:
        """Book a fill of an order, and let the strategy hear of it in time.

        Args:
            order_id: Whose.
            report: As of the matching kernel, but with the trade's id for its index.
            rule: By its code in `logs`.
            row: Of the stretch in hand, behind the trade it filled at.
            fee: Hundred-millionths; None: by the account's rates.
        """
        session, account, slots = self._session, self.account, self._state.slots
        time, price, qty = report[k.R_TIME], report[k.R_PRICE], report[k.R_QTY]
        account.clock(time)
        if fee is None:
            fee = account.fee(price, qty, maker=report[k.R_RULE] != k.TOOK)
        order = session.broker.orders.array(order_id)
        if slots[k.N_FILLS] == slots[k.FILL_ROOM] or slots[k.N_CHANGES] == slots[k.CHANGE_ROOM]:
            self.make_room()
        account.book(int(order[logs.SIDE]), qty, price, fee)
        self._scratch[:] = report
        vector, settings = self._state.vector, session.broker.settings
        write_fill(self._scratch, order, rule, fee, row, vector, settings)
        self.marks.settle()
        self._share()
        number = self.fills.written
        self.fills.written = number + 1
        if session.hooks.hears_fills and slots[k.RESPONSE] == k.NEVER:
            session.tell(time, order_id, number)

    def pay(self, funding: FundingClock) -> None:
        """Apply the next funding to what is held."""
        session, slots = self._session, self._state.slots
        trip = slots[k.N_TRIPS] - 1 if self.account.position else None
        amount = funding.pay(self.account, session.last_price, trip)
        if amount is not None:
            self.trips.fund(amount)
            if self._state.slots[k.N_CHANGES] == slots[k.CHANGE_ROOM]:
                self.make_room()
            self.marks.changed(session.cursor, session.last_price)
            self._share()

    def catch_up(self) -> None:
        """Mark the account at every trade before the session's cursor."""
        session = self._session
        self.trips.mark(self.marks.catch_up(session.tape, session.cursor))

    @property
    def opened_at(self) -> int:
        """Entry time of the round trip under way, 0 when flat."""
        opened: int = self._state.slots[k.OPENED_AT] if self.account.position else 0
        return opened

"""Where orders are taken in: refused, or written down and given a row of the exchange's table."""

from __future__ import annotations

from _thread import get_ident
from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow_bt.errors import PluginError
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels import records as r
from orderflow_bt.sim import logs
from orderflow_bt.sim.liquidation import check_margin, openers
from orderflow_bt.sim.logs import ABSENT, KIND_CODE, ROLE_CODE
from orderflow_bt.sim.order_table import OrderTable
from orderflow_bt.sim.reports import ReportReader
from orderflow_bt.sim.tickets import LARGEST, is_whole
from orderflow_bt.strategy.api import Order

if TYPE_CHECKING:
    from orderflow_bt.sim.stepper import Stepper
    from orderflow_bt.sim.tickets import Ticket

NOT_SENT = -1  # the id of an order sent while orders are disabled
NOT_PLAIN = -2  # no id: there is more to an order, or more to say about it

_TYPES = {
    "market": k.MARKET, "limit": k.LIMIT, "stop": k.STOP, "stop_limit": k.STOP,
    "trailing_stop": k.STOP, "if_touched": k.TOUCHED,
}  # fmt: skip


class OrderDesk(OrderTable):
    """Takes orders in for one session.

    Attributes:
        orders: Every order, by id.
        skipped: Why events led to no order, by event id.
        gap_end: Where the latest hole in the tape ends: nothing arrives inside it.
    """

    def __init__(self, session: Stepper) -> None:
        super().__init__(session.state, session.config.kernel_settings(session.instrument))
        self._session = session
        self.orders = logs.OrderLog(session.state)
        self.skipped: dict[int, str] = {}
        self.gap_end = 0
        self.reader = ReportReader(session, self)
        self._groups = 0
        config, units = session.config, session.instrument
        self._delay, self._lag = config.constant("entry"), config.lag_trades
        self._most = config.max_open_orders
        self._tick, self._lot = units.tick_size, units.lot_size
        # where contracts are counted, one is the least
        least = Decimal(0) if units.is_inverse else units.min_notional
        self._least = session.account.units(least)  # worth of an order

    @property
    def fills(self) -> logs.FillLog:
        """Every fill, in order."""
        return self._session.books.fills

    def count_by_hand(self) -> None:
        """Have every fill booked by the books, not by the kernel's clerk."""
        self.reader.choose(fills_by_hand=True)

    def choose_clerk(self) -> None:
        """Decide, before the first trade, what the kernel's clerk may do and whom it tells."""
        session, slots = self._session, self.slots
        hears, delay = session.hooks.hears_fills, session.config.constant("response")
        in_portfolio = session.seat is not None
        in_turn = session.hooks.hears_only_fills and delay is not None and not in_portfolio
        slots[k.RESPONSE] = delay if in_turn and delay is not None else k.NEVER
        slots[k.HEARD_AT] = k.NEVER
        self.reader.choose(fills_by_hand=in_portfolio or (hears and not in_turn))
        session.books.charge(session.now)

    def pack(self) -> None:
        """Forget the plans of brackets whose entries ended, where they are many."""
        trips = self._session.trips
        if len(trips.plans) >= logs.CHUNK:
            trips.follow()
            ended = [one for one in trips.plans if self.orders.row(one)[logs.STATUS] >= r.ENDED]
            for order_id in ended:
                del trips.plans[order_id]
        self.put_away()

    def put_away(self) -> None:
        """Put orders and fills that nobody changes any more out of the way."""
        self.orders.put_away(self.matrix[: self.rows, k.ID].tolist())
        self.fills.put_away()

    # -- sending ------------------------------------------------------------------------------

    def send(self, ticket: Ticket) -> int:
        """Put one order into the table; returns its id, `NOT_SENT` while orders are disabled."""
        session = self._session
        session.check_thread()
        ticket = ticket.checked()
        if not session.trading:
            return NOT_SENT
        units, now, order_id = session.instrument, session.now, len(self.orders)
        asked, ticket = ticket, ticket.on_grid(units.tick_size, units.lot_size)
        kind, role, side, qty, price, limit, trail, worst = ticket[:8]
        parent, reason = ticket.parent, ticket.reason
        if parent is None:
            status, arrival = r.SENT, now + session.config.delay("entry", now, order_id)
        else:
            status, arrival = r.WAITS, ABSENT
        self.orders.add(
            order_id, ABSENT if parent is None else parent, KIND_CODE[kind], ROLE_CODE[role], side,
            qty, ABSENT if price is None else price, now, arrival, ABSENT, status, 0, ABSENT,
            k.ON_REQUEST, ABSENT if reason is None else reason.id,
            ABSENT if limit is None else limit, ABSENT if trail is None else trail,
            ABSENT if worst is None else worst, ABSENT,
        )  # fmt: skip
        refused = "" if parent is not None else self._refused(order_id, ticket, asked)
        if refused:
            row = self.orders.row(order_id)
            row[logs.STATUS], row[logs.DONE] = r.REJECTED_STATUS, now
            row[logs.WHY] = self.orders.why(refused)
            self._tell(order_id)
        else:
            self._enter(order_id, ticket, arrival)
            session.stir()
        return order_id

    def send_plain(self, kind: int, side: int, qty: int, price: int) -> int:
        """Put a market or limit order that is nothing more into the table: `send`, in short.

        Args:
            kind: ``MARKET`` or ``LIMIT``.
            side: Of the order.
            qty: Lots.
            price: Of a limit order, else 0.

        Returns:
            Its id; `NOT_PLAIN` for what `send` is to look at, such as all that is wrong.
        """
        session = self._session
        if not (
            type(side) is type(qty) is type(price) is int
            and side in (1, -1)
            and 0 < qty <= LARGEST
            and 0 <= price <= LARGEST
            and (price > 0 or kind == k.MARKET)
            and qty % self._lot == 0 == price % self._tick
            and self._delay is not None
            and self.rows < self._most
            and session.now >= session.orders_from
            and get_ident() == session.thread
        ):
            return NOT_PLAIN
        now, last, margin = session.now, session.last_price, session.margin
        arrival = now + self._delay
        worth = session.account.worth(price or last, qty)
        if worth < self._least:
            return NOT_PLAIN
        if self.rows or not margin.carries(side, worth, last):
            beside = openers(session, arrival) if self.rows else ()
            if margin.refusal(side, qty, price or last, last, beside):
                return NOT_PLAIN
        order = kind, side, qty, price
        order_id = self.orders.add_plain(order, now, arrival)
        if self.rows >= self.full_at:
            self.make_room()
        due = max(arrival, self.gap_end)
        self.add_plain(order_id, order, due, session.tape.base + session.cursor + self._lag)
        session.stir()
        return order_id

    def _tell(self, order_id: int) -> None:
        session = self._session
        if session.hooks.hears_orders:
            session.stir()
            session.tell(session.now, order_id, self.orders.record(order_id))

    def _enter(self, order_id: int, ticket: Ticket, arrival: int) -> None:
        """Give an order its row in the kernel's matrix: values in the order of its columns."""
        session = self._session
        self.make_room()  # rows may move
        price, parent, watch = ticket.price or 0, -1, 0
        if ticket.parent is not None:
            found = self.row_of(ticket.parent)
            parent = -1 if found is None else found
            state, group, due = k.WAITING, self._groups, k.NEVER
        else:
            state, group, due = k.PENDING, 0, max(arrival, self.gap_end)
        expires = k.NEVER if ticket.expires is None else session.now + ticket.expires
        if ticket.until is not None:
            expires = min(expires, ticket.until)
        if ticket.cancel_at is not None:
            watch = self._watch_side(ticket)
        self.add(
            order_id, state, _TYPES[ticket.kind], ticket.side, price, ticket.qty, ticket.qty, due,
            session.next_index + self._lag, order_id, price, expires, k.NEVER,
            ticket.cancel_at or 0, watch, 0, parent, group, ticket.reduce_only, ticket.post_only,
            ticket.immediate or ticket.fill_or_kill, k.NEVER, 0, ticket.trail or 0,
            ticket.limit or 0, ticket.worst or 0, ticket.fill_or_kill, 0, 0, k.NEVER, 0, 0, 0,
            k.ON_REQUEST,
        )  # fmt: skip

    def _watch_side(self, ticket: Ticket) -> int:
        """From which side ``cancel_at`` will be reached: away from the order, if price is at it."""
        watched, last = ticket.cancel_at, self._session.last_price
        assert watched is not None
        from_price = ticket.price if ticket.price is not None and watched == last else last
        if watched == from_price:
            return -ticket.side  # all three at one price: as if it lay behind a buy, before a sell
        return 1 if watched > from_price else -1

    def _refused(self, order_id: int, ticket: Ticket, asked: Ticket) -> str:
        """Why the exchange would not take an order; empty where it would."""
        session = self._session
        units, config = session.instrument, session.config
        if ticket.qty <= 0:
            return "the quantity rounds to nothing"
        if 0 in (ticket.price, ticket.limit, ticket.worst):
            return "the price rounds to nothing"
        if config.off_tick == "reject" and asked.off_grid(units.tick_size):
            return f"a price is off the exchange's tick of {units.price(units.tick_size)}"
        if asked.until is not None and asked.until <= session.now:
            return "its time was over when it was sent"
        if self.rows >= config.max_open_orders and self.count_open() >= config.max_open_orders:
            return f"more than {config.max_open_orders} open orders"
        price = session.last_price if ticket.price is None else ticket.price
        if not asked.reduce_only and session.account.worth(price, ticket.qty) < self._least:
            return f"worth less than the exchange's minimum of {units.min_notional}"
        return check_margin(session, ticket, order_id)

    def _refused_change(self, order_id: int, order: memoryview, shape: Ticket) -> str:
        """Why the exchange would leave an order as it is; empty where it would not."""
        if 0 in (shape.price, shape.limit):
            return "the price rounds to nothing"
        if shape.qty <= order[logs.QTY]:
            return ""
        price = order[logs.PRICE]
        rest = shape._replace(
            qty=shape.qty - order[logs.FILLED], price=None if price == ABSENT else price
        )
        return check_margin(self._session, rest, order_id)

    def _known(self, order_id: int, verb: str) -> memoryview:
        if not is_whole(order_id) or not 0 <= order_id < len(self.orders):
            if isinstance(order_id, Order):
                raise PluginError(f"orders are named by their id: {verb} order.id")
            raise PluginError(f"there is no order {order_id!r} to {verb}")
        return self.orders.row(order_id)

"""The broker a strategy talks to: checks tickets, keeps orders, reads the kernel's reports."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.account import BPS
from orderflow_bt.sim.trips import Plan
from orderflow_bt.strategy.api import Fill, Order
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow.events import Event
    from orderflow_bt.instruments import Fees
    from orderflow_bt.sim.session import Session

FIRST_ROWS = 32
NOT_SENT = -1  # the id of an order sent while orders are disabled
MIN_RISK_TICKS = 4
LONGEST_LIFE = 3_660 * DAY_US  # of an order; a longer one is a time given for a duration
MIN_TARGET_R = Decimal("1.5")
MAX_COST_R = Decimal("0.25")

_TYPES = {"market": k.MARKET, "limit": k.LIMIT, "stop": k.STOP}
_STATUS = {k.REJECTED: "rejected", k.CANCELLED: "cancelled", k.EXPIRED: "expired"}
_RULES = {k.TOOK: "took", k.THROUGH_PRICE: "through"}
_REASONS = {
    k.ON_REQUEST: "",
    k.POST_ONLY_WOULD_TAKE: "post-only, but it would have taken",
    k.OCO_FILLED: "the other leg filled",
    k.NOTHING_TO_REDUCE: "no position left to reduce",
    k.ENTRY_NEVER_FILLED: "its entry ended unfilled",
    k.IMMEDIATE_REST: "immediate-or-cancel: the rest",
    k.TOO_SLOW: "not filled in time by what was traded",
}
NO_PLAN = Plan(None, None, None)


class Happening(NamedTuple):
    """Something a hook may be told of: a fill, or an order's new status."""

    time: int
    fill: Fill | None
    order: Order


class SimBroker:
    """What `orderflow_bt.Broker` promises, on top of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.skipped: dict[int, str] = {}
        self.matrix = np.zeros((FIRST_ROWS, k.ORDER_FIELDS), np.int64)
        self.reports = np.zeros((4 * FIRST_ROWS + 4, k.REPORT_FIELDS), np.int64)
        self.rows = 0  # rows of the matrix in use
        self._ids: list[int] = []  # order id of each row
        self._plans: dict[int, Plan] = {}  # by entry order
        self._groups = 0
        units = session.instrument  # where contracts are counted, one is the least
        least = Decimal(0) if units.is_inverse else units.min_notional
        self._least = session.account.units(least)  # worth of an order

    # -- what a strategy calls ----------------------------------------------------------------

    @property
    def working(self) -> tuple[Order, ...]:
        """Orders that can still fill, children of unfilled brackets included."""
        ended = (k.DONE, k.SPENT)
        live = (row for row in range(self.rows) if self.matrix[row, k.STATE] not in ended)
        return tuple(self.orders[self._ids[row]] for row in live)

    def market(
        self, side: int, qty: int, *, reduce_only: bool = False, reason: Event | None = None
    ) -> int:
        """Take what trades offer from arrival on."""
        role = "exit" if reduce_only else "entry"
        return self._send("market", role, side, qty, None, reduce_only=reduce_only, reason=reason)

    def limit(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        post_only: bool = False,
        immediate: bool = False,
        reduce_only: bool = False,
        expires: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """Trade at ``price`` or better."""
        return self._send(
            "limit", "exit" if reduce_only else "entry", side, qty, price,
            reduce_only=reduce_only, expires=expires, cancel_at=cancel_at, reason=reason,
            post_only=post_only, immediate=immediate,
        )  # fmt: skip

    def stop(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        reduce_only: bool = False,
        expires: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """A market order once ``price`` trades."""
        return self._send(
            "stop", "exit" if reduce_only else "entry", side, qty, price,
            reduce_only=reduce_only, expires=expires, cancel_at=cancel_at, reason=reason,
        )  # fmt: skip

    def bracket(
        self,
        side: int,
        qty: int,
        *,
        stop: int,
        target: int,
        stop_entry: int | None = None,
        limit_entry: int | None = None,
        expires: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """An entry that on filling sets a stop and a target, each cancelling the other."""
        if stop_entry is not None and limit_entry is not None:
            raise PluginError("a bracket has one entry: give stop_entry or limit_entry, not both")
        entry = stop_entry if stop_entry is not None else limit_entry
        low, high = (stop, target) if side > 0 else (target, stop)
        if not low < high or (entry is not None and not low < entry < high):
            raise PluginError(
                "a bracket's entry must lie between its stop and its target",
                where=f"side {side}, stop {stop}, entry {entry}, target {target}",
            )
        kind = (
            "stop" if stop_entry is not None else "limit" if limit_entry is not None else "market"
        )
        parent = self._send(
            kind, "entry", side, qty, entry, expires=expires, cancel_at=cancel_at, reason=reason
        )
        if parent == NOT_SENT or self.orders[parent].status == "rejected":
            return parent
        self._plans[parent] = Plan(self.orders[parent].price, stop, target)
        self._groups += 1
        for role, child_kind, price in (("stop", "stop", stop), ("target", "limit", target)):
            self._send(child_kind, role, -side, 0, price, parent=parent, reason=reason)
        return parent

    def cancel(self, order_id: int) -> None:
        """Ask for an order's end; fills that reach the exchange first still count."""
        if order_id == NOT_SENT:
            return
        if not 0 <= order_id < len(self.orders):
            raise PluginError(f"there is no order {order_id} to cancel")
        if order_id not in self._ids:
            return  # it ended before the matrix was last compacted
        row = self._ids.index(order_id)
        due = self._session.now + self._session.config.cancel_latency
        self.matrix[row, k.CANCEL_AT] = min(int(self.matrix[row, k.CANCEL_AT]), due)

    def cancel_all(self) -> None:
        """Ask for the end of every working order."""
        for order in self.working:
            self.cancel(order.id)

    def close(self, *, reason: Event | None = None) -> int | None:
        """Market order for the whole position, reduce-only; None when flat."""
        held = self._session.account.position
        if held == 0:
            return None
        return self.market(-1 if held > 0 else 1, abs(held), reduce_only=True, reason=reason)

    def size(self, risk: float, entry: int, stop: int) -> int:
        """Lots that lose ``risk`` of equity between entry and stop, at most equity's worth."""
        account = self._session.account
        units = self._session.instrument
        equity = account.equity_units(self._session.last_price)
        if entry == stop or entry <= 0 or stop <= 0 or equity <= 0:
            return 0
        share = Fraction(str(risk))
        loss = account.loss_between(entry, stop, 1)
        by_risk = equity * share.numerator // (loss * share.denominator)
        lots = int(min(by_risk, equity // account.worth(entry, 1)))
        return lots // units.lot_size * units.lot_size

    def refusal(self, entry: int, stop: int, target: int) -> str:
        """Why a setup is not worth its costs, empty where it is."""
        tick = self._session.instrument.tick_size
        config = self._session.config
        risk = abs(entry - stop)
        if risk < MIN_RISK_TICKS * tick:
            return f"risk under {MIN_RISK_TICKS} ticks"
        if abs(target - entry) < MIN_TARGET_R * risk:
            return f"target under {MIN_TARGET_R} R"
        cost = 2 * entry * self._fees().taker_bps / BPS + config.slippage_ticks * tick
        if cost > MAX_COST_R * risk:
            return f"fees and slippage over {MAX_COST_R} R"
        if self.size(1.0, entry, stop) == 0:
            return "equity under one lot"
        return ""

    def _fees(self) -> Fees:
        """The rates that hold now."""
        account = self._session.account
        account.clock(self._session.now)
        return account.fees

    def skip(self, event: Event, why: str) -> None:
        """Write down that an event led to no order, and why."""
        if event.id >= 0:
            self.skipped[event.id] = why

    def timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``."""
        self._session.set_timer(time)

    # -- sending ------------------------------------------------------------------------------

    def _send(
        self,
        kind: str,
        role: str,
        side: int,
        qty: int,
        price: int | None,
        *,
        reduce_only: bool = False,
        expires: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
        post_only: bool = False,
        immediate: bool = False,
        parent: int | None = None,
    ) -> int:
        """Put one order into the table; returns its id, `NOT_SENT` while orders are disabled."""
        session = self._session
        _check_ticket(side, qty, price=price, expires=expires, cancel_at=cancel_at)
        if not session.trading:
            return NOT_SENT
        is_child = parent is not None
        if price is not None:
            price = self._on_grid(kind, side, price)
        qty -= qty % session.instrument.lot_size
        arrival = None if is_child else session.now + session.config.entry_latency
        order = Order(
            id=len(self.orders),
            parent_id=parent,
            kind=kind,
            role=role,
            side=side,
            qty=qty,
            price=price,
            decision_time=session.now,
            arrival_time=arrival,
            done_time=None,
            status="waiting" if is_child else "sent",
            filled_qty=0,
            ahead=None,
            why="",
            event_id=None if reason is None else reason.id,
        )
        self.orders.append(order)
        refused = "" if is_child else self._refused(order, reduce_only=reduce_only)
        if refused:
            order = order._replace(status="rejected", done_time=session.now, why=refused)
            self.orders[order.id] = order
            session.tell(Happening(session.now, None, order))
            return order.id
        row = self._new_row(order.id)
        row[k.STATE] = k.WAITING if is_child else k.PENDING
        row[k.TYPE] = _TYPES[kind]
        row[k.SIDE] = side
        row[k.PRICE] = 0 if price is None else price
        row[k.QTY] = row[k.LEFT] = qty
        row[k.ARRIVAL] = k.NEVER if arrival is None else arrival
        row[k.FROM] = session.next_index + session.config.lag_trades
        row[k.EXPIRES] = k.NEVER if expires is None else session.now + expires
        row[k.CANCEL_AT] = row[k.TAKE_TIME] = k.NEVER
        if cancel_at is not None:
            row[k.WATCH_PRICE] = cancel_at
            row[k.WATCH_SIDE] = self._watch_side(cancel_at, price)
        row[k.PARENT] = -1 if parent is None else self._ids.index(parent)
        row[k.OCO] = self._groups if is_child else 0
        row[k.REDUCE_ONLY] = reduce_only or is_child
        row[k.POST_ONLY] = post_only
        row[k.IMMEDIATE] = immediate
        return order.id

    def _watch_side(self, cancel_at: int, price: int | None) -> int:
        """From which side ``cancel_at`` will be reached: away from the order, if price is at it."""
        last = self._session.last_price
        from_price = price if price is not None and cancel_at == last else last
        return 1 if cancel_at > from_price else -1

    def _on_grid(self, kind: str, side: int, price: int) -> int:
        """A price on the exchange's tick, rounded so that it never asks for more than was meant."""
        tick = self._session.instrument.tick_size
        down = (side > 0) == (kind == "limit")
        return price // tick * tick if down else -(-price // tick) * tick

    def _refused(self, order: Order, *, reduce_only: bool) -> str:
        units = self._session.instrument
        if order.qty <= 0:
            return "the quantity rounds to nothing"
        price = order.price if order.price is not None else self._session.last_price
        if not reduce_only and self._session.account.worth(price, order.qty) < self._least:
            return f"worth less than the exchange's minimum of {units.min_notional}"
        return ""

    def _new_row(self, order_id: int) -> NDArray[np.int64]:
        if self.rows == len(self.matrix):
            self._compact()
        if self.rows == len(self.matrix):
            grown = np.zeros((2 * self.rows, k.ORDER_FIELDS), np.int64)
            grown[: self.rows] = self.matrix
            self.matrix = grown
            self.reports = np.zeros((8 * self.rows + 4, k.REPORT_FIELDS), np.int64)
        self._ids.append(order_id)
        self.rows += 1
        row: NDArray[np.int64] = self.matrix[self.rows - 1]
        row[:] = 0
        return row

    def _compact(self) -> None:
        """Drop rows of orders that ended, keeping the order of the rest."""
        live = np.flatnonzero(self.matrix[: self.rows, k.STATE] != k.DONE)
        moved = {int(old): new for new, old in enumerate(live)}
        kept = self.matrix[live].copy()
        kept[:, k.PARENT] = [moved.get(int(parent), -1) for parent in kept[:, k.PARENT]]
        self.matrix[: len(live)] = kept
        self._ids = [self._ids[old] for old in live]
        self.rows = len(live)

    def drop_ended(self) -> None:
        """Empty the table where every order of it has ended: the tape can be passed over."""
        if not self.matrix[: self.rows, k.STATE].any():
            self._ids.clear()
            self.rows = 0

    # -- what the kernel reported -------------------------------------------------------------

    def read_reports(self, count: int) -> list[Happening]:
        """Turn the kernel's latest reports into orders and fills."""
        happenings = []
        for report in self.reports[:count].tolist():
            row = report[k.R_ORDER]
            order_id = self._ids[row]
            order = self.orders[order_id]
            fill = None
            kind = report[k.R_KIND]
            time = report[k.R_TIME]
            if kind == k.ACCEPTED:
                rests = self.matrix[row, k.STATE] == k.RESTING
                order = order._replace(
                    status="working",
                    arrival_time=time,
                    done_time=None,
                    ahead=report[k.R_AHEAD] if rests else None,
                    why="",
                )
            elif kind == k.RESTED:
                order = order._replace(ahead=report[k.R_AHEAD])
            elif kind == k.GREW:
                order = order._replace(qty=order.qty + report[k.R_QTY])
            elif kind == k.FILLED:
                fill = self._fill_of(order, report)
                self.fills.append(fill)
                filled = order.filled_qty + fill.qty
                order = order._replace(filled_qty=filled)
                if report[k.R_LEFT] == 0:
                    why = _REASONS[k.OCO_FILLED] if filled < order.qty else ""
                    order = order._replace(status="filled", done_time=time, why=why)
            elif kind in _STATUS:
                order = order._replace(
                    status=_STATUS[kind], done_time=time, why=_REASONS[report[k.R_RULE]]
                )
            else:
                order = order._replace(status="triggered")
            self.orders[order_id] = order
            happenings.append(Happening(time, fill, order))
        return happenings

    def _fill_of(self, order: Order, report: list[int]) -> Fill:
        session = self._session
        maker = report[k.R_RULE] != k.TOOK
        session.account.clock(report[k.R_TIME])
        row = report[k.R_INDEX] - session.tape.base
        rule = _RULES.get(report[k.R_RULE]) or session.config.fills.value
        price, qty = report[k.R_PRICE], report[k.R_QTY]
        return Fill(
            id=len(self.fills),
            order_id=order.id,
            time=report[k.R_TIME],
            trade_id=int(session.tape.id[row]),
            side=order.side,
            qty=qty,
            price=price,
            role=order.role,
            liquidity="maker" if maker else "taker",
            rule=rule,
            ahead=report[k.R_AHEAD],
            slippage_ticks=report[k.R_SLIPPAGE] // session.instrument.tick_size,
            fee=session.account.fee(price, qty, maker=maker),
            event_id=order.event_id,
        )

    def plan_of(self, fill: Fill) -> Plan:
        """The plan of the bracket whose entry filled."""
        return self._plans.get(fill.order_id, NO_PLAN)


def _check_ticket(side: int, qty: int, **others: int | None) -> None:
    """Refuse what can only be a mistake in the plugin."""
    if not _is_whole(side) or side not in (1, -1):
        raise PluginError(f"an order's side is +1 or -1, not {side!r}")
    for name, value in {"quantity": qty, **others}.items():
        if value is not None and not (_is_whole(value) and value >= 0):
            raise PluginError(
                f"an order's {name} is a non-negative integer, not {value!r}",
                fix="Quantities are lots, prices price units, durations microseconds",
            )
    life = others.get("expires") or 0
    if life > LONGEST_LIFE:
        raise PluginError(
            f"expires is how long an order lives, in microseconds: {life} are"
            f" {life // DAY_US:,} days",
            fix="Give a duration, not a time",
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)

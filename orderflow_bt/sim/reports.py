"""What the matching kernel reported, as orders and fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.kernels import orders as k
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.session import Session

Change = tuple[int, int, int, int]  # when it arrives; quantity, price and limit, 0 where they stay
Changes = dict[int, list[Change]]

TRADE_ID = k.REPORT_FIELDS  # of a fill's report, behind the kernel's columns

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
    k.NOT_WHOLE: "fill-or-kill: not to be had whole at once",
    k.PRICE_BOUND: "the market went beyond its worst price",
    k.LIQUIDATION: "the position was liquidated",
    k.NOTHING_LEFT: "changed to no more than was filled",
}


_PRICE_AT, _ARRIVAL_AT, _DONE_AT, _STATUS_AT, _FILLED_AT, _AHEAD_AT, _WHY_AT = (
    Order._fields.index(name)
    for name in ("price", "arrival_time", "done_time", "status", "filled_qty", "ahead", "why")
)


class Happening(NamedTuple):
    """Something a hook may be told of: a fill, or an order's new status."""

    time: int
    fill: Fill | None
    order: Order


class ReportReader:
    """Reads a kernel's reports into a broker's orders and fills.

    It also sets what depends on the moment of a report: when the order of a triggered stop starts,
    when a cancel sent at a watched price arrives, and which change of an order is next.
    """

    def __init__(self, session: Session, broker: SimBroker, changes: Changes) -> None:
        self._session = session
        self._broker = broker
        self._changes = changes  # on their way, behind the one that the order's row carries
        self._held: dict[int, list[list[int]]] = {}  # parts of fill-or-kill orders

    def add_change(self, row: int, order_id: int, change: Change) -> None:
        """Send a change of an order; it arrives behind those sent before."""
        if self._broker.matrix[row, k.NEW_AT] == k.NEVER:
            self._load(row, change)
        else:
            self._changes.setdefault(order_id, []).append(change)

    def _load(self, row: int, change: Sequence[int]) -> None:
        columns = [k.NEW_AT, k.NEW_QTY, k.NEW_PRICE, k.NEW_LIMIT]
        self._broker.matrix[row, columns] = change

    def read(self, count: int) -> list[Happening]:
        """What happened, in order; the broker's orders and fills are brought up to date."""
        happenings: list[Happening] = []
        for report in self._broker.reports[:count].tolist():
            order_id = self._broker.order_of(report[k.R_ORDER])
            if report[k.R_KIND] in (k.FILLED, k.HELD_PART):
                tape = self._session.tape  # it forgets: look the trade up while it is there
                report.append(int(tape.id[report[k.R_INDEX] - tape.base]))
            if report[k.R_KIND] == k.FILLED:
                happenings += self._filled(order_id, report)
            elif report[k.R_KIND] == k.WATCHED:
                self._cancel(report, order_id)
            elif report[k.R_KIND] == k.HELD_PART:
                self._held.setdefault(order_id, []).append(report)
            else:
                order = self._changed(self._broker.orders[order_id], report)
                self._broker.orders[order_id] = order
                happenings.append(Happening(report[k.R_TIME], None, order))
        return happenings

    def _changed(self, order: Order, report: list[int]) -> Order:
        kind, row, time = report[k.R_KIND], report[k.R_ORDER], report[k.R_TIME]
        if kind == k.ACCEPTED:
            now: list[Any] = list(order)  # several times as fast as _replace
            now[_STATUS_AT], now[_ARRIVAL_AT], now[_DONE_AT], now[_WHY_AT] = (
                "working",
                time,
                None,
                "",
            )
            now[_AHEAD_AT] = report[k.R_AHEAD] if report[k.R_RULE] == k.RESTING else None
            if order.trail is not None:
                now[_PRICE_AT] = report[k.R_PRICE]
            return Order._make(now)
        if kind == k.RESTED:
            return order._replace(ahead=report[k.R_AHEAD])
        if kind == k.GREW:
            return order._replace(qty=order.qty + report[k.R_QTY])
        if kind == k.REPLACED:
            return self._replaced(order, report)
        if kind == k.TRIGGERED:
            self._start(row, order, time)
            level = report[k.R_REFERENCE] if order.trail is not None else order.price
            return order._replace(status="triggered", trigger_time=time, price=level)
        self._changes.pop(order.id, None)
        self._held.pop(order.id, None)
        why = _REASONS[report[k.R_RULE]]
        if not why and kind == k.CANCELLED and order.id in self._broker.cut_short:
            why = "trades are missing"
        return order._replace(status=_STATUS[kind], done_time=time, why=why)

    def _start(self, row: int, order: Order, time: int) -> None:
        """Let what a trigger sends arrive one trigger latency later."""
        matrix, config = self._broker.matrix, self._session.config
        if matrix[row, k.ARRIVAL] != k.NEVER:
            return  # it ended on that very trade, and may have gone live anew
        arrival = time + config.delay("trigger", time, order.id)
        matrix[row, k.ARRIVAL] = arrival
        takes = matrix[row, k.STATE] == k.TAKING
        if takes and config.max_wait and not matrix[row, k.REDUCE_ONLY]:
            matrix[row, k.EXPIRES] = min(int(matrix[row, k.EXPIRES]), arrival + config.max_wait)

    def _cancel(self, report: list[int], order_id: int) -> None:
        matrix, row, time = self._broker.matrix, report[k.R_ORDER], report[k.R_TIME]
        due = time + self._session.config.delay("cancel", time, order_id)
        matrix[row, k.CANCEL_AT] = min(int(matrix[row, k.CANCEL_AT]), due)

    def _replaced(self, order: Order, report: list[int]) -> Order:
        matrix, row = self._broker.matrix, report[k.R_ORDER]
        waiting = self._changes.get(order.id)
        if waiting:
            due, *what = waiting.pop(0)
            self._load(row, [max(due, report[k.R_TIME]), *what])
        price: int | None = int(matrix[row, k.PRICE]) or None
        limit: int | None = int(matrix[row, k.LIMIT_PRICE]) or None
        if limit is not None and matrix[row, k.TYPE] == k.LIMIT:
            price, limit = order.price, price  # its trigger is history
        elif matrix[row, k.STATE] == k.TAKING and matrix[row, k.TYPE] != k.LIMIT:
            price = order.price
        qty = report[k.R_QTY] if order.parent_id is None else order.qty
        order = order._replace(qty=qty, price=price, limit_price=limit)
        if report[k.R_RULE] == k.KEPT_PLACE:
            return order
        rests = matrix[row, k.STATE] == k.RESTING
        return order._replace(
            arrival_time=report[k.R_TIME], ahead=report[k.R_AHEAD] if rests else None
        )

    def _filled(self, order_id: int, report: list[int]) -> list[Happening]:
        """Book a fill; that of a fill-or-kill order with the parts it had held."""
        broker, happenings = self._broker, []
        parts = self._held.pop(order_id, None)
        if parts:
            report[k.R_QTY] -= sum(part[k.R_QTY] for part in parts)
        for part in [*parts, report] if parts else [report]:
            order = broker.orders[order_id]
            fill = self._fill_of(order, part)
            broker.fills.append(fill)
            now: list[Any] = list(order)
            now[_FILLED_AT] = filled = order.filled_qty + fill.qty
            if part is report and report[k.R_LEFT] == 0:
                why = _REASONS[k.OCO_FILLED] if filled < order.qty else ""
                now[_STATUS_AT], now[_DONE_AT], now[_WHY_AT] = "filled", report[k.R_TIME], why
                self._changes.pop(order_id, None)
            broker.orders[order_id] = order = Order._make(now)
            happenings.append(Happening(report[k.R_TIME], fill, order))
        return happenings

    def _fill_of(self, order: Order, report: list[int]) -> Fill:
        session = self._session
        tick = session.instrument.tick_size
        maker = report[k.R_RULE] != k.TOOK
        session.account.clock(report[k.R_TIME])
        price, qty = report[k.R_PRICE], report[k.R_QTY]
        return Fill(
            id=len(self._broker.fills),
            order_id=order.id,
            time=report[k.R_TIME],
            trade_id=report[TRADE_ID],
            side=order.side,
            qty=qty,
            price=price,
            role=order.role,
            liquidity="maker" if maker else "taker",
            rule=_RULES.get(report[k.R_RULE]) or session.config.fills.value,
            ahead=report[k.R_AHEAD],
            slippage_ticks=report[k.R_SLIPPAGE] // tick,
            fee=session.account.fee(price, qty, maker=maker),
            event_id=order.event_id,
            reference=price if maker else report[k.R_REFERENCE],
            spread_ticks=report[k.R_SPREAD] // tick,
            bps_ticks=report[k.R_BPS] // tick,
            impact_ticks=report[k.R_IMPACT] // tick,
        )

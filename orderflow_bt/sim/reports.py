"""What the matching kernel reported, in the rows of orders and in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim import logs
from orderflow_bt.strategy.api import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.session import Session

Change = tuple[int, int, int, int]  # when it arrives; quantity, price and limit, 0 where they stay
Changes = dict[int, list[Change]]

_STATUS = {k.REJECTED: "rejected", k.CANCELLED: "cancelled", k.EXPIRED: "expired"}
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


class ReportReader:
    """Reads a kernel's reports into the rows of a broker's orders, and has fills booked.

    It also sets what depends on the moment of a report: when the order of a triggered stop starts,
    when a cancel sent at a watched price arrives, and which change of an order is next.
    """

    def __init__(self, session: Session, broker: SimBroker, changes: Changes) -> None:
        self._session = session
        self._broker = broker
        self._changes = changes  # on their way, behind the one that the order's row carries
        self._held: dict[int, list[list[int]]] = {}  # parts of fill-or-kill orders
        policy = session.config.fills.value
        self._rules = {
            k.TOOK: logs.RULE_CODE["took"],
            k.AT_PRICE: logs.RULE_CODE[policy],
            k.THROUGH_PRICE: logs.RULE_CODE["through"],
        }

    def add_change(self, row: int, order_id: int, change: Change) -> None:
        """Send a change of an order; it arrives behind those sent before."""
        if self._broker.matrix[row, k.NEW_AT] == k.NEVER:
            self._load(row, change)
        else:
            self._changes.setdefault(order_id, []).append(change)

    def _load(self, row: int, change: Sequence[int]) -> None:
        columns = [k.NEW_AT, k.NEW_QTY, k.NEW_PRICE, k.NEW_LIMIT]
        self._broker.matrix[row, columns] = change

    def read(self, count: int) -> None:
        """Take in what happened, in order, and let the strategy hear of it in time."""
        broker, session = self._broker, self._session
        for report in broker.reports[:count].tolist():
            order_id = broker.order_of(report[k.R_ORDER])
            kind = report[k.R_KIND]
            session.now = max(session.now, report[k.R_TIME])
            if kind == k.FILLED:
                self._filled(order_id, report)
            elif kind == k.WATCHED:
                self._cancel(report, order_id)
            elif kind == k.HELD_PART:
                report[k.R_INDEX] = self._trade_id(report)  # the tape forgets
                self._held.setdefault(order_id, []).append(report)
            else:
                order = broker.orders.row(order_id)
                self._change(order_id, order, report)
                if session.hooks.hears_orders:
                    session.tell(report[k.R_TIME], order_id, Order._make(order))

    def _trade_id(self, report: list[int]) -> int:
        tape = self._session.tape
        return tape.id.item(report[k.R_INDEX] - tape.base)

    def _change(self, order_id: int, order: list[Any], report: list[int]) -> None:
        """Bring an order's row up to date."""
        kind, row, time = report[k.R_KIND], report[k.R_ORDER], report[k.R_TIME]
        if kind == k.ACCEPTED:
            order[logs.STATUS], order[logs.ARRIVAL] = "working", time
            order[logs.DONE], order[logs.WHY] = None, ""
            order[logs.AHEAD] = report[k.R_AHEAD] if report[k.R_RULE] == k.RESTING else None
            if order[logs.TRAIL] is not None:
                order[logs.PRICE] = report[k.R_PRICE]
        elif kind == k.RESTED:
            order[logs.AHEAD] = report[k.R_AHEAD]
        elif kind == k.GREW:
            order[logs.QTY] += report[k.R_QTY]
        elif kind == k.REPLACED:
            self._replace(order_id, order, report)
        elif kind == k.TRIGGERED:
            self._start(row, order_id, time)
            order[logs.STATUS], order[logs.TRIGGERED] = "triggered", time
            if order[logs.TRAIL] is not None:
                order[logs.PRICE] = report[k.R_REFERENCE]
        else:
            self._changes.pop(order_id, None)
            self._held.pop(order_id, None)
            why = _REASONS[report[k.R_RULE]]
            if not why and kind == k.CANCELLED and order_id in self._broker.cut_short:
                why = "trades are missing"
            order[logs.STATUS], order[logs.DONE], order[logs.WHY] = _STATUS[kind], time, why

    def _start(self, row: int, order_id: int, time: int) -> None:
        """Let what a trigger sends arrive one trigger latency later."""
        matrix, config = self._broker.matrix, self._session.config
        if matrix[row, k.ARRIVAL] != k.NEVER:
            return  # it ended on that very trade, and may have gone live anew
        arrival = time + config.delay("trigger", time, order_id)
        matrix[row, k.ARRIVAL] = arrival
        takes = matrix[row, k.STATE] == k.TAKING
        if takes and config.max_wait and not matrix[row, k.REDUCE_ONLY]:
            matrix[row, k.EXPIRES] = min(int(matrix[row, k.EXPIRES]), arrival + config.max_wait)

    def _cancel(self, report: list[int], order_id: int) -> None:
        matrix, row, time = self._broker.matrix, report[k.R_ORDER], report[k.R_TIME]
        due = time + self._session.config.delay("cancel", time, order_id)
        matrix[row, k.CANCEL_AT] = min(int(matrix[row, k.CANCEL_AT]), due)

    def _replace(self, order_id: int, order: list[Any], report: list[int]) -> None:
        matrix, row = self._broker.matrix, report[k.R_ORDER]
        waiting = self._changes.get(order_id)
        if waiting:
            due, *what = waiting.pop(0)
            self._load(row, [max(due, report[k.R_TIME]), *what])
        price: int | None = int(matrix[row, k.PRICE]) or None
        limit: int | None = int(matrix[row, k.LIMIT_PRICE]) or None
        if limit is not None and matrix[row, k.TYPE] == k.LIMIT:
            price, limit = order[logs.PRICE], price  # its trigger is history
        elif matrix[row, k.STATE] == k.TAKING and matrix[row, k.TYPE] != k.LIMIT:
            price = order[logs.PRICE]
        if order[logs.PARENT] is None:
            order[logs.QTY] = report[k.R_QTY]
        order[logs.PRICE], order[logs.LIMIT_PRICE] = price, limit
        if report[k.R_RULE] != k.KEPT_PLACE:
            rests = matrix[row, k.STATE] == k.RESTING
            order[logs.ARRIVAL] = report[k.R_TIME]
            order[logs.AHEAD] = report[k.R_AHEAD] if rests else None

    def _filled(self, order_id: int, report: list[int]) -> None:
        """Book a fill; that of a fill-or-kill order with the parts it had held."""
        order, books = self._broker.orders.row(order_id), self._session.books
        report[k.R_INDEX] = self._trade_id(report)
        if self._held:
            parts = self._held.pop(order_id, ())
            for part in parts:
                report[k.R_QTY] -= part[k.R_QTY]
                order[logs.FILLED] += part[k.R_QTY]
                books.fill(order_id, order, part, self._rules[part[k.R_RULE]])
        order[logs.FILLED] += report[k.R_QTY]
        if report[k.R_LEFT] == 0:
            order[logs.STATUS], order[logs.DONE] = "filled", report[k.R_TIME]
            less = order[logs.FILLED] < order[logs.QTY]
            order[logs.WHY] = _REASONS[k.OCO_FILLED] if less else ""
            if self._changes:
                self._changes.pop(order_id, None)
        books.fill(order_id, order, report, self._rules[report[k.R_RULE]])

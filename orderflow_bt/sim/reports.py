"""Reports of the matching kernel that its clerk leaves to be done by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels import records as r
from orderflow_bt.kernels.clerk import note_all, note_change, note_traded
from orderflow_bt.sim import logs
from orderflow_bt.sim.logs import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.sim.order_desk import OrderDesk
    from orderflow_bt.sim.stepper import Stepper

Change = tuple[int, int, int, int]  # when it arrives; quantity, price and limit, 0 where they stay

_ENDS = sum(1 << kind for kind in (k.REJECTED, k.CANCELLED, k.EXPIRED))
_CHANGES = _ENDS | sum(1 << kind for kind in (k.ACCEPTED, k.RESTED, k.GREW))
_FILLS = 1 << k.FILLED
_ALWAYS = sum(1 << kind for kind in (k.WATCHED, k.HELD_PART, k.TRIGGERED, k.REPLACED))


class ReportReader:
    """Does what no kernel can: what depends on a latency, is told of, or is exact beyond 64 bits.

    It sets when the order of a triggered stop starts, when a cancel sent at a watched price
    arrives, and which change of an order is next.
    """

    def __init__(self, session: Stepper, broker: OrderDesk) -> None:
        self._session = session
        self._broker = broker
        self._rule_of = (1 + broker.settings.item(k.S_POLICY), 1 + k.THROUGH)
        self._changes: dict[int, list[Change]] = {}  # on their way, behind what the row carries
        self._held: dict[int, list[list[int]]] = {}  # parts of fill-or-kill orders
        self._told = 0  # kinds that are always done by hand

    def choose(self, *, fills_by_hand: bool) -> None:
        """Decide what the kernel's clerk may write down."""
        told = _CHANGES if self._session.hooks.hears_orders else 0
        self._told = _ALWAYS | told | (_FILLS if fills_by_hand else 0)
        self._divide()

    def _divide(self) -> None:
        """Tell the clerk; where an order's end drops what waits for it, ends are for this one."""
        waits = self._changes or self._held
        self._broker.slots[k.BY_HAND] = self._told | (_ENDS | _FILLS if waits else 0)

    def add_change(self, row: int, order_id: int, change: Change) -> None:
        """Send a change of an order; it arrives behind those sent before."""
        if self._broker.matrix[row, k.NEW_AT] == k.NEVER:
            self._load(row, change)
        else:
            self._changes.setdefault(order_id, []).append(change)
            self._divide()

    def _load(self, row: int, change: Sequence[int]) -> None:
        columns = [k.NEW_AT, k.NEW_QTY, k.NEW_PRICE, k.NEW_LIMIT]
        self._broker.matrix[row, columns] = change

    def read(self) -> None:
        """Do what is left of the latest reports, in order, with the clerk."""
        broker, books = self._broker, self._session.books
        slots = broker.slots
        while slots[k.NOTED] < slots[k.N_REPORTS]:
            self._do(slots[k.NOTED])
            slots[k.NOTED] += 1
            note_all(broker.reports, broker.matrix, broker.state.vector, broker.settings)
            books.take_over()

    def _do(self, number: int) -> None:
        broker, session = self._broker, self._session
        report: list[int] = broker.reports[number].tolist()
        kind, time, order_id = report[k.R_KIND], report[k.R_TIME], broker.order_of(report[1])
        row = broker.orders.row(order_id)
        if kind == k.FILLED:
            note_traded(broker.reports[number], broker.orders.array(order_id))
            self._filled(order_id, report)
            return
        if kind == k.WATCHED:
            self._cancel(report, order_id)
            return
        if kind == k.HELD_PART:
            report[k.R_INDEX] = session.tape.id.item(report[k.R_INDEX] - session.tape.base)
            self._held.setdefault(order_id, []).append(report)  # with its id: the tape forgets
            self._divide()
            return
        if kind == k.REPLACED:
            self._replace(order_id, row, report)
        elif kind == k.TRIGGERED:
            self._start(report[k.R_ORDER], order_id, time)
            row[logs.STATUS], row[logs.TRIGGERED] = r.TRIGGERED_STATUS, time
            if row[logs.TRAIL] != ABSENT:
                row[logs.PRICE] = report[k.R_REFERENCE]
        else:
            note_change(broker.reports[number], broker.orders.array(order_id))
            if _ENDS >> kind & 1:
                self._drop(order_id)
        if session.hooks.hears_orders:
            session.tell(time, order_id, broker.orders.record(order_id))

    def _drop(self, order_id: int) -> None:
        """Forget what waited for an order that ended."""
        if self._changes or self._held:
            self._changes.pop(order_id, None)
            self._held.pop(order_id, None)
            self._divide()

    def _start(self, row: int, order_id: int, time: int) -> None:
        """Let what a trigger sends arrive one trigger latency later."""
        matrix, config = self._broker.matrix, self._session.config
        if matrix[row, k.ARRIVAL] != k.NEVER:
            return  # it ended on that very trade, and may have gone live anew
        delay = config.delay("trigger", time, order_id)
        arrival = max(time + delay, self._broker.gap_end)  # nothing arrives where trades lack
        matrix[row, k.ARRIVAL] = arrival
        takes = matrix[row, k.STATE] == k.TAKING
        if takes and config.max_wait and not matrix[row, k.REDUCE_ONLY]:
            matrix[row, k.EXPIRES] = min(int(matrix[row, k.EXPIRES]), arrival + config.max_wait)

    def _cancel(self, report: list[int], order_id: int) -> None:
        matrix, row, time = self._broker.matrix, report[k.R_ORDER], report[k.R_TIME]
        due = time + self._session.config.delay("cancel", time, order_id)
        matrix[row, k.CANCEL_AT] = min(int(matrix[row, k.CANCEL_AT]), due)

    def _replace(self, order_id: int, order: memoryview, report: list[int]) -> None:
        matrix, row = self._broker.matrix, report[k.R_ORDER]
        waiting = self._changes.get(order_id)
        if waiting:
            due, *what = waiting.pop(0)
            self._load(row, [max(due, report[k.R_TIME]), *what])
        price = matrix.item(row, k.PRICE) or ABSENT
        limit = matrix.item(row, k.LIMIT_PRICE) or ABSENT
        if limit != ABSENT and matrix[row, k.TYPE] == k.LIMIT:
            price, limit = order[logs.PRICE], price  # its trigger is history
        elif matrix[row, k.STATE] == k.TAKING and matrix[row, k.TYPE] != k.LIMIT:
            price = order[logs.PRICE]
        if order[logs.PARENT] == ABSENT:
            order[logs.QTY] = report[k.R_QTY]
        order[logs.PRICE], order[logs.LIMIT_PRICE] = price, limit
        if report[k.R_RULE] != k.KEPT_PLACE:
            rests = matrix[row, k.STATE] == k.RESTING
            order[logs.ARRIVAL] = report[k.R_TIME]
            order[logs.AHEAD] = report[k.R_AHEAD] if rests else ABSENT

    def _filled(self, order_id: int, report: list[int]) -> None:
        """Book a fill; that of a fill-or-kill order with the parts it had held."""
        books, tape = self._session.books, self._session.tape
        row = report[k.R_INDEX] - tape.base
        report[k.R_INDEX] = tape.id.item(row)
        for part in self._held.pop(order_id, ()):
            report[k.R_QTY] -= part[k.R_QTY]
            books.fill(order_id, part, self._rule(part), row + 1)
        if report[k.R_LEFT] == 0:
            self._drop(order_id)
        books.fill(order_id, report, self._rule(report), row + 1)

    def _rule(self, report: list[int]) -> int:
        rule = report[k.R_RULE]
        return 0 if rule == k.TOOK else self._rule_of[rule != k.AT_LIMIT]

"""The broker a strategy talks to: tickets are made here, and changes of orders asked for."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.records import SENT
from orderflow_bt.sim import logs
from orderflow_bt.sim.account import BPS
from orderflow_bt.sim.logs import ABSENT
from orderflow_bt.sim.order_desk import NOT_PLAIN, NOT_SENT, OrderDesk
from orderflow_bt.sim.tickets import (
    Ticket,
    check_numbers,
    check_reason,
    check_size,
    is_whole,
    plain_int,
)
from orderflow_bt.sim.trips import Plan

if TYPE_CHECKING:
    from orderflow_bt.flow.events import Event
    from orderflow_bt.instruments import Fees
    from orderflow_bt.strategy.api import Order

MIN_RISK_TICKS = 4
MIN_TARGET_R = Decimal("1.5")
MAX_COST_R = Decimal("0.25")


class SimBroker(OrderDesk):
    """What `orderflow_bt.Broker` promises, on top of a session."""

    @property
    def fills(self) -> logs.FillLog:
        """Every fill, in order."""
        return self._session.books.fills

    # -- what a strategy calls ----------------------------------------------------------------

    @property
    def working(self) -> tuple[Order, ...]:
        """Orders that can still fill, children of unfilled brackets included."""
        if not self.rows:
            return ()
        return tuple(self._as_it_stands(order_id) for order_id in self.live_ids())

    def _as_it_stands(self, order_id: int) -> Order:
        """An order with the price that its stop has trailed to."""
        order, row = self.orders[order_id], self.row_of(order_id)
        if order.trail is None or row is None or self.matrix[row, k.STATE] != k.ARMED:
            return order
        return order._replace(price=int(self.matrix[row, k.PRICE]) or None)

    def market(self, side: int, qty: int, *, reduce_only: bool = False, **more: Any) -> int:
        """Take what trades offer from arrival on."""
        if more:
            _only(more, "market", "worst")
        elif not reduce_only:
            sent = self.send_plain(k.MARKET, side, qty, 0)
            if sent != NOT_PLAIN:
                return sent
        role = "exit" if reduce_only else "entry"
        return self.send(Ticket("market", role, side, qty, reduce_only=reduce_only, **more))

    def limit(
        self, side: int, qty: int, price: int, *, reduce_only: bool = False, **more: Any
    ) -> int:
        """Trade at ``price`` or better."""
        if more:
            _only(more, "limit", "post_only", "immediate", "fill_or_kill", "cancel_at")
        elif not reduce_only:
            sent = self.send_plain(k.LIMIT, side, qty, price)
            if sent != NOT_PLAIN:
                return sent
        return self.send(
            Ticket("limit", _role(reduce_only), side, qty, price, reduce_only=reduce_only, **more)
        )

    def stop(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        limit: int | None = None,
        reduce_only: bool = False,
        **more: Any,
    ) -> int:
        """A market order, or a limit order at ``limit``, once ``price`` trades."""
        _only(more, "stop", "worst", "cancel_at")
        kind = "stop" if limit is None else "stop_limit"
        role = _role(reduce_only)
        return self.send(
            Ticket(kind, role, side, qty, price, limit, reduce_only=reduce_only, **more)
        )

    def trailing_stop(
        self,
        side: int,
        qty: int,
        trail: int,
        *,
        price: int | None = None,
        reduce_only: bool = False,
        **more: Any,
    ) -> int:
        """A stop that stays ``trail`` behind the best price since its arrival."""
        _only(more, "trailing_stop", "worst", "cancel_at")
        role = _role(reduce_only)
        return self.send(
            Ticket(
                "trailing_stop",
                role,
                side,
                qty,
                price,
                None,
                trail,
                reduce_only=reduce_only,
                **more,
            )
        )

    def if_touched(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        limit: int | None = None,
        reduce_only: bool = False,
        **more: Any,
    ) -> int:
        """A market order, or a limit order at ``limit``, once price comes as good as ``price``."""
        _only(more, "if_touched", "worst", "cancel_at")
        role = _role(reduce_only)
        return self.send(
            Ticket("if_touched", role, side, qty, price, limit, reduce_only=reduce_only, **more)
        )

    def bracket(
        self,
        side: int,
        qty: int,
        *,
        stop: int,
        target: int | None = None,
        trail: int | None = None,
        stop_entry: int | None = None,
        limit_entry: int | None = None,
        reason: Event | None = None,
        **more: Any,
    ) -> int:
        """An entry that on filling sets a stop and a target, each cancelling the other."""
        _only(more, "bracket", "cancel_at")
        if stop_entry is not None and limit_entry is not None:
            raise PluginError("a bracket has one entry: give stop_entry or limit_entry, not both")
        entry = stop_entry if stop_entry is not None else limit_entry
        check_numbers(stop=stop, target=target, trail=trail, entry=entry)
        rising = [price for price in (stop, entry, target) if price is not None]
        if any((b - a) * side <= 0 for a, b in pairwise(rising)):
            raise PluginError(
                "a bracket's entry must lie between its stop and its target",
                where=f"side {side}, stop {stop}, entry {entry}, target {target}",
            )
        kind = (
            "stop" if stop_entry is not None else "limit" if limit_entry is not None else "market"
        )
        parent = self.send(Ticket(kind, "entry", side, qty, entry, reason=reason, **more))
        if parent == NOT_SENT:
            return parent
        row = self.orders.row(parent)
        if logs.STATUSES[row[logs.STATUS]] == "rejected":
            return parent
        if entry is not None:
            entry = row[logs.PRICE]
        elif side * (self._session.last_price - stop) > 0:
            entry = self._session.last_price  # what a market order means to pay
        self._session.trips.plans[parent] = Plan(entry, stop, target)
        self._groups += 1
        legs: dict[str, Any] = {"reduce_only": True, "reason": reason, "parent": parent}
        stop_kind = "stop" if trail is None else "trailing_stop"
        self.send(Ticket(stop_kind, "stop", -side, 0, stop, trail=trail, **legs))
        if target is not None:
            self.send(Ticket("limit", "target", -side, 0, target, **legs))
        return parent

    def replace(
        self,
        order_id: int,
        *,
        qty: int | None = None,
        price: int | None = None,
        limit: int | None = None,
    ) -> None:
        """Ask for a change of an order where it stands."""
        self._session.check_thread()
        check_numbers(qty=qty, price=price, limit=limit)
        qty, price, limit = plain_int(qty), plain_int(price), plain_int(limit)
        if order_id == NOT_SENT:
            return
        order = self._known(order_id, "change")
        kind, side = logs.KINDS[order[logs.KIND]], order[logs.SIDE]
        if order[logs.PARENT] != ABSENT and qty is not None:
            raise PluginError("a bracket's leg is as large as what its entry filled")
        if kind == "market" and price is not None:
            raise PluginError("a market order has no price to change")
        if order[logs.LIMIT_PRICE] == ABSENT and limit is not None:
            raise PluginError(f"order {order_id} has no limit behind a trigger: change its price")
        row = self.row_of(order_id)
        if row is None or self.matrix[row, k.STATE] == k.DONE or self.matrix[row, k.IMMEDIATE]:
            return  # it ended, or takes what there is at once
        units = self._session.instrument
        now = self._session.now
        shape = Ticket(kind, logs.ROLES[order[logs.ROLE]], side, qty or 0, price, limit)
        shape = shape.on_grid(units.tick_size, units.lot_size)
        due = now + self._session.config.delay("entry", now, order_id)
        if self.matrix[row, k.STATE] == k.PENDING and order[logs.STATUS] == SENT:
            due = max(due, int(self.matrix[row, k.ARRIVAL]))  # it does not overtake its order
        refused = self._refused_change(order_id, order, shape)
        if refused:
            order[logs.WHY] = self.orders.why(f"its change was refused: {refused}")
            self._tell(order_id)
            return
        self._session.stir()
        total = 0 if qty is None else shape.qty or -1
        self.reader.add_change(row, order_id, (due, total, shape.price or 0, shape.limit or 0))

    def cancel(self, order_id: int) -> None:
        """Ask for an order's end; fills that reach the exchange first still count."""
        self._session.check_thread()
        if order_id == NOT_SENT:
            return
        self._known(order_id, "cancel")
        row = self.row_of(order_id)
        if row is None:
            return  # it ended before the matrix was last swept
        self._session.stir()
        now = self._session.now
        due = now + self._session.config.delay("cancel", now, order_id)
        self.matrix[row, k.CANCEL_AT] = min(int(self.matrix[row, k.CANCEL_AT]), due)

    def cancel_all(self) -> None:
        """Ask for the end of every working order."""
        for order_id in self.live_ids():
            self.cancel(order_id)

    def close(self, *, reason: Event | None = None) -> int | None:
        """Market order for the whole position, reduce-only; None when flat."""
        held = self._session.account.position
        if held == 0:
            return None
        return self.market(-1 if held > 0 else 1, abs(held), reduce_only=True, reason=reason)

    def size(self, risk: float, entry: int, stop: int) -> int:
        """Lots that lose ``risk`` of equity between entry and stop, at most equity's worth."""
        check_size(risk, entry, stop)
        entry, stop = plain_int(entry), plain_int(stop)
        account = self._session.account
        units = self._session.instrument
        equity = account.purse_units(self._session.last_price)
        if entry == stop or entry <= 0 or stop <= 0 or equity <= 0:
            return 0
        share = Fraction(str(risk))
        loss = account.loss_between(entry, stop, 1)
        by_risk = equity * share.numerator // (loss * share.denominator)
        lots = int(min(by_risk, self._session.margin.most(entry)))
        return lots // units.lot_size * units.lot_size

    def refusal(self, entry: int, stop: int, target: int, *, risk: float | None = None) -> str:
        """Why a setup is not worth its costs, or cannot be sized; empty where it is and can."""
        return self._not_worth_it(entry, stop, target) or self._too_small(entry, stop, risk)

    def _not_worth_it(self, entry: int, stop: int, target: int) -> str:
        tick = self._session.instrument.tick_size
        config = self._session.config
        risk = abs(entry - stop)
        if risk < MIN_RISK_TICKS * tick:
            return f"risk under {MIN_RISK_TICKS} ticks"
        if abs(target - entry) < MIN_TARGET_R * risk:
            return f"target under {MIN_TARGET_R} R"
        rates = 2 * self._fees().taker_bps + config.slippage_bps
        if entry * rates / BPS + config.slippage_ticks * tick > MAX_COST_R * risk:
            return f"fees and slippage over {MAX_COST_R} R"
        return ""

    def _too_small(self, entry: int, stop: int, risk: float | None) -> str:
        """Why a share of equity buys nothing that the exchange takes; None: all of it."""
        session = self._session
        if self.size(1.0, entry, stop) == 0:
            return "equity under one lot"
        if risk is None:
            return ""
        lots, share = self.size(risk, entry, stop), f"risk of {100 * risk:g} % of equity is under"
        if lots == 0:
            return f"{share} one lot"
        if session.account.worth(entry, lots) < self._least:
            return f"{share} the exchange's minimum order of {session.instrument.min_notional}"
        return ""

    def _fees(self) -> Fees:
        """The rates that hold now."""
        account = self._session.account
        account.clock(self._session.now)
        return account.fees

    def skip(self, event: Event, why: str) -> None:
        """Write down that an event led to no order, and why."""
        self._session.check_thread()
        check_reason(event)
        if event.id >= 0:
            self.skipped[event.id] = why

    def timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``."""
        if not is_whole(time) or time < 0:
            raise PluginError(f"a timer's time is microseconds UTC, not {time!r}")
        self._session.set_timer(int(time))


def _only(given: dict[str, Any], method: str, *names: str) -> None:
    unknown = sorted(set(given) - {*names, "expires", "until", "reason"})
    if unknown:
        raise PluginError(f"an order of {method}() has no {unknown[0]!r}")


def _role(reduce_only: bool) -> str:  # noqa: FBT001 - the flag of the ticket
    return "exit" if reduce_only else "entry"

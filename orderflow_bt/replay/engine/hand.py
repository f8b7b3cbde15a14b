"""The person's side of a session: a strategy that hears of its orders and does nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.sim.logs import ENDED
from orderflow_bt.strategy import Strategy

if TYPE_CHECKING:
    from orderflow_bt.sim.session import Session
    from orderflow_bt.strategy import Broker, Fill, Market, Order


class Heard(NamedTuple):
    """What a person is told of their orders.

    Attributes:
        time: When it is heard: one response latency after it happened.
        fill: A fill, or None for a change of an order.
        order: The order as it stood when it was heard.
        row: Trades that had passed when it was heard, but for the one that let the clock reach it.
        after: How many moments of its slice were known before it.
        part: Whether it is a fill, and neither its order's first nor its last.
    """

    time: int
    fill: Fill | None
    order: Order
    row: int
    after: int = 0
    part: bool = False


class Hand(Strategy):
    """Hears of orders and fills, and never decides: a person does, between two trades.

    Attributes:
        heard: What was heard since somebody emptied it.
        session: Whose strategy it is; set by who makes the session.
    """

    session: Session

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Heard] = []
        self._filled: dict[int, int] = {}  # lots of each order that were heard to be filled

    def on_fill(self, fill: Fill, _market: Market, _broker: Broker) -> None:
        """An order traded."""
        self._hear(fill, self.session.broker.orders[fill.order_id])

    def on_order(self, order: Order, _market: Market, _broker: Broker) -> None:
        """An order was accepted, rejected, cancelled, changed or expired."""
        self._hear(None, order)

    def _hear(self, fill: Fill | None, order: Order) -> None:
        session = self.session
        known = session.market.reached
        part = fill is not None and self._is_part(fill, order)
        self.heard.append(Heard(session.now, fill, order, session.next_index, known, part))

    def _is_part(self, fill: Fill, order: Order) -> bool:
        """The exchange may be ahead of what is heard: ``order`` may tell of later fills."""
        before = self._filled.get(order.id, 0)
        self._filled[order.id] = filled = before + fill.qty
        is_last = order.status in ENDED and filled == order.filled_qty
        return before > 0 and not is_last

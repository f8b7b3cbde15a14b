"""What hooks are still to be told of: fills, changes of orders, timers, the beginning."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Literal

from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.reports import Happening
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from orderflow_bt.sim.config import SimConfig

Notice = Happening | Literal["start"] | None  # what a hook is told of; None for a timer
Due = tuple[int, int, Notice]  # when, its place among those of one time, what


class Notices:
    """Notices on their way to one strategy, earliest first.

    Attributes:
        due: A heap of them.
    """

    def __init__(self, strategy: Strategy, config: SimConfig) -> None:
        kind = type(strategy)
        self.due: list[Due] = []
        self._config = config
        self._count = 0
        self._latest = 0  # when the latest is heard
        self._hears_fills = kind.on_fill is not Strategy.on_fill
        self._hears_orders = kind.on_order is not Strategy.on_order

    def tell(self, happening: Happening) -> None:
        """Have the strategy hear of something one response latency after it happened."""
        if self._hears_fills if happening.fill else self._hears_orders:
            delay = self._config.delay("response", happening.time, happening.order.id)
            # in order, as on one connection
            self._latest = max(self._latest, happening.time + delay)
            self._push(self._latest, self._count, happening)

    def set_timer(self, time: int) -> None:
        """Have ``on_timer`` called at a time, after every other hook of it."""
        self._push(time, self._count + NEVER, None)

    def start(self, time: int) -> None:
        """Have ``on_start`` called at a time, before all else of it."""
        self._push(time, -1, "start")

    def _push(self, time: int, place: int, notice: Notice) -> None:
        heapq.heappush(self.due, (time, place, notice))
        self._count += 1

    def pop(self) -> None:
        """Drop the earliest: it is told."""
        heapq.heappop(self.due)

"""What hooks are still to be told of: fills, changes of orders, timers, the beginning."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Literal

from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.strategy.api import Order

if TYPE_CHECKING:
    from orderflow_bt.sim.config import SimConfig

# What a hook is told of: an order as it then stood, the number of a fill; None for a timer.
Notice = Order | int | Literal["start"] | None
Due = tuple[int, int, Notice]  # when, its place among those of one time, what


class Notices:
    """Notices on their way to one strategy, earliest first.

    Attributes:
        due: A heap of them.
    """

    def __init__(self, config: SimConfig) -> None:
        self.due: list[Due] = []
        self._config = config
        self._count = 0
        self._latest = 0  # when the latest is heard

    def tell(self, time: int, order_id: int, notice: Order | int) -> None:
        """Have the strategy hear of what happened at ``time`` one response latency later."""
        heard = time + self._config.delay("response", time, order_id)
        # in order, as on one connection
        self._latest = heard = max(self._latest, heard)
        self._push(heard, self._count, notice)

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

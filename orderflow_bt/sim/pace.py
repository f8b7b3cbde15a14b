"""How often a strategy may be called back: an endless loop ends with words, not with patience."""

from __future__ import annotations

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.types import SECOND_US

MAX_ANSWERS = 10_000  # notices and timers at one instant; more can only be a plugin's endless loop
MAX_A_SECOND = 10  # times as many within a second of the market's time


class Pace:
    """Counts the notices and timers of one strategy.

    Attributes:
        left: Calls until it is to `look` again; whoever calls the strategy back counts them down.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.left = MAX_ANSWERS
        self._looks: list[int] = []  # when the latest ones were

    def look(self, now: int) -> None:
        """So many calls are over, the last at ``now``.

        Raises:
            PluginError: There have been more than any strategy can mean.
        """
        self.left = MAX_ANSWERS
        looks = self._looks
        if looks and looks[-1] == now:
            raise PluginError(
                f"{self._name} keeps answering itself while time stands still",
                where=f"{np.datetime64(now, 'us')}Z",
                fix="Set timers later than now; do not send an order for every order's change",
            )
        looks.append(now)
        if len(looks) > MAX_A_SECOND and now - looks.pop(0) < SECOND_US:
            raise PluginError(
                f"{self._name} was called more than {MAX_A_SECOND * MAX_ANSWERS:,} times within a "
                "second",
                where=f"{np.datetime64(now, 'us')}Z",
                fix="Set timers further apart, or act on bars and events",
            )

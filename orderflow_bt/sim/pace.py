"""How often a strategy may be called back: an endless loop ends with words, not with patience."""

from __future__ import annotations

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.types import SECOND_US

MAX_ANSWERS = 10_000  # notices and timers at one instant; more can only be a plugin's endless loop
MAX_A_SECOND = 100_000  # of the market's time


class Pace:
    """Counts the notices and timers of one strategy."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._instant = self._at_instant = 0
        self._next_second = self._in_second = 0

    def count(self, now: int) -> None:
        """One more call, at ``now``.

        Raises:
            PluginError: There have been more than any strategy can mean.
        """
        if now != self._instant:
            self._instant, self._at_instant = now, 0
        if now >= self._next_second:
            self._next_second, self._in_second = now - now % SECOND_US + SECOND_US, 0
        self._at_instant += 1
        self._in_second += 1
        if self._at_instant > MAX_ANSWERS:
            raise PluginError(
                f"{self._name} keeps answering itself while time stands still",
                where=f"{np.datetime64(now, 'us')}Z",
                fix="Set timers later than now; do not send an order for every order's change",
            )
        if self._in_second > MAX_A_SECOND:
            raise PluginError(
                f"{self._name} was called more than {MAX_A_SECOND:,} times within a second",
                where=f"{np.datetime64(now, 'us')}Z",
                fix="Set timers further apart, or act on bars and events",
            )

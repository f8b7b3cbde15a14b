"""Mean and spread of whole numbers, exact until the last division."""

from __future__ import annotations

from collections import deque
from math import sqrt


class Trailing:
    """The last values of a series, with their sums kept up to date.

    Args:
        window: How many.
    """

    def __init__(self, window: int) -> None:
        self.values: deque[int] = deque(maxlen=window)
        self._total = 0
        self._squares = 0

    @property
    def is_full(self) -> bool:
        """Whether as many values are known as it looks back on."""
        return len(self.values) == self.values.maxlen

    def push(self, value: int) -> None:
        """Add a value; a full window drops its oldest."""
        values = self.values
        if len(values) == values.maxlen:
            oldest = values[0]
            self._total += value - oldest
            self._squares += value * value - oldest * oldest
        else:
            self._total += value
            self._squares += value * value
        values.append(value)

    def score(self, value: int) -> float:
        """How many population standard deviations ``value`` lies above the mean.

        0 where they do not vary. Computed as ``(n x - S) / sqrt(n Q - S^2)`` in integers.
        """
        n, total = len(self.values), self._total
        spread = n * self._squares - total * total
        return (n * value - total) / sqrt(spread) if spread > 0 else 0.0

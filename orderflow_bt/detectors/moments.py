"""Mean and spread of whole numbers, exact until the last division."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def score(value: int, before: Sequence[int]) -> float:
    """How many population standard deviations ``value`` lies above the mean of ``before``.

    0 where they do not vary. Computed as ``(n x - S) / sqrt(n Q - S^2)`` in integers.
    """
    n = len(before)
    total = sum(before)
    spread = n * sum(x * x for x in before) - total * total
    return (n * value - total) / sqrt(spread) if spread > 0 else 0.0

"""An exact rolling quantile near the top, without sorting the window.

Kept are a ring of the last ``n`` values and, sorted, all of them that reach a floor. The quantile
is the smallest value that at least ``q * n`` of the window do not exceed: the one with ``skip``
values after it in order, ``skip = n - ceil(q * n)``. Only when so many large values have left that
it lies below the floor is the ring sorted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT, KEPT, FLOOR, TRIM_AT, QUANTILE = range(5)
MARKS = 5
UNKNOWN = -1  # the quantile before the window is full; values are not negative


@kernel
def place(kept: NDArray[np.int64], size: int, value: int) -> int:
    """Number of the first ``size`` sorted values that do not exceed ``value``."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if kept[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def slack(n: int, skip: int) -> int:
    """How many values below the quantile are kept: few are cheap to insert, many last longer."""
    return max(32, (skip + 1) // 2, n // 256)


@kernel
def refill(
    ring: NDArray[np.int64], kept: NDArray[np.int64], marks: NDArray[np.int64], skip: int
) -> None:
    """Sort the window and keep its top."""
    n = ring.shape[0]
    ordered = np.sort(ring)
    first = max(0, n - skip - 1 - slack(n, skip))
    floor = ordered[first]
    while first > 0 and ordered[first - 1] == floor:
        first -= 1
    kept[: n - first] = ordered[first:]
    marks[KEPT] = n - first
    marks[FLOOR] = floor
    marks[TRIM_AT] = marks[KEPT] + slack(n, skip)


@kernel
def push(
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
    skip: int,
    value: int,
) -> None:
    """Add a value, drop the oldest of a full window, and renew ``marks[QUANTILE]``.

    Args:
        ring: Int64 [n], the window.
        kept: Int64 [n], room for the sorted top.
        marks: Int64 [MARKS], zeros at first but for QUANTILE, which is UNKNOWN.
        skip: Values of the window that may lie after the quantile.
        value: Not negative.
    """
    n = ring.shape[0]
    slot = marks[COUNT] % n
    oldest = ring[slot]
    ring[slot] = value
    marks[COUNT] += 1
    if marks[COUNT] < n:
        return
    if marks[COUNT] == n:
        refill(ring, kept, marks, skip)
        marks[QUANTILE] = kept[marks[KEPT] - 1 - skip]
        return
    size, floor = marks[KEPT], marks[FLOOR]
    if oldest >= floor:
        at = place(kept, size, oldest)
        for k in range(at, size):
            kept[k - 1] = kept[k]
        size -= 1
    if value >= floor:
        at = place(kept, size, value)
        for k in range(size, at, -1):
            kept[k] = kept[k - 1]
        kept[at] = value
        size += 1
    marks[KEPT] = size
    if size <= skip:
        refill(ring, kept, marks, skip)
    elif size >= marks[TRIM_AT]:
        floor = kept[size - skip - 1 - slack(n, skip)]
        first = place(kept, size, floor - 1)
        for k in range(first, size):
            kept[k - first] = kept[k]
        marks[KEPT] = size - first
        marks[FLOOR] = floor
        marks[TRIM_AT] = marks[KEPT] + slack(n, skip)
    marks[QUANTILE] = kept[marks[KEPT] - 1 - skip]

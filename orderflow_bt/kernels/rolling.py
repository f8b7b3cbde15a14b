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
def refill(
    ring: NDArray[np.int64], kept: NDArray[np.int64], marks: NDArray[np.int64], skip: int
) -> None:
    """Sort the window and keep its top."""
    n = ring.shape[0]
    ordered = np.sort(ring)
    first = max(0, n - 2 * (skip + 1) - 32)
    floor = ordered[first]
    while first > 0 and ordered[first - 1] == floor:
        first -= 1
    kept[: n - first] = ordered[first:]
    marks[KEPT] = n - first
    marks[FLOOR] = floor
    marks[TRIM_AT] = 2 * marks[KEPT] + 64


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
        floor = kept[size - 2 * (skip + 1) - 32]
        first = place(kept, size, floor - 1)
        for k in range(first, size):
            kept[k - first] = kept[k]
        marks[KEPT] = size - first
        marks[FLOOR] = floor
        marks[TRIM_AT] = 2 * marks[KEPT] + 64
    marks[QUANTILE] = kept[marks[KEPT] - 1 - skip]


@kernel
def count_to(pools: NDArray[np.int64], edges: NDArray[np.int64], value: int) -> int:
    """How many of the pooled values do not exceed ``value``."""
    total = 0
    for k in range(edges.shape[0]):
        low, high = edges[k, 0], edges[k, 1]
        first = low
        while low < high:
            middle = (low + high) // 2
            if pools[middle] <= value:
                low = middle + 1
            else:
                high = middle
        total += low - first
    return total


@kernel
def pooled_median(pools: NDArray[np.int64], edges: NDArray[np.int64], guess: int) -> int:
    """Median of positive values in several sorted runs, a half-way one rounded up; 0 of none.

    Args:
        pools: Int64, holds the runs.
        edges: Int64 [runs, 2]: first and end of each run in ``pools``.
        guess: A value near the answer, such as the last one; only speed depends on it.
    """
    n = 0
    for k in range(edges.shape[0]):
        n += edges[k, 1] - edges[k, 0]
    if n == 0:
        return 0
    wanted = (n - 1) // 2 + 1
    low, high = max(guess - 1, 0), max(guess, 1)
    step = 1
    while count_to(pools, edges, high) < wanted:
        low = high
        high += step
        step *= 2
    step = 1
    while low > 0 and count_to(pools, edges, low) >= wanted:
        high = low
        low = max(0, low - step)
        step *= 2
    while high - low > 1:  # fewer than wanted reach to low, enough to high
        middle = (low + high) // 2
        if count_to(pools, edges, middle) >= wanted:
            high = middle
        else:
            low = middle
    if n % 2 == 1 or count_to(pools, edges, high) > wanted:
        return high
    after = -1
    for k in range(edges.shape[0]):
        for at in range(edges[k, 0], edges[k, 1]):
            if pools[at] > high:
                if after < 0 or pools[at] < after:
                    after = pools[at]
                break
    return (high + after + 1) // 2

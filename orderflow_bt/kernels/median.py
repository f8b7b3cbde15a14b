"""Exact rolling order statistics of volumes that come and go by the bar, or one by one.

Kept are the values, in a ring, and how many of them fall in each of many narrow buckets: 512 to an
octave, so that values below 1024 have a bucket each. Values come and go in one step each; only
where the wanted value's bucket holds several values are they sorted out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 9
BUCKETS = (63 << BITS) + 2
MANY = ((BITS + 1) << BITS) + 1  # the first bucket that holds more than one value
BARS, FIRST, LAST, BELOW, BUCKET = range(5)  # values are pool[FIRST:LAST], round the ring
MARKS = 5


@kernel
def bucket_of(value: int) -> int:
    """Its bucket: the exponent and the first bits of ``value`` as a float; 0 for 0."""
    bits = int(np.float64(value).view(np.int64))
    return max(0, (bits >> (52 - BITS)) - (1023 << BITS) + 1)


@kernel
def has_room(pool: NDArray[np.int64], marks: NDArray[np.int64], cells: NDArray[np.int64]) -> bool:
    """Whether the ring can take a bar of these cells."""
    return marks[LAST] - marks[FIRST] + 2 * cells.shape[0] <= pool.shape[0]


@kernel
def enter(
    last: int,
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> None:
    """Count the values that a bar has put behind the ring's last, up to ``last``."""
    mask = pool.shape[0] - 1
    for at in range(marks[LAST], last):
        bucket = bucket_of(pool[at & mask])
        counts[bucket] += 1
        marks[BELOW] += bucket < marks[BUCKET]
    marks[LAST] = last
    edges[marks[BARS] % edges.shape[0]] = last
    marks[BARS] += 1


@kernel
def leave(
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> None:
    """Drop the values of the bar a window before the next one."""
    slot = marks[BARS] % edges.shape[0]
    if marks[BARS] < edges.shape[0]:
        return
    mask = pool.shape[0] - 1
    for at in range(marks[FIRST], edges[slot]):
        bucket = bucket_of(pool[at & mask])
        counts[bucket] -= 1
        marks[BELOW] -= bucket < marks[BUCKET]
    marks[FIRST] = edges[slot]


@kernel
def push_run(
    cells: NDArray[np.int64],
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> None:
    """Take in the volumes of a bar, and drop those of the bar a window before it.

    Args:
        cells: Int64 [rows, 5]; columns 1 and 2 are the volumes, of which positive ones count.
        pool: Int64 [a power of two], the ring; it `has_room`.
        edges: Int64 [window]: where each bar's values end, without going round.
        counts: Int64 [BUCKETS]: values in each bucket.
        marks: Int64 [MARKS], carried, zeros at first.
    """
    leave(pool, edges, counts, marks)
    last, mask = marks[LAST], pool.shape[0] - 1
    for r in range(cells.shape[0]):
        for column in (1, 2):
            if cells[r, column] > 0:
                pool[last & mask] = cells[r, column]
                last += 1
    enter(last, pool, edges, counts, marks)


@kernel
def push_values(
    values: NDArray[np.int64],
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> None:
    """As `push_run` with values that are given one by one, zeros among them."""
    leave(pool, edges, counts, marks)
    last, mask = marks[LAST], pool.shape[0] - 1
    for k in range(values.shape[0]):
        pool[(last + k) & mask] = values[k]
    enter(last + values.shape[0], pool, edges, counts, marks)


@kernel
def settle(rank: int, bucket: int, below: int, counts: NDArray[np.int64]) -> tuple[int, int]:
    """The bucket of the value with ``rank`` values before it, and how many buckets before hold."""
    while below > rank:
        bucket -= 1
        below -= counts[bucket]
    while below + counts[bucket] <= rank:
        below += counts[bucket]
        bucket += 1
    return bucket, below


@kernel
def select(
    rank: int, pool: NDArray[np.int64], counts: NDArray[np.int64], marks: NDArray[np.int64]
) -> int:
    """The value with ``rank`` values before it in order; there are more than ``rank``."""
    bucket, below = settle(rank, marks[BUCKET], marks[BELOW], counts)
    marks[BUCKET], marks[BELOW] = bucket, below
    if bucket == 0:
        return 0
    if bucket < MANY:
        exponent = (bucket - 1) >> BITS
        return (((1 << BITS) + ((bucket - 1) & ((1 << BITS) - 1))) << exponent) >> BITS
    inside = np.empty(counts[bucket], np.int64)
    mask = pool.shape[0] - 1
    found = 0
    for at in range(marks[FIRST], marks[LAST]):
        value = pool[at & mask]
        if bucket_of(value) == bucket:
            inside[found] = value
            found += 1
    inside.sort()
    return inside[rank - below]


@kernel
def pool_median(
    pool: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> int:
    """The median of what was pushed, one half-way between two rounded up; 0 of nothing."""
    n = marks[LAST] - marks[FIRST]
    if n == 0:
        return 0
    low = select((n - 1) // 2, pool, counts, marks)
    if n % 2:
        return low
    high = select(n // 2, pool, counts, marks)
    return low + (high - low + 1) // 2

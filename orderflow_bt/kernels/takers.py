"""Taker clusters: consecutive trades that look like one aggressive order.

Trades belong together while side and time are equal, ids follow each other and the price does not
turn back against the taker. A cluster is complete when the next trade does not belong to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, FIRST_FREE, NEXT, OUT_FULL, emit
from orderflow_bt.kernels.rolling import QUANTILE, UNKNOWN, push

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLUSTER, SWEEP, BIG = range(3)

# State
(
    SIDE, TIME, LAST_ID, FIRST_PRICE, LAST_PRICE, QTY, VALUE, LEVELS, ROWS, GROUPS,
) = range(FIRST_FREE, FIRST_FREE + 10)  # fmt: skip
STATE_SLOTS = FIRST_FREE + 10


@kernel
def take_clusters(
    number: NDArray[np.int64],
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    min_levels: int,
    big: int,
    fixed: int,
    skip: int,
    state: NDArray[np.int64],
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Read trades; write the clusters that are wanted when they are complete.

    Args:
        number: Int64 [n], ids.
        time: Int64 [n], microseconds.
        price: Int64 [n], price units.
        qty: Int64 [n], lots.
        side: Int8 [n].
        min_levels: Write clusters of at least so many prices (when ``big`` is 0).
        big: 1 writes clusters by their value instead.
        fixed: Least value of a big one; 0 takes the quantile of the clusters before it.
        skip: See `push`.
        state: Int64 [STATE_SLOTS], carried.
        ring: Int64 [clusters], values of the clusters before; ``kept``, ``marks`` as for `push`.
        kept: See ``ring``.
        marks: See ``ring``.
        out: Int64 [events, OUT_FIELDS]; A is quantity, B distinct prices, C first price, D trades.

    Returns:
        DONE or OUT_FULL.
    """
    i = state[NEXT]
    n = time.shape[0]
    g_side, g_time, g_id, first = state[SIDE], state[TIME], state[LAST_ID], state[FIRST_PRICE]
    last, amount, value = state[LAST_PRICE], state[QTY], state[VALUE]
    levels, rows = state[LEVELS], state[ROWS]
    code = DONE
    while i < n:
        p, s = price[i], side[i]
        if s == g_side and time[i] == g_time and number[i] == g_id + 1 and s * (p - last) >= 0:
            levels += 1 if p != last else 0
        else:
            if state[EMITTED] + 1 > out.shape[0]:
                code = OUT_FULL
                break
            if g_side != 0:
                wanted = levels >= min_levels
                least = min_levels
                if big:
                    least = fixed if fixed > 0 else marks[QUANTILE]
                    wanted = least != UNKNOWN and value >= least
                    if fixed == 0:
                        push(ring, kept, marks, skip, value)
                if wanted:
                    stage = BIG if big else SWEEP if levels >= 3 else CLUSTER
                    emit(
                        out, state, i, stage, g_side, last, min(first, last), max(first, last),
                        value if big else levels, least, amount, levels, first, rows,
                    )  # fmt: skip
            g_side, g_time, first = s, time[i], p
            amount, value, levels, rows = 0, 0, 1, 0
        g_id, last = number[i], p
        amount += qty[i]
        value += p * qty[i]
        rows += 1
        i += 1
    state[SIDE], state[TIME], state[LAST_ID], state[FIRST_PRICE] = g_side, g_time, g_id, first
    state[LAST_PRICE], state[QTY], state[VALUE] = last, amount, value
    state[LEVELS], state[ROWS], state[NEXT] = levels, rows, i
    return code


FAR = 2**62
DEPTH = 64  # levels of a side that are watched at once
BUYERS, SELLERS = STATE_SLOTS, STATE_SLOTS + 1  # how many levels each side has
ICEBERG_SLOTS = STATE_SLOTS + 2
LEVEL_PRICE, LEVEL_SAID, LEVEL_COUNT, LEVEL_VOLUME, LEVEL_HITS = range(5)


@kernel
def watch_icebergs(
    number: NDArray[np.int64],
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    hits: int,
    window_us: int,
    skip: int,
    state: NDArray[np.int64],
    levels: NDArray[np.int64],
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Write prices at which large clusters of one side end without the price giving way.

    Args:
        number: Int64 [n], ids.
        time: Int64 [n], microseconds.
        price: Int64 [n], price units.
        qty: Int64 [n], lots.
        side: Int8 [n].
        hits: Large clusters on one price that make an event.
        window_us: Within which they must fall.
        skip: See `push`.
        state: Int64 [ICEBERG_SLOTS], carried.
        levels: Int64 [2, DEPTH, LEVEL_HITS + 2 * hits]: prices that have been hit and not passed,
            of buyers and of sellers, the nearest last, each with its last hits (time, quantity).
        ring: Int64 [clusters], quantities of the clusters before; ``kept``, ``marks``: see `push`.
        kept: See ``ring``.
        marks: See ``ring``.
        out: Int64 [events, OUT_FIELDS]; A is the quantity of the hits, B the time of the first.

    Returns:
        DONE or OUT_FULL.
    """
    i = state[NEXT]
    code = DONE
    g_side, g_time, g_id, last = state[SIDE], state[TIME], state[LAST_ID], state[LAST_PRICE]
    size, prices = state[QTY], state[LEVELS]
    buyers, sellers = state[BUYERS], state[SELLERS]
    nearest = levels[0, buyers - 1, LEVEL_PRICE] if buyers else FAR
    farthest = levels[1, sellers - 1, LEVEL_PRICE] if sellers else -FAR
    while i < time.shape[0]:
        p, s, now = price[i], side[i], time[i]
        # A price is given up when a trade passes it.
        while p > nearest:
            buyers -= 1
            nearest = levels[0, buyers - 1, LEVEL_PRICE] if buyers else FAR
        while p < farthest:
            sellers -= 1
            farthest = levels[1, sellers - 1, LEVEL_PRICE] if sellers else -FAR
        if s == g_side and now == g_time and number[i] == g_id + 1 and s * (p - last) >= 0:
            prices += 1 if p != last else 0
        else:
            if state[EMITTED] + 1 > out.shape[0]:
                code = OUT_FULL
                break
            if g_side != 0:
                least, amount = marks[QUANTILE], size
                push(ring, kept, marks, skip, amount)
                alone = prices == 1 and g_side * (p - last) <= 0
                if least != UNKNOWN and amount >= least and amount > 0 and alone:
                    book = 0 if g_side > 0 else 1
                    depth = buyers if book == 0 else sellers
                    if depth == 0 or levels[book, depth - 1, LEVEL_PRICE] != last:
                        if depth == DEPTH:
                            for k in range(1, DEPTH):
                                levels[book, k - 1] = levels[book, k]
                            depth -= 1
                        levels[book, depth] = 0
                        levels[book, depth, LEVEL_PRICE] = last
                        levels[book, depth, LEVEL_SAID] = -window_us
                        depth += 1
                        if book == 0:
                            buyers, nearest = depth, last
                        else:
                            sellers, farthest = depth, last
                    at = depth - 1
                    slot = LEVEL_HITS + 2 * (levels[book, at, LEVEL_COUNT] % hits)
                    levels[book, at, slot] = g_time
                    levels[book, at, slot + 1] = amount
                    levels[book, at, LEVEL_COUNT] += 1
                    oldest = LEVEL_HITS + 2 * (levels[book, at, LEVEL_COUNT] % hits)
                    began = levels[book, at, oldest]
                    if (
                        levels[book, at, LEVEL_COUNT] >= hits
                        and g_time - began < window_us
                        and began - levels[book, at, LEVEL_SAID] >= 0
                    ):
                        total = 0
                        for k in range(hits):
                            total += levels[book, at, LEVEL_HITS + 2 * k + 1]
                        levels[book, at, LEVEL_SAID] = g_time + 1
                        emit(
                            out, state, i, 0, -g_side, last, last, last, total, hits * least,
                            total, began, 0, 0,
                        )  # fmt: skip
            g_side, g_time = s, now
            size, prices = 0, 1
        g_id, last = number[i], p
        size += qty[i]
        i += 1
    state[NEXT] = i
    state[SIDE], state[TIME], state[LAST_ID], state[LAST_PRICE] = g_side, g_time, g_id, last
    state[QTY], state[LEVELS], state[BUYERS], state[SELLERS] = size, prices, buyers, sellers
    return code

"""Taker clusters: consecutive trades that look like one aggressive order.

Trades belong together while side and time are equal, ids follow each other, no trade between is
known to be missing, and the price does not turn back against the taker. A cluster is complete when
the next trade does not belong to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, FIRST_FREE, NEXT, OUT_FULL, emit
from orderflow_bt.kernels.median import BELOW, BUCKET, FIRST, LAST, MANY, bucket_of, select, settle
from orderflow_bt.kernels.rolling import COUNT, FLOOR, QUANTILE, UNKNOWN, push

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The open cluster, carried from piece to piece; SIDE is 0 before the first
SIDE, TIME, LAST_ID, FIRST_PRICE, LAST_PRICE, QTY, VALUE, LEVELS, ROWS = range(9)
OPEN_FIELDS = 9


@kernel
def find_clusters(
    number: NDArray[np.int64],
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    gaps: NDArray[np.int64],
    opened: NDArray[np.int64],
    ends: NDArray[np.int64],
    amounts: NDArray[np.int64],
    values: NDArray[np.int64],
    levels: NDArray[np.int64],
) -> int:
    """Read trades; write the clusters that they complete, and return how many.

    Args:
        number: Int64 [n], ids.
        time: Int64 [n], microseconds.
        price: Int64 [n], price units.
        qty: Int64 [n], lots.
        side: Int8 [n].
        gaps: Int64, ascending: rows before which trades are missing.
        opened: Int64 [OPEN_FIELDS]: the cluster that is open, carried.
        ends: Int64 [n], written: of each cluster, the row that completed it. It began at the end
            of the one before, the first with the open one.
        amounts: Int64 [n], written: quantities.
        values: Int64 [n], written: sums of price x quantity.
        levels: Int64 [n], written: distinct prices.
    """
    count, begin = 0, 0
    g_side, g_time, g_id = opened[SIDE], opened[TIME], opened[LAST_ID]
    last, amount, value, prices = opened[LAST_PRICE], opened[QTY], opened[VALUE], opened[LEVELS]
    first, before = opened[FIRST_PRICE], opened[ROWS]
    gap, n_gaps = 0, gaps.shape[0]
    next_gap = gaps[0] if n_gaps else -1
    for i in range(time.shape[0]):
        p, s = price[i], side[i]
        broken = i == next_gap
        if broken:
            gap += 1
            next_gap = gaps[gap] if gap < n_gaps else -1
        if (
            s != g_side
            or time[i] != g_time
            or s * (p - last) < 0
            or number[i] != g_id + 1
            or broken
        ):
            if g_side != 0:
                ends[count] = i
                amounts[count] = amount
                values[count] = value
                levels[count] = prices
                count += 1
            g_side, g_time, first, begin, before = s, time[i], p, i, 0
            amount, value, prices = 0, 0, 1
        else:
            prices += p != last
        g_id, last = number[i], p
        amount += qty[i]
        value += p * qty[i]
    opened[SIDE], opened[TIME], opened[LAST_ID], opened[FIRST_PRICE] = g_side, g_time, g_id, first
    opened[LAST_PRICE], opened[QTY], opened[VALUE], opened[LEVELS] = last, amount, value, prices
    opened[ROWS] = before + time.shape[0] - begin
    return count


@kernel
def reach_quantile(
    values: NDArray[np.int64],
    fixed: int,
    skip: int,
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
    chosen: NDArray[np.int64],
) -> int:
    """Find values that reach a quantile of those before them; returns how many.

    Args:
        values: Int64 [n], not negative.
        fixed: A least value in place of the quantile; 0 takes the quantile.
        skip: See `push`.
        ring: Int64, the values before; ``kept``, ``marks`` as for `push`.
        kept: See ``ring``.
        marks: See ``ring``.
        chosen: Int64 [n, 2], written: place of the value, and what it had to reach.
    """
    count, n = 0, ring.shape[0]
    seen, floor, least = marks[COUNT], marks[FLOOR], marks[QUANTILE]
    slot = seen % n
    for k in range(values.shape[0]):
        value = values[k]
        if fixed > 0:
            least = fixed
        if least != UNKNOWN and value >= least:
            chosen[count, 0] = k
            chosen[count, 1] = least
            count += 1
        if fixed > 0:
            continue
        if seen >= n and value < floor and ring[slot] < floor:  # as most are: nothing moves
            ring[slot] = value
            seen += 1
        else:
            marks[COUNT] = seen
            push(ring, kept, marks, skip, value)
            seen, floor, least = marks[COUNT], marks[FLOOR], marks[QUANTILE]
        slot = slot + 1 if slot + 1 < n else 0
    marks[COUNT] = seen
    return count


FAR = 2**62
DEPTH = 64  # levels of a side that are watched at once; a power of two
# Of buyers and of sellers: the row of the nearest level, rows going round, and how many there are.
TOP, WATCHED = FIRST_FREE, FIRST_FREE + 2
ICEBERG_SLOTS = FIRST_FREE + 4
LEVEL_PRICE, LEVEL_SAID, LEVEL_COUNT, LEVEL_SLOT, LEVEL_HITS = range(5)


@kernel
def give_up(price: int, levels: NDArray[np.int64], state: NDArray[np.int64]) -> None:
    """Forget the watched prices that a trade at ``price`` has passed."""
    while state[WATCHED] and price > levels[0, state[TOP], LEVEL_PRICE]:
        state[TOP] = (state[TOP] - 1) & (DEPTH - 1)
        state[WATCHED] -= 1
    while state[WATCHED + 1] and price < levels[1, state[TOP + 1], LEVEL_PRICE]:
        state[TOP + 1] = (state[TOP + 1] - 1) & (DEPTH - 1)
        state[WATCHED + 1] -= 1


@kernel
def edges(levels: NDArray[np.int64], state: NDArray[np.int64]) -> tuple[int, int]:
    """The watched prices nearest to the market, of buyers and of sellers."""
    nearest = levels[0, state[TOP], LEVEL_PRICE] if state[WATCHED] else FAR
    farthest = levels[1, state[TOP + 1], LEVEL_PRICE] if state[WATCHED + 1] else -FAR
    return nearest, farthest


@kernel
def hit(
    side: int,
    now: int,
    price: int,
    amount: int,
    hits: int,
    window_us: int,
    levels: NDArray[np.int64],
    state: NDArray[np.int64],
) -> int:
    """A large cluster of one price has ended, turned away: count it.

    Returns:
        The time of the first of enough hits, -1 where there are not enough.
    """
    book = 0 if side > 0 else 1
    top = state[TOP + book]
    if state[WATCHED + book] == 0 or levels[book, top, LEVEL_PRICE] != price:
        top = (top + 1) & (DEPTH - 1)  # of a full side, in place of the farthest
        state[TOP + book] = top
        state[WATCHED + book] = min(state[WATCHED + book] + 1, DEPTH)
        levels[book, top, LEVEL_PRICE] = price
        levels[book, top, LEVEL_SAID] = -window_us
        levels[book, top, LEVEL_COUNT] = 0
        levels[book, top, LEVEL_SLOT] = 0
    slot = levels[book, top, LEVEL_SLOT]
    levels[book, top, LEVEL_HITS + 2 * slot] = now
    levels[book, top, LEVEL_HITS + 2 * slot + 1] = amount
    slot = slot + 1 if slot + 1 < hits else 0
    levels[book, top, LEVEL_SLOT] = slot
    levels[book, top, LEVEL_COUNT] += 1
    began = levels[book, top, LEVEL_HITS + 2 * slot]
    enough = levels[book, top, LEVEL_COUNT] >= hits and now - began < window_us
    if not enough or began < levels[book, top, LEVEL_SAID]:
        return -1
    levels[book, top, LEVEL_SAID] = now + 1
    return began


@kernel
def wanted(
    rank: int,
    oldest: int,
    newest: int,
    bucket: int,
    below: int,
    pool: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> int:
    """The value of a rank among ``pool[oldest:newest]``."""
    marks[FIRST], marks[LAST], marks[BUCKET], marks[BELOW] = oldest, newest, bucket, below
    return select(rank, pool, counts, marks)


@kernel
def watch_icebergs(
    price: NDArray[np.int64],
    time: NDArray[np.int64],
    side: NDArray[np.int8],
    opened: NDArray[np.int64],
    ends: NDArray[np.int64],
    amounts: NDArray[np.int64],
    prices: NDArray[np.int64],
    hits: int,
    window_us: int,
    rank: int,
    before: int,
    state: NDArray[np.int64],
    levels: NDArray[np.int64],
    pool: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Write prices at which large clusters of one side end without the price giving way.

    Args:
        price: Int64 [n], price units.
        time: Int64 [n], microseconds.
        side: Int8 [n].
        opened: Int64 [OPEN_FIELDS], the cluster that was open before the first trade.
        ends: Int64 [clusters]: the rows that completed them.
        amounts: Int64 [clusters], quantities.
        prices: Int64 [clusters], distinct prices.
        hits: Large clusters on one price that make an event.
        window_us: Within which they must fall.
        rank: Large is the value with so many before it in order,
        before: Of so many clusters before.
        state: Int64 [ICEBERG_SLOTS], carried; NEXT counts clusters.
        levels: Int64 [2, DEPTH, LEVEL_HITS + 2 * hits]: prices that have been hit and not passed,
            of buyers and of sellers, the nearest last, each with its last hits (time, quantity).
        pool: Int64 [a power of two > before]: quantities; ``counts``, ``marks``: see `select`.
        counts: See ``pool``.
        marks: See ``pool``.
        out: Int64 [events, OUT_FIELDS]; A is the quantity of the hits, B the time of the first.

    Returns:
        DONE or OUT_FULL.
    """
    mask = pool.shape[0] - 1
    c, found = state[NEXT], ends.shape[0]
    nearest, farthest = edges(levels, state)
    begin = ends[c - 1] if c else 0
    oldest, newest, at, below = marks[FIRST], marks[LAST], marks[BUCKET], marks[BELOW]
    while c < found:
        if state[EMITTED] + 1 > out.shape[0]:
            break
        i = ends[c]
        first, after = price[begin], price[i]
        last = price[i - 1] if i else opened[LAST_PRICE]
        if c == 0 and opened[SIDE]:  # began before the piece
            first = opened[FIRST_PRICE]
        # Prices are given up when a trade passes them; the cluster's own are monotone.
        if max(first, last, after) > nearest or min(first, last, after) < farthest:
            for p in (first, last, after):
                give_up(p, levels, state)
            nearest, farthest = edges(levels, state)
        amount = amounts[c]
        bucket = bucket_of(amount)
        if newest - oldest == before:
            at, below = settle(rank, at, below, counts)
            if bucket >= at and amount > 0 and prices[c] == 1:
                own, now = int(side[begin]), time[begin]
                if c == 0 and opened[SIDE]:
                    own, now = opened[SIDE], opened[TIME]
                if own * (after - last) <= 0:
                    large, least = bucket > at or bucket < MANY, UNKNOWN
                    if not large:  # the quantile is one of several values of this bucket
                        least = wanted(rank, oldest, newest, at, below, pool, counts, marks)
                        large = amount >= least
                    began = -1
                    if large:
                        began = hit(own, now, last, amount, hits, window_us, levels, state)
                        nearest, farthest = edges(levels, state)
                    if began >= 0:
                        if least == UNKNOWN:
                            least = wanted(rank, oldest, newest, at, below, pool, counts, marks)
                        book = 0 if own > 0 else 1
                        total = levels[book, state[TOP + book], LEVEL_HITS + 1 :: 2].sum()
                        emit(
                            out, state, i, -1, 0, -own, last, last, last, total, hits * least,
                            began, total, began, 0, 0, 0,
                        )  # fmt: skip
            gone = bucket_of(pool[oldest & mask])
            counts[gone] -= 1
            below -= gone < at
            oldest += 1
        pool[newest & mask] = amount
        newest += 1
        counts[bucket] += 1
        below += bucket < at
        begin = i
        c += 1
    marks[FIRST], marks[LAST], marks[BUCKET], marks[BELOW] = oldest, newest, at, below
    state[NEXT] = c
    return DONE if c == found else OUT_FULL

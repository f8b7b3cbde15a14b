"""Trades into the open bar: sums, extremes, running delta and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.bar_state import (
    CLOSE,
    COUNT,
    DELTA,
    DELTA_AT_HIGH,
    DELTA_AT_LOW,
    DONE,
    HIGH,
    HOLE,
    LAST_ID,
    LOW,
    MAX_DELTA,
    MAX_INT64,
    MIN_DELTA,
    NEED_HIGH,
    NEED_LOW,
    OPEN,
    ORIGIN,
    QUOTE_LOWER,
    QUOTE_UPPER,
    SCRATCH_SMALL,
    STARTED,
    TOUCHED,
    TRADES,
    VOLUME,
    VOLUME_OVERFLOW,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SEARCHED = 64  # trades at a time


@kernel
def extremes(values: NDArray[np.int64]) -> tuple[int, int]:
    """Least and greatest of at least one value."""
    least = values[0]
    most = values[0]
    for i in range(values.shape[0]):
        value = values[i]
        least = min(least, value)
        most = max(most, value)
    return least, most


@kernel
def has_hole(ids: NDArray[np.int64]) -> bool:
    """Whether consecutive ids do not follow one another by one."""
    found = 0
    for i in range(1, ids.shape[0]):
        found += ids[i] - ids[i - 1] != 1
    return found > 0


@kernel
def delta_until(
    price: int, prices: NDArray[np.int64], qtys: NDArray[np.int64], sides: NDArray[np.int8]
) -> int:
    """Delta from the start to the first trade at ``price``, that trade included."""
    stop = 0
    while stop + _SEARCHED <= prices.shape[0]:
        part = prices[stop : stop + _SEARCHED]
        found = 0
        for i in range(_SEARCHED):  # in vector instructions, which a search one by one has not
            found += part[i] == price
        if found > 0:
            break
        stop += _SEARCHED
    while prices[stop] != price:
        stop += 1
    delta = 0
    for i in range(stop + 1):
        delta += qtys[i] * sides[i]
    return delta


@kernel
def add_quote(
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    largest_quote: int,
    state: NDArray[np.int64],
) -> None:
    """Add the sum of price x quantity to its two limbs in the state."""
    upper = state[QUOTE_UPPER]
    lower = state[QUOTE_LOWER]
    n = prices.shape[0]
    if largest_quote <= MAX_INT64 // n:
        quote = 0
        for i in range(n):
            quote += prices[i] * qtys[i]
        upper += quote >> 32
        lower += quote & 0xFFFFFFFF
    else:
        for i in range(n):
            quote = prices[i] * qtys[i]
            upper += quote >> 32
            lower += quote & 0xFFFFFFFF
    state[QUOTE_UPPER] = upper + (lower >> 32)
    state[QUOTE_LOWER] = lower & 0xFFFFFFFF


@kernel
def volume_fits(volume: int, qtys: NDArray[np.int64], largest_qty: int) -> bool:
    """Whether ``volume`` and these quantities sum to less than 2**63."""
    if largest_qty <= (MAX_INT64 - volume) // qtys.shape[0]:
        return True
    for i in range(qtys.shape[0]):
        if volume > MAX_INT64 - qtys[i]:
            return False
        volume += qtys[i]
    return True


@kernel
def add_cells(
    row_size: int,
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
) -> None:
    """Add trades to their cells, and follow the running delta with its extremes."""
    origin = state[ORIGIN]
    delta = state[DELTA]
    min_delta = state[MIN_DELTA]
    max_delta = state[MAX_DELTA]
    row = prices[0] // row_size
    edge = row * row_size
    for i in range(prices.shape[0]):
        price = prices[i]
        delta += qtys[i] * sides[i]
        min_delta = min(min_delta, delta)
        max_delta = max(max_delta, delta)
        if row_size == 1:
            row = price
        elif price < edge or price >= edge + row_size:
            row = price // row_size
            edge = row * row_size
        # unsigned: the row is known to be inside, and needs no look for negative positions
        cell = np.uint64((row - origin) * 4 + ((np.int64(sides[i]) + 1) >> 1))
        scratch[cell] += qtys[i]
        scratch[cell + np.uint64(2)] += fills[i]
    state[DELTA] = delta
    state[MIN_DELTA] = min_delta
    state[MAX_DELTA] = max_delta


@kernel
def add_trades(
    row_size: int,
    continuous: int,
    largest_qty: int,
    largest_quote: int,
    ids: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
) -> int:
    """Add at least one trade to the open bar; returns DONE, or a code and nothing is changed.

    Several short loops, each over one or two columns, are faster than one over all of them: all
    but `add_cells` become vector instructions.

    ``scratch`` is flat: four int64 a row (bid, ask, bid count, ask count), row ``ORIGIN`` first.
    """
    n = prices.shape[0]
    low, high = extremes(prices)
    is_new = state[TRADES] == 0
    least = low if is_new else min(low, state[LOW])
    most = high if is_new else max(high, state[HIGH])
    low_row = least // row_size
    high_row = most // row_size
    if low_row < state[ORIGIN] or high_row >= state[ORIGIN] + scratch.shape[0] // 4:
        state[NEED_LOW] = low_row
        state[NEED_HIGH] = high_row
        return SCRATCH_SMALL
    if not volume_fits(state[VOLUME], qtys, largest_qty):
        return VOLUME_OVERFLOW

    if continuous and ((state[STARTED] and ids[0] != state[LAST_ID] + 1) or has_hole(ids)):
        state[HOLE] = 1
    if state[HOLE]:
        state[TOUCHED] = 1
        state[HOLE] = 0
    if is_new or high > state[HIGH]:
        state[HIGH] = high
        state[DELTA_AT_HIGH] = state[DELTA] + delta_until(high, prices, qtys, sides)
    if is_new or low < state[LOW]:
        state[LOW] = low
        state[DELTA_AT_LOW] = state[DELTA] + delta_until(low, prices, qtys, sides)
    if is_new:
        state[OPEN] = prices[0]
    volume = 0
    for i in range(n):
        volume += qtys[i]
    count = 0
    for i in range(n):
        count += fills[i]
    state[VOLUME] += volume
    state[COUNT] += count
    state[TRADES] += n
    add_quote(prices, qtys, largest_quote, state)
    add_cells(row_size, prices, qtys, sides, fills, state, scratch)
    state[STARTED] = 1
    state[LAST_ID] = ids[n - 1]
    state[CLOSE] = prices[n - 1]
    return DONE

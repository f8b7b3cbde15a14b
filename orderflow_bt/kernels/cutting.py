"""Where an activity bar ends: the first trade that completes it, one rule a kernel.

Each takes the columns it needs from the first trade not yet in the open bar up to the bar's edge,
and the bar's state; it returns how many trades come before the decision (the completing trade
included, but for range bars) or -1 where none of them completes the bar. Nothing is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.bar_state import (
    BASE,
    COUNT,
    DELTA,
    DIRECTION,
    HIGH,
    LOW,
    QUOTE_LOWER,
    QUOTE_UPPER,
    TRADES,
    VOLUME,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def cut_by_trades(size: int, rows: int, state: NDArray[np.int64]) -> int:
    """Complete at ``size`` rows of the tape."""
    left = size - state[TRADES]
    return left if left <= rows else -1


@kernel
def cut_by_fills(size: int, fills: NDArray[np.int32], state: NDArray[np.int64]) -> int:
    """Complete at ``size`` raw fills or more."""
    left = size - state[COUNT]
    for i in range(fills.shape[0]):
        left -= fills[i]
        if left <= 0:
            return i + 1
    return -1


@kernel
def cut_by_volume(size: int, qtys: NDArray[np.int64], state: NDArray[np.int64]) -> int:
    """Complete at ``size`` lots or more."""
    left = size - state[VOLUME]
    for i in range(qtys.shape[0]):
        if qtys[i] >= left:
            return i + 1
        left -= qtys[i]
    return -1


@kernel
def cut_by_quote(
    upper: int,
    lower: int,
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    state: NDArray[np.int64],
) -> int:
    """Complete at price x quantity of ``upper * 2**32 + lower`` or more."""
    have_upper = state[QUOTE_UPPER]
    have_lower = state[QUOTE_LOWER]
    for i in range(prices.shape[0]):
        quote = prices[i] * qtys[i]
        have_lower += quote & 0xFFFFFFFF
        have_upper += (quote >> 32) + (have_lower >> 32)
        have_lower &= 0xFFFFFFFF
        if have_upper > upper or (have_upper == upper and have_lower >= lower):
            return i + 1
    return -1


@kernel
def cut_by_delta(
    size: int, qtys: NDArray[np.int64], sides: NDArray[np.int8], state: NDArray[np.int64]
) -> int:
    """Complete where the running delta is ``size`` lots or more, on either side of 0.

    ``size`` is below 2**61 and so is the delta of an open bar.
    """
    delta = state[DELTA]
    for i in range(qtys.shape[0]):
        # one side's room, compared without adding: a huge trade cannot wrap around
        room = size - delta if sides[i] > 0 else size + delta
        if qtys[i] >= room:
            return i + 1
        delta += qtys[i] * sides[i]
    return -1


@kernel
def cut_by_range(size: int, prices: NDArray[np.int64], state: NDArray[np.int64]) -> int:
    """Complete before the trade that would make high - low exceed ``size``: that trade's position.

    It may be 0, where the open bar holds a trade.
    """
    is_new = state[TRADES] == 0
    low = prices[0] if is_new else state[LOW]
    high = prices[0] if is_new else state[HIGH]
    for i in range(prices.shape[0]):
        low = min(low, prices[i])
        high = max(high, prices[i])
        if high - low > size:
            return i
    return -1


@kernel
def cut_by_reversal(
    length: int, pull: int, prices: NDArray[np.int64], state: NDArray[np.int64]
) -> tuple[int, int]:
    """Complete where price is ``pull`` back from the most recent extreme of a range of ``length``.

    Returns:
        The number of trades, as the others, and the side of the most recent extreme.
    """
    is_new = state[TRADES] == 0
    low = prices[0] if is_new else state[LOW]
    high = prices[0] if is_new else state[HIGH]
    side = 0 if is_new else state[DIRECTION]
    for i in range(prices.shape[0]):
        price = prices[i]
        if price > high:
            high = price
            side = 1
        elif price < low:
            low = price
            side = -1
        if high - low >= length:
            back = high - price if side > 0 else price - low
            if back >= pull:
                return i + 1, side
    return -1, side


@kernel
def brick_borders(size: int, state: NDArray[np.int64]) -> tuple[int, int]:
    """Prices that complete a falling and a rising renko brick."""
    base = state[BASE]
    down = base - (2 * size if state[DIRECTION] > 0 else size)
    up = base + (2 * size if state[DIRECTION] < 0 else size)
    return down, up


@kernel
def cut_by_brick(size: int, prices: NDArray[np.int64], state: NDArray[np.int64]) -> int:
    """Complete at a price ``size`` on from the last brick's close, or twice that back from it."""
    down, up = brick_borders(size, state)
    for i in range(prices.shape[0]):
        if prices[i] >= up or prices[i] <= down:
            return i + 1
    return -1

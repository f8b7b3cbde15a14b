"""The simulated market's inner loops: orders, their prints, raw fills, and archive text.

Units: prices in ticks, quantities in lots, times in microseconds. Randomness comes in as arrays of
uniform and normal numbers, so that a kernel is a pure function of its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Carried state (float64): what the next piece of tape needs to know of the last.
BID = 0  # best bid, ticks
SIDE = 1  # side of the last order
RESIDUE = 2  # impact not yet paid out in whole ticks
CARRIED = 3

# Constants of the market (float64).
REPEAT = 0  # chance that an order takes the side of the one before
IMPACT_SHARE = 1  # part of the mid's variance that surprising orders cause; 0 in a placebo
MEDIAN_LOTS = 2
SIZE_SIGMA = 3  # of the logarithm of the body of sizes
TAIL_CHANCE = 4
TAIL_ALPHA = 5
LARGEST_LOTS = 6
CONSTANTS = 7

# What holds in each second (rows of a float64 matrix, one column a second).
VARIANCE = 0  # of the mid per order, ticks squared
PRESSURE = 1  # mean of a side drawn afresh
SIZE = 2  # factor on sizes
TARGET = 3  # scripted bid in ticks, or NaN where the bid walks freely
CONDITIONS = 4

# What an order becomes (rows of an int64 matrix, one column an order).
ORDER_SIDE = 0
ORDER_BID = 1  # best bid before it
ORDER_LOTS = 2
ORDER_LEVELS = 3  # prices it trades at
ORDER_FIELDS = 4

_MOST_LEVELS = 6
_LEAST_BID = 5.0
_SIZE_SQUARED = 2.12  # mean of the capped size factor of impact, see `draw_orders`


@kernel
def cluster_times(
    times: NDArray[np.int64], copies: NDArray[np.bool_], lags: NDArray[np.float64]
) -> None:
    """Turn sorted times into bursts, in place: an order in ``copies`` follows the one before.

    Args:
        times: int64 microseconds, sorted.
        copies: Whether an order belongs to the burst of the order before it.
        lags: Microseconds it follows by.
    """
    for i in range(1, times.shape[0]):
        if copies[i]:
            times[i] = min(times[i], times[i - 1] + np.int64(lags[i]))


@kernel
def draw_orders(
    second: NDArray[np.int64],
    conditions: NDArray[np.float64],
    uniform: NDArray[np.float64],
    normal: NDArray[np.float64],
    constants: NDArray[np.float64],
    carried: NDArray[np.float64],
    orders: NDArray[np.int64],
) -> int:
    """Draw side, size and mid step of each order; return how many prints they make.

    The mid's free step is symmetric and drawn from numbers that nothing else reads, so with an
    impact share of 0 it knows neither side nor size. Impact moves the mid by the part of a side
    that the sides before did not foretell, so it leaves no trend behind.

    Args:
        second: ``[n]`` column of ``conditions`` for each order.
        conditions: ``[CONDITIONS, seconds]``.
        uniform: ``[5, n]`` in [0, 1): side, tail, whether the mid steps, which way, how far.
        normal: ``[n]`` standard normal, for sizes.
        constants: ``[CONSTANTS]``.
        carried: ``[CARRIED]``, updated.
        orders: ``[ORDER_FIELDS, n]``, output.
    """
    bid = carried[BID]
    last = carried[SIDE]
    residue = carried[RESIDUE]
    repeat = constants[REPEAT]
    share = constants[IMPACT_SHARE]
    surprise_variance = (1.0 - repeat * repeat) * _SIZE_SQUARED
    prints = 0
    for i in range(second.shape[0]):
        at = second[i]
        pressure = conditions[PRESSURE, at]
        expected = repeat * last + (1.0 - repeat) * pressure
        side = 1.0 if uniform[0, i] < 0.5 * (1.0 + expected) else -1.0
        last = side

        size = np.exp(constants[SIZE_SIGMA] * normal[i]) * conditions[SIZE, at]
        if uniform[1, i] < constants[TAIL_CHANCE]:
            rest = uniform[1, i] / constants[TAIL_CHANCE]
            size *= 3.0 * (1.0 - rest) ** (-1.0 / constants[TAIL_ALPHA])
        lots = min(max(1.0, np.rint(size * constants[MEDIAN_LOTS])), constants[LARGEST_LOTS])

        target = conditions[TARGET, at]
        if np.isnan(target):
            variance = conditions[VARIANCE, at]
            noise = (1.0 - share) * variance
            squared = max(1.875, noise / 0.6)  # mean square of a step, geometric in its length
            step = 0.0
            if uniform[2, i] * squared < noise:
                stop = 0.5 * (-1.0 + np.sqrt(1.0 + 8.0 * squared)) / squared
                step = 1.0
                if stop < 1.0:
                    step += np.floor(np.log(1.0 - uniform[4, i]) / np.log(1.0 - stop))
                if uniform[3, i] < 0.5:
                    step = -step
            if share > 0.0:
                weight = np.sqrt(min(size, 100.0))
                scale = np.sqrt(share * variance / surprise_variance)
                residue += scale * weight * (side - expected)
                whole = np.rint(residue)
                residue -= whole
                step += whole
        else:
            residue = 0.0
            step = np.rint(target) - bid

        levels = 1.0
        if share > 0.0 and step * side >= 2.0:
            levels = min(step * side, float(_MOST_LEVELS), lots)
        orders[ORDER_SIDE, i] = np.int64(side)
        orders[ORDER_BID, i] = np.int64(bid)
        orders[ORDER_LOTS, i] = np.int64(lots)
        orders[ORDER_LEVELS, i] = np.int64(levels)
        prints += int(levels)
        bid = max(bid + step, _LEAST_BID)
    carried[BID] = bid
    carried[SIDE] = last
    carried[RESIDUE] = residue
    return prints


@kernel
def print_orders(
    orders: NDArray[np.int64],
    times: NDArray[np.int64],
    split: NDArray[np.float64],
    out_time: NDArray[np.int64],
    out_price: NDArray[np.int64],
    out_lots: NDArray[np.int64],
    out_side: NDArray[np.int8],
    out_bid: NDArray[np.int64],
) -> None:
    """Print each order at the touch, and a sweep at one price after another.

    Args:
        orders: ``[ORDER_FIELDS, n]`` of `draw_orders`.
        times: ``[n]`` microseconds.
        split: ``[n]`` in [0, 1), how a sweep's quantity divides.
        out_time: ``[prints]``, output; the other outputs are of the same length.
        out_price: Ticks.
        out_lots: Lots; the prints of an order sum to it.
        out_side: +1 or -1.
        out_bid: Best bid before the order.
    """
    at = 0
    for i in range(times.shape[0]):
        side = orders[ORDER_SIDE, i]
        bid = orders[ORDER_BID, i]
        left = orders[ORDER_LOTS, i]
        levels = orders[ORDER_LEVELS, i]
        price = bid + 1 if side > 0 else bid
        for level in range(levels):
            after = levels - level - 1
            lots = left
            if after > 0:
                lots = max(1, min(left - after, np.int64(left * (0.2 + 0.5 * split[i]))))
            out_time[at] = times[i]
            out_price[at] = price + side * level
            out_lots[at] = lots
            out_side[at] = side
            out_bid[at] = bid
            left -= lots
            at += 1


@kernel
def split_fills(
    lots: NDArray[np.int64],
    fills: NDArray[np.int64],
    uniform: NDArray[np.float64],
    out_lots: NDArray[np.int64],
) -> None:
    """Cut each row's quantity into its raw fills; each is at least one lot and they sum to it.

    Args:
        lots: ``[n]`` quantities.
        fills: ``[n]`` raw fills of each row, at most its lots.
        uniform: ``[sum(fills)]`` in [0, 1).
        out_lots: ``[sum(fills)]``, output.
    """
    at = 0
    for i in range(lots.shape[0]):
        left = lots[i]
        for k in range(fills[i]):
            after = fills[i] - k - 1
            piece = left
            if after > 0:
                spare = left - after - 1
                piece = 1 + min(spare, np.int64(uniform[at] * 2.0 * spare / (after + 1)))
            out_lots[at] = piece
            left -= piece
            at += 1


# How a column of `write_rows` is printed.
WHOLE = 0
PADDED = 1  # with the decimals asked for, zeros and all
SHORTEST = 2  # without zeros at the end
TITLE_BOOL = 3  # True, False
LOWER_BOOL = 4  # true, false


@kernel
def _write_digits(out: NDArray[np.uint8], at: int, value: int, width: int) -> int:
    """Write ``value`` with at least ``width`` digits; return the next position."""
    digits = 1
    rest = value // 10
    while rest > 0:
        digits += 1
        rest //= 10
    digits = max(digits, width)
    for k in range(digits - 1, -1, -1):
        out[at + k] = 48 + value % 10
        value //= 10
    return at + digits


@kernel
def write_rows(
    values: NDArray[np.int64],
    forms: NDArray[np.int64],
    decimals: NDArray[np.int64],
    words: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> int:
    """Write rows as comma-separated text; return the bytes written.

    Args:
        values: ``[columns, n]``, none negative.
        forms: ``[columns]`` of the forms above.
        decimals: ``[columns]`` digits after the point that the integers carry.
        words: The bytes of ``TrueFalsetruefalse``.
        out: Room for 32 bytes a value.
    """
    at = 0
    columns = values.shape[0]
    for i in range(values.shape[1]):
        for c in range(columns):
            value = values[c, i]
            form = forms[c]
            if form >= TITLE_BOOL:
                start = 0 if form == TITLE_BOOL else 9
                length = 4
                if value == 0:
                    start += 4
                    length = 5
                for k in range(length):
                    out[at + k] = words[start + k]
                at += length
            else:
                width = decimals[c]
                scale = 10**width
                at = _write_digits(out, at, value // scale, 1)
                fraction = value % scale
                if form == SHORTEST:
                    while width > 0 and fraction % 10 == 0:
                        fraction //= 10
                        width -= 1
                if width > 0:
                    out[at] = 46
                    at = _write_digits(out, at + 1, fraction, width)
            out[at] = 44 if c + 1 < columns else 10
            at += 1
    return at

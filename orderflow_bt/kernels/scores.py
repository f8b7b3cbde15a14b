"""How far a bar's number stands out from those before it, in deviations of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLAIN, LOG, MAD = range(3)
COUNT, TOTAL, SQUARES = range(3)  # SQUARES is kept modulo 2**64
STATE_FIELDS = 3
EXACT = 4e18  # below it, sums of squares fit 63 bits
NORMAL = 1.4826  # median absolute deviation to standard deviation, of a normal distribution


@kernel
def two_pass(values: NDArray[np.float64], value: float) -> float:
    """Deviations of ``value`` from the mean of ``values``, 0 where they do not vary."""
    n = values.shape[0]
    if values.min() == values.max():
        return 0.0
    mean = values.sum() / n
    squares = 0.0
    for x in values:
        squares += (x - mean) * (x - mean)
    return (value - mean) / np.sqrt(squares / n)


@kernel
def plain_score(ring: NDArray[np.int64], state: NDArray[np.int64], value: int) -> float:
    """From exact sums, ``(n x - S) / sqrt(n Q - S^2)``, where they fit 63 bits."""
    n, total = ring.shape[0], state[TOTAL]
    if float(n) * float(total) * float(total) >= EXACT or float(n) * float(value) >= EXACT:
        return two_pass(ring.astype(np.float64), float(value))
    spread = n * state[SQUARES] - total * total
    return (n * value - total) / np.sqrt(float(spread)) if spread > 0 else 0.0


@kernel
def mad_score(ring: NDArray[np.int64], value: int) -> float:
    """From the median and the median absolute deviation."""
    n = ring.shape[0]
    ordered = np.sort(ring)
    twice = ordered[(n - 1) // 2] + ordered[n // 2]  # the median's
    away = np.abs(2 * ordered - twice)
    away.sort()
    spread = NORMAL * (away[(n - 1) // 2] + away[n // 2]) / 4
    return (value - twice / 2) / spread if spread > 0 else 0.0


@kernel
def score(
    values: NDArray[np.int64],
    slots: NDArray[np.int64],
    scale: int,
    rings: NDArray[np.int64],
    states: NDArray[np.int64],
    scores: NDArray[np.float64],
) -> None:
    """Score each value by those before it, and then count it among them.

    Args:
        values: Int64 [n], not negative.
        slots: Int64 [n]: the series that each belongs to.
        scale: PLAIN, LOG (of 1 + value), or MAD.
        rings: Int64 [slots, window]: the last values of each series.
        states: Int64 [slots, STATE_FIELDS], carried, zeros at first.
        scores: Float64 [n], written; NaN before a series holds a window of values.
    """
    window = rings.shape[1]
    for k in range(values.shape[0]):
        value, ring, state = values[k], rings[slots[k]], states[slots[k]]
        if state[COUNT] < window:
            scores[k] = np.nan
        elif scale == PLAIN:
            scores[k] = plain_score(ring, state, value)
        elif scale == LOG:
            scores[k] = two_pass(np.log1p(ring.astype(np.float64)), np.log1p(float(value)))
        else:
            scores[k] = mad_score(ring, value)
        place = state[COUNT] % window
        oldest = ring[place]
        ring[place] = value
        state[COUNT] += 1
        state[TOTAL] += value - oldest
        state[SQUARES] += value * value - oldest * oldest

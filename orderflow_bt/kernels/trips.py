"""Follows fills from round trip to round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import records as r
from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.money import half_even

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Columns of a round trip. Sums of price x lots are in two parts: high * PART + low.
T_ID = 0
T_SIDE = 1
T_ENTRY = 2  # time
T_EXIT = 3
T_QTY_IN = 4
T_QTY_OUT = 5
T_FEES = 6  # hundred-millionths
T_FUNDING = 7
T_ROLE = 8  # of the order that filled last against it
T_MAE = 9  # how far it went: ticks against and for it, and the same in hundred-millionths
T_MFE = 10
T_MAE_MONEY = 11
T_MFE_MONEY = 12
T_PAID_IN = 13
T_PAID_OUT = 15
T_EVENT = 17
T_PLAN = 18  # entry, stop and target
T_FIRST = 21  # its first fill
T_LAST = 22  # and its last
TRIP_RECORD = 23
PART_BITS = 62


@kernel
def follow(
    fills: NDArray[np.int64], first: int, held: int, begun: int, trips: NDArray[np.int64]
) -> int:
    """Write down the round trips of fills; returns how many of them ended.

    Args:
        fills: Int64 [n, FILL_RECORD].
        first: Number of the first.
        held: Position before it.
        begun: Round trips that began before it.
        trips: Int64 [n + 1 or more, TRIP_RECORD]: the first row is the one under way, if any;
            later ones follow. Columns that fills do not tell are left alone.
    """
    done = 0
    for i in range(fills.shape[0]):
        fill = fills[i]
        side = fill[r.F_SIDE]
        lots = fill[r.F_QTY]
        price = fill[r.F_PRICE]
        fee = fill[r.F_FEE]
        closing = min(lots, abs(held)) if side * held < 0 else 0
        opening = lots - closing
        part = half_even(fee * closing, lots)
        if closing > 0:
            trip = trips[done]
            trip[T_QTY_OUT] += closing
            add_paid(trip, T_PAID_OUT, price * closing)
            trip[T_FEES] += part
            trip[T_ROLE] = fill[r.F_ROLE]
            trip[T_EXIT] = fill[r.F_TIME]
            trip[T_LAST] = first + i
            if closing == abs(held):
                done += 1
        held += side * lots
        if opening > 0:
            trip = trips[done]
            if opening == abs(held):  # nothing was held
                trip[:] = 0
                trip[T_ID] = begun
                trip[T_SIDE] = side
                trip[T_ENTRY] = fill[r.F_TIME]
                trip[T_EVENT] = fill[r.F_EVENT]
                trip[T_PLAN : T_PLAN + 3] = r.ABSENT
                trip[T_FIRST] = first + i
                begun += 1
            trip[T_QTY_IN] += opening
            add_paid(trip, T_PAID_IN, price * opening)
            trip[T_FEES] += fee - part
            trip[T_LAST] = first + i
    return done


@kernel
def add_paid(trip: NDArray[np.int64], column: int, paid: int) -> None:
    """Add to one of a round trip's sums of price x lots."""
    low = trip[column + 1] + paid
    trip[column] += low >> PART_BITS
    trip[column + 1] = low & ((1 << PART_BITS) - 1)

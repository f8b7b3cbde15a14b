"""Price zones and levels that live on after the bar or session that made them.

A piece of tape is passed over quickly: between two changes, no price inside an interval can change
any of them, and only trades that leave it are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, NEXT, OUT_FULL, emit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CREATED, ARMED, RETESTED, HELD, INVALIDATED, EXPIRED = range(6)
(
    STAGE, SIDE, LOW, HIGH, LEAVE, REACT, ROOM, RETESTS, MADE_AT, BARS, ROWS, DELTA, EXTREME,
    STRONG, WEAK,
) = range(15)  # fmt: skip
ZONE_FIELDS = 15
FAR = 2**62


@kernel
def quiet_interval(zones: NDArray[np.int64], live: int, most: int) -> tuple[int, int]:
    """Lowest and highest price at which no zone changes."""
    low, high = -FAR, FAR
    for k in range(live):
        stage, side = zones[k, STAGE], zones[k, SIDE]
        if stage >= INVALIDATED:
            continue
        near = zones[k, HIGH] if side > 0 else zones[k, LOW]
        far = zones[k, LOW] if side > 0 else zones[k, HIGH]
        inner = far - side * zones[k, ROOM] + side  # one unit short of invalidation
        outer = side * FAR
        if stage == CREATED or (stage == HELD and zones[k, RETESTS] < most):
            outer = near + side * (zones[k, LEAVE] - 1)
        elif stage == RETESTED:
            outer = near + side * (zones[k, REACT] - 1)
        elif stage == ARMED:
            inner = near if side > 0 else near - 1
            outer = zones[k, EXTREME]
        if side > 0:
            low, high = max(low, inner), min(high, outer)
        else:
            low, high = max(low, outer), min(high, inner)
    return low, high


@kernel
def follow_zones(
    price: NDArray[np.int64],
    most: int,
    live: int,
    zones: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Let trades arm, retest, hold and invalidate zones.

    Args:
        price: Int64 [n], price units.
        most: Retests after which a zone is not armed again.
        live: Zones there are.
        zones: Int64 [>= live, ZONE_FIELDS], changed in place.
        state: Int64, ``NEXT`` and ``EMITTED``.
        out: Int64 [events, OUT_FIELDS]; A is the zone's row, B its retests, C its extreme.

    Returns:
        DONE or OUT_FULL (needs room for an event of every zone).
    """
    low, high = quiet_interval(zones, live, most)
    i = state[NEXT]
    n = price.shape[0]
    while i < n:
        p = price[i]
        if low <= p <= high:
            i += 1
            continue
        if state[EMITTED] + live > out.shape[0]:
            state[NEXT] = i
            return OUT_FULL
        for k in range(live):
            stage, side = zones[k, STAGE], zones[k, SIDE]
            if stage >= INVALIDATED:
                continue
            near = zones[k, HIGH] if side > 0 else zones[k, LOW]
            far = zones[k, LOW] if side > 0 else zones[k, HIGH]
            away = side * (p - near)
            entered = p < near if side > 0 else p >= near
            became = stage
            if side * (far - p) >= zones[k, ROOM]:
                became = INVALIDATED
            elif stage == RETESTED and away >= zones[k, REACT]:
                became = HELD
            elif away >= zones[k, LEAVE] and (
                stage == CREATED or (stage == HELD and zones[k, RETESTS] < most)
            ):
                became = ARMED
                zones[k, EXTREME] = p
            elif stage == ARMED and entered:
                became = RETESTED
                zones[k, RETESTS] += 1
            if stage == ARMED and side * (p - zones[k, EXTREME]) > 0:
                zones[k, EXTREME] = p
            if became != stage:
                zones[k, STAGE] = became
                emit(
                    out, state, i, became, side, p, zones[k, LOW], zones[k, HIGH],
                    zones[k, STRONG], zones[k, WEAK], k, zones[k, RETESTS], zones[k, EXTREME], 0,
                )  # fmt: skip
        low, high = quiet_interval(zones, live, most)
        i += 1
    state[NEXT] = i
    return DONE


WAITING, LEFT, TOUCHED, DONE_WITH = range(4)
SAID_ARMED, SAID_TOUCH, SAID_REJECTED = range(3)
(
    L_STAGE, L_ROW, L_AWAY, L_WAY, L_TOUCHES, L_DAY, L_EXTREME, L_CLOSES, L_LOW, L_HIGH,
) = range(10)  # fmt: skip
LEVEL_FIELDS = 10


@kernel
def quiet_rows(levels: NDArray[np.int64], live: int, band: int, back: int) -> tuple[int, int]:
    """Lowest and highest row in which no level changes."""
    low, high = -FAR, FAR
    for k in range(live):
        stage, row, way = levels[k, L_STAGE], levels[k, L_ROW], levels[k, L_WAY]
        if stage == WAITING:
            low = max(low, row - levels[k, L_AWAY] + 1)
            high = min(high, row + levels[k, L_AWAY] - 1)
        elif stage == LEFT:
            if way > 0:
                low = max(low, row + band + 1)
            else:
                high = min(high, row - band - 1)
        elif stage == TOUCHED:
            if way > 0:
                high = min(high, row + band + back - 1)
            else:
                low = max(low, row - band - back + 1)
    return low, high


@kernel
def follow_levels(
    price: NDArray[np.int64],
    row_size: int,
    band: int,
    back: int,
    most: int,
    live: int,
    levels: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Let trades leave, touch and be turned away from levels.

    Args:
        price: Int64 [n], price units.
        row_size: Height of a row.
        band: Rows on each side of the level's row that count as touching it.
        back: Rows beyond the band that count as turned away.
        most: Touches after which a level that turned the price away is done with.
        live: Levels there are.
        levels: Int64 [>= live, LEVEL_FIELDS], changed in place.
        state: Int64, ``NEXT`` and ``EMITTED``.
        out: Int64 [events, OUT_FIELDS]; A is the level's row in ``levels``, B its touches, C the
            extreme of the leg that left it.

    Returns:
        DONE or OUT_FULL.
    """
    low, high = quiet_rows(levels, live, band, back)
    i = state[NEXT]
    n = price.shape[0]
    low_price, high_price = _edges(low, high, row_size)
    highest = lowest = price[i] if i < n else 0
    while i < n:
        p = price[i]
        if p > highest:
            highest = p
        elif p < lowest:
            lowest = p
        if low_price <= p < high_price:
            i += 1
            continue
        if state[EMITTED] + live > out.shape[0]:
            break
        r = p // row_size
        for k in range(live):
            stage, way = levels[k, L_STAGE], levels[k, L_WAY]
            if stage == LEFT:  # the furthest since the last change
                reach = highest if way > 0 else lowest
                if way * (reach - levels[k, L_EXTREME]) > 0:
                    levels[k, L_EXTREME] = reach
            distance = r - levels[k, L_ROW]
            said = -1
            if stage == LEFT and abs(distance) <= band:
                said = SAID_TOUCH
                levels[k, L_STAGE] = TOUCHED
                levels[k, L_TOUCHES] += 1
                levels[k, L_CLOSES] = 0
            elif stage == TOUCHED and way * distance >= band + back:
                said = SAID_REJECTED
                levels[k, L_STAGE] = WAITING if levels[k, L_TOUCHES] < most else DONE_WITH
            elif abs(distance) >= levels[k, L_AWAY] and (
                stage == WAITING or (stage == LEFT and way * distance < 0)
            ):
                said = SAID_ARMED
                way = 1 if distance > 0 else -1
                levels[k, L_STAGE] = LEFT
                levels[k, L_WAY] = way
                levels[k, L_EXTREME] = p
            if said >= 0:
                edge = (levels[k, L_ROW] - band) * row_size
                emit(
                    out, state, i, said, way, p, edge, edge + (2 * band + 1) * row_size, 1, 1, k,
                    levels[k, L_TOUCHES], levels[k, L_EXTREME], levels[k, L_ROW] * row_size,
                )  # fmt: skip
        low, high = quiet_rows(levels, live, band, back)
        low_price, high_price = _edges(low, high, row_size)
        highest = lowest = p
        i += 1
    for k in range(live):
        way = levels[k, L_WAY]
        reach = highest if way > 0 else lowest
        if n and levels[k, L_STAGE] == LEFT and way * (reach - levels[k, L_EXTREME]) > 0:
            levels[k, L_EXTREME] = reach
    state[NEXT] = i
    return DONE if i == n else OUT_FULL


@kernel
def _edges(low: int, high: int, row_size: int) -> tuple[int, int]:
    """The price interval ``[first, last)`` of rows low to high; wide open stays wide open."""
    first = -FAR if low == -FAR else low * row_size
    last = FAR if high == FAR else (high + 1) * row_size
    return first, last

"""Points of control of past sessions, from when the price leaves them until they are done with.

A piece of tape is passed over quickly: between two changes, no price inside an interval can change
any level, and only trades that leave it are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, FIRST_FREE, NEXT, NEXT_BAR, OUT_FULL, emit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WAITING, LEFT, TOUCHED, DONE_WITH = range(4)
ARMED, TOUCH, REJECTED, ACCEPTED, EXPIRED = range(5)
STAGE, ROW, AWAY, WAY, TOUCHES, BEGAN, EXTREME, CLOSES = range(8)
LEVEL_FIELDS = 8
LIVE = FIRST_FREE
STATE_SLOTS = FIRST_FREE + 1
ROW_SIZE, BAND, BACK, CLOSES_NEEDED, MOST = range(5)
SETTING_SLOTS = 5
FAR = 2**62


@kernel
def quiet_prices(
    levels: NDArray[np.int64], live: int, settings: NDArray[np.int64]
) -> tuple[int, int]:
    """The interval ``[first, last)`` of prices at which no level changes."""
    low, high = -FAR, FAR
    band, back, row_size = settings[BAND], settings[BACK], settings[ROW_SIZE]
    for k in range(live):
        stage, row, way = levels[k, STAGE], levels[k, ROW], levels[k, WAY]
        if stage == WAITING:
            low = max(low, row - levels[k, AWAY] + 1)
            high = min(high, row + levels[k, AWAY] - 1)
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
    first = -FAR if low == -FAR else low * row_size
    last = FAR if high == FAR else (high + 1) * row_size
    return first, last


@kernel
def tell(
    out: NDArray[np.int64],
    state: NDArray[np.int64],
    level: NDArray[np.int64],
    settings: NDArray[np.int64],
    row: int,
    bar: int,
    stage: int,
    direction: int,
    price: int,
) -> None:
    """Write what has become of a level."""
    row_size, band = settings[ROW_SIZE], settings[BAND]
    edge = (level[ROW] - band) * row_size
    emit(
        out, state, row, bar, stage, direction, price, edge, edge + (2 * band + 1) * row_size, 1,
        1, level[BEGAN], level[ROW] * row_size, level[BEGAN], level[TOUCHES], level[EXTREME], 0,
    )  # fmt: skip


@kernel
def move(
    i: int,
    p: int,
    highest: int,
    lowest: int,
    settings: NDArray[np.int64],
    level: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Let a trade at ``p`` change one level; the furthest prices are since the last change."""
    band, back = settings[BAND], settings[BACK]
    stage, way = level[STAGE], level[WAY]
    if stage == LEFT:
        reach = highest if way > 0 else lowest
        if way * (reach - level[EXTREME]) > 0:
            level[EXTREME] = reach
    distance = p // settings[ROW_SIZE] - level[ROW]
    if stage == LEFT and abs(distance) <= band:
        level[STAGE] = TOUCHED
        level[TOUCHES] += 1
        level[CLOSES] = 0
        tell(out, state, level, settings, i, -1, TOUCH, way, p)
    elif stage == TOUCHED and way * distance >= band + back:
        over = level[TOUCHES] >= settings[MOST]
        level[STAGE] = DONE_WITH if over else WAITING
        tell(out, state, level, settings, i, -1, REJECTED, way, p)
        if over:
            tell(out, state, level, settings, i, -1, EXPIRED, way, p)
    elif abs(distance) >= level[AWAY] and (
        stage == WAITING or (stage == LEFT and way * distance < 0)
    ):
        way = 1 if distance > 0 else -1
        level[STAGE] = LEFT
        level[WAY] = way
        level[EXTREME] = p
        tell(out, state, level, settings, i, -1, ARMED, way, p)


@kernel
def follow_levels(
    price: NDArray[np.int64],
    stop: int,
    settings: NDArray[np.int64],
    levels: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Let trades up to row ``stop`` leave, touch and be turned away; DONE or OUT_FULL."""
    live = state[LIVE]
    first, last = quiet_prices(levels, live, settings)
    i = state[NEXT]
    highest = lowest = price[i]
    code = DONE
    while i < stop:
        p = price[i]
        if p > highest:
            highest = p
        elif p < lowest:
            lowest = p
        if not first <= p < last:
            if state[EMITTED] + 2 * live > out.shape[0]:
                code = OUT_FULL
                break
            for k in range(live):
                move(i, p, highest, lowest, settings, levels[k], state, out)
            first, last = quiet_prices(levels, live, settings)
            highest = lowest = p
        i += 1
    for k in range(live):
        way = levels[k, WAY]
        reach = highest if way > 0 else lowest
        if levels[k, STAGE] == LEFT and way * (reach - levels[k, EXTREME]) > 0:
            levels[k, EXTREME] = reach
    state[NEXT] = i
    return code


@kernel
def read_levels(
    price: NDArray[np.int64],
    stop: int,
    closes: NDArray[np.int64],
    at: NDArray[np.int64],
    settings: NDArray[np.int64],
    levels: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Follow levels over trades up to row ``stop`` and the bars known by then.

    Args:
        price: Int64 [n], price units.
        stop: Row to end before.
        closes: Int64 [m], of the piece's bars.
        at: Int64 [m]: bar k is known before trade ``at[k]``.
        settings: Int64 [SETTING_SLOTS]: height of a row; rows around the level's that touch it;
            rows beyond them that count as turned away; closes beyond that accept it; touches after
            which it is done with.
        levels: Int64 [>= live, LEVEL_FIELDS], changed in place; ``state[LIVE]`` are used.
        state: Int64 [STATE_SLOTS], carried.
        out: Int64 [events, OUT_FIELDS]; A is the level's price, B when its session began, C its
            touches, D the extreme of the leg that left it.

    Returns:
        DONE or OUT_FULL.
    """
    band = settings[BAND]
    while True:
        k = state[NEXT_BAR]
        to = at[k] if k < at.shape[0] and at[k] < stop else stop
        if state[LIVE] == 0:
            state[NEXT] = max(state[NEXT], to)
        if state[NEXT] < to:
            code = follow_levels(price, to, settings, levels, state, out)
            if code != DONE:
                return code
        if k == at.shape[0] or at[k] > stop:
            return DONE
        if state[EMITTED] + state[LIVE] > out.shape[0]:
            return OUT_FULL
        for n in range(state[LIVE]):
            level = levels[n]
            if level[STAGE] != TOUCHED:
                continue
            beyond = level[WAY] * (closes[k] // settings[ROW_SIZE] - level[ROW]) < -band
            level[CLOSES] = level[CLOSES] + 1 if beyond else 0
            if level[CLOSES] >= settings[CLOSES_NEEDED]:
                level[STAGE] = DONE_WITH
                tell(out, state, level, settings, 0, k, ACCEPTED, -level[WAY], closes[k])
        state[NEXT_BAR] = k + 1

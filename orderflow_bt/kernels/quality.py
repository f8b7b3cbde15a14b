"""One pass over a day's trades, in pieces: what a person should know before trusting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.parse import FIRST_ID, ID, LAST_ID, PRICE, QTY, TIME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Places in the vector of counts.
INVALID_ROWS = 0
OUT_OF_ORDER = 1
ZERO_QUANTITY = 2
OFF_TICK = 3
OUTSIDE_DAY = 4
GAPS = 5
MISSING_IDS = 6
MISSING_FILLS = 7
UNASSIGNED_IDS = 8
MAX_TIME_GAP = 9
BAD_FILLS = 10
BAD_FILLS_ROW = 11
COUNTS = 12

# What is remembered between two pieces of a day; all zeros before the first.
HAS_ROW = 0
LAST_ID_SEEN = 1
LAST_TIME_SEEN = 2
HAS_VALID = 3
LAST_FILL = 4
CLOCK = 5
CARRY = 6


@kernel
def count_defects(
    columns: NDArray[np.int64],
    is_aggregate: int,
    ids_are_continuous: int,
    fills_are_continuous: int,
    tick: int,
    tick_factor: int,
    day_start: int,
    day_end: int,
    counts: NDArray[np.int64],
    gaps: NDArray[np.int64],
    carry: NDArray[np.int64],
) -> None:
    """Count the defects of rows sorted by strictly increasing id, a piece of a day at a time.

    Args:
        columns: int64 ``[COLUMNS, rows]`` as `parse_rows` makes them.
        is_aggregate: 1 where a row has first and last fill ids, else 0; a row of price and
            quantity zero is invalid only if these are -1 too.
        ids_are_continuous: 1 where a hole in the ids means lost trades; 0 where it means ids
            that the exchange never printed.
        fills_are_continuous: 1 where a row's first fill id must follow the last one of the row
            before, else 0.
        tick: The exchange's price step after scaling by ``tick_factor``; 0 where unknown.
        tick_factor: What a price is multiplied by to be compared with ``tick``.
        day_start: First moment of the file's day, in the file's time unit.
        day_end: First moment after it.
        counts: int64 ``[COUNTS]``, zeros before the first piece; added to.
        gaps: int64 ``[k, 4]``; filled with the first ``k`` gaps: the ids before and after, the
            times before and after.
        carry: int64 ``[CARRY]``, what the pieces before have left; updated.

    Invalid rows continue the ids and count as nothing else: the exchange blanked a copy there.
    """
    has_row = carry[HAS_ROW] == 1
    id_before = carry[LAST_ID_SEEN]
    time_before = carry[LAST_TIME_SEEN]
    has_valid = carry[HAS_VALID] == 1
    fill_before = carry[LAST_FILL]
    clock = carry[CLOCK]
    for row in range(columns.shape[1]):
        number = columns[ID, row]
        time = columns[TIME, row]
        skipped = number - id_before - 1 if has_row else 0
        is_gap = False
        if skipped > 0:
            if ids_are_continuous == 1:
                counts[MISSING_IDS] += skipped
                is_gap = True
            else:
                counts[UNASSIGNED_IDS] += skipped
        quantity = columns[QTY, row]
        price = columns[PRICE, row]
        invalid = (
            price == 0
            and quantity == 0
            and (
                is_aggregate == 0 or (columns[FIRST_ID, row] == -1 and columns[LAST_ID, row] == -1)
            )
        )
        if not invalid and is_aggregate == 1:
            first = columns[FIRST_ID, row]
            if columns[LAST_ID, row] < first or columns[LAST_ID, row] - first >= 2**31 - 1:
                if counts[BAD_FILLS] == 0:
                    counts[BAD_FILLS_ROW] = row
                counts[BAD_FILLS] += 1
            if fills_are_continuous == 1 and has_valid:
                lost = first - fill_before - 1
                if lost > 0:
                    counts[MISSING_FILLS] += lost
                    is_gap = True
        if is_gap:
            if counts[GAPS] < gaps.shape[0]:
                gaps[counts[GAPS], 0] = id_before
                gaps[counts[GAPS], 1] = number
                gaps[counts[GAPS], 2] = time_before
                gaps[counts[GAPS], 3] = time
            counts[GAPS] += 1
        has_row = True
        id_before = number
        time_before = time
        if invalid:
            counts[INVALID_ROWS] += 1
            continue
        if has_valid:
            step = time - clock
            if step < 0:
                counts[OUT_OF_ORDER] += 1
            elif step > counts[MAX_TIME_GAP]:
                counts[MAX_TIME_GAP] = step
        if not has_valid or time > clock:
            clock = time
        has_valid = True
        fill_before = columns[LAST_ID, row]
        if quantity == 0:
            counts[ZERO_QUANTITY] += 1
        if tick > 0 and price * tick_factor % tick != 0:
            counts[OFF_TICK] += 1
        if time < day_start or time >= day_end:
            counts[OUTSIDE_DAY] += 1
    carry[HAS_ROW] = 1 if has_row else 0
    carry[LAST_ID_SEEN] = id_before
    carry[LAST_TIME_SEEN] = time_before
    carry[HAS_VALID] = 1 if has_valid else 0
    carry[LAST_FILL] = fill_before
    carry[CLOCK] = clock

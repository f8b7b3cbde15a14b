"""One pass over a day's trades that counts everything a person should know before trusting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.parse import FIRST_ID, ID, LAST_ID, PRICE, QTY, TIME

if TYPE_CHECKING:
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
    gap_rows: NDArray[np.int64],
) -> None:
    """Count the defects of rows sorted by strictly increasing id.

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
        counts: int64 ``[COUNTS]``, zeros; filled.
        gap_rows: int64 ``[k, 2]``; filled with the first ``k`` gaps: the rows before and after.

    Invalid rows continue the ids and count as nothing else: the exchange blanked a copy there.
    """
    before = -1
    before_valid = -1
    clock = np.int64(0)
    for row in range(columns.shape[1]):
        number = columns[ID, row]
        skipped = number - columns[ID, before] - 1 if before >= 0 else 0
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
            if fills_are_continuous == 1 and before_valid >= 0:
                lost = first - columns[LAST_ID, before_valid] - 1
                if lost > 0:
                    counts[MISSING_FILLS] += lost
                    is_gap = True
        if is_gap:
            if counts[GAPS] < gap_rows.shape[0]:
                gap_rows[counts[GAPS], 0] = before
                gap_rows[counts[GAPS], 1] = row
            counts[GAPS] += 1
        before = row
        if invalid:
            counts[INVALID_ROWS] += 1
            continue
        time = columns[TIME, row]
        if before_valid >= 0:
            step = time - clock
            if step < 0:
                counts[OUT_OF_ORDER] += 1
            elif step > counts[MAX_TIME_GAP]:
                counts[MAX_TIME_GAP] = step
        if before_valid < 0 or time > clock:
            clock = time
        before_valid = row
        if quantity == 0:
            counts[ZERO_QUANTITY] += 1
        if tick > 0 and price * tick_factor % tick != 0:
            counts[OFF_TICK] += 1
        if time < day_start or time >= day_end:
            counts[OUTSIDE_DAY] += 1

"""The flat state that a bar carries from one call to the next, and what its kernels return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAR_FIELDS = 18

OK, EMPTY, GAP = 0, 1, 2

# What the kernel returns.
DONE = 0
BARS_FULL = 1  # no room for another bar
CELLS_FULL = 2  # no room for the closing bar's cells
SCRATCH_SMALL = 3  # rows NEED_LOW..NEED_HIGH do not fit the scratch that begins at ORIGIN
VOLUME_OVERFLOW = 4  # the open bar's volume would pass 2**63 lots
TIME_BACKWARDS = 5  # a trade is earlier than the open interval
REFUSED = 6  # a block of trades holds one that cannot be counted

# State fields.
NEXT = 0  # position in the chunk
BARS = 1  # bars written to the output
CELLS = 2  # cells written to the output
STARTED = 3  # a trade has been seen
OPEN_TIME = 4  # of the open interval
LAST_ID = 5
CLOSE = 6  # last price seen
HOLE = 7  # trades are missing since the last one seen
TOUCHED = 8  # a hole touches the open interval
OPEN = 9
HIGH = 10
LOW = 11
VOLUME = 12
QUOTE_UPPER = 13
QUOTE_LOWER = 14
COUNT = 15
TRADES = 16
DELTA = 17
MIN_DELTA = 18
MAX_DELTA = 19
DELTA_AT_HIGH = 20
DELTA_AT_LOW = 21
ORIGIN = 22  # row of the scratch's first cell
NEED_LOW = 23
NEED_HIGH = 24
EDGE = 25  # activity bars: when the open bar closes whatever it holds
DUE = 26  # bars that are complete and wait to be written
DUE_TIME = 27  # when they became known
DUE_AT = 28  # position of the first trade after that
DUE_EDGE = 29  # whether an edge made them complete
BASE = 30  # renko: close of the last brick
DIRECTION = 31  # renko: of the last brick; reversal: of the most recent extreme
STATE_FIELDS = 32

MAX_INT64 = 2**63 - 1


def new_state() -> NDArray[np.int64]:
    """State before the first trade."""
    return np.zeros(STATE_FIELDS, dtype=np.int64)

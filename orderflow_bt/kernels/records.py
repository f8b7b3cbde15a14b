"""The log of orders and the log of fills, as a kernel writes them: int64 rows in chunks.

Rows are kept by `CHUNK`; the state vector says where a table with each chunk's address lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.memory import int64s
from orderflow_bt.kernels.orders import AT_FILL_LOG, AT_ORDER_LOG

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ABSENT = -(2**63)  # for what a record does not have
CHUNK_BITS = 12
CHUNK = 1 << CHUNK_BITS

# Columns of an order's record, in the order of `orderflow_bt.Order`.
O_ROLE = 3
O_SIDE = 4
O_QTY = 5
O_PRICE = 6
O_ARRIVAL = 8
O_DONE = 9
O_STATUS = 10
O_FILLED = 11
O_AHEAD = 12
O_WHY = 13
O_EVENT = 14
O_TRAIL = 16
ORDER_RECORD = 19

# Statuses, by their code; those from ENDED on are ends.
WAITS = 0
SENT = 1
WORKING = 2
TRIGGERED_STATUS = 3
ENDED = 4
FILLED_STATUS = 4
CANCELLED_STATUS = 5
EXPIRED_STATUS = 6
REJECTED_STATUS = 7

# Columns of a fill's record.
F_ORDER = 0
F_TIME = 1
F_TRADE = 2
F_SIDE = 3
F_QTY = 4
F_PRICE = 5
F_ROLE = 6
F_MAKER = 7
F_RULE = 8
F_AHEAD = 9
F_SLIPPAGE = 10  # this and the following parts of it in ticks
F_FEE = 11  # hundred-millionths
F_EVENT = 12
F_REFERENCE = 13
F_SPREAD = 14
F_BPS = 15
F_IMPACT = 16
F_ROUND_TRIP = 17
FILL_RECORD = 18

# Columns of a change of the account, between two looks of those who mark it.
C_ROW = 0  # of the stretch in hand, before which it holds
C_TRIP = 1  # what it did to a round trip
C_PRICE = 2  # of the fill
C_LAST = 3  # price of the last trade
C_REACHED = 4  # moments of the piece that were known
C_LEDGER = 5
C_POSITION = 6
CHANGE_FIELDS = 7


@kernel
def order_record(state: NDArray[np.int64], order_id: int) -> NDArray[np.int64]:
    """The record of an order, to be changed in place."""
    chunk = order_id >> CHUNK_BITS
    start = int64s(state[AT_ORDER_LOG], chunk + 1)[chunk]
    return int64s(start + (order_id & (CHUNK - 1)) * 8 * ORDER_RECORD, ORDER_RECORD)


@kernel
def fill_record(state: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The record of a fill, to be written or read."""
    chunk = number >> CHUNK_BITS
    start = int64s(state[AT_FILL_LOG], chunk + 1)[chunk]
    return int64s(start + (number & (CHUNK - 1)) * 8 * FILL_RECORD, FILL_RECORD)

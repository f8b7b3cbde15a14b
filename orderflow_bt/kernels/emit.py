"""What every detector kernel writes: one int64 row an event, and how far it got.

A kernel's ``state`` begins with `NEXT`, the first trade it has not read, `EMITTED`, the rows of
``out`` it has written, and `NEXT_BAR`, the first bar it has not read. It returns `DONE`, `OUT_FULL`
(take the rows, call again) or `SMALL` (give it more room for its own arrays, call again).

An event is of a trade (`BAR` is -1, `ROW` the trade) or of a bar (`BAR` is its place in the batch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DONE, OUT_FULL, SMALL = 0, 1, 2
NEXT, EMITTED, NEXT_BAR, FIRST_FREE = 0, 1, 2, 3
ROW, BAR, STATE, DIRECTION, PRICE, LOW, HIGH, ABOVE, LEAST, SINCE, A, B, C, D, E = range(15)
OUT_FIELDS = 15


@kernel
def emit(
    out: NDArray[np.int64],
    state: NDArray[np.int64],
    row: int,
    bar: int,
    stage: int,
    direction: int,
    price: int,
    low: int,
    high: int,
    above: int,
    least: int,
    since: int,
    a: int,
    b: int,
    c: int,
    d: int,
    e: int,
) -> None:
    """Write one event; ``above / least`` is its strength, a to e are the detector's own."""
    record = out[state[EMITTED]]
    record[ROW] = row
    record[BAR] = bar
    record[STATE] = stage
    record[DIRECTION] = direction
    record[PRICE] = price
    record[LOW] = low
    record[HIGH] = high
    record[ABOVE] = above
    record[LEAST] = least
    record[SINCE] = since
    record[A] = a
    record[B] = b
    record[C] = c
    record[D] = d
    record[E] = e
    state[EMITTED] += 1

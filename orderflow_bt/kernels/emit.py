"""What every detector kernel writes: one int64 row an event, and how far it got.

A kernel's ``state`` begins with `NEXT`, the first trade it has not read, and `EMITTED`, the rows
of ``out`` it has written. It returns `DONE`, `OUT_FULL` (take the rows, call again) or `SMALL`
(give it more room for its own arrays, call again).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DONE, OUT_FULL, SMALL = 0, 1, 2
NEXT, EMITTED, FIRST_FREE = 0, 1, 2
ROW, STATE, DIRECTION, PRICE, LOW, HIGH, ABOVE, LEAST, A, B, C, D = range(12)
OUT_FIELDS = 12


@kernel
def emit(
    out: NDArray[np.int64],
    state: NDArray[np.int64],
    row: int,
    stage: int,
    direction: int,
    price: int,
    low: int,
    high: int,
    above: int,
    least: int,
    a: int,
    b: int,
    c: int,
    d: int,
) -> None:
    """Write one event; ``above / least`` is its strength, a to d are the detector's own."""
    record = out[state[EMITTED]]
    record[ROW] = row
    record[STATE] = stage
    record[DIRECTION] = direction
    record[PRICE] = price
    record[LOW] = low
    record[HIGH] = high
    record[ABOVE] = above
    record[LEAST] = least
    record[A] = a
    record[B] = b
    record[C] = c
    record[D] = d
    state[EMITTED] += 1

"""Whole numbers as text, one on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 21  # bytes of a line: 19 digits, a sign and what ends it
_NEWLINE, _MINUS = 10, 45
_NONE = np.frombuffer(b"None", np.uint8)
_PAIRS = np.frombuffer("".join(f"{n:02d}" for n in range(100)).encode(), np.uint8)
_HUNDRED = np.uint64(100)


@kernel
def write_lines(
    values: NDArray[np.int64], known: NDArray[np.bool_], lines: NDArray[np.uint8]
) -> int:
    """Write each value in decimal, or ``None``, with a newline behind it.

    From the last to the first and from the last digit on, so that none is counted before.

    Args:
        values: int64 [n].
        known: bool [n], whether each is a value.
        lines: uint8 [`MOST` * n or more], filled up to its end.

    Returns:
        Where in ``lines`` the first begins.
    """
    at = len(lines)
    for row in range(len(values) - 1, -1, -1):
        at -= 1
        lines[at] = _NEWLINE
        if not known[row]:
            at -= 4
            lines[at : at + 4] = _NONE
            continue
        value = values[row]
        rest = np.uint64(value) if value >= 0 else np.uint64(-(value + 1)) + np.uint64(1)
        while rest >= _HUNDRED:
            pair = 2 * np.int64(rest % _HUNDRED)
            rest //= _HUNDRED
            at -= 2
            lines[at] = _PAIRS[pair]
            lines[at + 1] = _PAIRS[pair + 1]
        at -= 1
        last = 2 * np.int64(rest)
        lines[at] = _PAIRS[last + 1]
        if last >= 20:
            at -= 1
            lines[at] = _PAIRS[last]
        if value < 0:
            at -= 1
            lines[at] = _MINUS
    return at

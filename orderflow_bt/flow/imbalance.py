"""Where one side of the footprint overwhelmed the other.

A row is a *buy imbalance* if its ask volume is at least ``ratio`` times the bid volume one row
below (diagonal: the two meet across the spread), a *sell imbalance* if its bid volume is at least
``ratio`` times the ask volume one row above. See ``docs/readings/imbalance.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels import imbalance as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

Flags = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]

DETECTION_RATIO = (3, 1)
STACK = 3  # neighbouring imbalances that count as one


class ZeroPolicy(IntEnum):
    """What no volume on the weaker side means."""

    COUNT = kernels.COUNT  # an infinite ratio: one side ran unopposed
    SKIP = kernels.SKIP  # no imbalance
    AS_ONE = kernels.AS_ONE  # one lot


def diagonal(
    cells: NDArray[np.int64],
    ratio: tuple[int, int] = DETECTION_RATIO,
    min_volume: int = 0,
    zero: ZeroPolicy = ZeroPolicy.COUNT,
) -> Flags:
    """Buy and sell imbalances against the neighbouring row.

    The partner row must lie inside the bar: its low row is never a buy imbalance, its high row
    never a sell imbalance.

    Args:
        cells: int64 [rows, 5] of one bar, dense, lowest price first.
        ratio: Exact multiple as (numerator, denominator): (3, 1) is three to one, (5, 2) is 2.5.
        min_volume: Least volume of the dominant side, in lots.
        zero: What no volume on the weaker side means.

    Returns:
        Two bool arrays, one flag a row: buy, sell.

    Raises:
        UsageError: The ratio is not positive, or its terms pass 2**31.
    """
    return _flags(cells, ratio, min_volume, zero, step=1)


def horizontal(
    cells: NDArray[np.int64],
    ratio: tuple[int, int] = DETECTION_RATIO,
    min_volume: int = 0,
    zero: ZeroPolicy = ZeroPolicy.COUNT,
) -> Flags:
    """Buy and sell imbalances inside each row; arguments and errors as for `diagonal`."""
    return _flags(cells, ratio, min_volume, zero, step=0)


def _flags(
    cells: NDArray[np.int64],
    ratio: tuple[int, int],
    min_volume: int,
    zero: ZeroPolicy,
    *,
    step: int,
) -> Flags:
    numerator, denominator = ratio
    if not (0 < numerator <= 2**31 and 0 < denominator <= 2**31):
        raise UsageError(
            f"an imbalance ratio of {numerator}:{denominator}", fix="Give positive terms, as (3, 1)"
        )
    buy = np.zeros(cells.shape[0], dtype=np.bool_)
    sell = np.zeros(cells.shape[0], dtype=np.bool_)
    kernels.flag_imbalances(cells, numerator, denominator, min_volume, int(zero), step, buy, sell)
    return buy, sell

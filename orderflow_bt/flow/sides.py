"""The aggressor's side, guessed from prices where a feed does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tick_rule(prices: NDArray[np.int64]) -> NDArray[np.int8]:
    """Sides by the tick rule: +1 above the price before, -1 below it, else the side before.

    A guess, and wrong for a good part of trades: say so wherever a number rests on it. The stored
    tapes all carry the exchange's own sides.

    Args:
        prices: int64 [n], in order of trading.

    Returns:
        int8 [n]: +1, -1, or 0 until the price first moves: leave those trades out.
    """
    moves = np.sign(np.diff(np.asarray(prices, np.int64), prepend=prices[:1])).astype(np.int8)
    latest = np.maximum.accumulate(np.where(moves != 0, np.arange(len(moves)), 0))
    sides: NDArray[np.int8] = moves[latest]
    return sides

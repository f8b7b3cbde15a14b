"""What detectors share that judge a bar's number by the bars before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow import events as ev
from orderflow_bt.kernels import scores as k
from orderflow_bt.types import Bar, BarStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import BarSpec

SCALES = {"plain": k.PLAIN, "log": k.LOG, "mad": k.MAD}
(
    OPEN_TIME, _, OPEN, HIGH, LOW, CLOSE, VOLUME, BUY_VOLUME, _, _, COUNT, _, _, _, _, _, _, STATUS,
) = range(len(Bar._fields))  # fmt: skip


class Scores:
    """How far numbers stand out from those before them, one series or several.

    Args:
        window: How many before it a number is judged by; until there are as many it is not.
        scale: A name in `SCALES`.
        series: How many series there are.
    """

    def __init__(self, window: int, scale: str = "plain", series: int = 1) -> None:
        self._scale = SCALES[scale]
        self._rings: NDArray[np.int64] = np.zeros((series, window), np.int64)
        self._states: NDArray[np.int64] = np.zeros((series, k.STATE_FIELDS), np.int64)

    def push(
        self, values: NDArray[np.int64], slots: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Float64 [n]: standard deviations of each value above the mean of those before it.

        Args:
            values: Int64 [n], not negative.
            slots: Int64 [n]: the series of each.
        """
        scores = np.empty(len(values), np.float64)
        if slots is None:
            slots = np.zeros(len(values), np.int64)
        k.score(values, slots, self._scale, self._rings, self._states, scores)
        return scores


def delta_of(bars: NDArray[np.int64]) -> NDArray[np.int64]:
    """Delta of bars given as columns."""
    return 2 * bars[:, BUY_VOLUME] - bars[:, VOLUME]


def bar_events(
    bars: BarBatch,
    spec: BarSpec,
    chosen: NDArray[np.int64],
    *,
    direction: NDArray[np.int64],
    strength: NDArray[np.float64],
    details: Sequence[NDArray[np.int64]],
    kind: NDArray[np.int64] | int = 0,
) -> NDArray[np.int64]:
    """Rows of events, columns as in `EventColumns`, of chosen bars: at their close, in state 0.

    Args:
        bars: The bars that closed in the piece.
        spec: Their specification.
        chosen: Places of the bars, ascending.
        direction: Of each event.
        strength: Of each event.
        details: A column for each detail.
        kind: Number of each event's kind.
    """
    rows = np.zeros((len(chosen), ev.DETAILS + len(details)), np.int64)
    theirs = bars.bars[chosen]
    rows[:, ev.KNOWN_AT], rows[:, ev.AT] = bars.known_at[chosen], bars.at[chosen]
    rows[:, ev.BARS], rows[:, ev.KIND] = spec.size, kind
    rows[:, ev.DIRECTION], rows[:, ev.PRICE] = direction, theirs[:, CLOSE]
    rows[:, ev.PRICE_LOW], rows[:, ev.PRICE_HIGH] = theirs[:, LOW], theirs[:, HIGH]
    rows[:, ev.STRENGTH] = strength.view(np.int64)
    rows[:, ev.SINCE] = theirs[:, OPEN_TIME]
    rows[:, ev.SPANS_GAP] = theirs[:, STATUS] == BarStatus.GAP
    for n, column in enumerate(details):
        rows[:, ev.DETAILS + n] = column
    return rows

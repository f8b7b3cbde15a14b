"""What detectors with a kernel share: the kernel's rows as rows of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.detectors.scored import STATUS
from orderflow_bt.errors import UsageError
from orderflow_bt.flow import events as ev
from orderflow_bt.kernels import emit as k
from orderflow_bt.kernels import rolling
from orderflow_bt.parameters import exact
from orderflow_bt.types import BarStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import BarSpec, Trades

_ROOM = 1 << 12
TRADE_ID = -1  # in place of a column of a kernel's row: the id of the trade that made it known


class KernelRows:
    """Runs a kernel over pieces of tape until it has read them.

    Args:
        slots: Length of the kernel's state.

    Attributes:
        state: int64 [slots], carried from piece to piece.
        out: int64 [events, OUT_FIELDS], written by the kernel.
    """

    def __init__(self, slots: int = k.FIRST_FREE) -> None:
        self.state: NDArray[np.int64] = np.zeros(slots, np.int64)
        self.out: NDArray[np.int64] = np.zeros((_ROOM, k.OUT_FIELDS), np.int64)

    def read(
        self, call: Callable[[], int], grow: Callable[[], None] | None = None
    ) -> NDArray[np.int64]:
        """The kernel's rows.

        Args:
            call: Calls the kernel on the piece, with `state` and `out`.
            grow: Gives the kernel more room when it says SMALL.
        """
        self.state[k.NEXT] = self.state[k.NEXT_BAR] = 0
        return self.run(call, grow)

    def run(
        self, call: Callable[[], int], grow: Callable[[], None] | None = None
    ) -> NDArray[np.int64]:
        """As `read`, where the kernel goes on from where it is in the piece."""
        parts = []
        while True:
            self.state[k.EMITTED] = 0
            code = call()
            if self.state[k.EMITTED]:
                parts.append(self.out[: self.state[k.EMITTED]].copy())
            if code == k.DONE:
                break
            if code == k.SMALL and grow is not None:
                grow()
            elif not self.state[k.EMITTED]:  # not even one trade's events fit
                self.out = np.zeros((2 * len(self.out), k.OUT_FIELDS), np.int64)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else self.out[:0]


def to_events(
    out: NDArray[np.int64],
    trades: Trades,
    details: Sequence[int],
    *,
    kind: int = 0,
    scale: float = 1.0,
    bars: BarBatch | None = None,
    spec: BarSpec | None = None,
) -> NDArray[np.int64]:
    """A kernel's rows as rows of events, columns as in `EventColumns`.

    Args:
        out: int64 [n, OUT_FIELDS].
        trades: The piece of tape that was read.
        details: For each detail the column of ``out`` that holds it, or TRADE_ID.
        kind: Number of their kind.
        scale: Strength is ``above / least`` in multiples of it.
        bars: The bars that were read, where events may be of bars.
        spec: Their specification.
    """
    n = len(out)
    rows = np.empty((n, ev.DETAILS + len(details)), np.int64)
    if n == 0:
        return rows
    row = out[:, k.ROW]
    of_bar = out[:, k.BAR] >= 0
    rows[:, ev.AT] = row + 1
    rows[:, ev.SOURCE], rows[:, ev.BARS], rows[:, ev.KIND] = 0, 0, kind
    rows[:, [ev.STATE, ev.DIRECTION, ev.PRICE, ev.PRICE_LOW, ev.PRICE_HIGH, ev.SINCE]] = out[
        :, [k.STATE, k.DIRECTION, k.PRICE, k.LOW, k.HIGH, k.SINCE]
    ]
    strength = out[:, k.ABOVE] / np.maximum(out[:, k.LEAST], 1) / scale
    rows[:, ev.STRENGTH] = strength.view(np.int64)
    rows[:, ev.SPANS_GAP], rows[:, ev.ID] = 0, -1
    columns = [out[:, column] for column in details]
    made_by = None
    if TRADE_ID in details:
        made_by = details.index(TRADE_ID)
    if not of_bar.any():
        rows[:, ev.KNOWN_AT] = trades.time[row]
        if made_by is not None:
            columns[made_by] = trades.id[row]
    else:
        assert bars is not None
        assert spec is not None
        bar = out[of_bar, k.BAR]
        rows[of_bar, ev.KNOWN_AT] = bars.known_at[bar]
        rows[of_bar, ev.AT] = bars.at[bar]
        rows[of_bar, ev.BARS] = spec.size
        rows[of_bar, ev.SPANS_GAP] = bars.bars[bar, STATUS] == BarStatus.GAP
        rows[~of_bar, ev.KNOWN_AT] = trades.time[row[~of_bar]]
        if made_by is not None:
            made = np.full(n, ev.ABSENT, np.int64)
            made[~of_bar] = trades.id[row[~of_bar]]
            columns[made_by] = made
    for n_detail, column in enumerate(columns):
        rows[:, ev.DETAILS + n_detail] = column
    return rows


def nested(row_size: int, bars: BarBatch) -> int:
    """A detector's height of a row, which the bars' rows must divide.

    Raises:
        UsageError: They do not.
    """
    if row_size % bars.row_size and len(bars):
        raise UsageError(
            f"rows of {bars.row_size} do not nest in rows of {row_size}",
            fix="Take a multiple of their height",
        )
    return row_size


class TopQuantile:
    """Arrays of an exact rolling quantile (see `orderflow_bt.kernels.rolling`).

    Args:
        window: How many values it looks back on.
        quantile: Such as 0.999.
    """

    def __init__(self, window: int, quantile: float) -> None:
        share = exact(quantile)
        self.skip = window - -(-window * share.numerator // share.denominator)
        self.ring: NDArray[np.int64] = np.zeros(window, np.int64)
        self.kept: NDArray[np.int64] = np.zeros(window, np.int64)
        self.marks: NDArray[np.int64] = np.zeros(rolling.MARKS, np.int64)
        self.marks[rolling.QUANTILE] = rolling.UNKNOWN

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """What kernels take, in their order."""
        return self.ring, self.kept, self.marks

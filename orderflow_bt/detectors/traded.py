"""What detectors with a kernel over trades share: the kernel's rows as events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.events import Event
from orderflow_bt.kernels import emit as k
from orderflow_bt.kernels import rolling
from orderflow_bt.parameters import exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from orderflow_bt.types import Trades

_ROOM = 1 << 12


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

    def read(self, call: Callable[[], int], grow: Callable[[], None] | None) -> Iterator[list[int]]:
        """The kernel's rows as plain integers.

        Args:
            call: Calls the kernel on the piece, with `state` and `out`.
            grow: Gives the kernel more room when it says SMALL.
        """
        self.state[k.NEXT] = 0
        while True:
            self.state[k.EMITTED] = 0
            code = call()
            yield from self.out[: self.state[k.EMITTED]].tolist()
            if code == k.DONE:
                return
            if code == k.SMALL and grow is not None:
                grow()


def to_event(
    trades: Trades,
    record: list[int],
    *,
    detector: str,
    kind: str,
    state: str,
    details: Mapping[str, int],
    scale: float = 1.0,
) -> tuple[int, Event]:
    """A kernel's row as an event, with the row of the trade that made it known.

    Its strength is the row's ``above / least`` in multiples of ``scale``.
    """
    row = record[k.ROW]
    event = Event(
        known_at=int(trades.time[row]),
        detector=detector,
        kind=kind,
        direction=record[k.DIRECTION],
        state=state,
        price=record[k.PRICE],
        price_low=record[k.LOW],
        price_high=record[k.HIGH],
        strength=record[k.ABOVE] / max(1, record[k.LEAST]) / scale,
        details={**details, "trade_id": int(trades.id[row])},
    )
    return row, event


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

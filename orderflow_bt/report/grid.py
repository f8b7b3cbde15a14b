"""Which rows and cells a footprint picture shows: grouping, depth, imbalances, placement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.imbalance import DETECTION_RATIO, STACK, diagonal
from orderflow_bt.flow.minimum import MEDIAN_BARS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.types import Bar

    Cells = NDArray[np.int64]  # [rows, 5]: price_low, bid, ask, bid_count, ask_count

MAX_ROWS = 45
REACH = 0.5  # how far beyond the bars an order may lie and still be in the picture, in bar spans


@dataclass(frozen=True, slots=True)
class Scale:
    """What the integers of a footprint stand for.

    Attributes:
        price_decimals: A price unit is ``10**-price_decimals``.
        qty_decimals: A lot is ``10**-qty_decimals``.
        row_size: Height of a stored row, in price units.
        unit: Name of the quantity, such as ``BTC`` or ``contracts``.
        title: Said once above the picture, such as ``BTCUSDT 5m``.
        tick_size: The exchange's price step, in price units.
        of_time: Whether these are time bars: what lies between two of them is then missing. Bars of
            activity open with their first trade, and time between them says nothing.
    """

    price_decimals: int
    qty_decimals: int
    row_size: int
    unit: str
    title: str = ""
    tick_size: int = 1
    of_time: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One bar as it stands in the picture.

    Attributes:
        bar: The bar.
        low_row: Number of its lowest shown row (price = row x row height).
        bid: int64 [rows], aggressive sells, ascending rows.
        ask: int64 [rows], aggressive buys.
        depth: Largest cell side seen up to and with this bar: what its fills are relative to.
        buy: bool [rows], buy imbalances.
        sell: bool [rows], sell imbalances.
        open_high: Whether both sides traded at the very high: an unfinished auction.
        open_low: The same at the low.
    """

    bar: Bar
    low_row: int
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    depth: int
    buy: NDArray[np.bool_]
    sell: NDArray[np.bool_]
    open_high: bool = False
    open_low: bool = False

    @property
    def poc_row(self) -> int | None:
        """Position of the shown row with the most volume; the stored one decides a tie."""
        total = self.bid + self.ask
        return int(total.argmax()) if total.size and total.any() else None


def group_cells(cells: Cells, height: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Fold stored rows into rows of ``height`` price units, anchored at price zero.

    Returns:
        Number of the lowest row, and dense ascending bid and ask volumes.
    """
    if cells.shape[0] == 0:
        empty = np.zeros(0, dtype=np.int64)
        return 0, empty, empty
    row = cells[:, 0] // height
    low = int(row[0])
    bid = np.zeros(int(row[-1]) - low + 1, dtype=np.int64)
    ask = np.zeros_like(bid)
    np.add.at(bid, row - low, cells[:, 1])
    np.add.at(ask, row - low, cells[:, 2])
    return low, bid, ask


def imbalances(
    bid: NDArray[np.int64], ask: NDArray[np.int64], floor: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Buy and sell imbalances of shown rows, across the diagonal; see `flow.imbalance`."""
    rows = np.zeros((bid.size, 5), dtype=np.int64)
    rows[:, 0], rows[:, 1], rows[:, 2] = np.arange(bid.size), bid, ask
    return diagonal(rows, DETECTION_RATIO, math.ceil(floor))


def stacks(flags: NDArray[np.bool_], least: int = STACK) -> list[tuple[int, int]]:
    """Runs of at least that many rows, as half-open ranges."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(start, stop) for start, stop in pairs if stop - start >= least]


def columns(
    bars: Sequence[Bar], cells: Sequence[Cells], height: int, *, ticks: bool = False
) -> list[Column]:
    """Every bar's shown rows. Depth and volume floor look at the bar itself and the past only.

    Args:
        bars: In time order.
        cells: Stored rows of each bar.
        height: Price units in a shown row.
        ticks: Whether a stored row is one tick, as unfinished auctions need.
    """
    made: list[Column] = []
    sides: list[NDArray[np.int64]] = []
    depth = 1
    for bar, own in zip(bars, cells, strict=True):
        low, bid, ask = group_cells(own, height)
        volumes = np.concatenate((bid, ask))
        depth = max(depth, int(volumes.max())) if volumes.size else depth
        past = sides[-MEDIAN_BARS:] or [volumes[volumes > 0]]
        pooled = np.concatenate(past)
        floor = float(np.median(pooled)) if pooled.size else 0.0
        buy, sell = imbalances(bid, ask, floor)
        both = (own[:, 1] > 0) & (own[:, 2] > 0) if ticks else np.zeros(0, dtype=np.bool_)
        open_low, open_high = (bool(both[at]) if both.size > 1 else False for at in (0, -1))
        made.append(Column(bar, low, bid, ask, depth, buy, sell, open_high, open_low))
        sides.append(volumes[volumes > 0])
    return made


def choose_height(lowest: int, highest: int, row_size: int, most: int = MAX_ROWS) -> int:
    """Smallest row of 1, 2, 5, 10... stored rows that shows the range in at most ``most`` rows."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            height = row_size * factor * step
            if highest // height - lowest // height + 1 <= most:
                return height
        step *= 10


def visible_range(bars: Sequence[Bar], prices: Sequence[float]) -> tuple[int, int]:
    """Lowest and highest price to show: the bars, and orders that are not too far from them."""
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    reach = max((high - low) * REACH, 1)
    near = [p for p in prices if low - reach <= p <= high + reach]
    return int(min([low, *near])), int(max([high, *near]))

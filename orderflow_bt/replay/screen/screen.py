"""A picture for a window before anything has passed: lens and rows come from the warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow import BarStream
from orderflow_bt.flow.grouping import ticks_of_ranges
from orderflow_bt.replay.screen.footprints import View
from orderflow_bt.replay.screen.lens import SHOWN_BEFORE_US, BlindLens, OpenLens
from orderflow_bt.replay.screen.picture import Picture
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.replay.engine.window import ReplayWindow
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.types import BarSpec, Trades

_HIGH, _LOW, _VOLUME, _TRADES = (
    Bar._fields.index(name) for name in ("high", "low", "volume", "trades")
)


def open_picture(
    window: ReplayWindow,
    spec: BarSpec,
    *,
    ticks_per_row: int | None = None,
    blind: bool = False,
    title: str = "",
) -> Picture:
    """A picture to be given to a player of this window as a listener.

    Args:
        window: What is replayed.
        spec: Bars on screen.
        ticks_per_row: Height of a row in the exchange's ticks; None gives the warm-up's bars 12 to
            20 rows (one tick where there is no warm-up).
        blind: Hide symbol, date, time of day and price.
        title: Of the page.

    Raises:
        UsageError: The bars do not fit the instrument, or a row is not positive.
    """
    unit = window.instrument
    bars = np.zeros((0, len(Bar._fields)), np.int64)
    if ticks_per_row is None or blind:
        first = window.row_at(window.start - SHOWN_BEFORE_US) if blind else 0
        bars = _warmup_bars(window, spec, first)
    if ticks_per_row is None:
        ranges = [(low, high) for low, high in bars[:, [_LOW, _HIGH]].tolist()]
        ticks_per_row = ticks_of_ranges(ranges, unit.tick_size) if ranges else 1
    lens = _blind(window, bars) if blind else OpenLens(unit)

    def reread(first: int, stop: int) -> Iterator[Trades]:
        return (cut.trades for cut in window.pieces(first, stop))

    return Picture(unit, lens, View(spec, ticks_per_row), reread=reread, title=title)


def _blind(window: ReplayWindow, bars: NDArray[np.int64]) -> Lens:
    """What hides a window: where the price and the clock stand as practice begins is 0."""
    price = int(window.trades(max(window.first - 1, 0), max(window.first, 1)).price[-1])
    volume = int(np.median(bars[:, _VOLUME])) if len(bars) else 10**window.instrument.qty_decimals
    return BlindLens(window.instrument, price=price, time=window.start, volume=max(volume, 1))


def _warmup_bars(window: ReplayWindow, spec: BarSpec, first: int) -> NDArray[np.int64]:
    """Bars with trades of the warm-up from a row on, and the one that is open at its end."""
    stream = BarStream(
        spec, ids_are_continuous=False, keep_cells=False, instrument=window.instrument
    )
    parts = [stream.feed(cut.trades).bars for cut in window.pieces(first, window.first)]
    bars = np.concatenate([*parts, stream.open_bar().bars])
    return bars[bars[:, _TRADES] > 0]

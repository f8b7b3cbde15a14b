"""Absorption: effort without result. At a level (trade by trade), and of a whole bar."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.moments import Trailing
from orderflow_bt.detectors.traded import KernelRows, TopQuantile, to_event
from orderflow_bt.errors import OrderflowError
from orderflow_bt.flow.events import Event
from orderflow_bt.kernels import absorption as k
from orderflow_bt.kernels.emit import STATE, A, B, C, D
from orderflow_bt.parameters import exact, param
from orderflow_bt.types import MINUTE_US, SECOND_US, BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.types import Bar, Trades

RANGES = 14
MOST_ROWS = 1 << 22
_STATES = ("candidate", "confirmed", "broken", "expired")


class Absorption(Detector):
    """Much one-sided volume into a few rows that do not give way.

    At a trade of one side, that side's volume over the last ``window`` seconds in the ``rows`` rows
    ending at the trade's is large, makes up most of what traded there, and no trade in the window
    was more than ``beyond`` rows further: a candidate. It is confirmed when the price trades
    ``back`` rows against that side before trading more than ``beyond`` rows further (broken) or
    ``patience`` seconds passing (expired, said at the next trade). One candidate a side at a time.

    Large is ``min_volume`` or, by default, the ``quantile`` of the same statistic's maxima in each
    of the last ``minutes`` closed minutes; before as many are known there are no events. See
    ``docs/detectors.md``.

    Event details: ``since`` (time of the candidate), ``row`` (price of the row it was seen in),
    ``furthest`` (furthest price against it since its window began), ``back`` (rows), ``trade_id``.
    """

    name: ClassVar[str] = "absorption"

    window: int = param(60, ge=1, le=3600, help="seconds of volume that count")
    rows: int = param(2, ge=1, le=64, help="rows of the band, ending at the trade's")
    beyond: int = param(2, ge=0, help="rows that the price may reach further")
    back: int = param(4, ge=1, help="least rows back that confirm it")
    back_atr: float = param(0.25, ge=0, le=10, help="or this share of the 14-minute ATR, if more")
    patience: int = param(300, ge=1, help="seconds until it expires")
    share: int = param(60, ge=0, le=100, help="least percent of the band's volume on its side")
    min_volume: int = param(0, ge=0, help="least volume in lots; 0 follows the market")
    quantile: float = param(0.98, gt=0, lt=1, help="of the minutes' maxima, where it follows")
    minutes: int = param(1440, ge=2, le=100_000, help="closed minutes it looks back on")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.STATE_SLOTS)
        self._quantile = TopQuantile(self.minutes, self.quantile)
        self._trades: NDArray[np.int64] = np.zeros((1 << 12, 3), np.int64)
        self._span: NDArray[np.int64] = np.zeros((1 << 10, 2), np.int64)
        self._ranges: NDArray[np.int64] = np.zeros(RANGES, np.int64)
        self._settings: NDArray[np.int64] = np.zeros(k.SETTING_SLOTS, np.int64)

    @property
    def lookback(self) -> int:
        """The minutes, and what a candidate before them could still block."""
        minutes = 0 if self.min_volume else self.minutes
        return (max(minutes, RANGES) + 2) * MINUTE_US + (self.window + self.patience) * SECOND_US

    def begin(self, tick: int) -> None:
        """Take the tape's tick."""
        super().begin(tick)
        share = exact(self.back_atr)
        self._settings[:] = (
            self.ticks_per_row * tick, self.window * SECOND_US, self.rows, self.beyond,
            self.patience * SECOND_US, self.min_volume, self.share, self.back, share.numerator,
            share.denominator, self._quantile.skip, tick,
        )  # fmt: skip

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Read trades of any number."""
        if not self._settings[k.ROW_SIZE]:
            self.begin(self.tick)
        for record in self._rows.read(lambda: self._call(trades), self._grow):
            yield to_event(
                trades,
                record,
                detector=self.name,
                kind="level",
                state=_STATES[record[STATE]],
                details={
                    "since": record[A], "furthest": record[B], "back": record[C], "row": record[D],
                },
            )  # fmt: skip

    def _call(self, trades: Trades) -> int:
        return k.absorb(
            trades.time, trades.price, trades.qty, trades.side, self._settings, self._rows.state,
            self._trades, self._span, self._ranges, *self._quantile.arrays, self._rows.out,
        )  # fmt: skip

    def _grow(self) -> None:
        """Twice the room, for trades and for rows, each where it is needed."""
        head, tail = int(self._rows.state[k.HEAD]), int(self._rows.state[k.TAIL])
        at = np.arange(tail, head)
        window = self._trades[at & (len(self._trades) - 1)]
        if head - tail >= len(self._trades) - 1:
            self._trades = np.zeros((2 * len(self._trades), 3), np.int64)
            self._trades[at & (len(self._trades) - 1)] = window
            return
        if 2 * len(self._span) > MOST_ROWS:
            raise OrderflowError(
                f"{self.window} s of trades span more than {MOST_ROWS // 2:,} rows",
                fix="Raise the detector's ticks_per_row",
            )
        self._span = np.zeros((2 * len(self._span), 2), np.int64)
        slots = window[:, 1] & (len(self._span) - 1)
        np.add.at(self._span[:, 1], slots, np.maximum(window[:, 2], 0))
        np.add.at(self._span[:, 0], slots, np.maximum(-window[:, 2], 0))


class AbsorptionBar(Detector):
    """A bar with an unusual delta that did not move the price its way.

    ``absorbed``: the bar closed against its delta, or unchanged. ``slow``: it closed with it, but
    moved less a lot than in all but the ``quantile`` of the bars before. Unusual is an absolute
    delta ``least`` standard deviations above its mean over the ``window`` bars before. See
    ``docs/detectors.md``.

    Event details: ``delta``, ``progress`` (price units in the delta's direction).
    """

    name: ClassVar[str] = "absorption_bar"

    bars: BarSpec = param(time_bars("1m"), help="bars to read")
    least: float = param(2.0, gt=0, help="least z-score of the absolute delta")
    window: int = param(100, ge=2, le=10_000, help="bars before, for mean and quantile")
    quantile: float = param(0.1, ge=0, lt=1, help="of progress per delta, for slow ones")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._before: deque[Bar] = deque(maxlen=self.window)
        self._sizes = Trailing(self.window)

    @property
    def lookback(self) -> int:
        """The bars before, and one."""
        return self.bars.lookback(self.window + 1)

    def on_bar(self, bar: Bar) -> Iterator[Event]:
        """Judge a bar by those before it."""
        z = self._sizes.score(abs(bar.delta)) if self._sizes.is_full else 0.0
        if z >= self.least:
            side = 1 if bar.delta > 0 else -1
            kind = self._kind(bar, side)
            if kind:
                yield Event(
                    known_at=bar.close_time,
                    detector=self.name,
                    kind=kind,
                    direction=-side,
                    state="confirmed",
                    price=bar.close,
                    price_low=bar.low,
                    price_high=bar.high,
                    strength=z / self.least,
                    spans_gap=bar.is_gap,
                    details={"delta": bar.delta, "progress": side * (bar.close - bar.open)},
                )
        self._before.append(bar)
        self._sizes.push(abs(bar.delta))

    def _kind(self, bar: Bar, side: int) -> str:
        progress = side * (bar.close - bar.open)
        if progress <= 0:
            return "absorbed"
        rates = sorted(
            (b.close - b.open) * (1 if b.delta > 0 else -1) / abs(b.delta)
            for b in self._before
            if b.delta
        )
        if not rates or not self.quantile:
            return ""
        share = exact(self.quantile)
        rank = max(1, -(-len(rates) * share.numerator // share.denominator))
        return "slow" if progress / abs(bar.delta) <= rates[rank - 1] else ""

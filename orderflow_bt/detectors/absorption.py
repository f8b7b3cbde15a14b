"""Absorption: effort without result. At a level (trade by trade), and of a whole bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors import scored as bar
from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.scored import Scores, bar_events, delta_of
from orderflow_bt.detectors.traded import TRADE_ID, KernelRows, TopQuantile, to_events
from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels import absorption as k
from orderflow_bt.kernels import emit as e
from orderflow_bt.parameters import exact, param
from orderflow_bt.types import MINUTE_US, SECOND_US, BarSpec, time_bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import Trades

RANGES = 14
MOST_ROWS = 1 << 22


class Absorption(Detector):
    """Much one-sided volume into a few rows that do not give way.

    At a trade of one side, that side's volume over the last ``window`` seconds in the ``rows`` rows
    ending at the trade's is large, makes up most of what traded there, and no trade in the window
    was more than ``beyond`` rows further: a candidate. It is confirmed when the price trades
    ``back`` rows against that side before trading more than ``beyond`` rows further (broken) or
    ``patience`` seconds passing (expired, said at the next trade). One candidate a side at a time.

    Large is ``min_volume`` or, by default, the ``quantile`` of the same statistic's maxima in each
    of the last ``minutes`` closed minutes; before as many are known there are no events. See
    ``docs/readings/absorption.md``.

    Event details: ``since`` (time of the candidate), ``row`` (price of the row it was seen in),
    ``furthest`` (furthest price against it since its window began), ``back`` (rows), ``trade_id``.
    """

    name: ClassVar[str] = "absorption"
    kinds: ClassVar[tuple[str, ...]] = ("level",)
    states: ClassVar[tuple[str, ...]] = ("candidate", "confirmed", "broken", "expired")
    detail_names: ClassVar[tuple[str, ...]] = ("since", "row", "furthest", "back", "trade_id")

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

    def read(self, trades: Trades, _bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Candidates of the piece, and what becomes of candidates in it."""
        if not self._settings[k.ROW_SIZE]:
            self.begin(self.tick)
        out = self._rows.read(lambda: self._call(trades), self._grow)
        return to_events(out, trades, (e.A, e.B, e.C, e.D, TRADE_ID))

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
    ``docs/readings/absorption.md``.

    Event details: ``delta``, ``progress`` (price units in the delta's direction).
    """

    name: ClassVar[str] = "absorption_bar"
    reads_rows: ClassVar[bool] = False
    kinds: ClassVar[tuple[str, ...]] = ("absorbed", "slow")
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = ("delta", "progress")

    bars: BarSpec = param(time_bars("1m"), help="bars to read")
    least: float = param(2.0, gt=0, help="least z-score of the absolute delta")
    window: int = param(100, ge=2, le=10_000, help="bars before, for mean and quantile")
    quantile: float = param(0.1, ge=0, lt=1, help="of progress per delta, for slow ones")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._scores = Scores(self.window)
        self._before: NDArray[np.int64] = np.zeros((0, 2), np.int64)  # delta, close - open

    @property
    def lookback(self) -> int:
        """The bars before, and one."""
        return self.bars.lookback(self.window + 1)

    def read(self, _trades: Trades, bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Judge the bars that closed by those before each."""
        delta = delta_of(bars.bars)
        body = bars.bars[:, bar.CLOSE] - bars.bars[:, bar.OPEN]
        z = self._scores.push(np.abs(delta))
        first = len(self._before)
        series = np.concatenate([self._before, np.stack([delta, body], axis=1)])
        self._before = series[max(0, len(series) - self.window) :].copy()
        unusual = np.flatnonzero(z >= self.least)
        kinds = [
            self._kind(series[max(0, first + n - self.window) : first + n], *series[first + n])
            for n in unusual.tolist()
        ]
        seen = np.array([kind is not None for kind in kinds], np.bool_)
        chosen = unusual[seen]
        side = np.sign(delta[chosen])
        return bar_events(
            bars, self.bars, chosen,
            kind=np.array([kind for kind in kinds if kind is not None], np.int64),
            direction=-side,
            strength=z[chosen] / self.least,
            details=(delta[chosen], side * body[chosen]),
        )  # fmt: skip

    def _kind(self, before: NDArray[np.int64], delta: int, body: int) -> int | None:
        """Number of the kind of a bar with an unusual delta."""
        delta, progress = int(delta), int(body) * (1 if delta > 0 else -1)
        if progress <= 0:
            return 0
        moved = before[before[:, 0] != 0]
        rates = np.sort(moved[:, 1] * np.sign(moved[:, 0]) / np.abs(moved[:, 0]))
        if not len(rates) or not self.quantile:
            return None
        share = exact(self.quantile)
        rank = max(1, -(-len(rates) * share.numerator // share.denominator))
        return 1 if progress / abs(delta) <= rates[rank - 1] else None

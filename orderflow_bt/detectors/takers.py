"""Aggressive orders put together again from the tape: clusters, sweeps, big ones, repeated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import TRADE_ID, KernelRows, TopQuantile, to_events
from orderflow_bt.flow import events as ev
from orderflow_bt.flow.minimum import VolumePool
from orderflow_bt.flow.takers import TakerFeed
from orderflow_bt.kernels import emit as e
from orderflow_bt.kernels import takers as k
from orderflow_bt.parameters import exact, param
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.takers import Clusters
    from orderflow_bt.types import Trades

_DETAILS = ("qty", "levels", "first_price", "trades", "trade_id")


class _OfTakers(Detector):
    """A detector that reads taker clusters; those of one reading find them once."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._feed = TakerFeed()

    def share_readings(self, pool: dict[type, object]) -> None:
        """Find clusters once for all who read them."""
        self._feed = cast("TakerFeed", pool.setdefault(TakerFeed, self._feed))


class TakerClusters(_OfTakers):
    """Trades that look like one aggressive order, if it took ``min_levels`` prices or more.

    Consecutive trades belong together while side and time are equal, ids follow each other and the
    price does not turn back against the taker. A cluster is known when the first trade that does
    not belong to it is over. Three prices or more make a ``sweep``. Only such are reported as are
    worth (price x quantity) the ``quantile`` of the ``clusters`` before; with ``quantile=0`` all.
    It is an estimate: orders of several takers at one time merge, see
    ``docs/readings/taker-clusters.md``.

    Event details: ``qty`` (lots), ``levels``, ``first_price``, ``trades``, ``trade_id``.
    """

    name: ClassVar[str] = "taker_clusters"
    kinds: ClassVar[tuple[str, ...]] = ("cluster", "sweep")
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = _DETAILS

    min_levels: int = param(3, ge=1, help="least distinct prices; 1 gives every cluster")
    quantile: float = param(0.99, ge=0, lt=1, help="of the values of the clusters before; 0: all")
    clusters: int = param(5000, ge=2, le=10_000_000, help="clusters before that count")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._quantile = TopQuantile(self.clusters if self.quantile else 2, self.quantile or 0.5)

    @property
    def lookback(self) -> int:
        """A day: in a quieter market than that, the first events of a window may be missing."""
        return DAY_US if self.quantile else SECOND_US

    def read(self, trades: Trades, _bars: BarBatch, gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Clusters that the piece completes."""
        found = self._feed.of(trades, gaps)
        chosen = np.flatnonzero(found.levels >= self.min_levels)
        if self.quantile:
            large = _reaching(found.values, 0, self._quantile)[:, 0]
            chosen = large[found.levels[large] >= self.min_levels]
        levels = found.levels[chosen]
        rows = _to_events(found, chosen, trades, levels / self.min_levels)
        rows[:, ev.KIND] = levels >= 3
        return rows


class BigTrades(_OfTakers):
    """A taker cluster worth as much as the largest thousandth of those before it.

    Its value (price x quantity) reaches the ``quantile`` of the ``clusters`` before it, or the
    fixed ``min_value``. Before as many clusters are known there are no events.

    Event details: as for taker clusters.
    """

    name: ClassVar[str] = "big_trades"
    kinds: ClassVar[tuple[str, ...]] = ("big",)
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = _DETAILS

    quantile: float = param(0.999, gt=0, lt=1, help="of the values of the clusters before")
    clusters: int = param(50_000, ge=2, le=10_000_000, help="clusters before that count")
    min_value: int = param(0, ge=0, help="fixed least value in price units x lots; 0 follows")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._quantile = TopQuantile(2 if self.min_value else self.clusters, self.quantile)

    @property
    def lookback(self) -> int:
        """A day: in a quieter market than that, the first events of a window may be missing."""
        return SECOND_US if self.min_value else DAY_US

    def read(self, trades: Trades, _bars: BarBatch, gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Big clusters that the piece completes."""
        found = self._feed.of(trades, gaps)
        chosen = _reaching(found.values, self.min_value, self._quantile)
        values = found.values[chosen[:, 0]]
        return _to_events(found, chosen[:, 0], trades, values / np.maximum(chosen[:, 1], 1))


def _reaching(values: NDArray[np.int64], fixed: int, quantile: TopQuantile) -> NDArray[np.int64]:
    """Int64 [n, 2]: places of values that reach the quantile, or ``fixed``, and what that was."""
    chosen = np.empty((len(values), 2), np.int64)
    count = k.reach_quantile(values, fixed, quantile.skip, *quantile.arrays, chosen)
    return chosen[:count]


def _to_events(
    found: Clusters,
    chosen: NDArray[np.int64],
    trades: Trades,
    strength: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Chosen clusters as rows of events, ``confirmed`` by the trades that completed them."""
    rows = np.zeros((len(chosen), ev.DETAILS + len(_DETAILS)), np.int64)
    if not len(chosen):
        return rows
    end = found.ends[chosen]
    group = found.describe(chosen, trades)
    rows[:, ev.KNOWN_AT], rows[:, ev.AT] = trades.time[end], end + 1
    rows[:, ev.DIRECTION], rows[:, ev.PRICE] = group.side, group.last
    rows[:, ev.PRICE_LOW] = np.minimum(group.first, group.last)
    rows[:, ev.PRICE_HIGH] = np.maximum(group.first, group.last)
    rows[:, ev.STRENGTH] = strength.view(np.int64)
    rows[:, ev.SINCE] = group.time
    details = (found.amounts[chosen], found.levels[chosen], group.first, group.rows, trades.id[end])
    for n, column in enumerate(details):
        rows[:, ev.DETAILS + n] = column
    return rows


class IcebergLike(_OfTakers):
    """Large taker clusters that end at one price again and again while no trade passes it.

    ``hits`` clusters of one price and side, each as large as the ``quantile`` of the ``clusters``
    before it, within ``window`` seconds, and no trade beyond that price since the first. Trades
    cannot prove hidden size; this only looks like it.

    Event details: ``qty`` (lots of the hits), ``since`` (time of the first), ``trade_id``.
    """

    name: ClassVar[str] = "iceberg_like"
    kinds: ClassVar[tuple[str, ...]] = ("price",)
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = ("qty", "since", "trade_id")

    hits: int = param(3, ge=2, le=32, help="large clusters on one price")
    window: int = param(60, ge=1, help="seconds within which they fall")
    quantile: float = param(0.9, gt=0, lt=1, help="of the sizes of the clusters before")
    clusters: int = param(1000, ge=2, le=1_000_000, help="clusters before that count")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.ICEBERG_SLOTS)
        share = exact(self.quantile)
        self._rank = -(-self.clusters * share.numerator // share.denominator) - 1
        self._pool = VolumePool(1)
        self._pool.make_room(self.clusters // 2 + 1)
        self._levels: NDArray[np.int64] = np.zeros(
            (2, k.DEPTH, k.LEVEL_HITS + 2 * self.hits), np.int64
        )

    @property
    def lookback(self) -> int:
        """A day: in a quieter market than that, the first events of a window may be missing."""
        return DAY_US

    def read(self, trades: Trades, _bars: BarBatch, gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Prices that clusters of the piece were turned away from."""
        found = self._feed.of(trades, gaps)
        out = self._rows.read(lambda: self._call(trades, found))
        return to_events(out, trades, (e.A, e.B, TRADE_ID))

    def _call(self, trades: Trades, found: Clusters) -> int:
        pool, _, counts, marks = self._pool.arrays
        return k.watch_icebergs(
            trades.price, trades.time, trades.side, found.opened, found.ends, found.amounts,
            found.levels, self.hits, self.window * SECOND_US, self._rank, self.clusters,
            self._rows.state, self._levels, pool, counts, marks, self._rows.out,
        )  # fmt: skip

"""Aggressive orders put together again from the tape: clusters, sweeps, big ones, repeated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import KernelRows, TopQuantile, to_event
from orderflow_bt.kernels import takers as k
from orderflow_bt.kernels.emit import STATE, A, B, C, D
from orderflow_bt.parameters import param
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.flow.events import Event
    from orderflow_bt.types import Trades

_KINDS = ("cluster", "sweep", "big")


class TakerClusters(Detector):
    """Trades that look like one aggressive order, if it took ``min_levels`` prices or more.

    Consecutive trades belong together while side and time are equal, ids follow each other and the
    price does not turn back against the taker. A cluster is known when the first trade that does
    not belong to it is over. Three prices or more make a ``sweep``. It is an estimate: orders of
    several takers at one time merge, see ``docs/detectors.md``.

    Event details: ``qty`` (lots), ``levels``, ``first_price``, ``trades``, ``trade_id``.
    """

    name: ClassVar[str] = "taker_clusters"

    min_levels: int = param(3, ge=1, help="least distinct prices; 1 gives every cluster")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.STATE_SLOTS)
        self._quantile = TopQuantile(2, 0.5)

    @property
    def lookback(self) -> int:
        """Enough for the cluster that is open when the window begins."""
        return SECOND_US

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Read trades of any number."""
        yield from _clusters(self, trades, self._rows, self._quantile, min_levels=self.min_levels)


class BigTrades(Detector):
    """A taker cluster worth as much as the largest thousandth of those before it.

    Its value (price x quantity) reaches the ``quantile`` of the ``clusters`` before it, or the
    fixed ``min_value``. Before as many clusters are known there are no events.

    Event details: as for taker clusters.
    """

    name: ClassVar[str] = "big_trades"

    quantile: float = param(0.999, gt=0, lt=1, help="of the values of the clusters before")
    clusters: int = param(50_000, ge=2, le=10_000_000, help="clusters before that count")
    min_value: int = param(0, ge=0, help="fixed least value in price units x lots; 0 follows")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.STATE_SLOTS)
        self._quantile = TopQuantile(2 if self.min_value else self.clusters, self.quantile)

    @property
    def lookback(self) -> int:
        """A day: in a quieter market than that, the first events of a window may be missing."""
        return SECOND_US if self.min_value else DAY_US

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Read trades of any number."""
        yield from _clusters(self, trades, self._rows, self._quantile, big=1, fixed=self.min_value)


def _clusters(
    detector: Detector,
    trades: Trades,
    rows: KernelRows,
    quantile: TopQuantile,
    *,
    min_levels: int = 1,
    big: int = 0,
    fixed: int = 0,
) -> Iterator[tuple[int, Event]]:
    def call() -> int:
        return k.take_clusters(
            trades.id, trades.time, trades.price, trades.qty, trades.side, min_levels, big, fixed,
            quantile.skip, rows.state, *quantile.arrays, rows.out,
        )  # fmt: skip

    for record in rows.read(call, None):
        details = {
            "qty": record[A], "levels": record[B], "first_price": record[C], "trades": record[D]
        }  # fmt: skip
        kind = _KINDS[record[STATE]]
        yield to_event(
            trades, record, detector=detector.name, kind=kind, state="confirmed", details=details
        )


class IcebergLike(Detector):
    """Large taker clusters that end at one price again and again while no trade passes it.

    ``hits`` clusters of one price and side, each as large as the ``quantile`` of the ``clusters``
    before it, within ``window`` seconds, and no trade beyond that price since the first. Trades
    cannot prove hidden size; this only looks like it.

    Event details: ``qty`` (lots of the hits), ``since`` (time of the first), ``trade_id``.
    """

    name: ClassVar[str] = "iceberg_like"

    hits: int = param(3, ge=2, le=32, help="large clusters on one price")
    window: int = param(60, ge=1, help="seconds within which they fall")
    quantile: float = param(0.9, gt=0, lt=1, help="of the sizes of the clusters before")
    clusters: int = param(1000, ge=2, le=1_000_000, help="clusters before that count")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.ICEBERG_SLOTS)
        self._quantile = TopQuantile(self.clusters, self.quantile)
        self._levels: NDArray[np.int64] = np.zeros(
            (2, k.DEPTH, k.LEVEL_HITS + 2 * self.hits), np.int64
        )

    @property
    def lookback(self) -> int:
        """A day: in a quieter market than that, the first events of a window may be missing."""
        return DAY_US

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Read trades of any number."""
        for record in self._rows.read(lambda: self._call(trades), None):
            details = {"qty": record[A], "since": record[B]}
            yield to_event(
                trades,
                record,
                detector=self.name,
                kind="price",
                state="confirmed",
                details=details,
            )

    def _call(self, trades: Trades) -> int:
        return k.watch_icebergs(
            trades.id, trades.time, trades.price, trades.qty, trades.side, self.hits,
            self.window * SECOND_US, self._quantile.skip, self._rows.state, self._levels,
            *self._quantile.arrays, self._rows.out,
        )  # fmt: skip

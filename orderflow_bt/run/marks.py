"""The mark price of a run's window: what is stored of it, and what liquidates by it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import CoverageError
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim import LiquidateOn
from orderflow_bt.sim.mark_prices import MarkPrices, Minutes
from orderflow_bt.store import SeriesStore
from orderflow_bt.types import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

INTERVAL = "1m"
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class MarkPlan:
    """By which price a run's positions are liquidated.

    Attributes:
        prices: The mark prices; None where the last price is tested.
        data: What is read: date, checksum, rows.
        missing: Days of the window of which none are stored; there the last price is tested.
        get: The command that fetches what is not stored; empty where nothing is liquidated.
    """

    prices: MarkPrices | None = None
    data: tuple[dict[str, Any], ...] = ()
    missing: tuple[dt.date, ...] = ()
    get: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "used": self.prices is not None,
            "missing": [date.isoformat() for date in self.missing],
            "get": self.get,
            "data": list(self.data),
        }


def find_marks(
    lake: Lake, tape: TapeId, start: int, end: int, config: SimConfig, *, accept_gaps: bool
) -> MarkPlan:
    """The stored mark prices of ``[start, end)``, where a position can be liquidated by them.

    Raises:
        CoverageError: Days are not stored, the configuration insists on them and gaps are not
            accepted.
        LakeError: A stored day cannot be read.
    """
    if not tape.market.is_futures or config.leverage is None:
        return MarkPlan()
    first, last = (_EPOCH + dt.timedelta(days=time // DAY_US) for time in (start, end - 1))
    get = (
        f"orderflow-bt download {tape.symbol} --market {tape.market.value}"
        f" --kind markPriceKlines --interval {INTERVAL} --from {first} --to {last}"
    )
    if config.liquidate_on is LiquidateOn.LAST:
        return MarkPlan(get=get)
    series = SeriesId(tape.exchange, tape.market, SeriesKind.MARK_KLINES, tape.symbol, INTERVAL)
    store = SeriesStore(lake)
    stored = {date for date in store.dates(series) if first <= date <= last}
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    missing = tuple(date for date in dates if date not in stored)
    if missing and config.liquidate_on is LiquidateOn.MARK and not accept_gaps:
        listed = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise CoverageError(
            f"{len(missing)} of {len(dates)} days of the mark price of {tape.symbol} are not in the"
            f" lake: {listed}",
            fix=f"Get them ({get}), or say --accept-gaps to test the last price there",
        )
    data = []
    for date in sorted(stored):
        info = store.info(series, date)
        if info is not None:
            row = {"date": date.isoformat(), "sha256": info.origin.sha256, "rows": info.rows}
            data.append(row)
    prices = StoredMarks(lake, series, frozenset(stored)) if stored else None
    return MarkPlan(prices, tuple(data), missing, get)


class StoredMarks(MarkPrices):
    """The mark prices of a lake."""

    def __init__(self, lake: Lake, series: SeriesId, dates: frozenset[dt.date]) -> None:
        super().__init__()
        self._lake, self._series, self._dates = lake, series, dates

    def load(self, day: int) -> Minutes | None:
        """A day of them."""
        date = _EPOCH + dt.timedelta(days=day)
        if date not in self._dates:
            return None
        rows = SeriesStore(self._lake).read(self._series, date)
        minute = rows.columns["open_time"] % DAY_US // MINUTE_US
        names = ("open", "high", "low", "close")
        candles = [np.asarray(rows.columns[name], np.int64) for name in names]
        return Minutes.of(np.asarray(minute, np.int64), candles, rows.decimals["open"])

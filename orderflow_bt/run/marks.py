"""The mark price of a run's window: what is stored of it, what liquidates and triggers by it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt import hints
from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim import LiquidateOn, TriggerOn
from orderflow_bt.sim.mark_prices import MarkPrices, Minutes
from orderflow_bt.store import SeriesStore
from orderflow_bt.types import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Collection

    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

INTERVAL = "1m"
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class MarkPlan:
    """By which price a run's positions are liquidated, and its orders triggered.

    Attributes:
        prices: The mark prices; None where the last price is tested.
        liquidates: Whether they liquidate.
        triggers: Whether they trigger.
        data: What is read: date, checksum, rows.
        missing: Days of the window of which none are stored; there the last price is tested.
        get: The command that fetches what is not stored; empty where nobody would read it.
    """

    prices: MarkPrices | None = None
    liquidates: bool = False
    triggers: bool = False
    data: tuple[dict[str, Any], ...] = ()
    missing: tuple[dt.date, ...] = ()
    get: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "used": self.prices is not None and self.liquidates,
            "triggers": self.prices is not None and self.triggers,
            "missing": [date.isoformat() for date in self.missing],
            "get": self.get,
            "data": list(self.data),
        }


def find_marks(
    lake: Lake, tape: TapeId, start: int, end: int, config: SimConfig, *, accept_gaps: bool
) -> MarkPlan:
    """The stored mark prices of ``[start, end)``, where a run would liquidate or trigger by them.

    Raises:
        CoverageError: Days are not stored, the configuration insists on them and gaps are not
            accepted.
        UsageError: Orders are to be triggered by it, and the market has none.
        LakeError: A stored day cannot be read.
    """
    triggers = config.trigger_on is TriggerOn.MARK
    if not tape.market.is_futures:
        if triggers:
            raise UsageError(
                f"{tape} has no mark price: that is of futures", where="--trigger-on",
                fix="Leave it out: the last price triggers",
            )  # fmt: skip
        return MarkPlan()
    if config.leverage is None and not triggers:
        return MarkPlan()
    first, last = (_EPOCH + dt.timedelta(days=time // DAY_US) for time in (start, end - 1))
    series, store = series_of(tape), SeriesStore(lake)
    get = hints.download(series, first, last)
    liquidates = config.liquidate_on is not LiquidateOn.LAST and config.leverage is not None
    if not liquidates and not triggers:
        return MarkPlan(get=get)
    stored = {date for date in store.dates(series) if first <= date <= last}
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    missing = tuple(date for date in dates if date not in stored)
    needed = triggers or config.liquidate_on is LiquidateOn.MARK
    if missing and needed and not accept_gaps:
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
    return MarkPlan(prices, liquidates, triggers, tuple(data), missing, get)


def series_of(tape: TapeId) -> SeriesId:
    """The mark-price candles of a tape's contract."""
    return SeriesId(tape.exchange, tape.market, SeriesKind.MARK_KLINES, tape.symbol, INTERVAL)


def stored_marks(lake: Lake, tape: TapeId, dates: Collection[str]) -> MarkPrices:
    """Those of some days, as a run's manifest names them."""
    return StoredMarks(lake, series_of(tape), frozenset(map(dt.date.fromisoformat, dates)))


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

"""The funding of a run's window: what is stored of it, and what is not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt import hints
from orderflow_bt.series import INTERVALS_US, SeriesId, SeriesKind
from orderflow_bt.sim.funding import Funding
from orderflow_bt.store import SeriesStore
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, MarketType

if TYPE_CHECKING:
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)
_SLACK_US = MINUTE_US  # funding is stamped when it is paid, some time after the boundary


@dataclass(frozen=True, slots=True)
class FundingPlan:
    """What a run charges as funding.

    Attributes:
        rows: Fundings inside the window, by time.
        applies: Whether the contract has funding at all: perpetual futures do.
        holes: Stretches (from, to) of the window longer than a funding period without a row.
        get: The command that fetches what is not stored.
        data: What was read: month, checksum, rows.
    """

    rows: tuple[Funding, ...] = ()
    applies: bool = False
    holes: tuple[tuple[int, int], ...] = ()
    get: str = ""
    data: tuple[dict[str, Any], ...] = ()

    @property
    def left_out(self) -> str:
        """What of the funding is not charged and why, empty where all of it is."""
        if not self.applies or not self.holes:
            return ""
        why = f"no rates of it are stored; get them with: {self.get}"
        if not self.rows:
            return f"funding (not charged: {why})"
        spans = ", ".join(f"{_text(start)} to {_text(end)}" for start, end in self.holes[:3])
        more = ", …" if len(self.holes) > 3 else ""
        return f"funding from {spans}{more} (not charged: {why})"

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "applies": self.applies,
            "rows": len(self.rows),
            "without_mark": sum(row.mark is None for row in self.rows),
            "holes": [[_text(start), _text(end)] for start, end in self.holes],
            "data": list(self.data),
        }


def find_funding(lake: Lake, tape: TapeId, start: int, end: int) -> FundingPlan:
    """The stored fundings of ``[start, end)``, each with its mark price where one is stored.

    Raises:
        LakeError: A stored piece cannot be read.
    """
    if not _is_perpetual(tape):
        return FundingPlan()
    store = SeriesStore(lake)
    series = SeriesId(tape.exchange, tape.market, SeriesKind.FUNDING, tape.symbol)
    first, last = _date(start), _date(end - 1)
    # the row before the window says whether its own first one is there
    wanted = series.pieces([first - dt.timedelta(days=1), first, last])
    stored = [piece for piece in store.dates(series) if wanted[0] <= piece <= wanted[-1]]
    times: list[int] = []
    hours: list[int] = []
    rates: list[Decimal] = []
    data = []
    for piece in stored:
        rows, info = store.read(series, piece), store.info(series, piece)
        times += rows.columns["time"].tolist()
        hours += rows.columns["interval_hours"].tolist()
        rates += [Decimal(r).scaleb(-rows.decimals["rate"]) for r in rows.columns["rate"].tolist()]
        if info is not None:
            month = series.piece_text(piece)
            data.append({"month": month, "sha256": info.origin.sha256, "rows": rows.rows})
    marks = _Marks(store, tape)
    inside = [k for k, time in enumerate(times) if start <= time < end]
    return FundingPlan(
        rows=tuple(Funding(times[k], rates[k], hours[k], marks.at(times[k])) for k in inside),
        applies=True,
        holes=tuple(_holes(times, hours, start, end)),
        get=hints.download(series, first, last),
        data=tuple(data),
    )


def _is_perpetual(tape: TapeId) -> bool:
    if tape.market is MarketType.CM:
        return tape.symbol.endswith("_PERP")
    return tape.market is MarketType.UM and "_" not in tape.symbol


def _holes(times: list[int], hours: list[int], start: int, end: int) -> list[tuple[int, int]]:
    """Stretches of the window in which a whole period passes without a row."""
    holes = []
    before = max((time for time in times if time < start), default=start)
    period = 0
    for time, period_hours in zip(times, hours, strict=True):
        period = period_hours * HOUR_US
        if start <= time < end:
            if time - before > period + _SLACK_US:
                holes.append((max(before, start), time))
            before = time
    if not period or end - before > period + _SLACK_US:
        holes.append((max(before, start), end))
    return holes


class _Marks:
    """Mark prices at the minute of a funding, from the finest klines of them that are stored."""

    def __init__(self, store: SeriesStore, tape: TapeId) -> None:
        self._store = store
        self._series = [
            SeriesId(tape.exchange, tape.market, SeriesKind.MARK_KLINES, tape.symbol, interval)
            for interval in INTERVALS_US
        ]
        self._series = [series for series in self._series if store.dates(series)]
        self._day: dict[tuple[SeriesId, dt.date], dict[int, Decimal]] = {}

    def at(self, time: int) -> Decimal | None:
        """The open of a candle that begins in the minute of ``time``."""
        minute = time // MINUTE_US
        for series in self._series:
            found = self._opens(series, _date(time)).get(minute)
            if found is not None:
                return found
        return None

    def _opens(self, series: SeriesId, date: dt.date) -> dict[int, Decimal]:
        if (series, date) not in self._day:
            opens: dict[int, Decimal] = {}
            if self._store.has(series, date):
                rows = self._store.read(series, date)
                minutes = (rows.columns["open_time"] // MINUTE_US).tolist()
                scale = -rows.decimals["open"]
                opens = {
                    minute: Decimal(price).scaleb(scale)
                    for minute, price in zip(minutes, rows.columns["open"].tolist(), strict=True)
                    if price > 0
                }
            self._day[series, date] = opens
        return self._day[series, date]


def _date(time: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=time // DAY_US)


def _text(time: int) -> str:
    return f"{np.datetime64(time, 'us').astype('datetime64[s]')}Z"

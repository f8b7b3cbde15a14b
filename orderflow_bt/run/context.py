"""The series a run reads beside its tape: where they lie in the lake, and what is missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt import hints
from orderflow_bt.errors import CoverageError
from orderflow_bt.flow import BarStream
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim.context import Piece, Source
from orderflow_bt.store import SeriesStore, resolve_instrument
from orderflow_bt.strategy.series import OF_TAPES, Series
from orderflow_bt.types import DAY_US, BarSpec, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.store import Lake

KINDS = {
    "funding": SeriesKind.FUNDING,
    "metrics": SeriesKind.METRICS,
    "klines": SeriesKind.KLINES,
    "mark": SeriesKind.MARK_KLINES,
    "index": SeriesKind.INDEX_KLINES,
    "premium": SeriesKind.PREMIUM_KLINES,
}
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """What a run reads beside its tape.

    Attributes:
        data: For the manifest: every series with its delay, its pieces and what is missing.
    """

    wanted: tuple[Series, ...] = ()
    data: tuple[dict[str, Any], ...] = ()
    lake: Lake | None = None
    tape: TapeId | None = None
    dates: tuple[dt.date, ...] = ()
    _missing: Mapping[str, frozenset[dt.date]] = field(default_factory=dict)

    def sources(self) -> dict[str, Source]:
        """Every series from its beginning, by name."""
        if self.lake is None or self.tape is None:
            return {}
        found: dict[str, Source] = {}
        for series in self.wanted:
            gone = self._missing[series.name]
            if series.kind in OF_TAPES:
                tape = _tape(series, self.tape)
                dates = [date for date in self.dates if date not in gone]
                found[series.name] = OfTape(self.lake, tape, series, dates)
            else:
                stored = _stored(series, self.tape)
                pieces = [p for p in stored.pieces(list(self.dates)) if p not in gone]
                found[series.name] = OfSeries(self.lake, stored, series, pieces)
        return found


def find_context(
    lake: Lake, tape: TapeId, wanted: Sequence[Series], dates: Sequence[dt.date], *, accept: bool
) -> ContextPlan:
    """Where the series of a run lie.

    Args:
        lake: Where they are stored.
        tape: The run's own, whose exchange, market and symbol they have unless they say otherwise.
        wanted: What the strategy declared.
        dates: The days that are read.
        accept: Whether days of a series may be missing.

    Raises:
        CoverageError: A day of a series is not stored, and that is not accepted.
    """
    data, missing = [], {}
    for series in wanted:
        pieces, gone, get = (
            _of_tape(lake, _tape(series, tape), dates)
            if series.kind in OF_TAPES
            else _of_series(lake, _stored(series, tape), dates)
        )
        if gone and not accept:
            listed = ", ".join(map(str, gone[:5])) + (", …" if len(gone) > 5 else "")
            raise CoverageError(
                f"the strategy reads {series.name}, of which {len(gone)} days or months are not in"
                f" the lake: {listed}",
                fix=f"Get them ({get}), or say --accept-gaps",
            )
        missing[series.name] = frozenset(gone)
        data.append(
            {
                "series": series.name,
                "interval": series.interval,
                "delay_s": series.delay_us / 1_000_000,
                "data": pieces,
                "missing": [date.isoformat() for date in gone],
            }
        )
    return ContextPlan(tuple(wanted), tuple(data), lake, tape, tuple(dates), missing)


def _tape(series: Series, own: TapeId) -> TapeId:
    market = MarketType(series.market) if series.market else own.market
    return TapeId(own.exchange, market, own.kind, series.symbol or own.symbol)


def _stored(series: Series, own: TapeId) -> SeriesId:
    market = MarketType(series.market) if series.market else own.market
    return SeriesId(
        own.exchange, market, KINDS[series.kind], series.symbol or own.symbol, series.interval
    )


Found = tuple[list[dict[str, Any]], list[dt.date], str]


def _of_tape(lake: Lake, tape: TapeId, dates: Sequence[dt.date]) -> Found:
    stored = {date: day for date in dates if (day := lake.day(tape, date)) is not None}
    get = hints.download(tape, min(dates), max(dates))
    pieces = [
        {"date": date.isoformat(), "sha256": day.source_sha256, "rows": day.rows}
        for date, day in stored.items()
    ]
    return pieces, [date for date in dates if date not in stored], get


def _of_series(lake: Lake, series: SeriesId, dates: Sequence[dt.date]) -> Found:
    store = SeriesStore(lake)
    wanted = series.pieces(list(dates))
    stored = {piece: info for piece in wanted if (info := store.info(series, piece)) is not None}
    get = hints.download(series, min(dates), max(dates))
    pieces = [
        {
            "date": series.piece_text(piece),
            "sha256": info.origin.sha256,
            "rows": info.rows,
        }
        for piece, info in stored.items()
    ]
    return pieces, [piece for piece in wanted if piece not in stored], get


class OfSeries(Source):
    """A series of the exchange, a stored piece at a time."""

    def __init__(self, lake: Lake, stored: SeriesId, series: Series, pieces: list[dt.date]) -> None:
        super().__init__()
        self._lake, self._stored, self._series, self._pieces = lake, stored, series, pieces

    def load(self, number: int) -> Piece | None:
        """The next day or month."""
        if number >= len(self._pieces):
            return None
        rows = SeriesStore(self._lake).read(self._stored, self._pieces[number])
        first = self._stored.fields[0].name
        time: NDArray[np.int64] = np.asarray(rows.columns[first], np.int64)
        exact = {name for name, unit in self._stored.fields if unit == "exact"}
        times = {name for name, unit in self._stored.fields if unit == "time"}
        return Piece(
            time,
            _ends(self._stored, time) + self._series.delay_us,
            {name: column for name, column in rows.columns.items() if name not in times},
            {n: None if n in exact else rows.decimals[n] for n in rows.columns if n not in times},
        )


def _ends(series: SeriesId, time: NDArray[np.int64]) -> NDArray[np.int64]:
    """When the rows of a series are over: candles at their close, all else at its time."""
    if series.kind.is_klines and series.interval == "1mo":
        month = time.astype("datetime64[us]").astype("datetime64[M]")
        return (month + 1).astype("datetime64[us]").astype(np.int64)
    return time + (series.step_us if series.kind.is_klines else 0)


class OfTape(Source):
    """Bars or trades of a stored tape, a day at a time."""

    def __init__(self, lake: Lake, tape: TapeId, series: Series, dates: list[dt.date]) -> None:
        super().__init__()
        self._lake, self._tape, self._series, self._dates = lake, tape, series, dates
        self._units: Instrument | None = None
        self._stream: BarStream | None = None
        self._cvd = 0
        self._clock = 0

    def load(self, number: int) -> Piece | None:
        """The next day."""
        if number >= len(self._dates):
            return None
        if self._units is None:
            self._units = resolve_instrument(self._lake, self._tape, self._dates)
        date, units = self._dates[number], self._units
        parts = list(self._lake.read(self._tape, date, units.price_decimals, units.qty_decimals))
        if self._series.kind == "bars":
            return self._bars(date, [part for part in parts if part.rows])
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("id", "time", "price", "qty", "side")
        }
        time = np.maximum.accumulate(np.maximum(columns.pop("time"), self._clock))
        self._clock = int(time[-1]) if time.size else self._clock
        digits = {"id": 0, "price": units.price_decimals, "qty": units.qty_decimals, "side": 0}
        return Piece(time, time + self._series.delay_us, columns, digits)

    def _bars(self, date: dt.date, parts: list[Any]) -> Piece:
        units = self._units
        assert units is not None
        if self._stream is None:
            self._stream = BarStream(
                BarSpec.parse(self._series.interval),
                ids_are_continuous=self._tape.ids_are_continuous,
                ticks_per_row=units.tick_size,
                keep_cells=False,
                instrument=units,
            )
        batches = [self._stream.feed(part) for part in parts]
        batches.append(self._stream.close_until((date - _EPOCH).days * DAY_US + DAY_US))
        return self._as_piece(batches, units)

    def _as_piece(self, batches: list[BarBatch], units: Instrument) -> Piece:
        bars = [bar for batch in batches for bar in batch.tolist()]
        known: NDArray[np.int64] = np.concatenate([batch.known_at for batch in batches])
        delta = np.array([bar.delta for bar in bars], np.int64)
        cvd = self._cvd + np.cumsum(delta)
        self._cvd = int(cvd[-1]) if cvd.size else self._cvd
        prices, lots = units.price_decimals, units.qty_decimals
        columns: dict[str, Any] = {
            name: np.array([getattr(bar, name) for bar in bars], np.int64)
            for name in ("open", "high", "low", "close", "volume", "trades", "status")
        }
        digits: dict[str, int | None] = dict.fromkeys(("open", "high", "low", "close"), prices)
        digits |= {"volume": lots, "trades": 0, "status": 0, "delta": lots, "cvd": lots}
        return Piece(
            np.array([bar.open_time for bar in bars], np.int64),
            known + self._series.delay_us,
            columns | {"delta": delta, "cvd": cvd},
            digits,
        )

"""A series' rows as they came to the rows worth keeping, and the record of what was wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import MalformedError
from orderflow_bt.series import LONG_INTERVALS, SeriesKind
from orderflow_bt.store import SeriesQuality, Span
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.store.series_schema import MOST_SPANS
from orderflow_bt.types import DAY_US, HOUR_US, SECOND_US, MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.archive import ParsedSeries
    from orderflow_bt.series import SeriesId

    Columns = dict[str, NDArray[np.int64] | NDArray[np.object_]]

_EPOCH = dt.date(1970, 1, 1)
_SLACK_US = 60 * SECOND_US  # funding is stamped when it is paid, some time after the boundary


def clean_series(
    parsed: ParsedSeries, series: SeriesId, piece: dt.date, label: str
) -> tuple[Columns, SeriesQuality]:
    """Sort a piece's rows by time, drop copies and rows of other days, and count every defect.

    Raises:
        MalformedError: Not one row belongs to the piece.
    """
    time_name = series.fields[0].name
    factor = TIME_FACTORS[parsed.time_unit]
    start = (piece - _EPOCH).days * DAY_US
    end = (series.piece_end(piece) - _EPOCH).days * DAY_US
    times = parsed.columns[time_name].astype(np.int64) * factor
    inside = (times >= start) & (times < end)
    if series.kind is SeriesKind.METRICS:
        inside |= times == end  # a file's last reading is that of the midnight that ends the day
    if not inside.any():
        found = _EPOCH + dt.timedelta(days=int(times[0]) // DAY_US)
        raise MalformedError(
            f"not one row of the file is of {series.piece_text(piece)}; its first one is of "
            f"{found}",
            where=label,
            fix="The archive's copy is of another day",
        )
    columns: Columns = {name: column[inside] for name, column in parsed.columns.items()}
    times = times[inside]
    reordered = int((times < np.maximum.accumulate(times)).sum())
    order = np.argsort(times, kind="stable")
    is_new = np.append(True, np.diff(times[order]) != 0)
    kept = order[np.maximum.accumulate(np.where(is_new, np.arange(order.size), 0))]
    is_copy = np.logical_and.reduce(
        [column[order] == column[kept] for column in columns.values()], dtype=bool
    )
    columns = {name: column[order][is_new] for name, column in columns.items()}
    times = times[order][is_new]
    step = series.step_us
    flat = _without_trades(series, columns)
    if series.interval in LONG_INTERVALS:
        found = _EPOCH + dt.timedelta(days=int(times[0]) // DAY_US)
        starts = [(day - _EPOCH).days * DAY_US for day in series.candles_in(piece, found)]
        absent = sorted(set(starts) - set(times.tolist()))
        missing, spans = len(absent), _of_candles(absent, step or end - start)
        flat_spans = _of_candles(times[flat].tolist(), step or end - start)
        expected, off_grid = len(starts), int((~np.isin(times, starts)).sum())
    else:
        missing, spans = _missing(series, columns, times, start, end)
        flat_spans = _runs(times[flat], step)
        expected = DAY_US // step if step else 0
        off_grid = int((times % step != 0).sum()) if series.kind.is_klines else 0
    return columns, SeriesQuality(
        rows=times.size,
        expected=expected,
        missing=missing,
        missing_spans=tuple(spans[:MOST_SPANS]),
        no_trades=int(flat.sum()),
        no_trade_spans=tuple(flat_spans[:MOST_SPANS]),
        duplicates=int((~is_new & is_copy).sum()),
        conflicts=int((~is_new & ~is_copy).sum()),
        reordered=reordered,
        outside=int((~inside).sum()),
        off_grid=off_grid,
        inconsistent=_inconsistent(series, columns),
        absent_values=sum(
            sum(value is None for value in columns[name].tolist())
            for name, unit in series.fields
            if unit == "exact"
        ),
    )


def _missing(
    series: SeriesId, columns: Columns, times: NDArray[np.int64], start: int, end: int
) -> tuple[int, list[Span]]:
    """How many rows are absent, and the stretches without them."""
    if series.kind is SeriesKind.FUNDING:
        # Each row says how long its period was. A month that a contract did not live through has
        # no rows before its listing or after its end, so only holes between rows are told.
        steps = columns["interval_hours"].astype(np.int64)[1:] * HOUR_US
        holes = np.diff(times) > steps + _SLACK_US
        spans = [
            Span(int(before), int(after))
            for before, after in zip(times[:-1][holes], times[1:][holes], strict=True)
        ]
        lost = np.diff(times)[holes] // np.maximum(steps[holes], HOUR_US) - 1
        return int(np.maximum(lost, 1).sum()), spans
    step = series.step_us
    if series.kind is SeriesKind.METRICS:
        # Readings are stamped at the start or at the end of their five minutes.
        first = 1 if times[-1] == end else 0
        slots = (times - start) // step - first
        slots = slots[(slots >= 0) & (slots < DAY_US // step)]
    else:
        slots = (times - start) // step
        first = 0
    absent = np.ones(DAY_US // step, bool)
    absent[slots] = False
    at = start + (np.flatnonzero(absent) + first) * step
    return int(absent.sum()), _runs(at, step)


def _runs(times: NDArray[np.int64], step: int) -> list[Span]:
    """Stretches of rows that follow each other at every step."""
    if not times.size:
        return []
    breaks = np.flatnonzero(np.diff(times) != step) + 1
    return [Span(int(run[0]), int(run[-1]) + step) for run in np.split(times, breaks)]


def _of_candles(times: Sequence[int], length: int) -> list[Span]:
    """The time of each candle longer than a day."""
    return [Span(time, time + length) for time in times]


def _without_trades(series: SeriesId, columns: Columns) -> NDArray[np.bool_]:
    if series.kind is not SeriesKind.KLINES:
        return np.zeros(len(next(iter(columns.values()))), bool)
    without: NDArray[np.bool_] = (columns["count"] == 0) & (columns["volume"] == 0)
    return without


def _inconsistent(series: SeriesId, columns: Columns) -> int:
    if not series.kind.is_klines:
        return 0
    high, low = columns["high"], columns["low"]
    wrong = (high < low) | (columns["close_time"] < columns["open_time"])
    for name in ("open", "close"):
        wrong |= (columns[name] > high) | (columns[name] < low)
    if series.kind is SeriesKind.KLINES:
        amount = "base_volume" if series.market is MarketType.CM else "quote_volume"
        wrong |= (columns["count"] == 0) != (columns["volume"] == 0)
        for taken, traded in (
            ("taker_buy_volume", "volume"),
            (f"taker_buy_{amount}", amount),
        ):
            wrong |= columns[taken] > columns[traded]
    return int(wrong.sum())

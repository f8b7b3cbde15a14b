"""What the lake has of a tape, and what it lacks between its first and its last day."""

from __future__ import annotations

import datetime as dt
import difflib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.series import SeriesId
    from orderflow_bt.store.lake import Lake
    from orderflow_bt.store.schema import DayInfo
    from orderflow_bt.store.series_schema import SeriesInfo
    from orderflow_bt.types import TapeId


@dataclass(frozen=True, slots=True)
class TapeSummary:
    """One line of the catalogue.

    Attributes:
        missing_days: Days between the first and the last that are not stored.
        gaps: Places inside the stored days, and between neighbours, where trades are missing.
        missing_ids: Ids missing there; what a whole missing day would hold is not in it.
        unclean_days: Stored days with any defect.
    """

    tape: TapeId
    first: dt.date
    last: dt.date
    days: int
    rows: int
    bytes: int
    missing_days: tuple[dt.date, ...]
    gaps: int
    missing_ids: int
    unclean_days: int


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One line of the catalogue of series.

    Attributes:
        pieces: Stored days, or months of what is published by the month.
        absent: Days (months) between the first and the last that are not stored.
        missing_rows: Rows missing inside the stored ones.
        unclean: Stored ones with any defect.
    """

    series: SeriesId
    first: dt.date
    last: dt.date
    pieces: int
    rows: int
    bytes: int
    absent: tuple[dt.date, ...]
    missing_rows: int
    unclean: int


def summarize_series(infos: Sequence[SeriesInfo]) -> SeriesSummary:
    """Sum up the stored pieces of one series; ``infos`` is not empty and in order."""
    series = infos[0].tape
    first, last = infos[0].date, infos[-1].date
    stored = {info.date for info in infos}
    span = [first + dt.timedelta(days=n) for n in range((last - first).days)]
    return SeriesSummary(
        series=series,
        first=first,
        last=series.piece_end(last) - dt.timedelta(days=1),
        pieces=len(infos),
        rows=sum(info.rows for info in infos),
        bytes=sum(info.bytes for info in infos),
        absent=tuple(piece for piece in series.pieces(span) if piece not in stored),
        missing_rows=sum(info.quality.missing for info in infos),
        unclean=sum(1 for info in infos if not info.quality.is_clean),
    )


def ids_between(before: DayInfo, after: DayInfo) -> int:
    """Ids missing between two neighbouring days; 0 where that means no loss or cannot be told."""
    if not before.tape.ids_are_continuous or (after.date - before.date).days != 1:
        return 0
    return max(0, after.first_id - before.last_id - 1)


def summarize(days: Sequence[DayInfo]) -> TapeSummary:
    """Sum up the stored days of one tape; ``days`` is not empty and in order of date."""
    first, last = days[0].date, days[-1].date
    stored = {day.date for day in days}
    span = (first + dt.timedelta(days=n) for n in range((last - first).days))
    between = [ids_between(before, after) for before, after in pairwise(days)]
    return TapeSummary(
        tape=days[0].tape,
        first=first,
        last=last,
        days=len(days),
        rows=sum(day.rows for day in days),
        bytes=sum(day.bytes for day in days),
        missing_days=tuple(date for date in span if date not in stored),
        gaps=sum(day.quality.gaps for day in days) + sum(1 for lost in between if lost),
        missing_ids=sum(day.quality.missing_ids for day in days) + sum(between),
        unclean_days=sum(1 for day in days if not day.quality.is_clean),
    )


def stored_elsewhere(lake: Lake, tape: TapeId) -> str:
    """Other days or places of a symbol, or the one meant; a hint that begins a sentence."""
    if dates := lake.dates(tape):
        return f"The lake has it from {dates[0]} to {dates[-1]}. "
    others = [t for t in lake.tapes() if t.symbol == tape.symbol and t != tape]
    places = ", ".join(f"--market {t.market.value} --kind {t.kind.value}" for t in others)
    if places:
        return f"The lake has {tape.symbol} under {places}. "
    close = difflib.get_close_matches(tape.symbol, {t.symbol for t in lake.tapes()}, n=1)
    return f"Did you mean {close[0]}? " if close else ""

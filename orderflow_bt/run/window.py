"""Which stored days a run reads, and what is missing from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderflow_bt import hints
from orderflow_bt.audit import find_halts
from orderflow_bt.errors import CoverageError
from orderflow_bt.store import broken_borders, stored_elsewhere
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from orderflow_bt.audit import Silence
    from orderflow_bt.store import Border, DayInfo, Lake, Quality
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)
LISTED = 5


@dataclass(frozen=True, slots=True)
class Window:
    """The days of a run.

    Attributes:
        start: First moment at which orders are enabled, microseconds UTC.
        end: End, exclusive.
        warmup: Stored days read before the first day, oldest first.
        days: Stored days of the window.
        missing: Days of the window that are not stored.
        borders: Where the ids of two consecutive days do not continue, and a day of the window
            is the likelier to lack trades.
    """

    start: int
    end: int
    warmup: tuple[DayInfo, ...]
    days: tuple[DayInfo, ...]
    missing: tuple[dt.date, ...]
    borders: tuple[Border, ...] = ()

    @property
    def dates(self) -> list[dt.date]:
        """Every stored day to read, in order."""
        return [day.date for day in (*self.warmup, *self.days)]

    def coverage(self) -> dict[str, Any]:
        """What the window holds and what it lacks, ready for JSON."""
        return {
            "days": len(self.days) + len(self.missing),
            "days_with_data": len(self.days),
            "missing_days": [date.isoformat() for date in self.missing],
            "gaps": sum(day.quality.gaps for day in self.days) + len(self.borders),
            "missing_ids": sum(day.quality.missing_ids for day in self.days)
            + sum(border.missing_ids for border in self.borders),
            "days_with_defects": [d.date.isoformat() for d in self.days if not d.quality.is_clean],
        }


def halts_of(lake: Lake, tape: TapeId, window: Window) -> list[Silence]:
    """Silences of a window that are long against the tape's habit, with nothing lost in them.

    The habit is learnt from the day before the window too, where that is stored. No hook hears of
    them: they are for the report.

    Raises:
        LakeError: A day cannot be read.
    """
    before = lake.day(tape, window.days[0].date - dt.timedelta(days=1))
    halts = find_halts([*([before] if before else []), *window.days])
    return [halt for halt in halts if halt.end > window.start and halt.start < window.end]


def find_window(
    lake: Lake, tape: TapeId, start: int, end: int, *, lookback: int, accept_gaps: bool
) -> Window:
    """The stored days of ``[start, end)`` and of the warm-up before it.

    The warm-up reaches back ``lookback`` microseconds as far as consecutive days are stored.

    Raises:
        CoverageError: No day is stored; or days or trades are missing and ``accept_gaps`` is off.
    """
    first, last = _date(start), _date(end - 1)
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    one = dt.timedelta(days=1)
    around = [date for date in lake.dates(tape) if first - one <= date <= last + one]
    near = [day for date in around if (day := lake.day(tape, date))]
    stored = {day.date: day for day in near if first <= day.date <= last}
    days = tuple(stored[date] for date in dates if date in stored)
    borders = tuple(b for b in broken_borders(near) if first <= b.short_day <= last)
    missing = tuple(date for date in dates if date not in stored)
    download = hints.download(tape, first, last)
    if not days:
        raise CoverageError(
            f"the lake has no day of {tape} from {first} to {last}",
            where=str(lake.root),
            fix=f"{stored_elsewhere(lake, tape)}Get them: {download}",
        )
    if not accept_gaps:
        _refuse_gaps(tape, days, missing, borders, download)
    return Window(start, end, _warmup(lake, tape, first, start - lookback), days, missing, borders)


def _refuse_gaps(
    tape: TapeId,
    days: tuple[DayInfo, ...],
    missing: tuple[dt.date, ...],
    borders: tuple[Border, ...],
    download: str,
) -> None:
    if missing:
        listed = ", ".join(map(str, missing[:LISTED])) + (", …" if len(missing) > LISTED else "")
        raise CoverageError(
            f"{len(missing)} of {len(missing) + len(days)} days of {tape} are not in the lake:"
            f" {listed}",
            fix=f"Get them ({download}), or say --accept-gaps",
        )
    bad = [(day.date, text) for day in days if (text := _untrustworthy(day.quality))]
    bad = sorted(bad + [(border.short_day, f"{border} beside it") for border in borders])
    if bad:
        listed = "; ".join(f"{date}: {text}" for date, text in bad[:LISTED])
        count = len({date for date, _ in bad})
        raise CoverageError(
            f"{count} of {len(days)} days of {tape} cannot be trusted ({listed})",
            fix="Run on other days, or say --accept-gaps",
        )


def _untrustworthy(quality: Quality) -> str:
    """What is missing or wrong in a day's trades, empty where nothing is.

    What was repaired on the way in (order, exact duplicates) and prices off the tick do not count.
    """
    faults = {
        "trades missing": quality.missing_ids,
        "raw trades missing": quality.missing_fills,
        "conflicting ids": quality.conflicts,
        "zero quantities": quality.zero_quantity,
    }
    return ", ".join(f"{count:,} {fault}" for fault, count in faults.items() if count)


def _warmup(lake: Lake, tape: TapeId, first: dt.date, since: int) -> tuple[DayInfo, ...]:
    found: list[DayInfo] = []
    date = first - dt.timedelta(days=1)
    while (date - _EPOCH).days * DAY_US + DAY_US > since:
        day = lake.day(tape, date)
        if day is None:
            break
        found.append(day)
        date -= dt.timedelta(days=1)
    return tuple(reversed(found))


def _date(time: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=time // DAY_US)

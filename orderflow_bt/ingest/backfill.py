"""What the archive lost, and what it has not published yet, from the exchange's REST interface."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt import hints
from orderflow_bt.archive import exchange
from orderflow_bt.archive.local import TextTable
from orderflow_bt.errors import MissingDayError, OrderflowError, TransferError, UnsupportedError
from orderflow_bt.ingest.day import day_info
from orderflow_bt.ingest.rows import SortedRows
from orderflow_bt.ingest.shelf import Units
from orderflow_bt.ingest.stream import DayFacts, FileForm, write_sorted
from orderflow_bt.store import Origin, read_columns
from orderflow_bt.store.rules import tick_on
from orderflow_bt.store.schema import COLUMN_NAMES
from orderflow_bt.types import DAY_US, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orderflow_bt.archive.rest import RestRow, RestTrades
    from orderflow_bt.store import DayInfo, Lake
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)
_MOST_ROWS = 200_000  # asked for before they are stored; an interruption costs no more


class Hole(NamedTuple):
    """Ids that are missing, both ends included; ``last_id`` is None up to the newest.

    ``date`` is the day whose file has the hole inside, None where it lies between days.
    """

    first_id: int
    last_id: int | None
    date: dt.date | None


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What became of one day.

    Attributes:
        date: The day.
        added: Rows that came.
        missing_ids: Ids still missing inside it.
        error: Why nothing could be stored.
    """

    date: dt.date
    added: int
    missing_ids: int
    error: OrderflowError | None = None


def find_holes(
    lake: Lake, tape: TapeId, first: dt.date, last: dt.date, rest: RestTrades, *, to_now: bool
) -> list[Hole]:
    """The ids that are missing in and between the stored days from ``first`` to ``last``.

    Where no day is stored up to ``last``, they begin with the exchange's first one of ``first``.

    Raises:
        UnsupportedError: The tape's ids do not tell what is missing.
        MissingDayError: Nothing is stored, and the exchange has nothing of the window.
        TransferError: The exchange did not answer.
    """
    if tape.kind is not Kind.AGG_TRADES:
        raise UnsupportedError(
            f"{tape.kind.value} are not backfilled",
            where="--kind",
            fix="The exchange gives aggTrades by id without a key; backfill these",
        )
    days = lake.days(tape)
    inside = [day for day in days if first <= day.date <= last]
    if not [day for day in days if day.date <= last]:
        start = dt.datetime(first.year, first.month, first.day, tzinfo=dt.UTC)
        row = rest.first_from(tape.symbol, int(start.timestamp()) * 1000)
        if row is None or _date(row) > last:
            raise MissingDayError(
                f"the exchange has no trade of {tape} from {first} to {last}",
                where=rest.url,
                fix="Check the symbol and --market; old trades are in the archive only: "
                f"{hints.download(tape, first, last)}",
            )
        return [Hole(row.id, days[0].first_id - 1 if days else None, None)]
    holes = [
        Hole(gap.before_id + 1, gap.after_id - 1, day.date)
        for day in inside
        for gap in day.quality.gap_list
        if gap.after_id > gap.before_id + 1
    ]
    for before, after in pairwise(days):
        if after.date >= first and before.date <= last and after.first_id > before.last_id + 1:
            holes.append(Hole(before.last_id + 1, after.first_id - 1, None))
    if to_now and days[-1].date <= last:
        holes.append(Hole(days[-1].last_id + 1, None, None))
    return sorted(holes, key=lambda hole: hole.first_id)


def backfill(
    lake: Lake, tape: TapeId, first: dt.date, last: dt.date, rest: RestTrades, *, to_now: bool
) -> Iterator[BackfillResult]:
    """Ask for the missing ids and store the days anew, each whole or not at all.

    Rows of a hole inside a day go to that day; others to the UTC day of their time, and none
    outside the window is stored. A day's file says which ids came this way.

    Raises:
        UnsupportedError: The tape's ids do not tell what is missing.
        MissingDayError: Nothing is stored, and the exchange has nothing of the window.
        LakeError: The lake cannot be written to.
        TransferError: The exchange did not answer; what came before is stored.
    """
    lake.sweep()
    for hole in find_holes(lake, tape, first, last, rest, to_now=to_now):
        rows: list[RestRow] = []
        try:
            for row in rest.rows(tape.symbol, hole.first_id, hole.last_id):
                date = hole.date or _date(row)
                if date > last:
                    break
                if date < first:
                    continue
                is_enough = len(rows) >= _MOST_ROWS or (rows and _date(rows[0]) != date)
                if is_enough and not hole.date:
                    yield from _store(lake, tape, _date(rows[0]), rows, rest)
                    rows = []
                rows.append(row)
        except TransferError:
            # What came is stored before the failure is told.
            if rows:
                yield from _store(lake, tape, hole.date or _date(rows[0]), rows, rest)
            raise
        if rows:
            yield from _store(lake, tape, hole.date or _date(rows[0]), rows, rest)
        elif hole.date:
            info = lake.day(tape, hole.date)
            yield BackfillResult(hole.date, 0, info.quality.missing_ids if info else 0)


def _date(row: RestRow) -> dt.date:
    unit = DAY_US if row.time >= 10**14 else DAY_US // 1000
    return _EPOCH + dt.timedelta(days=row.time // unit)


def _store(
    lake: Lake,
    tape: TapeId,
    date: dt.date,
    rows: Sequence[RestRow],
    rest: RestTrades,
) -> Iterator[BackfillResult]:
    try:
        with lake.lock(tape, date):
            info = _written(lake, tape, date, rows, rest)
        yield BackfillResult(date, len(rows), info.quality.missing_ids)
    except OrderflowError as error:
        yield BackfillResult(date, 0, 0, error)


def _written(
    lake: Lake, tape: TapeId, date: dt.date, rows: Sequence[RestRow], rest: RestTrades
) -> DayInfo:
    """Put rows to those of the stored day, if there is one, and store it in one piece."""
    label = f"{tape.symbol} {date} from REST"
    text = "".join(row.line() for row in rows).encode()
    fetched = exchange(tape.exchange).read_table(TextTable(text), tape, label)
    before = lake.day(tape, date)
    if before is not None and before.quality.invalid_rows:
        raise UnsupportedError(
            "the exchange blanked rows of that day; their ids cannot be told from lost ones",
            where=label,
            fix="Download the day again: it may have been published anew",
        )
    facts = DayFacts(tape, date, label, tick_on(lake, tape, date))
    with SortedRows(lake.incoming) as laid, lake.day_writer(tape, date) as writer:
        if before is not None:
            units = Units(before.price_decimals, before.qty_decimals, before.time_unit)
            for batch in read_columns(before, COLUMN_NAMES):
                columns = np.stack([batch[name].astype(np.int64) for name in COLUMN_NAMES])
                laid.add(columns, units, date)
        units = Units(fetched.price_decimals, fetched.qty_decimals, fetched.time_unit)
        laid.add(fetched.columns, units, date)
        form = FileForm(before.header if before else fetched.header)
        day = write_sorted(laid.of(date), facts, form, writer.write)
        quality = replace(day.quality, reordered=0)
        if before is not None:
            old = before.quality
            quality = replace(
                quality,
                duplicates=quality.duplicates + old.duplicates,
                conflicts=quality.conflicts + old.conflicts,
                quarantined=old.quarantined + quality.quarantined,
                reordered=old.reordered,
            )
        url = rest.url.rstrip("/") + rest.endpoint.path
        origin = before.origin if before else Origin(f"rest:{url}", "", "absent", 0)
        info = day_info(lake, facts, replace(day, quality=quality), origin)
        came = _ranges([row.id for row in rows], before.rest if before else ())
        return lake.publish_day(writer, replace(info, rest=came))


def _ranges(ids: Iterable[int], before: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ids and ranges as the fewest ranges, in order."""
    spans = sorted([*before, *((number, number) for number in ids)])
    merged = [spans[0]]
    for first, last in spans[1:]:
        if first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)

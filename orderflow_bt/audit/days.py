"""The audit of a tape: day by day, and across the borders between days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt import hints
from orderflow_bt.audit.klines import check_klines
from orderflow_bt.audit.silence import Habit
from orderflow_bt.errors import LakeError
from orderflow_bt.store import broken_borders, read_columns
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import Kind, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.audit.klines import KlineCheck
    from orderflow_bt.audit.silence import Silence
    from orderflow_bt.store import DayInfo, Lake
    from orderflow_bt.types import TapeId


class Loss(NamedTuple):
    """Trades that are missing between two rows; times in microseconds UTC.

    Attributes:
        before_id: Id of the row before.
        after_id: Id of the row after.
        before_time: Time of the row before.
        after_time: Time of the row after.
        first_fill: First raw trade missing between two aggregates, where that can be told (spot).
        last_fill: The last one.
        at_border: Whether it lies between two days.
    """

    before_id: int
    after_id: int
    before_time: int
    after_time: int
    first_fill: int | None = None
    last_fill: int | None = None
    at_border: bool = False

    @property
    def missing_ids(self) -> int:
        """Ids missing; 0 where only raw trades inside the aggregates are."""
        return self.after_id - self.before_id - 1


@dataclass(slots=True)
class DayAudit:
    """What is known about one day of a tape.

    Attributes:
        date: The day.
        info: What its file says; None where it is not stored or cannot be read.
        losses: Trades missing in it, and at its borders as far as they are counted to it.
        unlisted_losses: Further places, of which the record does not keep where.
        halts: Silences that are long against the tape's habit, nothing lost in them.
        repeated_ids: Ids that the day before has too.
        restarted: Whether its ids lie below those of the day before: another contract of that name.
        open_start: Whether nothing is known of what came before its first row: the day before is
            not stored.
        open_end: The same for its last row and the day after.
        klines: The comparison with the exchange's klines; None where it was not asked for or none
            are stored.
        unreadable: Why its file cannot be read, else empty.
    """

    date: dt.date
    info: DayInfo | None = None
    losses: list[Loss] = field(default_factory=list)
    unlisted_losses: int = 0
    halts: list[Silence] = field(default_factory=list)
    repeated_ids: int = 0
    restarted: bool = False
    open_start: bool = True
    open_end: bool = True
    klines: KlineCheck | None = None
    unreadable: str = ""

    @property
    def status(self) -> str:
        """``clean``, ``defects`` or ``missing``."""
        if self.info is None and not self.unreadable:
            return "missing"
        return "defects" if self.defects else "clean"

    @property
    def gaps(self) -> int:
        """Places where trades are missing."""
        return len(self.losses) + self.unlisted_losses

    @property
    def missing_ids(self) -> int:
        """Ids missing, at the borders too."""
        inside = self.info.quality.missing_ids if self.info else 0
        return inside + sum(loss.missing_ids for loss in self.losses if loss.at_border)

    @property
    def defects(self) -> list[tuple[str, int]]:
        """Each kind of defect in words, with its count; empty for a clean day."""
        found = list(self.info.quality.defects())[1:] if self.info else []
        found = [("places where trades are missing", self.gaps), *found]
        found.append(("ids that the day before has too", self.repeated_ids))
        found.append(("start of new ids: another contract of that name", int(self.restarted)))
        unequal = len(self.klines.unequal) if self.klines else 0
        found.append(("minutes that differ from the exchange's klines", unequal))
        found.append(("file that cannot be read", int(bool(self.unreadable))))
        return [(words, count) for words, count in found if count]


def audit_tape(
    lake: Lake,
    tape: TapeId,
    first: dt.date | None = None,
    last: dt.date | None = None,
    *,
    with_klines: bool = False,
) -> Iterator[DayAudit]:
    """Audit the days of a tape from ``first`` to ``last``, both included, in order.

    Every row's id and time is read again; the counts of what was dropped or repaired when the day
    was stored come from its record. The day before ``first`` and the day after ``last`` take part
    in the judgement of borders where they are stored.

    Args:
        lake: Where the days are stored.
        tape: Whose.
        first: Default: the first stored day.
        last: Default: the last stored day.
        with_klines: Compare each day with the exchange's one-minute klines, where they are stored.

    Raises:
        LakeError: No day of the tape is stored.
    """
    stored = lake.dates(tape)
    if not stored:
        raise LakeError(
            f"no day of {tape} is in the lake",
            where=str(lake.root),
            fix=hints.download(tape),
        )
    start, end = first or stored[0], last or stored[-1]
    span = [start + dt.timedelta(days=n) for n in range((end - start).days + 1)]
    around = [span[0] - dt.timedelta(days=1), *span, span[-1] + dt.timedelta(days=1)]
    habit = Habit()
    pending: list[DayAudit] = []  # days that a border to come may still add to
    before: DayAudit | None = None  # the last day that could be read
    for date in around:
        day = _footer(lake, tape, date)
        if date == around[-1]:
            if day.info and before and before.info:
                _judge_border(before, day, pending)
            break
        if day.info is None:
            habit.forget()
            pending.append(day)
            continue
        if not _read(day, habit, lake if with_klines and start <= date <= end else None):
            pending.append(day)
            continue
        if before:
            _judge_border(before, day, pending)
        yield from (done for done in pending if done.date >= start)
        before, pending = day, [day]
    yield from (done for done in pending if done.date >= start)


def _footer(lake: Lake, tape: TapeId, date: dt.date) -> DayAudit:
    try:
        return DayAudit(date, lake.day(tape, date))
    except LakeError as error:
        return DayAudit(date, unreadable=str(error))


def _read(day: DayAudit, habit: Habit, klines: Lake | None) -> bool:
    """Go through a day's rows: the silences among them, and where its losses lie.

    Returns:
        Whether the rows could be read.
    """
    info = day.info
    if info is None:
        return False
    continuous = info.tape.ids_are_continuous
    has_fills = info.tape.kind is Kind.AGG_TRADES and info.tape.market is MarketType.SPOT
    gaps = info.quality.gap_list
    afters = np.array([gap.after_id for gap in gaps], np.int64)
    fills: dict[int, tuple[int, int]] = {}
    names = ["id", "time"] + (["first_id", "last_id"] if has_fills and gaps else [])
    last_fill: int | None = None
    rows = 0
    try:
        for batch in read_columns(info, names):
            ids = batch["id"]
            times = batch["time"] * TIME_FACTORS[info.time_unit]
            if not rows and habit.last_id is not None and int(ids[0]) <= habit.last_id:
                habit.forget()  # the day repeats ids: its border is no silence
            # Rows that the exchange blanked are not stored; their ids are holes without a loss.
            checked = continuous and not info.quality.invalid_rows
            day.halts += habit.feed(ids, times, ids_are_continuous=checked)
            rows += ids.size
            if has_fills and gaps:
                firsts, lasts = batch["first_id"], batch["last_id"]
                at = np.flatnonzero(np.isin(ids, afters))
                for k in at.tolist():
                    previous = int(lasts[k - 1]) if k else last_fill
                    if previous is not None and int(firsts[k]) > previous + 1:
                        fills[int(ids[k])] = (previous + 1, int(firsts[k]) - 1)
                last_fill = int(lasts[-1])
        if klines is not None:
            day.klines = check_klines(klines, info)
    except LakeError as error:
        day.info, day.unreadable = None, str(error)
        habit.forget()
        return False
    if rows != info.rows:
        day.unreadable = f"the file holds {rows:,} rows and its record says {info.rows:,}"
    lost = {gap.after_id for gap in gaps}
    day.halts = [halt for halt in day.halts if halt.after_id not in lost]
    day.losses = [Loss(*gap, *fills.get(gap.after_id, (None, None))) for gap in gaps]
    day.unlisted_losses = max(0, info.quality.gaps - len(gaps))
    return True


def _judge_border(before: DayAudit, after: DayAudit, pending: Sequence[DayAudit]) -> None:
    """Compare the last id of a day with the first of the next one that is stored.

    A loss between neighbours is counted to the day in which most of its time lies; one across
    days that are not stored, to the first of these.
    """
    left, right = before.info, after.info
    if left is None or right is None:
        return
    if (after.date - before.date).days == 1:
        before.open_end = after.open_start = False
        for border in broken_borders([left, right]):
            after.repeated_ids, after.restarted = border.repeated_ids, border.restarted
            if border.missing_ids:
                short = before if border.short_day == before.date else after
                short.losses.append(_border_loss(left, right))
    elif right.tape.ids_are_continuous and right.first_id > left.last_id + 1:
        next(day for day in pending if day.info is None).losses.append(_border_loss(left, right))


def _border_loss(left: DayInfo, right: DayInfo) -> Loss:
    return Loss(left.last_id, right.first_id, left.last_time, right.first_time, at_border=True)

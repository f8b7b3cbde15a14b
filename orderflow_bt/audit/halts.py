"""The halts of stored days: only days in which one can be are read, and those before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.audit.silence import SHORTEST_HALT_US, Habit
from orderflow_bt.store import read_columns
from orderflow_bt.store.schema import TIME_FACTORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.audit.silence import Silence
    from orderflow_bt.store import DayInfo


def find_halts(days: Sequence[DayInfo]) -> list[Silence]:
    """The halts of days of one tape, as `audit_tape` tells them.

    Of most days the record says that no silence in them is long enough.

    Args:
        days: In order; a habit is learnt from them alone.

    Raises:
        LakeError: A day cannot be read.
    """
    found: list[Silence] = []
    habit = Habit()
    read_to = -1  # the last of the days that the habit knows
    for n, day in enumerate(days):
        if not _may_halt(day, days[n - 1] if n else None):
            continue
        if n and read_to < n - 1:
            habit = Habit()
            if n > 1 and _follows(days[n - 2], days[n - 1]):
                habit.last_id, habit.clock = days[n - 2].last_id, days[n - 2].last_time
            _read(days[n - 1], days[n - 2] if n > 1 else None, habit)
        found += _read(day, days[n - 1] if n else None, habit)
        read_to = n
    return found


def _follows(before: DayInfo, day: DayInfo) -> bool:
    """Whether a day is the next one of the same ids."""
    return (day.date - before.date).days == 1 and day.first_id > before.last_id


def _may_halt(day: DayInfo, before: DayInfo | None) -> bool:
    """Whether a silence in a day, or at its beginning, is long enough for a halt."""
    if not day.rows:
        return False
    if day.quality.max_time_gap_us >= SHORTEST_HALT_US:
        return True
    return before is not None and day.first_time - before.last_time >= SHORTEST_HALT_US


def _read(day: DayInfo, before: DayInfo | None, habit: Habit) -> list[Silence]:
    """A day's halts; the habit knows it then."""
    if before is None or not _follows(before, day):
        habit.forget()
    lost = {gap.after_id for gap in day.quality.gap_list}
    return [halt for halt in _feed(day, habit) if halt.after_id not in lost]


def _feed(day: DayInfo, habit: Habit) -> Iterator[Silence]:
    # blanked rows are not stored; their ids are holes without a loss
    checked = day.tape.ids_are_continuous and not day.quality.invalid_rows
    for part in read_columns(day, ["id", "time"]):
        times = part["time"] * TIME_FACTORS[day.time_unit]
        yield from habit.feed(part["id"], times, ids_are_continuous=checked)

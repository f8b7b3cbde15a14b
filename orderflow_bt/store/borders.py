"""Where one stored day ends and the next begins: ids that are missing between them, or come twice.

A file that was cut short looks whole; only the first id of the day after it tells.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.store.catalogue import ids_between
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.store.schema import DayInfo

_EPOCH = dt.date(1970, 1, 1)


class Border(NamedTuple):
    """Two consecutive days whose ids do not continue; times in microseconds UTC.

    Attributes:
        before: The earlier day.
        after: The later one.
        missing_ids: Ids between the last of one and the first of the other.
        repeated_ids: Ids that lie in the ranges of both.
        restarted: Whether the later day's ids lie all below: another contract of that name.
        before_time: The earlier day's last trade.
        after_time: The later day's first trade.
    """

    before: dt.date
    after: dt.date
    missing_ids: int
    repeated_ids: int
    restarted: bool
    before_time: int
    after_time: int

    @property
    def short_day(self) -> dt.date:
        """The day that was silent for longer at the border, and so the likelier to lack trades."""
        midnight = (self.after - _EPOCH).days * DAY_US
        is_earlier = midnight - self.before_time >= self.after_time - midnight
        return self.before if is_earlier else self.after

    def __str__(self) -> str:
        if self.restarted:
            return "ids start again"
        if self.missing_ids:
            return f"{self.missing_ids:,} ids missing"
        return f"{self.repeated_ids:,} ids on both days"


def broken_borders(days: Iterable[DayInfo]) -> list[Border]:
    """The borders between consecutive dates at which the ids of a tape do not continue.

    Args:
        days: Stored days of one tape, in order; where a date is not among them, nothing is said
            about its neighbours.
    """
    found = []
    for before, after in pairwise(days):
        if after.date - before.date != dt.timedelta(days=1):
            continue
        missing = ids_between(before, after)
        if not missing and after.first_id > before.last_id:
            continue
        restarted = after.last_id < before.first_id
        repeated = min(before.last_id, after.last_id) - max(before.first_id, after.first_id) + 1
        found.append(
            Border(
                before.date,
                after.date,
                missing,
                max(repeated, 0),
                restarted,
                before.last_time,
                after.first_time,
            )
        )
    return found

"""Trading sessions in a market's own time zone, half-open, overnight where they need be."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US

_TEXT = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)/([\w/+-]+)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TradingSession:
    """A daily window ``[opens, closes)`` on the clock of a place, every day of the week.

    A close at or before the open is on the next day. The hours follow the place's daylight saving:
    09:30 in New York is 14:30 UTC on 2024-03-08 and 13:30 UTC on 2024-03-11. An hour the clock
    leaves out counts as it would have been without the change; of an hour it repeats, the first.

    Attributes:
        opens: Minutes after local midnight.
        closes: Minutes after local midnight, more than ``opens`` and at most a day later.
        zone: IANA name of the time zone.
    """

    opens: int
    closes: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not (0 <= self.opens < 24 * 60 and self.opens < self.closes <= self.opens + 24 * 60):
            raise UsageError(
                f"a session from minute {self.opens} to {self.closes}",
                fix="Open within a day, close after that and at most a day later",
            )
        _zone(self.zone)

    @classmethod
    def parse(cls, text: str) -> TradingSession:
        """Read ``09:30-16:00/America/New_York``; ``22:00-05:00/UTC`` ends the next day.

        Raises:
            UsageError: The text is not a session, or the zone is not known.
        """
        match = _TEXT.fullmatch(text)
        hours = [int(part) for part in match.groups()[:4]] if match else [99] * 4
        opens, closes = 60 * hours[0] + hours[1], 60 * hours[2] + hours[3]
        if match is None or max(opens, closes) > 24 * 60 or max(hours[1], hours[3]) > 59:
            raise UsageError(
                f"{text!r} is not a trading session", fix="Write it as 09:30-16:00/America/New_York"
            )
        return cls(opens, closes if closes > opens else closes + 24 * 60, match[5])

    def of_date(self, date: dt.date) -> tuple[int, int]:
        """(start, end) of the session that opens on a local date, microseconds UTC."""
        return self._moment(date, self.opens), self._moment(date, self.closes)

    def at(self, time_us: int) -> tuple[int, int] | None:
        """(start, end) of the session that holds a time; None where none does."""
        found = None
        for start, end in self.between(time_us, time_us):
            if start <= time_us < end:
                found = (start, end)
        return found

    def between(self, first_us: int, last_us: int) -> list[tuple[int, int]]:
        """Every session from the one before ``first_us`` to the one after ``last_us``."""
        first = _EPOCH.date() + dt.timedelta(days=first_us // DAY_US - 2)
        days = last_us // DAY_US - first_us // DAY_US + 5
        return [self.of_date(first + dt.timedelta(days=n)) for n in range(days)]

    def edges(self, first_us: int, last_us: int) -> list[int]:
        """Opens and closes from before ``first_us`` to after ``last_us``, ascending."""
        return sorted({edge for bounds in self.between(first_us, last_us) for edge in bounds})

    def _moment(self, date: dt.date, minutes: int) -> int:
        day, minute = divmod(minutes, 24 * 60)
        local = dt.datetime.combine(
            date + dt.timedelta(days=day), dt.time(*divmod(minute, 60)), _zone(self.zone)
        )
        return (local.astimezone(dt.UTC) - _EPOCH) // _MICROSECOND

    def __str__(self) -> str:
        opens, closes = (f"{m // 60 % 24:02}:{m % 60:02}" for m in (self.opens, self.closes))
        return f"{opens}-{closes}/{self.zone}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"{name!r} is not a known time zone",
            fix="Take an IANA name, such as America/New_York, Asia/Tokyo or UTC",
        ) from None


UTC_DAY = TradingSession(0, 24 * 60)

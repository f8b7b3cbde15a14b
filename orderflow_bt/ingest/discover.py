"""What a source has: its symbols, and the days of each, from its listing."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orderflow_bt.errors import ArchiveError, UnsupportedError
from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    from orderflow_bt.archive import Exchange, Source
    from orderflow_bt.series import SeriesKind
    from orderflow_bt.types import Kind, MarketType, TapeId

# Publication has stood still for eight days; a day absent for longer than this, with nothing newer
# published, is missing.
LATEST = dt.timedelta(days=14)
_SYMBOL = re.compile(r"\w{1,40}")


@dataclass(frozen=True, slots=True)
class Published:
    """What a source has of a tape or a series.

    Attributes:
        days: The days with a file of their own, in order.
        months: The first days of the months with a file, in order.
    """

    days: tuple[dt.date, ...]
    months: tuple[dt.date, ...]

    @property
    def first(self) -> dt.date | None:
        """The first day that a daily or monthly file holds."""
        return min([*self.days[:1], *self.months[:1]], default=None)

    @property
    def newest(self) -> dt.date | None:
        """The last day that a daily or monthly file holds."""
        month_ends = [
            (month + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
            for month in self.months[-1:]
        ]
        return max([*self.days[-1:], *month_ends], default=None)


def published(archive: Exchange, source: Source, item: TapeId | SeriesId) -> Published:
    """List the days that a source has of a tape or a series.

    Raises:
        UnsupportedError: The source cannot list.
        TransferError: The listing could not be read.
    """

    def dates(*, monthly: bool) -> tuple[dt.date, ...]:
        names = source.list_folder(archive.folder(item, monthly=monthly)).files
        found = {archive.date_in(item, name, monthly=monthly) for name in names}
        return tuple(sorted(date for date in found if date))

    some_day = dt.date(2024, 1, 1)
    by_day = not (isinstance(item, SeriesId) and item.is_monthly)
    by_month = bool(archive.month_paths(item, some_day))
    return Published(
        dates(monthly=False) if by_day else (), dates(monthly=True) if by_month else ()
    )


def symbols(
    archive: Exchange,
    source: Source,
    market: MarketType,
    kind: Kind | SeriesKind,
    pattern: str = "*",
) -> list[str]:
    """The symbols a source has files of, also those that trade no more, in order.

    ``pattern`` is such as ``BTC*``; case does not matter.

    Raises:
        UnsupportedError: The source cannot list.
        TransferError: The listing could not be read.
    """
    names = source.list_folder(archive.symbols_folder(market, kind)).folders
    wanted = pattern.upper()
    return [
        name
        for name in names
        if _SYMBOL.fullmatch(name) and fnmatch.fnmatchcase(name.upper(), wanted)
    ]


@dataclass(slots=True)
class NewestPublished:
    """The newest listed day of each tape, asked for once, and only if somebody wants to know."""

    archive: Exchange
    source: Source
    _known: dict[TapeId | SeriesId, dt.date | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, item: TapeId | SeriesId) -> dt.date | None:
        """The newest day, or None where the source does not tell."""
        with self._lock:
            if item not in self._known:
                try:
                    self._known[item] = published(self.archive, self.source, item).newest
                except (UnsupportedError, ArchiveError):
                    self._known[item] = None
            return self._known[item]

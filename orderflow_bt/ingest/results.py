"""What became of each asked-for day, and how a person is kept informed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import datetime as dt

    from orderflow_bt.errors import OrderflowError
    from orderflow_bt.series import SeriesId
    from orderflow_bt.store import DayInfo, SeriesInfo
    from orderflow_bt.types import TapeId

Status = Literal["stored", "repaired", "present", "missing", "not_published", "failed"]


@dataclass(frozen=True, slots=True)
class DayResult:
    """What became of one asked-for day, or month of a series published by the month.

    Attributes:
        date: The day, or the month's first one.
        status: ``stored`` now; ``repaired``, a stored day being replaced by the copy in its month's
            file, which lacks less; ``present`` before, so that nothing was asked of the source;
            ``missing`` in the archive; ``not_published`` yet; or ``failed``.
        info: The stored day, where it is in the lake.
        error: Why it is not in the lake.
    """

    tape: TapeId | SeriesId
    date: dt.date
    status: Status
    info: DayInfo | SeriesInfo | None = None
    error: OrderflowError | None = None

    @property
    def is_in_lake(self) -> bool:
        """Whether the day can be read now."""
        return self.status in ("stored", "repaired", "present")


class Progress(Protocol):
    """Is told how a download goes; called from several threads."""

    def received(self, size: int) -> None:
        """So many more bytes have arrived."""

    def finished(self, result: DayResult) -> None:
        """A day is done, for better or worse."""


class NoProgress:
    """Says nothing."""

    def received(self, size: int) -> None:
        """Ignored."""

    def finished(self, result: DayResult) -> None:
        """Ignored."""

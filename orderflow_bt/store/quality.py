"""What is known about the trustworthiness of a stored day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

MOST_GAPS = 1000
MOST_QUARANTINED = 1000


class Gap(NamedTuple):
    """A place where trades are known to be missing; times in microseconds UTC.

    Where only the fill ids jump, ``after_id`` is ``before_id + 1``.
    """

    before_id: int
    after_id: int
    before_time: int
    after_time: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality record of one day, as counted when it was stored.

    Attributes:
        rows: Rows kept.
        first_id: Id of the first.
        last_id: Id of the last.
        gaps: Places where trades are known to be missing.
        missing_ids: Ids absent from the tape where an absent id means a lost row.
        missing_fills: Raw trade ids absent between consecutive aggregates (spot only: futures
            leave insurance and auto-deleveraging fills out).
        unassigned_ids: Ids absent where that means no loss (raw futures trades).
        gap_list: The first `MOST_GAPS` gaps.
        duplicates: Exact copies of a row, dropped.
        conflicts: Rows whose id another row has with other content. The one of the file's day
            with the latest time is kept, the others are set aside in ``quarantined``.
        quarantined: The first `MOST_QUARANTINED` such rows: id, price, quantity, first id, last
            id, time, side, in the day's own units.
        invalid_rows: Rows that the exchange blanked (price and quantity 0), dropped.
        reordered: Rows that stood in the file after a row of higher id, put in their place.
        out_of_order: Rows whose time is before that of a row of lower id.
        zero_quantity: Rows of quantity 0, kept.
        off_tick: Prices off the tick, kept: the exchange's where it is known, else the step that
            all but a thousandth of the day's own prices keep to; None in days stored before that.
        outside_day: Rows whose time is not on the file's UTC day, kept.
        max_time_gap_us: The longest silence between two rows.
    """

    rows: int
    first_id: int
    last_id: int
    gaps: int = 0
    missing_ids: int = 0
    missing_fills: int = 0
    unassigned_ids: int = 0
    gap_list: tuple[Gap, ...] = ()
    duplicates: int = 0
    conflicts: int = 0
    quarantined: tuple[tuple[int, ...], ...] = ()
    invalid_rows: int = 0
    reordered: int = 0
    out_of_order: int = 0
    zero_quantity: int = 0
    off_tick: int | None = None
    outside_day: int = 0
    max_time_gap_us: int = 0

    @property
    def fill_losses(self) -> list[int]:
        """Ids before which trades are missing although ids go on, as far as gaps are listed."""
        return [gap.after_id for gap in self.gap_list if gap.after_id == gap.before_id + 1]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong with the file (a long silence and unassigned ids are not)."""
        return not any(count for _, count in self.defects())

    def defects(self) -> list[tuple[str, int]]:
        """Each kind of defect in words, with its count."""
        return [
            ("places where trades are missing", self.gaps),
            ("exact duplicates, dropped", self.duplicates),
            ("rows with an id that another row has, set aside", self.conflicts),
            ("rows blanked by the exchange, dropped", self.invalid_rows),
            ("rows out of id order, sorted", self.reordered),
            ("times running backwards", self.out_of_order),
            ("rows of zero quantity", self.zero_quantity),
            ("prices off the tick", self.off_tick or 0),
            ("rows of another day", self.outside_day),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the file's metadata."""
        return asdict(self) | {"gap_list": [list(gap) for gap in self.gap_list]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Quality:
        """Read what `to_json` made."""
        return cls(
            **values
            | {
                "gap_list": tuple(Gap(*gap) for gap in values["gap_list"]),
                "quarantined": tuple(tuple(row) for row in values["quarantined"]),
            }
        )

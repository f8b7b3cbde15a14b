"""Which of two copies of a day lacks less."""

from __future__ import annotations

from orderflow_bt.store import DayInfo, SeriesInfo


def lacks_less(info: DayInfo | SeriesInfo, other: DayInfo | SeriesInfo) -> bool:
    """Whether a copy of a day is better than another.

    Fewer missing ids decide; then fewer rows of zero quantity, fewer conflicts, more rows.
    """
    return _lack(info, other) < _lack(other, info)


def misses_fewer(info: DayInfo | SeriesInfo, other: DayInfo | SeriesInfo) -> bool:
    """Whether fewer trades or rows are missing from a copy of a day than from another."""
    return _lack(info, other)[0] < _lack(other, info)[0]


def _lack(info: DayInfo | SeriesInfo, other: DayInfo | SeriesInfo) -> tuple[int, int, int, int]:
    """What a copy lacks, the worst first.

    Ids are missing that either copy shows and this one has not, so that a copy which was cut short
    counts as lacking what the other goes on with.
    """
    quality = info.quality
    if isinstance(info, SeriesInfo):
        return info.quality.missing, 0, quality.conflicts, -info.rows
    missing = info.quality.missing_ids + info.quality.missing_fills
    if info.tape.ids_are_continuous and isinstance(other, DayInfo):
        missing += max(0, info.first_id - other.first_id) + max(0, other.last_id - info.last_id)
    return missing, info.quality.zero_quantity, quality.conflicts, -info.rows

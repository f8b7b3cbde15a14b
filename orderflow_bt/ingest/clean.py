"""A file's rows as they came to the rows worth keeping, and the record of what was wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import MalformedError
from orderflow_bt.instruments import shipped_rules
from orderflow_bt.kernels import parse, quality
from orderflow_bt.store.quality import MOST_GAPS, MOST_QUARANTINED, Gap, Quality
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US, Kind, MarketType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.archive import ParsedDay
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)


def clean_day(
    parsed: ParsedDay, tape: TapeId, date: dt.date, label: str
) -> tuple[NDArray[np.int64], Quality]:
    """Sort a day's rows by id, drop copies and blanked rows, and count every defect.

    Returns:
        The rows to store, int64 ``[COLUMNS, rows]``, and their quality record.

    Raises:
        MalformedError: Not one row belongs to the day, or a row's fill ids run backwards.
    """
    is_aggregate = tape.kind is Kind.AGG_TRADES
    factor = TIME_FACTORS[parsed.time_unit]
    day_start = (date - _EPOCH).days * DAY_US
    day = (day_start // factor, (day_start + DAY_US) // factor)
    columns, order = _in_id_order(parsed.columns, day, is_aggregate=is_aggregate)
    tick, tick_factor = _tick(tape, date, parsed)
    counts = np.zeros(quality.COUNTS, np.int64)
    gap_rows = np.zeros((MOST_GAPS, 2), np.int64)
    quality.count_defects(
        columns,
        int(is_aggregate),
        int(tape.ids_are_continuous),
        int(is_aggregate and tape.market is MarketType.SPOT),
        tick,
        tick_factor,
        *day,
        counts,
        gap_rows,
    )
    if counts[quality.BAD_FILLS]:
        row = int(counts[quality.BAD_FILLS_ROW])
        raise MalformedError(
            f"{counts[quality.BAD_FILLS]} rows have a last trade id before their first one: id "
            f"{columns[parse.ID, row]}, trade ids {columns[parse.FIRST_ID, row]} to "
            f"{columns[parse.LAST_ID, row]}",
            where=label,
        )
    gaps = tuple(
        Gap(
            int(columns[parse.ID, before]),
            int(columns[parse.ID, after]),
            int(columns[parse.TIME, before]) * factor,
            int(columns[parse.TIME, after]) * factor,
        )
        for before, after in gap_rows[: counts[quality.GAPS]].tolist()
    )
    if counts[quality.INVALID_ROWS]:
        columns = columns[:, ~_is_blanked(columns, is_aggregate=is_aggregate)]
    rows = columns.shape[1]
    if rows == counts[quality.OUTSIDE_DAY]:
        what = "the file holds no valid trades"
        if rows:
            at = int(columns[parse.TIME, 0]) * factor
            found = _EPOCH + dt.timedelta(days=at // DAY_US)
            what = f"not one trade of the file is of {date}; its first one is of {found}"
        raise MalformedError(what, where=label, fix="The archive's copy is of another day")
    return columns, Quality(
        rows=rows,
        first_id=int(columns[parse.ID, 0]),
        last_id=int(columns[parse.ID, -1]),
        gaps=int(counts[quality.GAPS]),
        missing_ids=int(counts[quality.MISSING_IDS]),
        missing_fills=int(counts[quality.MISSING_FILLS]),
        unassigned_ids=int(counts[quality.UNASSIGNED_IDS]),
        gap_list=gaps,
        duplicates=order.duplicates,
        conflicts=order.conflicts,
        quarantined=order.quarantined,
        invalid_rows=int(counts[quality.INVALID_ROWS]) + order.blanked,
        reordered=order.reordered,
        out_of_order=int(counts[quality.OUT_OF_ORDER]),
        zero_quantity=int(counts[quality.ZERO_QUANTITY]),
        off_tick=int(counts[quality.OFF_TICK]),
        outside_day=int(counts[quality.OUTSIDE_DAY]),
        max_time_gap_us=int(counts[quality.MAX_TIME_GAP]) * factor,
    )


@dataclass(frozen=True, slots=True)
class _Order:
    """What putting the rows in id order has shown."""

    reordered: int = 0
    duplicates: int = 0
    conflicts: int = 0
    blanked: int = 0
    quarantined: tuple[tuple[int, ...], ...] = ()


def _in_id_order(
    columns: NDArray[np.int64], day: tuple[int, int], *, is_aggregate: bool
) -> tuple[NDArray[np.int64], _Order]:
    """Rows by strictly increasing id.

    Which of several rows with one id stays does not depend on their order in the file: one that
    the exchange did not blank, of the file's ``day``, with the latest time (known repetitions
    carry earlier ones); then the least of its numbers decides.
    """
    ids = columns[parse.ID]
    if bool((ids[1:] > ids[:-1]).all()):
        return columns, _Order()
    reordered = int((ids < np.maximum.accumulate(ids)).sum())
    columns = columns[:, ids.argsort(kind="stable")]
    ids = columns[parse.ID]
    is_new = np.append(True, ids[1:] != ids[:-1])
    if bool(is_new.all()):
        return columns, _Order(reordered=reordered)
    shared = np.flatnonzero(~is_new | np.append(~is_new[1:], False))
    columns[:, shared] = _by_claim(columns[:, shared], day, is_aggregate=is_aggregate)
    kept = np.maximum.accumulate(np.where(is_new, np.arange(ids.size), 0))
    is_copy = ~is_new & (columns == columns[:, kept]).all(axis=0)
    is_other = ~is_new & ~is_copy
    is_blanked = is_other & _is_blanked(columns, is_aggregate=is_aggregate)
    is_conflict = is_other & ~is_blanked
    quarantined = columns[:, np.flatnonzero(is_conflict)[:MOST_QUARANTINED]].T
    return columns[:, is_new], _Order(
        reordered=reordered,
        duplicates=int(is_copy.sum()),
        conflicts=int(is_conflict.sum()),
        blanked=int(is_blanked.sum()),
        quarantined=tuple(tuple(row) for row in quarantined.tolist()),
    )


def _by_claim(
    columns: NDArray[np.int64], day: tuple[int, int], *, is_aggregate: bool
) -> NDArray[np.int64]:
    """Rows of shared ids, by id, the one that keeps the id first."""
    time = columns[parse.TIME]
    is_outside = (time < day[0]) | (time >= day[1])
    is_blanked = _is_blanked(columns, is_aggregate=is_aggregate)
    plain = [
        columns[k] for k in (parse.SIDE, parse.QTY, parse.PRICE, parse.LAST_ID, parse.FIRST_ID)
    ]
    return columns[:, np.lexsort((*plain, -time, is_outside, is_blanked, columns[parse.ID]))]


def _is_blanked(columns: NDArray[np.int64], *, is_aggregate: bool) -> NDArray[np.bool_]:
    blanked: NDArray[np.bool_] = (columns[parse.PRICE] == 0) & (columns[parse.QTY] == 0)
    if is_aggregate:
        blanked &= (columns[parse.FIRST_ID] == -1) & (columns[parse.LAST_ID] == -1)
    return blanked


def _tick(tape: TapeId, date: dt.date, parsed: ParsedDay) -> tuple[int, int]:
    """The tick as an integer, and what stored prices are multiplied by to be compared with it.

    Where the exchange's tick is not known, it is the step that all but a thousandth of the day's
    own prices keep to.
    """
    rules = shipped_rules(tape.exchange, tape.market, tape.symbol, date)
    if rules is None:
        return 10 ** (parsed.price_decimals - parsed.tick_decimals), 1
    tick = Decimal(rules.tick)
    decimals = max(parsed.price_decimals, -int(tick.as_tuple().exponent))
    return int(tick.scaleb(decimals)), 10 ** (decimals - parsed.price_decimals)

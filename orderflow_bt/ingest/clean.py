"""A file's rows as they came to the rows worth keeping, and the record of what was wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels import parse, quality
from orderflow_bt.store.quality import MOST_GAPS, MOST_QUARANTINED, Gap, Quality
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US, Kind, MarketType

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)
_FAR = 2**62


class DefectCount:
    """Counts the defects of a day's rows in id order, a piece at a time.

    Args:
        tape: Whose rows.
        date: The file's day.
        label: What an error calls the file.
        time_unit: Of the rows' times.
    """

    def __init__(self, tape: TapeId, date: dt.date, label: str, time_unit: str) -> None:
        self.tape = tape
        self.date = date
        self.label = label
        self.is_aggregate = tape.kind is Kind.AGG_TRADES
        self.factor = TIME_FACTORS[time_unit]
        start = (date - _EPOCH).days * DAY_US
        self.day = (start // self.factor, (start + DAY_US) // self.factor)
        self.rows = 0
        self.first_id = self.last_id = 0
        self.times = (_FAR, -_FAR)
        self._first_time = 0
        self._counts = np.zeros(quality.COUNTS, np.int64)
        self._gaps = np.zeros((MOST_GAPS, 4), np.int64)
        self._carry = np.zeros(quality.CARRY, np.int64)

    def add(self, columns: NDArray[np.int64], tick: tuple[int, int]) -> NDArray[np.int64]:
        """Count the next rows; returns those of them to keep.

        Args:
            columns: int64 ``[COLUMNS, rows]``, ids above those of the rows before.
            tick: The tick as an integer (0 where unknown), and what prices are multiplied by to
                be compared with it.

        Raises:
            MalformedError: A row's fill ids run backwards.
        """
        blanked = int(self._counts[quality.INVALID_ROWS])
        quality.count_defects(
            columns,
            int(self.is_aggregate),
            int(self.tape.ids_are_continuous),
            int(self.is_aggregate and self.tape.market is MarketType.SPOT),
            *tick,
            *self.day,
            self._counts,
            self._gaps,
            self._carry,
        )
        if self._counts[quality.BAD_FILLS]:
            row = int(self._counts[quality.BAD_FILLS_ROW])
            raise MalformedError(
                f"{self._counts[quality.BAD_FILLS]} rows have a last trade id before their first "
                f"one: id {columns[parse.ID, row]}, trade ids {columns[parse.FIRST_ID, row]} to "
                f"{columns[parse.LAST_ID, row]}",
                where=self.label,
            )
        if self._counts[quality.INVALID_ROWS] > blanked:
            columns = columns[:, ~_is_blanked(columns, is_aggregate=self.is_aggregate)]
        if columns.shape[1]:
            times = columns[parse.TIME]
            if not self.rows:
                self.first_id, self._first_time = int(columns[parse.ID, 0]), int(times[0])
            self.last_id = int(columns[parse.ID, -1])
            self.times = min(self.times[0], int(times.min())), max(self.times[1], int(times.max()))
            self.rows += columns.shape[1]
        return columns

    @property
    def times_us(self) -> tuple[int, int]:
        """The smallest and the largest time of the kept rows, in microseconds."""
        return self.times[0] * self.factor, self.times[1] * self.factor

    def quality(self, order: Order, off_tick: int | None = None) -> Quality:
        """The record of the whole day.

        Args:
            order: What putting the rows in order has shown.
            off_tick: Prices off the tick, where that was counted otherwise.

        Raises:
            MalformedError: Not one row belongs to the day.
        """
        counts = self._counts
        if self.rows == counts[quality.OUTSIDE_DAY]:
            what = "the file holds no valid trades"
            if self.rows:
                found = _EPOCH + dt.timedelta(days=self._first_time * self.factor // DAY_US)
                what = f"not one trade of the file is of {self.date}; its first one is of {found}"
            raise MalformedError(what, where=self.label, fix="The archive's copy is of another day")
        return Quality(
            rows=self.rows,
            first_id=self.first_id,
            last_id=self.last_id,
            gaps=int(counts[quality.GAPS]),
            missing_ids=int(counts[quality.MISSING_IDS]),
            missing_fills=int(counts[quality.MISSING_FILLS]),
            unassigned_ids=int(counts[quality.UNASSIGNED_IDS]),
            gap_list=tuple(
                Gap(before, after, before_time * self.factor, after_time * self.factor)
                for before, after, before_time, after_time in self._gaps[
                    : counts[quality.GAPS]
                ].tolist()
            ),
            duplicates=order.duplicates,
            conflicts=order.conflicts,
            quarantined=order.quarantined,
            invalid_rows=int(counts[quality.INVALID_ROWS]) + order.blanked,
            reordered=order.reordered,
            out_of_order=int(counts[quality.OUT_OF_ORDER]),
            zero_quantity=int(counts[quality.ZERO_QUANTITY]),
            off_tick=int(counts[quality.OFF_TICK]) if off_tick is None else off_tick,
            outside_day=int(counts[quality.OUTSIDE_DAY]),
            max_time_gap_us=int(counts[quality.MAX_TIME_GAP]) * self.factor,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What putting the rows in id order has shown."""

    reordered: int = 0
    duplicates: int = 0
    conflicts: int = 0
    blanked: int = 0
    quarantined: tuple[tuple[int, ...], ...] = ()

    def __add__(self, other: Order) -> Order:
        return Order(
            self.reordered + other.reordered,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.blanked + other.blanked,
            (self.quarantined + other.quarantined)[:MOST_QUARANTINED],
        )


def one_of_each_id(
    columns: NDArray[np.int64], day: tuple[int, int], *, is_aggregate: bool
) -> tuple[NDArray[np.int64], Order]:
    """Of rows in id order, the one of each id that keeps it.

    Which of several rows with one id stays does not depend on their order in the file: one that
    the exchange did not blank, of the file's ``day``, with the latest time (known repetitions
    carry earlier ones); then the least of its numbers decides.

    Args:
        columns: int64 ``[COLUMNS, rows]``, all rows of the ids that are in it.
        day: First moment of the file's day, and first moment after it, in the rows' unit.
        is_aggregate: Whether rows have ranges of fill ids.
    """
    ids = columns[parse.ID]
    is_new = np.append(True, ids[1:] != ids[:-1])
    if bool(is_new.all()):
        return columns, Order()
    columns = columns.copy()
    shared = np.flatnonzero(~is_new | np.append(~is_new[1:], False))
    columns[:, shared] = _by_claim(columns[:, shared], day, is_aggregate=is_aggregate)
    kept = np.maximum.accumulate(np.where(is_new, np.arange(ids.size), 0))
    is_copy = ~is_new & (columns == columns[:, kept]).all(axis=0)
    is_other = ~is_new & ~is_copy
    is_blanked = is_other & _is_blanked(columns, is_aggregate=is_aggregate)
    is_conflict = is_other & ~is_blanked
    quarantined = columns[:, np.flatnonzero(is_conflict)[:MOST_QUARANTINED]].T
    return columns[:, is_new], Order(
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


def tick_to_compare(
    tick: Decimal | None, price_decimals: int, tick_decimals: int | None = None
) -> tuple[int, int]:
    """A tick as an integer, and what prices are multiplied by to be compared with it.

    Args:
        tick: The exchange's; None where it is not known.
        price_decimals: Of the prices.
        tick_decimals: Those that all but a thousandth of the day's own prices keep to, which stand
            for the tick where it is not known; None takes 0 for the tick then.
    """
    if tick is None:
        return (0 if tick_decimals is None else 10 ** (price_decimals - tick_decimals)), 1
    decimals = max(price_decimals, -int(tick.as_tuple().exponent))
    return int(tick.scaleb(decimals)), 10 ** (decimals - price_decimals)

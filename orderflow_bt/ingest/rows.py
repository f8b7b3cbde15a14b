"""Rows in any order, from one file or many, laid aside on disk by UTC day and given back by id.

Rows are sorted a run at a time, written in packed blocks, and merged when all are there. In memory
are one run while rows come, and a block of every run while they go: neither grows with the day, but
for the number of its runs.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

import numpy as np

from orderflow_bt.archive.rows import tick_decimals
from orderflow_bt.errors import MalformedError
from orderflow_bt.ingest.shelf import Cursor, Shelf, Units
from orderflow_bt.kernels import parse
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.ingest.shelf import Run

RUN_ROWS = 1 << 20
LEAST_RUN = 1 << 18
BLOCK_ROWS = 1 << 14
_EPOCH = dt.date(1970, 1, 1)
_LARGEST = 2**63 - 1
_PLACES = parse.MAX_DECIMALS + 1
MOST_OF_ONE_ID = 1 << 20  # these are compared with each other in memory


class SortedRows:
    """Rows of one or of many days, on disk until they are asked for.

    Args:
        folder: Where their file lies; it has no name, so that nothing of it outlives the process.
        days: The days whose rows are wanted; None for all.
        run_rows: The most rows that wait in memory.
        least_run: Fewer rows than these wait for others, to be sorted with them.
        block_rows: Rows that are packed, and read back, together.
    """

    def __init__(
        self,
        folder: Path,
        days: frozenset[dt.date] | None = None,
        *,
        run_rows: int = RUN_ROWS,
        least_run: int = LEAST_RUN,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        self._wanted = days
        self._run_rows = run_rows
        self._least_run = least_run
        self._shelf = Shelf(folder, block_rows)
        self._days: dict[dt.date, DayRows] = {}
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shelf.close()

    def add(
        self, columns: NDArray[np.int64], units: Units, date: dt.date | None = None
    ) -> list[dt.date]:
        """Lay rows aside; ``columns`` may change afterwards. Returns the days they are of.

        Args:
            columns: int64 ``[COLUMNS, rows]`` as they stand in their file.
            units: Of the columns.
            date: Whose rows these are; None for the UTC days of their times.
        """
        if date is not None:
            self._put(date, columns, units)
            return [date]
        numbers = columns[parse.TIME] // (DAY_US // TIME_FACTORS[units.time])
        found = np.unique(numbers).tolist()
        days = [_EPOCH + dt.timedelta(days=number) for number in found]
        for day, number in zip(days, found, strict=True):
            if self._wanted is None or day in self._wanted:
                chosen = columns if len(found) == 1 else columns[:, numbers == number]
                self._put(day, chosen, units)
        return days

    def dates(self) -> list[dt.date]:
        """The days of which there are rows, as they first came."""
        return list(self._days)

    def of(self, date: dt.date) -> DayRows:
        """The rows of one of the `dates`."""
        return self._days[date]

    def _put(self, date: dt.date, columns: NDArray[np.int64], units: Units) -> None:
        day = self._days.get(date)
        if day is None:
            day = self._days[date] = DayRows(self._shelf)
        self._waiting += day.add(columns, units, may_wait=columns.shape[1] < self._least_run)
        if self._waiting >= self._run_rows:
            for each in self._days.values():
                each.flush()
            self._waiting = 0


class DayRows:
    """The rows of one day, in sorted runs."""

    def __init__(self, shelf: Shelf) -> None:
        self.rows = 0
        self.reordered = 0
        self.waiting = 0
        self._shelf = shelf
        self._runs: list[Run] = []
        self._parts: list[tuple[NDArray[np.int64], Units]] = []
        self._greatest_id = -1
        # Rows by the decimals that they need, so that a day's units are those of its own rows.
        self._prices = np.zeros(_PLACES, np.int64)
        self._quantities = np.zeros(_PLACES, np.int64)
        self._time = "ms"

    def add(self, columns: NDArray[np.int64], units: Units, *, may_wait: bool) -> int:
        """Take rows; how many more wait in memory now."""
        ids = columns[parse.ID]
        if not ids.size:
            return 0
        before = np.maximum.accumulate(np.append(self._greatest_id, ids))
        self.reordered += int((ids < before[:-1]).sum())
        self._greatest_id = int(before[-1])
        self.rows += ids.size
        self._prices[: units.price + 1] += _decimals_used(columns[parse.PRICE], units.price)
        self._quantities[: units.qty + 1] += _decimals_used(columns[parse.QTY], units.qty)
        if units.time == "us":
            self._time = "us"
        if may_wait:
            self._parts.append((columns.copy(), units))
            self.waiting += ids.size
            return int(ids.size)
        waited = self.waiting
        self.flush()
        self._runs.append(self._shelf.put(columns, units))
        return -waited

    def flush(self) -> None:
        """Sort the rows that wait, and write them."""
        while self._parts:
            units = self._parts[0][1]
            alike = [columns for columns, of in self._parts if of == units]
            self._parts = [part for part in self._parts if part[1] != units]
            self._runs.append(self._shelf.put(np.concatenate(alike, axis=1), units))
        self.waiting = 0

    @property
    def units(self) -> Units:
        """The coarsest that hold every row."""
        return Units(_finest(self._prices), _finest(self._quantities), self._time)

    @property
    def tick_decimals(self) -> int:
        """The least decimals in which 99.9 % of the prices are exact."""
        return min(tick_decimals(self._prices), _finest(self._prices))

    def in_id_order(self, label: str) -> Iterator[NDArray[np.int64]]:
        """All rows by id, in `units`; rows of one id come together.

        Args:
            label: What an error calls the file.

        Raises:
            MalformedError: The numbers do not fit 64 bits in the finest units, or too many rows
                have one id.
        """
        yield from self._of_parts(label) if not self._runs else self._merged(label)

    def _of_parts(self, label: str) -> Iterator[NDArray[np.int64]]:
        parts = [self._scaled(columns, of, label) for columns, of in self._parts]
        columns = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        yield columns[:, columns[parse.ID].argsort(kind="stable")]

    def _merged(self, label: str) -> Iterator[NDArray[np.int64]]:
        self.flush()
        cursors = [Cursor(self._shelf, run) for run in self._runs]
        while cursors:
            # Up to the least of the ids at which a run's open block ends, all rows are at hand.
            bound = min(cursor.ready_to for cursor in cursors)
            taken: list[NDArray[np.int64]] = []
            rows = 0
            for cursor in cursors:
                for columns in cursor.take(bound):
                    taken.append(self._scaled(columns, cursor.run.units, label))
                    rows += columns.shape[1]
                    if rows > len(cursors) * self._shelf.block_rows + MOST_OF_ONE_ID:
                        what = f"more than {MOST_OF_ONE_ID:,} rows have the id {bound}"
                        raise MalformedError(what, where=label)
            columns = np.concatenate(taken, axis=1) if len(taken) > 1 else taken[0]
            ids = columns[parse.ID]
            if len(taken) > 1 and not bool((ids[1:] >= ids[:-1]).all()):
                columns = columns[:, ids.argsort(kind="stable")]
            yield columns
            cursors = [cursor for cursor in cursors if not cursor.is_done]

    def _scaled(self, columns: NDArray[np.int64], of: Units, label: str) -> NDArray[np.int64]:
        units = self.units
        if of == units:
            return columns
        columns = columns.copy()
        for role, wanted, given in (
            (parse.PRICE, units.price, of.price),
            (parse.QTY, units.qty, of.qty),
        ):
            if wanted < given:
                columns[role] //= 10 ** (given - wanted)
            elif int(columns[role].max()) * 10 ** (wanted - given) > _LARGEST:
                what = "numbers of so different sizes do not fit 64 bits together"
                raise MalformedError(what, where=label)
            else:
                columns[role] *= 10 ** (wanted - given)
        columns[parse.TIME] *= TIME_FACTORS[of.time] // TIME_FACTORS[units.time]
        return columns


def _decimals_used(column: NDArray[np.int64], decimals: int) -> NDArray[np.int64]:
    """How many numbers need exactly 0, 1 … ``decimals`` decimals."""
    exact = np.array(
        [int((column % 10 ** (decimals - places) == 0).sum()) for places in range(decimals + 1)]
    )
    exact[1:] -= exact[:-1].copy()
    return exact


def _finest(used: NDArray[np.int64]) -> int:
    return int(used.nonzero()[0][-1])

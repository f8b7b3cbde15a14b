"""Rows of a run's table, read from its file as they are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orderflow_bt.errors import OrderflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

Number = TypeVar("Number", np.float64, np.int64, np.bool_)
Row = dict[str, Any]
_AT_ONCE = 1 << 12  # rows


class Columns(Protocol):
    """Round trips by column: of one run, or of several joined."""

    def __len__(self) -> int: ...
    def floats(self, column: str) -> NDArray[np.float64]:
        """A column as float64; NaN where there is none."""
        ...

    def ints(self, column: str) -> NDArray[np.int64]:
        """A column as int64."""
        ...


class Joined:
    """Columns of several tables, one behind the other."""

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def floats(self, column: str) -> NDArray[np.float64]:
        """A column as float64; NaN where there is none."""
        return np.concatenate([part.floats(column) for part in self._parts])

    def ints(self, column: str) -> NDArray[np.int64]:
        """A column as int64."""
        return np.concatenate([part.ints(column) for part in self._parts])


class Rows(Sequence[Row]):
    """A table, or some rows of it, as one dictionary a row; money is Decimal.

    Args:
        path: Its file.
        chosen: int64, which rows, ascending; None: all.

    Raises:
        OrderflowError: The file is missing or broken.
    """

    def __init__(self, path: Path, chosen: NDArray[np.int64] | None = None) -> None:
        self._path = path
        self._chosen = chosen
        with self._opened() as file:
            self._count = file.metadata.num_rows

    def __len__(self) -> int:
        return self._count if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return list(self._made(self._numbers()[index]))
        return next(self._made(self._numbers()[[index]]))

    def __iter__(self) -> Iterator[Row]:
        return self._made(self._chosen)

    def where(self, column: str, values: Iterable[Any]) -> Rows:
        """Those of them that have one of some values in a column."""
        wanted = pa.array(list(values), self._schema().field(column).type)
        is_in = self._filled(column, lambda part: pc.is_in(part, value_set=wanted), np.bool_)
        return Rows(self._path, self._numbers()[is_in])

    def at(self, places: NDArray[np.int64]) -> Rows:
        """Those of them at some places, which ascend."""
        return Rows(self._path, self._numbers()[places])

    def floats(self, column: str) -> NDArray[np.float64]:
        """A column as float64; NaN where there is none."""
        return self._filled(column, lambda part: part.cast(pa.float64()), np.float64)

    def ints(self, column: str) -> NDArray[np.int64]:
        """A column of integers or flags as int64, each with a value."""
        return self._filled(column, lambda part: part, np.int64)

    def values(self, column: str) -> pa.ChunkedArray:
        """A column as it is stored."""
        parts = [batch.column(0) for batch in self.batches([column])]
        found = pa.chunked_array(parts, self._schema().field(column).type)
        return found if self._chosen is None else found.take(pa.array(self._chosen))

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Some or all columns of the whole table, some rows at a time."""
        with self._opened() as file:
            # for each thread of its own Arrow would keep what that ever held
            yield from file.iter_batches(_AT_ONCE, columns=columns, use_threads=False)
        pa.default_memory_pool().release_unused()

    def pieces(self) -> Iterator[pa.Table]:
        """The whole table by its row groups; one empty where there are no rows."""
        with self._opened() as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, use_threads=False)
            if not file.num_row_groups:
                yield file.schema_arrow.empty_table()

    @property
    def names(self) -> list[str]:
        """Of its columns."""
        return list(self._schema().names)

    def _schema(self) -> pa.Schema:
        with self._opened() as file:
            return file.schema_arrow

    def _filled(
        self, column: str, made: Callable[[pa.Array], pa.Array], kind: type[Number]
    ) -> NDArray[Number]:
        """What is made of a column, one value a row."""
        found, first = np.empty(self._count, kind), 0
        for batch in self.batches([column]):
            stop = first + len(batch)
            found[first:stop] = made(batch.column(0)).to_numpy(zero_copy_only=False)
            first = stop
        return found if self._chosen is None else found[self._chosen]

    def _numbers(self) -> NDArray[np.int64]:
        return np.arange(self._count) if self._chosen is None else self._chosen

    def _made(self, numbers: NDArray[np.int64] | None) -> Iterator[Row]:
        """Rows by their numbers in the file, which ascend; None: every one."""
        with self._opened() as file:
            stop = 0
            for group in range(file.num_row_groups):
                first, stop = stop, stop + file.metadata.row_group(group).num_rows
                if not (numbers is None or len(_between(numbers, first, stop))):
                    continue
                for batch in file.iter_batches(_AT_ONCE, row_groups=[group], use_threads=False):
                    if numbers is None:
                        yield from batch.to_pylist()
                    elif len(own := _between(numbers, first, first + len(batch))):
                        yield from batch.take(pa.array(own - first)).to_pylist()
                    first += len(batch)

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self._path) as file:  # `read_table` loads far more
                yield file
        except (OSError, pa.ArrowInvalid) as error:
            raise OrderflowError(
                f"a table of the run cannot be read: {error}",
                where=str(self._path),
                fix="Run the backtest again",
            ) from error


def _between(numbers: NDArray[np.int64], first: int, stop: int) -> NDArray[np.int64]:
    """Of ascending numbers those from ``first`` to before ``stop``."""
    return numbers[slice(*np.searchsorted(numbers, (first, stop)))]

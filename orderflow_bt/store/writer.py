"""One day to one Parquet file, which appears whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.kernels.parse import QTY
from orderflow_bt.store.metadata import METADATA_KEY
from orderflow_bt.store.schema import (
    COLUMN_NAMES,
    ROW_GROUP_ROWS,
    arrow_schema,
    columns_of,
    encode_metadata,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.store.schema import DayInfo
    from orderflow_bt.types import Kind

_SAMPLE = 1 << 16


class DayWriter:
    """A day's file under a temporary name, written in pieces.

    Args:
        kind: Whose columns.
        part: The temporary name.
    """

    def __init__(self, kind: Kind, part: Path) -> None:
        self.part = part
        self._names = columns_of(kind)
        self._schema = arrow_schema(kind)
        self._file: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, columns: NDArray[np.int64]) -> None:
        """Append rows ``[COLUMNS, rows]``, a row group for each `ROW_GROUP_ROWS` of them."""
        if self._writer is None:
            self._writer = self._open(columns)
        for batch in _batches(columns, self._names, self._schema):
            self._writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)

    def finish(self, info: DayInfo) -> None:
        """Write the metadata and sync the file; `publish` then puts it in its place."""
        if self._writer is None:
            self._writer = self._open(np.zeros((len(COLUMN_NAMES), 0), np.int64))
        self._writer.add_key_value_metadata({METADATA_KEY: encode_metadata(info)})
        self._writer.close()
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Delete what was written, if anything; the next `write` begins a new file."""
        for opened in (self._writer, self._file):
            if opened is not None:
                with suppress(OSError):  # a full disk has no room for the footer either
                    opened.close()
        self._writer = self._file = None
        self.part.unlink(missing_ok=True)

    def _open(self, columns: NDArray[np.int64]) -> pq.ParquetWriter:
        # Differences pack well and fast; quantities that come back often (round lots) pack better
        # as numbers of a list. So would the two sides, a little, but in twice the time.
        listed = ["quantity"] if _repeats(columns[QTY, :ROW_GROUP_ROWS]) else []
        delta = {name: "DELTA_BINARY_PACKED" for name in self._names if name not in listed}
        self._file = self.part.open("wb")
        return pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=listed,
            column_encoding=delta,
            store_schema=False,
            write_page_checksum=True,
            max_rows_per_page=ROW_GROUP_ROWS,  # a page's size limits it: large ones read faster
            write_statistics=["id", "time"],  # what queries skip by; the others cost a tenth
        )


@contextmanager
def synced(part: Path) -> Iterator[IO[bytes]]:
    """A file to write whose bytes are on the disk when it is closed."""
    with part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _repeats(column: NDArray[np.int64]) -> bool:
    """Whether few enough values make up a column that listing them pays."""
    sample = column[:: max(1, column.size // _SAMPLE)]
    return 4 * np.unique(sample).size <= sample.size


def _batches(
    columns: NDArray[np.int64], names: tuple[str, ...], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    rows = columns.shape[1]
    for start in range(0, rows, ROW_GROUP_ROWS):
        piece = columns[:, start : start + ROW_GROUP_ROWS]
        arrays = []
        for name in names:
            column = piece[COLUMN_NAMES.index(name)]
            arrays.append(pa.array(column.astype(np.int8) if name == "side" else column))
        yield pa.record_batch(arrays, schema=schema)

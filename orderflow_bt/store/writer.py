"""One day to one Parquet file, which appears whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.kernels.parse import QTY
from orderflow_bt.store.schema import (
    COLUMN_NAMES,
    METADATA_KEY,
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

_SAMPLE = 1 << 16


def write_file(columns: NDArray[np.int64], info: DayInfo, part: Path) -> None:
    """Write and sync a day's file under a temporary name; `publish` then puts it in its place."""
    names = columns_of(info.tape.kind)
    schema = arrow_schema(info.tape.kind)
    # Ids, prices and times pack best as differences; the two sides, and quantities that come
    # back often (round lots), as numbers of a list.
    listed = ["side", "quantity"] if _repeats(columns[QTY]) else ["side"]
    with (
        synced(part) as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=listed,
            column_encoding={name: "DELTA_BINARY_PACKED" for name in names if name not in listed},
            store_schema=False,
            write_page_checksum=True,
        ) as writer,
    ):
        for batch in _batches(columns, names, schema):
            writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
        writer.add_key_value_metadata({METADATA_KEY: encode_metadata(info)})


@contextmanager
def synced(part: Path) -> Iterator[IO[bytes]]:
    """A file to write whose bytes are on the disk when it is closed."""
    with part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def publish(part: Path, path: Path) -> None:
    """Give a synced file its final name, and make the name last through a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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

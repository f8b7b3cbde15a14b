"""A folder of tables and texts that appears whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orderflow_bt.errors import OrderflowError

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

ROWS = 1 << 16  # of a row group
_AT_ONCE = 1 << 13  # values made into texts


class Part:
    """A folder on its way: hidden until it is whole.

    Attributes:
        home: Where it is meanwhile.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def write_table(self, name: str, pieces: Iterable[pa.Table]) -> None:
        """Write a Parquet file as its pieces come, at least one: `ROWS` or more to a row group."""
        writer: pq.ParquetWriter | None = None
        try:
            for group in _groups(pieces):
                if writer is None:
                    path = self.home / f"{name}.parquet"
                    writer = pq.ParquetWriter(path, group.schema, compression="zstd")
                writer.write_table(group, row_group_size=max(group.num_rows, 1))
        finally:
            if writer is not None:
                writer.close()
            pa.default_memory_pool().release_unused()

    def write_text(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file."""
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        (self.home / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def digest(self, names: Iterable[str], digest: hashlib._Hash) -> None:
        """Add to a hash what stands in tables, column by column, of each only a part at a time."""
        for name in names:
            with pq.ParquetFile(self.home / f"{name}.parquet") as file:
                columns = file.schema_arrow.names
                rows = file.metadata.num_rows
                digest.update(f"\n{name} {rows} {','.join(columns)}\n".encode())
                for column in columns:
                    first = True
                    for batch in file.iter_batches(_AT_ONCE, columns=[column], use_threads=False):
                        if not first:
                            digest.update(b"\n")
                        digest.update(_lines(batch.column(0)))
                        first = False


def _lines(column: pa.Array) -> pa.Buffer | bytes:
    """The values of a column as `str` writes them, one on a line."""
    if not (pa.types.is_int64(column.type) or pa.types.is_string(column.type)):
        return "\n".join(map(str, column.to_pylist())).encode()
    texts = column.cast(pa.string()).fill_null("None")
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(texts)], pa.int64()), texts)
    return pc.binary_join(whole, "\n")[0].as_buffer()


def _groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    given = False
    for piece in pieces:
        waiting.append(piece)
        if sum(table.num_rows for table in waiting) >= ROWS:
            yield pa.concat_tables(waiting)
            waiting, given = [], True
    if waiting and not (given and not any(table.num_rows for table in waiting)):
        yield pa.concat_tables(waiting)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Part]:
    """A folder to write to, given its name when all is written; an error leaves nothing of it.

    Raises:
        OrderflowError: The folder exists, or cannot be written.
    """
    if folder.exists():
        raise OrderflowError(
            "the run folder exists already", where=str(folder), fix="Give another --out"
        )
    home = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        home.mkdir(parents=True)
        yield Part(home)
        home.rename(folder)
    except BaseException as error:
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            raise OrderflowError(
                f"the run folder cannot be written: {error.strerror or error}", where=str(folder)
            ) from error
        raise

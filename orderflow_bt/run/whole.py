"""A folder of tables and texts that appears whole, or not at all; and whether it is whole still.

Beside the files lie their SHA-256, as ``sha256sum`` writes them. What is made later from the folder
(a report, its pictures) is not among them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels.decimals import MOST, write_lines
from orderflow_bt.parts import clear, held, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SUMS = "SHA256SUMS"
ROWS = 1 << 16  # of a row group
_SMALLEST, _LARGEST = 1e-3, 1e9  # between them `str` and Arrow write broken numbers the same
_AT_ONCE = 1 << 13  # values made into texts
_IN_MEMORY = 1 << 24  # bytes of small tables that are not read again for their hash


class Part:
    """A folder on its way: hidden until it is whole.

    Attributes:
        home: Where it is meanwhile.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._small: dict[str, pa.Table] = {}  # those in memory still
        self._held = 0  # bytes of them

    def write_table(self, name: str, pieces: Iterable[pa.Table]) -> None:
        """Write a Parquet file as its pieces come, at least one: `ROWS` or more to a row group."""
        writer: pq.ParquetWriter | None = None
        first: pa.Table | None = None
        try:
            for group in _groups(pieces):
                first = group if writer is None else None
                if writer is None:
                    writer = _writer(self.home / f"{name}.parquet", group.schema)
                writer.write_table(group, row_group_size=max(group.num_rows, 1))
        finally:
            if writer is not None:
                writer.close()
        size = 0 if first is None else first.get_total_buffer_size()
        if first is not None and self._held + size <= _IN_MEMORY:
            self._small[name] = first
            self._held += size
        else:
            pa.default_memory_pool().release_unused()

    def write_text(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file."""
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        (self.home / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def digest(self, names: Iterable[str], digest: hashlib._Hash) -> None:
        """Add to a hash what stands in tables, column by column, of each only a part at a time."""
        for name in names:
            small = self._small.pop(name, None)
            if small is not None:
                digest.update(_heading(name, small.num_rows, small.column_names))
                for column in small.columns:
                    whole = column.combine_chunks()
                    _add(digest, (whole[k : k + _AT_ONCE] for k in range(0, len(whole), _AT_ONCE)))
                continue
            with pq.ParquetFile(self.home / f"{name}.parquet") as file:
                columns = file.schema_arrow.names
                digest.update(_heading(name, file.metadata.num_rows, columns))
                for column in columns:
                    batches = file.iter_batches(_AT_ONCE, columns=[column], use_threads=False)
                    _add(digest, (batch.column(0) for batch in batches))
        pa.default_memory_pool().release_unused()


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Whole numbers are written as what they differ by, and texts by number.

    Dictionaries of numbers, of which most are there once, would be twice the bytes and four times
    the work.
    """
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    )


def _heading(name: str, rows: int, columns: Sequence[str]) -> bytes:
    return f"\n{name} {rows} {','.join(columns)}\n".encode()


def _add(digest: hashlib._Hash, parts: Iterable[pa.Array]) -> None:
    for number, part in enumerate(parts):
        if number:
            digest.update(b"\n")
        digest.update(_lines(part))


def _lines(column: pa.Array) -> pa.Buffer | memoryview:
    """The values of a column as `str` writes them, one on a line."""
    if pa.types.is_int64(column.type):
        return _whole_numbers(column)
    if pa.types.is_floating(column.type):
        texts = _floats(column)
    elif pa.types.is_boolean(column.type):
        texts = pa.array(["False", "True"]).take(column.cast(pa.int8()))
    else:
        texts = column.cast(pa.string())
    texts = texts.fill_null("None")
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(texts)], pa.int64()), texts)
    return pc.binary_join(whole, "\n")[0].as_buffer()


def _whole_numbers(column: pa.Array) -> memoryview:
    known = np.ones(len(column), np.bool_)
    if column.null_count:
        known = column.is_valid().to_numpy(zero_copy_only=False)
        column = column.fill_null(0)
    lines = np.empty(MOST * len(column), np.uint8)
    begin = write_lines(column.to_numpy(), known, lines)
    return lines[begin:-1].data


def _floats(column: pa.Array) -> pa.Array:
    """Floats as `str` writes them: Arrow writes most of them the same."""
    values = column.fill_null(math.nan).to_numpy()
    size = np.abs(values)
    same = (size >= _SMALLEST) & (size < _LARGEST) & (values != np.floor(values))
    others = pa.array([None if v is None else str(v) for v in column.filter(~same).to_pylist()])
    return pc.replace_with_mask(column.cast(pa.string()), ~same, others.cast(pa.string()))


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
    home = part_of(folder)
    clear(folder.parent)
    try:
        home.mkdir(parents=True)
        with held(home):
            yield Part(home)
            _write_sums(home)
            home.rename(folder)
    except BaseException as error:
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            raise OrderflowError(
                f"the run folder cannot be written: {error.strerror or error}", where=str(folder)
            ) from error
        raise


def _write_sums(home: Path) -> None:
    """Write down the checksums of the files that lie in a folder, where there are any."""
    lines = [f"{_digest(path)}  {path.name}\n" for path in sorted(home.iterdir()) if path.is_file()]
    if lines:
        (home / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path, names: Iterable[str]) -> None:
    """See that a folder's files are those that were written; one that has no sums is believed.

    Args:
        folder: The folder.
        names: Of files that it must have.

    Raises:
        OrderflowError: A file is not what it was, or is not there any more.
    """
    if not os.path.lexists(folder / SUMS):
        return
    try:
        text = (folder / SUMS).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(f"its checksums cannot be read: {error}", folder / SUMS) from error
    lines = [line.partition("  ") for line in text.splitlines()]
    wanted = {name: digest for digest, _, name in lines}
    if missing := [name for name in names if name not in wanted]:
        raise _damaged(f"its checksums are cut, {missing[0]} is not among them", folder / SUMS)
    for name, digest in wanted.items():
        path = folder / name
        try:
            if not path.is_file():
                raise _damaged("a file of it is not there any more", path)
            if _digest(path) != digest:
                raise _damaged("a file of it is not what was written", path)
        except (OSError, ValueError) as error:  # a name that is none is a ValueError
            raise _damaged(f"a file of it cannot be read: {error}", path) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(what: str, path: Path) -> OrderflowError:
    return OrderflowError(
        f"the run folder is damaged: {what}", where=str(path), fix="Run the backtest again"
    )

"""Runs of sorted rows on disk: written in packed blocks, read back a block at a time."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from orderflow_bt.kernels import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class Units(NamedTuple):
    """What the integers of rows count.

    Attributes:
        price: Decimals of a price unit.
        qty: Decimals of a lot.
        time: ``ms`` or ``us``.
    """

    price: int
    qty: int
    time: str


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are packed together: where, how large, and their least and greatest id."""

    offset: int
    bytes: int
    rows: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Run:
    """Rows sorted by id, in blocks, and the units that they are in."""

    units: Units
    blocks: list[Block]


@dataclass(slots=True)
class Shelf:
    """The file of all runs; made when the first is written."""

    folder: Path
    block_rows: int
    _file: IO[bytes] | None = field(default=None)

    def put(self, columns: NDArray[np.int64], units: Units) -> Run:
        """Sort rows and write them."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - see `close`
        order = columns[parse.ID].argsort(kind="stable")
        blocks = []
        offset = self._file.seek(0, 2)
        for start in range(0, order.size, self.block_rows):
            rows = np.ascontiguousarray(columns[:, order[start : start + self.block_rows]])
            packed = pa.compress(rows.tobytes(), codec="zstd", asbytes=True)
            self._file.write(packed)
            ids = rows[parse.ID]
            blocks.append(Block(offset, len(packed), ids.size, int(ids[0]), int(ids[-1])))
            offset += len(packed)
        return Run(units, blocks)

    def get(self, block: Block) -> NDArray[np.int64]:
        """Read rows back."""
        assert self._file is not None, "a block was written"
        self._file.seek(block.offset)
        size = parse.COLUMNS * block.rows * 8
        packed = self._file.read(block.bytes)
        raw = pa.decompress(packed, size, codec="zstd", asbytes=True)
        return np.frombuffer(raw, np.int64).reshape(parse.COLUMNS, block.rows)

    def close(self) -> None:
        """The file is gone then."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Cursor:
    """How far a run has been read; at most one of its blocks lies open."""

    def __init__(self, shelf: Shelf, run: Run) -> None:
        self.run = run
        self._shelf = shelf
        self._left = run.blocks[::-1]
        self._open: NDArray[np.int64] | None = None

    @property
    def is_done(self) -> bool:
        """Whether every row was taken."""
        return self._open is None and not self._left

    @property
    def ready_to(self) -> int:
        """The id up to which rows can be taken by opening no more than one block."""
        return int(self._open[parse.ID, -1]) if self._open is not None else self._left[-1].last_id

    def take(self, bound: int) -> Iterator[NDArray[np.int64]]:
        """The rows not yet taken of ids up to ``bound``."""
        while True:
            if self._open is None:
                if not self._left or self._left[-1].first_id > bound:
                    return
                self._open = self._shelf.get(self._left.pop())
            count = int(self._open[parse.ID].searchsorted(bound, side="right"))
            if count:
                yield self._open[:, :count]
            if count < self._open.shape[1]:
                self._open = self._open[:, count:]
                return
            self._open = None

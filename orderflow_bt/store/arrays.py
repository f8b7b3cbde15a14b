"""A file of arrays that can be mapped into memory: what the cache keeps.

Arrays lie one after the other, each at the start of a page, uncompressed and in the machine's byte
order. Behind them stands a JSON value that says where each is, with its CRC-32, then a tail of 24
bytes: CRC-32 and length of the JSON value, layout version, magic. A file that was cut or whose
description was changed is so told from a whole one without a look at its arrays, and so is one that
lies under another's name. Its modification time is set back to `STAMP`: of a file that was
written to since, that is no longer true.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

LAYOUT = 2
STAMP = 946_684_800  # 2000-01-01 UTC, in seconds
_MAGIC = b"OFBT" + sys.byteorder[:4].encode()
_TAIL = struct.Struct("<IIII8s")
_PAGE = mmap.ALLOCATIONGRANULARITY


class DamagedError(Exception):
    """A file is not whole, or not one of this layout. Whoever made it makes it again."""


@dataclass(slots=True)
class _Place:
    """Where an array lies in its file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    crc: int = 0
    written: int = 0  # bytes

    @property
    def row(self) -> int:
        """Bytes of one row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    @property
    def bytes(self) -> int:
        return self.row * self.shape[0]


def room_for(shapes: Mapping[str, tuple[Any, tuple[int, ...]]]) -> int:
    """How many bytes a file of arrays of these types and shapes has, but for its description."""
    _, end = _lay_out(shapes)
    return end


class ArrayWriter:
    """Writes arrays of known shapes, each in any number of pieces.

    Args:
        file: Open for writing, empty.
        shapes: Type and shape of every array, by name.
    """

    def __init__(self, file: IO[bytes], shapes: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
        self._file = file
        self._places, self._end = _lay_out(shapes)

    def put(self, name: str, values: NDArray[Any]) -> None:
        """Append the next values of an array.

        Raises:
            OSError: They cannot be written.
            ValueError: They are of another type, or more than announced.
        """
        place = self._places[name]
        if values.dtype != place.dtype or place.written + values.nbytes > place.bytes:
            raise ValueError(f"{values.dtype} {list(values.shape)} do not fit {name}: {place}")
        raw = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        self._file.seek(place.offset + place.written)
        self._file.write(raw)
        place.crc = isal_zlib.crc32(raw, place.crc)
        place.written += len(raw)

    def finish(self, facts: Mapping[str, Any], path: Path) -> None:
        """Describe the arrays, with further facts, and sync the file, that will lie at ``path``.

        Raises:
            OSError: The file cannot be written.
            ValueError: Values of an array are missing.
        """
        for name, place in self._places.items():
            if place.written != place.bytes:
                raise ValueError(f"{name} has {place.written} of {place.bytes} bytes")
        arrays = {
            name: [place.dtype.str, list(place.shape), place.offset, place.crc]
            for name, place in self._places.items()
        }
        described = {"arrays": arrays, "facts": facts, "name": _name(path)}
        text = json.dumps(described, sort_keys=True).encode()
        self._file.seek(self._end)
        self._file.write(text)
        self._file.write(_TAIL.pack(isal_zlib.crc32(text), len(text), LAYOUT, 0, _MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())


class ArrayFile:
    """A file of arrays, open for mapping.

    Mapped arrays are private to the process: they look writable (so that kernels need not be
    compiled again for arrays that are not), and what is written to them never reaches the file.

    Attributes:
        facts: What was said of the arrays.
        bytes: Size of the file.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and read its description.

        Raises:
            FileNotFoundError: There is none.
            DamagedError: It is not whole, of another layout or name, or was written to since.
            OSError: It cannot be read.
        """
        self.path = path
        self._file = path.open("rb", buffering=0)
        try:
            self._read_description()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read_description(self) -> None:
        status = os.fstat(self._file.fileno())
        self.bytes = status.st_size
        if int(status.st_mtime) != STAMP:
            raise DamagedError(f"{self.path} was written to")
        end = self._last(_PAGE)
        if len(end) < _TAIL.size:
            raise DamagedError(f"{self.path} is cut")
        crc, length, layout, _, magic = _TAIL.unpack(end[-_TAIL.size :])
        if magic != _MAGIC or layout != LAYOUT:
            raise DamagedError(f"{self.path} is not a file of layout {LAYOUT}")
        if length + _TAIL.size > len(end):
            end = self._last(length + _TAIL.size)
        start = self.bytes - _TAIL.size - length
        text = end[-_TAIL.size - length : -_TAIL.size]
        if start < 0 or len(text) != length or isal_zlib.crc32(text) != crc:
            raise DamagedError(f"the description in {self.path} is damaged")
        described = json.loads(text)
        if described["name"] != _name(self.path):
            raise DamagedError(f"{self.path} is {described['name']}")
        self.facts: dict[str, Any] = described["facts"]
        self._places = {
            name: _Place(np.dtype(dtype), tuple(shape), offset, crc)
            for name, (dtype, shape, offset, crc) in described["arrays"].items()
        }
        if start != max((p.offset + _padded(p.bytes) for p in self._places.values()), default=0):
            raise DamagedError(f"{self.path} is cut")

    def _last(self, length: int) -> bytes:
        """As many bytes at the end, or all there are."""
        self._file.seek(max(0, self.bytes - length))
        return self._file.read(length)

    @property
    def names(self) -> list[str]:
        """Of the arrays."""
        return list(self._places)

    def rows(self, name: str) -> int:
        """Length of an array's first axis."""
        return self._places[name].shape[0]

    def map(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Rows ``[start, stop)`` of an array; the mapping lasts as long as what is returned."""
        return self.map_rows({name: (start, self.rows(name) if stop is None else stop)})[name]

    def map_rows(self, rows: Mapping[str, tuple[int, int]]) -> dict[str, NDArray[Any]]:
        """Some rows of some arrays, in one mapping, which lasts as long as any of them."""
        wanted = []
        for name, (start, stop) in rows.items():
            place = self._places[name]
            count = max(0, min(stop, place.shape[0]) - start)
            wanted.append((name, place, place.offset + start * place.row, count))
        filled = [(at, at + count * place.row) for _, place, at, count in wanted if count]
        begin = min((first for first, _ in filled), default=0) // _PAGE * _PAGE
        mapped: bytes | mmap.mmap = b""
        if size := max((end for _, end in filled), default=0):
            mapped = mmap.mmap(
                self._file.fileno(), size - begin, access=mmap.ACCESS_COPY, offset=begin
            )
        return {
            name: np.ndarray((count, *place.shape[1:]), place.dtype, mapped, at - begin)
            if count and place.row
            else np.empty((count, *place.shape[1:]), place.dtype)
            for name, place, at, count in wanted
        }

    def check(self) -> None:
        """Compare every array with its CRC-32.

        Raises:
            DamagedError: One differs.
        """
        for name, place in self._places.items():
            raw = self.map(name).reshape(-1).view(np.uint8).data
            if isal_zlib.crc32(raw) != place.crc:
                raise DamagedError(f"{name} in {self.path} is damaged")


def _name(path: Path) -> str:
    """What a file is called, with its folder."""
    return f"{path.parent.name}/{path.name}"


def _lay_out(
    shapes: Mapping[str, tuple[Any, tuple[int, ...]]],
) -> tuple[dict[str, _Place], int]:
    places = {}
    offset = 0
    for name, (dtype, shape) in shapes.items():
        places[name] = _Place(np.dtype(dtype), tuple(map(int, shape)), offset)
        offset += _padded(places[name].bytes)
    return places, offset


def _padded(size: int) -> int:
    return -(-size // _PAGE) * _PAGE

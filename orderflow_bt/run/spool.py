"""What a run puts aside while it goes on: compressed, in a file that has no name."""

from __future__ import annotations

import tempfile
import weakref
from typing import TYPE_CHECKING

import pyarrow as pa

from orderflow_bt.errors import OrderflowError

if TYPE_CHECKING:
    from pathlib import Path

_CODEC = "lz4"  # half the time of zstd for one and a half times the bytes
_FIRST = 1 << 20  # bytes that stay in memory before there is a file


class Spool:
    """A `Shelf` on disk.

    The file has no name where the system allows that, and else is deleted when it is closed:
    nothing is left of a run that was killed.

    Args:
        folder: On whose disk; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._places: list[tuple[int, int, int]] = []  # offset, bytes there, bytes put
        self._end = 0
        self._read: tuple[int, bytes] = (-1, b"")  # what was got last

    @property
    def size(self) -> int:
        """Bytes there are, compressed."""
        return self._end

    def put(self, content: bytes | memoryview) -> int:
        """Keep a copy; the number to get it by.

        Raises:
            OrderflowError: The disk takes no more.
        """
        packed = pa.compress(pa.py_buffer(content), codec=_CODEC, asbytes=True)
        try:
            file = self._opened()
            file.seek(self._end)
            file.write(packed)
        except OSError as error:
            raise self._cannot(error) from error
        self._places.append((self._end, len(packed), len(content)))
        self._end += len(packed)
        return len(self._places) - 1

    def get(self, number: int) -> bytes:
        """What was put there; looking at the same again costs nothing.

        Raises:
            OrderflowError: It cannot be read.
        """
        if self._read[0] != number:
            offset, size, whole = self._places[number]
            try:
                file = self._opened()
                file.seek(offset)
                packed = file.read(size)
            except OSError as error:
                raise self._cannot(error) from error
            content: bytes = pa.decompress(packed, whole, codec=_CODEC, asbytes=True)
            self._read = (number, content)
        return self._read[1]

    def _opened(self) -> tempfile.SpooledTemporaryFile[bytes]:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            home = str(self._folder)
            self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - open as long as the run
                _FIRST, "w+b", dir=home
            )
            weakref.finalize(self, self._file.close)
        return self._file

    def _cannot(self, error: OSError) -> OrderflowError:
        return OrderflowError(
            f"what the run puts aside cannot be kept: {error.strerror or error}",
            where=str(self._folder),
            fix="Make room on that disk, or give an --out on another",
        )

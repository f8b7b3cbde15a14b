"""A table of rows in a file on this machine: a zip, a gzip, or plain text, told by its content."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from isal import igzip

from orderflow_bt.archive.zipped import (
    BLOCK_BYTES,
    INFLATE_ERROR,
    MAX_INFLATED_BYTES,
    MAX_RATIO,
    SMALL_BYTES,
    open_csv,
)
from orderflow_bt.errors import MalformedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEXT_A_PACKED_BYTE = 6


class Table(Protocol):
    """Text of rows, in blocks."""

    @property
    def inflated_bytes(self) -> int:
        """Its size, or a guess."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Other members of the file, passed over."""

    def blocks(self) -> Iterator[bytes]:
        """The text, cut anywhere.

        Raises:
            MalformedError: The file is damaged.
        """


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of plain text."""

    path: Path
    ignored: tuple[str, ...] = ()

    @property
    def inflated_bytes(self) -> int:
        """Its size."""
        return self.path.stat().st_size

    def blocks(self) -> Iterator[bytes]:
        """The text in blocks."""
        with self.path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


@dataclass(frozen=True, slots=True)
class ReadableTable:
    """A table whose failures to be read are said of it; ``label`` is what an error calls it."""

    table: Table
    label: str

    @property
    def inflated_bytes(self) -> int:
        """Its size, or a guess."""
        return self.table.inflated_bytes

    @property
    def ignored(self) -> tuple[str, ...]:
        """Other members of the file."""
        return self.table.ignored

    def blocks(self) -> Iterator[bytes]:
        """The text in blocks.

        Raises:
            MalformedError: The file is damaged, or cannot be read.
        """
        try:
            yield from self.table.blocks()
        except OSError as error:
            raise MalformedError(f"cannot be read: {error.strerror}", where=self.label) from error


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows that are in memory already."""

    text: bytes
    ignored: tuple[str, ...] = ()

    @property
    def inflated_bytes(self) -> int:
        """Its size."""
        return len(self.text)

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        yield self.text


@dataclass(frozen=True, slots=True)
class GzipFile:
    """A file of packed text."""

    path: Path
    ignored: tuple[str, ...] = ()

    @property
    def inflated_bytes(self) -> int:
        """A guess: a gzip states its size only up to 4 GB."""
        return self.path.stat().st_size * _TEXT_A_PACKED_BYTE

    def blocks(self) -> Iterator[bytes]:
        """The text in blocks.

        Raises:
            MalformedError: The data is cut or damaged, or inflates to no table.
        """
        size = 0
        most = max(SMALL_BYTES, MAX_RATIO * self.path.stat().st_size)
        try:
            # isal's stub leaves the constructor untyped.
            with igzip.IGzipFile(self.path, "rb") as file:  # type: ignore[no-untyped-call]
                while block := file.read(BLOCK_BYTES):
                    size += len(block)
                    if size > min(most, MAX_INFLATED_BYTES):
                        raise MalformedError(
                            "the file inflates to far more than a file of trades does",
                            where=self.path.name,
                        )
                    yield block
        except (INFLATE_ERROR, zlib.error, EOFError, OSError) as error:
            raise MalformedError(
                f"the compressed data cannot be inflated: {error or 'it ends too early'}",
                where=self.path.name,
            ) from error


def open_table(path: Path) -> Table:
    """Open a file of rows, whatever it is called.

    Raises:
        UsageError: There is no such file, or it cannot be read.
        MalformedError: A zip that does not hold one table.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    if start.startswith(b"PK"):
        return open_csv(path, path.name)
    if start.startswith(b"\x1f\x8b"):
        return GzipFile(path)
    return TextFile(path)

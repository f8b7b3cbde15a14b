"""The one CSV inside a downloaded zip, inflated block by block and checked against its CRC."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from isal import isal_zlib

from orderflow_bt.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 18  # fits the cache between inflating and parsing

# A day of the busiest tape is some 4 GB of text that packs five to ten times; beyond these it is
# no tape but an accident or an attack.
MAX_INFLATED_BYTES = 64 << 30
MAX_RATIO = 200
SMALL_BYTES = 16 << 20
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # by password, strongly, with a masked directory


INFLATE_ERROR = cast("type[Exception]", isal_zlib.IsalError)  # isal's stub calls it an instance
_DATA_AGAIN = "Download the day again; if it stays so, the archive's copy is broken"


@dataclass(frozen=True, slots=True)
class CsvMember:
    """The CSV of a zip file, and what else lay in it.

    Attributes:
        path: The zip file.
        label: What an error calls it.
        info: The member's entry in the zip's directory.
        ignored: Names of the other members.
    """

    path: Path
    label: str
    info: zipfile.ZipInfo
    ignored: tuple[str, ...]

    @property
    def inflated_bytes(self) -> int:
        """Size of the text, as the zip declares it."""
        return self.info.file_size

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
        """The text in blocks of at most ``block_bytes``.

        Raises:
            MalformedError: The data is cut, damaged, or larger than the zip declares.
        """
        crc = 0
        size = 0
        try:
            for block in self._inflate(block_bytes):
                size += len(block)
                if size > self.info.file_size:
                    break
                crc = isal_zlib.crc32(block, crc)
                yield block
        except (INFLATE_ERROR, EOFError) as error:
            raise MalformedError(
                f"the compressed data cannot be inflated: {error or 'it ends too early'}",
                where=self.label,
                fix=_DATA_AGAIN,
            ) from error
        if size != self.info.file_size or crc != self.info.CRC:
            raise MalformedError(
                f"{self.info.filename} does not have the size and CRC that the zip declares",
                where=self.label,
                fix=_DATA_AGAIN,
            )

    def _inflate(self, block_bytes: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.info.header_offset)
            local = file.read(30)
            if len(local) < 30 or local[:4] != b"PK\x03\x04":
                raise EOFError
            name = file.read(int.from_bytes(local[26:28], "little"))
            coding = "utf-8" if self.info.flag_bits & _UTF8_NAME else "cp437"
            if name != self.info.orig_filename.encode(coding, "replace"):
                raise EOFError("the directory names another file than lies there")
            file.seek(int.from_bytes(local[28:30], "little"), 1)
            left = self.info.compress_size
            inflater = isal_zlib.decompressobj(-15)
            while left:
                packed = file.read(min(left, block_bytes))
                if not packed:
                    raise EOFError
                left -= len(packed)
                if self.info.compress_type == zipfile.ZIP_STORED:
                    yield packed
                    continue
                while packed:
                    block = inflater.decompress(packed, block_bytes)
                    packed = inflater.unconsumed_tail
                    if block:
                        yield block
            if self.info.compress_type == zipfile.ZIP_STORED:
                return
            while not inflater.eof:
                block = inflater.decompress(b"", block_bytes)
                if not block:
                    raise EOFError
                yield block


def open_csv(path: Path, label: str) -> CsvMember:
    """Find the one CSV at the top level of a zip file.

    Raises:
        MalformedError: Not a whole zip file, no CSV or several in it, or one that is packed in a
            way or to a size that no archive file has.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise MalformedError(
            f"not a whole zip file: {error}", where=label, fix=_DATA_AGAIN
        ) from error
    tables = [m for m in members if "/" not in m.filename and m.filename.lower().endswith(".csv")]
    if len(tables) != 1:
        names = ", ".join(m.filename for m in members[:5]) or "nothing"
        raise MalformedError(
            f"the zip must hold one CSV file and holds {len(tables)} (found: {names})", where=label
        )
    (table,) = tables
    _check_packing(table, label)
    ignored = tuple(m.filename for m in members if m is not table)
    return CsvMember(path, label, table, ignored)


def _check_packing(table: zipfile.ZipInfo, label: str) -> None:
    if table.flag_bits & _ENCRYPTED:
        raise MalformedError(f"{table.filename} is encrypted", where=label)
    if table.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MalformedError(
            f"{table.filename} is packed by method {table.compress_type}; known are stored and "
            "deflated",
            where=label,
        )
    size = table.file_size
    if size > MAX_INFLATED_BYTES or (size > SMALL_BYTES and size > MAX_RATIO * table.compress_size):
        raise MalformedError(
            f"{table.filename} would inflate from {table.compress_size:,} to {size:,} bytes, "
            "which no file of trades does",
            where=label,
        )

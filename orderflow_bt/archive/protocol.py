"""What a module for an exchange's archive must offer.

To add an exchange, write one class with the attributes and methods of `Exchange`, enter it by
`orderflow_bt.archive.register` and check it with `orderflow_bt.testing.check_venue`
(``docs/venues.md`` leads through it). What differs between exchanges stays inside that class:

* Bybit: ``.csv.gz`` files with a header, times as decimal seconds, sides spelled ``Buy``/``Sell``,
  ids that are not numbers (so its rows are numbered in stable time order and no gap can be seen),
  no published checksums (`Exchange.checksum_path` returns None).
* OKX: zips whose day is UTC+8, so a UTC day is made of two files (`Exchange.day_paths` returns
  both), quantities in contracts, bilingual headers.

Neither the lake nor the commands know which exchange a file came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.archive.local import Table
    from orderflow_bt.archive.parsed import ParsedDay, ParsedSeries
    from orderflow_bt.archive.stream import RowStream
    from orderflow_bt.series import SeriesId, SeriesKind
    from orderflow_bt.types import Kind, MarketType, TapeId


class Exchange(Protocol):
    """One exchange's public archive: where a day lies, how it is signed, how it is read."""

    name: str
    base_url: str
    listing_url: str
    """Where the public archive is listed, as an S3 bucket is."""
    publication_delay: dt.timedelta
    """How long after its end a day may be absent without being missing."""
    monthly_delay: dt.timedelta
    """The same after the end of a month, for files that hold one."""

    def day_paths(self, tape: TapeId, date: dt.date) -> Sequence[str]:
        """Paths, below the archive's root, of the files that hold a UTC day."""

    def series_paths(self, series: SeriesId, piece: dt.date) -> Sequence[str]:
        """Paths of the files that hold a day, or a month, of a series."""

    def folder(self, item: TapeId | SeriesId, *, monthly: bool = False) -> str:
        """The folder that holds the daily (monthly) files of a tape or series."""

    def date_in(
        self, item: TapeId | SeriesId, name: str, *, monthly: bool = False
    ) -> dt.date | None:
        """The day (first day of the month) that a file of that folder holds, by its name.

        None for every name that is not exactly one of those files: names come from a listing.
        """

    def symbols_folder(self, market: MarketType, kind: Kind | SeriesKind) -> str:
        """The folder whose folders are called like the symbols."""

    def month_paths(self, item: TapeId | SeriesId, date: dt.date) -> Sequence[str]:
        """Paths of the files that hold the month of a day; none where there are no such files."""

    def checksum_path(self, path: str) -> str | None:
        """Where the SHA-256 of a file is published, or None where it never is."""

    def expected_sha256(self, text: str, path: str) -> str:
        """The 64 hex digits that a checksum file gives for ``path``.

        Raises:
            ChecksumError: The text is not a checksum of that file.
        """

    def read_day(self, files: Sequence[Path], tape: TapeId, name: str) -> ParsedDay:
        """Parse the fetched files of a day; ``name`` is what an error calls them.

        Raises:
            MalformedError: The content cannot be read.
        """

    def stream_day(
        self, files: Sequence[Path], tape: TapeId, name: str, decimals: tuple[int, int]
    ) -> RowStream | None:
        """The same rows in pieces, or None where these files can only be read whole.

        Args:
            files: The fetched files.
            tape: Whose day.
            name: What an error calls them.
            decimals: The least decimals to give prices and quantities in.

        Raises:
            MalformedError: The content cannot be read.
        """

    def read_table(self, table: Table, tape: TapeId, name: str) -> ParsedDay:
        """Parse trades from a file of any packing; see `read_day`.

        Raises:
            MalformedError: The content cannot be read.
        """

    def stream_table(
        self, table: Table, tape: TapeId, name: str, decimals: tuple[int, int]
    ) -> RowStream | None:
        """The same rows in pieces, or None where these can only be read whole; see `stream_day`."""

    def tape_in(self, name: str) -> tuple[str, Kind, dt.date | None] | None:
        """Symbol, kind and day that a file's name tells; the day is None for a month's file."""

    def read_series_table(self, table: Table, series: SeriesId, name: str) -> ParsedSeries:
        """Parse a piece of a series from a file of any packing; see `read_series`.

        Raises:
            MalformedError: The content cannot be read.
        """

    def stream_series(
        self, files: Sequence[Path], series: SeriesId, name: str
    ) -> Iterator[ParsedSeries]:
        """The rows of a month's file in pieces, each in the decimals that it needs.

        Raises:
            MalformedError: The content cannot be read.
        """

    def read_series(self, files: Sequence[Path], series: SeriesId, name: str) -> ParsedSeries:
        """Parse the fetched files of a piece of a series.

        Raises:
            MalformedError: The content cannot be read.
        """

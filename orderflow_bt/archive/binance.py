"""Binance's public archive: where its files lie, and what its columns are called."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence  # noqa: TC003 - the protocol's signature, kept readable
from dataclasses import replace
from typing import TYPE_CHECKING

from orderflow_bt.archive.binance_series import series_places
from orderflow_bt.archive.rows import Layout, parse_csv
from orderflow_bt.archive.series_rows import PIECE_ROWS, parse_series, series_pieces
from orderflow_bt.archive.stream import RowStream
from orderflow_bt.archive.zipped import open_csv
from orderflow_bt.errors import ChecksumError, MalformedError
from orderflow_bt.kernels.parse import FIRST_ID, ID, LAST_ID, PRICE, QTY, SIDE, SKIP, TIME
from orderflow_bt.series import SeriesId, SeriesKind, parse_piece
from orderflow_bt.types import Kind, MarketType

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.archive.local import Table
    from orderflow_bt.archive.parsed import ParsedDay, ParsedSeries
    from orderflow_bt.types import TapeId

_FOLDERS = {MarketType.SPOT: "spot", MarketType.UM: "futures/um", MarketType.CM: "futures/cm"}

# Names as headers spell them, without case and underscores. Headerless files have the columns of
# `_POSITIONS`, of which spot files carry the last one and futures files do not.
_NAMES = {
    Kind.AGG_TRADES: {
        "aggtradeid": ID,
        "price": PRICE,
        "quantity": QTY,
        "qty": QTY,
        "firsttradeid": FIRST_ID,
        "lasttradeid": LAST_ID,
        "transacttime": TIME,
        "time": TIME,
        "timestamp": TIME,
        "isbuyermaker": SIDE,
        "isbestmatch": SKIP,
    },
    Kind.TRADES: {
        "id": ID,
        "tradeid": ID,
        "price": PRICE,
        "qty": QTY,
        "quantity": QTY,
        "quoteqty": SKIP,
        "baseqty": SKIP,
        "time": TIME,
        "timestamp": TIME,
        "isbuyermaker": SIDE,
        "isbestmatch": SKIP,
    },
}
_DATED = re.compile(r"(\w+-\w+)-([0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)\.zip")
_POSITIONS = {
    Kind.AGG_TRADES: [ID, PRICE, QTY, FIRST_ID, LAST_ID, TIME, SIDE, SKIP],
    Kind.TRADES: [ID, PRICE, QTY, SKIP, TIME, SIDE, SKIP],
}


class Binance:
    """The archive behind https://data.binance.vision, or a mirror laid out like it."""

    name = "binance"
    base_url = "https://data.binance.vision"
    listing_url = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision"
    publication_delay = dt.timedelta(days=2)
    monthly_delay = dt.timedelta(days=45)  # months have been seen six weeks late

    def day_paths(self, tape: TapeId, date: dt.date) -> Sequence[str]:
        """The one zip of a day."""
        return [self._path(tape, date.isoformat(), monthly=False)]

    def series_paths(self, series: SeriesId, piece: dt.date) -> Sequence[str]:
        """The one zip of a day, or of a month where the exchange publishes no shorter files."""
        monthly = series.is_monthly
        return [self._path(series, series.piece_text(piece), monthly=monthly)]

    def month_paths(self, item: TapeId | SeriesId, date: dt.date) -> Sequence[str]:
        """The one zip of a month; metrics are published by the day only."""
        if item.kind is SeriesKind.METRICS:
            return []
        return [self._path(item, f"{date:%Y-%m}", monthly=True)]

    def folder(self, item: TapeId | SeriesId, *, monthly: bool = False) -> str:
        """Such as ``data/spot/daily/klines/BTCUSDT/1m``."""
        span = "monthly" if monthly else "daily"
        folder = f"data/{_FOLDERS[item.market]}/{span}/{item.kind.value}/{item.symbol}"
        interval = _interval(item)
        return f"{folder}/{interval}" if interval else folder

    def date_in(
        self, item: TapeId | SeriesId, name: str, *, monthly: bool = False
    ) -> dt.date | None:
        """The date in a name like ``BTCUSDT-aggTrades-2024-01-01.zip``."""
        match = _DATED.fullmatch(name)
        if not match or match[1] != f"{item.symbol}-{_interval(item) or item.kind.value}":
            return None
        if (len(match[2]) == len("2024-01")) != monthly:
            return None
        try:
            return parse_piece(match[2])
        except ValueError:
            return None

    def symbols_folder(self, market: MarketType, kind: Kind | SeriesKind) -> str:
        """Such as ``data/futures/um/daily/aggTrades``."""
        monthly = isinstance(kind, SeriesKind) and kind.is_monthly
        return f"data/{_FOLDERS[market]}/{'monthly' if monthly else 'daily'}/{kind.value}"

    def _path(self, item: TapeId | SeriesId, date: str, *, monthly: bool) -> str:
        part = _interval(item) or item.kind.value
        return f"{self.folder(item, monthly=monthly)}/{item.symbol}-{part}-{date}.zip"

    def checksum_path(self, path: str) -> str:
        """The file beside it that signs it."""
        return path + ".CHECKSUM"

    def expected_sha256(self, text: str, path: str) -> str:
        """The digest in a line like ``<64 hex digits>  <file name>``.

        Raises:
            ChecksumError: The text is not such a line for that file.
        """
        name = path.rsplit("/", 1)[-1]
        match = re.fullmatch(r"([0-9a-fA-F]{64})[ *]+(\S+)\s*", text)
        if not match or match[2] != name:
            raise ChecksumError(
                "the checksum file is not one of this file", where=f"{path}.CHECKSUM"
            )
        return match[1].lower()

    def read_day(self, files: Sequence[Path], tape: TapeId, name: str) -> ParsedDay:
        """Parse a day's zip; see `orderflow_bt.archive.protocol.Exchange`.

        Raises:
            MalformedError: The content cannot be read.
        """
        (path,) = files
        return self.read_table(open_csv(path, name), tape, name)

    def read_table(self, table: Table, tape: TapeId, name: str) -> ParsedDay:
        """Parse trades from a file of any packing.

        Raises:
            MalformedError: The content cannot be read.
        """
        parsed = parse_csv(table.blocks(), _layout(tape), name, table.inflated_bytes)
        return replace(parsed, ignored=table.ignored)

    def tape_in(self, name: str) -> tuple[str, Kind, dt.date | None] | None:
        """Symbol, kind and day in a name like ``BTCUSDT-aggTrades-2024-01-01.zip``.

        The day is None where the name gives a month; all is None for any other name.
        """
        match = re.fullmatch(
            r"([A-Z0-9_]+)-(aggTrades|trades)-(\d{4}-\d{2}(?:-\d{2})?)\.(?:zip|csv|csv\.gz)", name
        )
        if not match:
            return None
        try:
            date = parse_piece(match[3])
        except ValueError:
            return None
        return match[1], Kind(match[2]), date if len(match[3]) == len("2024-01-01") else None

    def stream_day(
        self, files: Sequence[Path], tape: TapeId, name: str, decimals: tuple[int, int]
    ) -> RowStream:
        """The rows of a day's zip in pieces; see `orderflow_bt.archive.protocol.Exchange`.

        Raises:
            MalformedError: It is not a zip of one CSV.
        """
        (path,) = files
        return self.stream_table(open_csv(path, name), tape, name, decimals)

    def stream_table(
        self, table: Table, tape: TapeId, name: str, decimals: tuple[int, int]
    ) -> RowStream:
        """The rows of a file of any packing in pieces."""
        return RowStream(table.blocks(), _layout(tape), name, decimals, ignored=table.ignored)

    def read_series(self, files: Sequence[Path], series: SeriesId, name: str) -> ParsedSeries:
        """Parse a zip of klines, funding rates or metrics.

        Raises:
            MalformedError: The content cannot be read.
        """
        (path,) = files
        return self.read_series_table(open_csv(path, name), series, name)

    def stream_series(
        self, files: Sequence[Path], series: SeriesId, name: str
    ) -> Iterator[ParsedSeries]:
        """The same in pieces.

        Raises:
            MalformedError: The content cannot be read.
        """
        (path,) = files
        member = open_csv(path, name)

        def layout(header: list[str] | None, fields: int) -> list[int]:
            return series_places(series, header, fields)

        for piece in series_pieces(member.blocks(), series.fields, layout, name, PIECE_ROWS):
            yield replace(piece, ignored=member.ignored)

    def read_series_table(self, table: Table, series: SeriesId, name: str) -> ParsedSeries:
        """Parse klines, funding rates or metrics from a file of any packing.

        Raises:
            MalformedError: The content cannot be read.
        """

        def layout(header: list[str] | None, fields: int) -> list[int]:
            return series_places(series, header, fields)

        parsed = parse_series(table.blocks(), series.fields, layout, name)
        return replace(parsed, ignored=table.ignored)


def _interval(item: TapeId | SeriesId) -> str:
    return item.interval if isinstance(item, SeriesId) else ""


def _layout(tape: TapeId) -> Layout:
    return lambda header, fields: field_roles(tape.kind, header, fields)


def field_roles(kind: Kind, header: list[str] | None, fields: int) -> list[int]:
    """What each field of a row is, by name where the file has a header, else by position.

    Raises:
        MalformedError: A column is unknown, twice there or missing.
    """
    positions = _POSITIONS[kind]
    if header is None:
        if fields not in (len(positions), len(positions) - 1):
            raise MalformedError(
                f"{fields} columns without names, where {kind.value} files have "
                f"{len(positions)} (spot) or {len(positions) - 1} (futures)"
            )
        return positions[:fields]
    roles = []
    for name in header:
        known = _NAMES[kind].get(name.strip().strip('"').lower().replace("_", ""))
        if known is None:
            raise MalformedError(
                f"unknown column {name!r} in a file of {kind.value}",
                fix="The exchange has changed its files; this version cannot tell what that "
                "column means",
            )
        if known != SKIP and known in roles:
            raise MalformedError(f"column {name!r} names something another column already holds")
        roles.append(known)
    for needed in positions:
        if needed not in roles and needed != SKIP:
            names = [name for name, role in _NAMES[kind].items() if role == needed]
            raise MalformedError(
                f"the header lacks the column {names[0]!r} (it has: {', '.join(header)})"
            )
    return roles

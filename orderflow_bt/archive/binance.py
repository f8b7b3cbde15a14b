"""Binance's public archive: where its files lie, and what its columns are called."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence  # noqa: TC003 - the protocol's signature, kept readable
from dataclasses import replace
from typing import TYPE_CHECKING

from orderflow_bt.archive.binance_series import series_places
from orderflow_bt.archive.rows import parse_csv
from orderflow_bt.archive.series_rows import parse_series
from orderflow_bt.archive.zipped import open_csv
from orderflow_bt.errors import ChecksumError, MalformedError
from orderflow_bt.kernels.parse import FIRST_ID, ID, LAST_ID, PRICE, QTY, SIDE, SKIP, TIME
from orderflow_bt.types import Kind, MarketType

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.archive.protocol import ParsedDay, ParsedSeries
    from orderflow_bt.series import SeriesId
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
_POSITIONS = {
    Kind.AGG_TRADES: [ID, PRICE, QTY, FIRST_ID, LAST_ID, TIME, SIDE, SKIP],
    Kind.TRADES: [ID, PRICE, QTY, SKIP, TIME, SIDE, SKIP],
}


class Binance:
    """The archive behind https://data.binance.vision, or a mirror laid out like it."""

    name = "binance"
    base_url = "https://data.binance.vision"
    publication_delay = dt.timedelta(days=2)
    monthly_delay = dt.timedelta(days=45)  # months have been seen six weeks late

    def day_paths(self, tape: TapeId, date: dt.date) -> Sequence[str]:
        """The one zip of a day."""
        folder = f"data/{_FOLDERS[tape.market]}/daily/{tape.kind.value}/{tape.symbol}"
        return [f"{folder}/{tape.symbol}-{tape.kind.value}-{date.isoformat()}.zip"]

    def series_paths(self, series: SeriesId, piece: dt.date) -> Sequence[str]:
        """The one zip of a day, or of a month where the exchange publishes no shorter files."""
        span = "monthly" if series.kind.is_monthly else "daily"
        folder = f"data/{_FOLDERS[series.market]}/{span}/{series.kind.value}/{series.symbol}"
        part = series.kind.value
        if series.interval:
            folder, part = f"{folder}/{series.interval}", series.interval
        return [f"{folder}/{series.symbol}-{part}-{series.piece_text(piece)}.zip"]

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
        member = open_csv(path, name)

        def layout(header: list[str] | None, fields: int) -> list[int]:
            return field_roles(tape.kind, header, fields)

        parsed = parse_csv(member.blocks(), layout, name, member.inflated_bytes)
        return replace(parsed, ignored=member.ignored)

    def read_series(self, files: Sequence[Path], series: SeriesId, name: str) -> ParsedSeries:
        """Parse a zip of klines, funding rates or metrics.

        Raises:
            MalformedError: The content cannot be read.
        """
        (path,) = files
        member = open_csv(path, name)

        def layout(header: list[str] | None, fields: int) -> list[int]:
            return series_places(series, header, fields)

        parsed = parse_series(member.blocks(), series.fields, layout, name)
        return replace(parsed, ignored=member.ignored)


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

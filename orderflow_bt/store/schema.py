"""The form of a stored day: its columns, their encoding, its metadata, and the schema's version."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orderflow_bt.store import metadata
from orderflow_bt.store.quality import Quality
from orderflow_bt.types import Kind, MarketType, TapeId

if TYPE_CHECKING:
    from orderflow_bt.store.files import StoredPath

SCHEMA_VERSION = 1
READABLE_VERSIONS = (1,)
ROW_GROUP_ROWS = 1 << 20

# Names in the file, in the order of the rows of a parsed matrix.
COLUMN_NAMES = ("id", "price", "quantity", "first_id", "last_id", "time", "side")
TIME_FACTORS = {"ms": 1000, "us": 1}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stored day came from.

    Attributes:
        url: Of the file.
        sha256: Of its bytes as they arrived.
        checksum: ``verified`` against the one the exchange publishes, ``mismatch`` or ``absent``
            (both stored only on the user's word).
        bytes: Size of the file.
        etag: As the server said, else empty.
        last_modified: As the server said, else empty.
        header: Whether the file names its columns.
        ignored: Other members of the archive, passed over.
        span: Whether the file is that of the day, ``daily``, or its month's, ``monthly``.
    """

    url: str
    sha256: str
    checksum: str
    bytes: int
    etag: str = ""
    last_modified: str = ""
    header: bool = False
    ignored: tuple[str, ...] = ()
    span: str = "daily"

    def to_json(self) -> dict[str, Any]:
        """For a file's metadata."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Origin:
        """What `to_json` made."""
        return cls(**values | {"ignored": tuple(values["ignored"])})


@dataclass(frozen=True, slots=True)
class DayInfo:
    """What a stored day's file says about itself; read from its footer alone.

    Attributes:
        path: The file.
        bytes: Its size.
        price_decimals: A price unit is ``10**-price_decimals``.
        qty_decimals: A lot is ``10**-qty_decimals``.
        tick_decimals: The least decimals in which at least 99.9 % of the prices are exact.
        time_unit: Of the stored times, ``ms`` or ``us``.
        first_time: Smallest time, in microseconds UTC.
        last_time: Largest time, in microseconds UTC.
        schema: Version of the file's form.
        rest: Ranges of ids, ends included, whose rows came from the exchange's REST interface.
        footer: Hash of the file's footer.
    """

    tape: TapeId
    date: dt.date
    path: StoredPath
    bytes: int
    price_decimals: int
    qty_decimals: int
    tick_decimals: int
    time_unit: str
    first_time: int
    last_time: int
    origin: Origin
    quality: Quality
    schema: int = SCHEMA_VERSION
    rest: tuple[tuple[int, int], ...] = ()
    footer: str = field(default="", compare=False)

    @property
    def rows(self) -> int:
        """Trades in the day."""
        return self.quality.rows

    @property
    def first_id(self) -> int:
        """Id of its first trade."""
        return self.quality.first_id

    @property
    def last_id(self) -> int:
        """Id of its last trade."""
        return self.quality.last_id

    @property
    def source_url(self) -> str:
        """Where it was fetched from."""
        return self.origin.url

    @property
    def source_sha256(self) -> str:
        """Of the file it was made from."""
        return self.origin.sha256

    @property
    def etag(self) -> str:
        """Of the file it was made from, as the server said; else empty."""
        return self.origin.etag

    @property
    def header(self) -> bool:
        """Whether the file it was made from names its columns."""
        return self.origin.header


def columns_of(kind: Kind) -> tuple[str, ...]:
    """The columns stored for a kind: single trades have no range of fill ids."""
    if kind is Kind.AGG_TRADES:
        return COLUMN_NAMES
    return tuple(name for name in COLUMN_NAMES if name not in ("first_id", "last_id"))


def arrow_schema(kind: Kind) -> pa.Schema:
    """The file's schema; no column may be null."""
    return pa.schema(
        [
            pa.field(name, pa.int8() if name == "side" else pa.int64(), nullable=False)
            for name in columns_of(kind)
        ]
    )


def encode_metadata(info: DayInfo) -> bytes:
    """The day's metadata as canonical JSON: the same day gives the same bytes."""
    values = {
        "schema": SCHEMA_VERSION,
        "exchange": info.tape.exchange,
        "market": info.tape.market.value,
        "kind": info.tape.kind.value,
        "symbol": info.tape.symbol,
        "date": info.date.isoformat(),
        "price_decimals": info.price_decimals,
        "qty_decimals": info.qty_decimals,
        "tick_decimals": info.tick_decimals,
        "time_unit": info.time_unit,
        "first_time": info.first_time,
        "last_time": info.last_time,
        "origin": info.origin.to_json(),
        "quality": info.quality.to_json(),
    }
    if info.rest:
        values["rest"] = [list(span) for span in info.rest]
    return metadata.encode(values)


def decode_metadata(raw: bytes | None, path: StoredPath, size: int, footer: str = "") -> DayInfo:
    """Read what `encode_metadata` made; the size of its file and the footer's hash are added.

    Raises:
        LakeError: There is none, it is of a version this program does not know, or damaged.
    """

    def made_of(values: dict[str, Any]) -> DayInfo:
        return DayInfo(
            tape=TapeId(
                values["exchange"],
                MarketType(values["market"]),
                Kind(values["kind"]),
                values["symbol"],
            ),
            date=dt.date.fromisoformat(values["date"]),
            path=path,
            bytes=size,
            price_decimals=values["price_decimals"],
            qty_decimals=values["qty_decimals"],
            tick_decimals=values["tick_decimals"],
            time_unit=values["time_unit"],
            first_time=values["first_time"],
            last_time=values["last_time"],
            origin=Origin.from_json(values["origin"]),
            quality=Quality.from_json(values["quality"]),
            schema=values["schema"],
            rest=tuple((first, last) for first, last in values.get("rest", ())),
            footer=footer,
        )

    return metadata.decode(raw, path, "day", READABLE_VERSIONS, made_of)

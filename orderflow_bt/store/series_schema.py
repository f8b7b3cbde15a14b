"""The form of a stored series: columns, metadata, quality record, version."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import metadata
from orderflow_bt.store.schema import Origin
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.store.files import StoredPath

SERIES_VERSION = 1
READABLE_SERIES_VERSIONS = (1,)
MOST_SPANS = 1000
_TYPES = {"exact": pa.decimal128(38, 18)}


class Span(NamedTuple):
    """A stretch of time, half-open, in microseconds UTC."""

    start: int
    end: int


class SeriesRows(NamedTuple):
    """Rows of a series as columns of equal length, by time.

    Attributes:
        columns: By name: int64, times in microseconds UTC; Decimal or None in columns of unit
            ``exact``.
        decimals: By column; a value is in units of ``10**-decimals``.
    """

    columns: dict[str, NDArray[np.int64] | NDArray[np.object_]]
    decimals: dict[str, int]

    @property
    def rows(self) -> int:
        """Number of rows (``len()`` of a named tuple counts its fields)."""
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[np.int64]:  # type: ignore[override] # by name, as a table
        """A column."""
        return self.columns[name]  # type: ignore[return-value] # exact columns: see the docs


@dataclass(frozen=True, slots=True)
class SeriesQuality:
    """The quality record of a stored piece of a series.

    Attributes:
        rows: Rows kept.
        expected: Rows that a whole piece has; 0 where that cannot be known.
        missing: Rows absent where the step between rows says one should be.
        missing_spans: Where: the first `MOST_SPANS` stretches.
        no_trades: Klines without a trade, which the exchange publishes flat at the last price.
        no_trade_spans: Where: the first `MOST_SPANS` stretches.
        duplicates: Exact copies of a row, dropped.
        conflicts: Rows with a time that another row has and other content; the first one stays.
        reordered: Rows that stood after a row of later time.
        outside: Rows of another day or month, dropped.
        off_grid: Klines that do not begin at a multiple of their interval.
        inconsistent: Klines whose high or low is not one, or that took more than was traded.
        absent_values: Values that the exchange left out.
    """

    rows: int
    expected: int = 0
    missing: int = 0
    missing_spans: tuple[Span, ...] = ()
    no_trades: int = 0
    no_trade_spans: tuple[Span, ...] = ()
    duplicates: int = 0
    conflicts: int = 0
    reordered: int = 0
    outside: int = 0
    off_grid: int = 0
    inconsistent: int = 0
    absent_values: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong with the file (a kline without a trade is not)."""
        return not any(count for _, count in self.defects())

    def defects(self) -> list[tuple[str, int]]:
        """Each kind of defect in words, with its count."""
        return [
            ("rows missing", self.missing),
            ("exact duplicates, dropped", self.duplicates),
            ("rows with a time that another row has, dropped", self.conflicts),
            ("rows out of order, sorted", self.reordered),
            ("rows of another day, dropped", self.outside),
            ("rows off the interval's grid", self.off_grid),
            ("rows that contradict themselves", self.inconsistent),
            ("values left out by the exchange", self.absent_values),
        ]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SeriesQuality:
        """Read what ``dataclasses.asdict`` made."""
        spans = {
            name: tuple(Span(*span) for span in values[name])
            for name in ("missing_spans", "no_trade_spans")
        }
        return cls(**values | spans)


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What a stored piece's file says about itself; read from its footer alone.

    Attributes:
        tape: Which series; called as in `DayInfo`, so that both can be listed together.
        date: The piece: its day, or the first day of its month.
        path: The file.
        bytes: Its size.
        decimals: By unit: ``price``, ``quantity``, ``amount``, ``base``, ``rate``.
        time_unit: Of the stored times, ``ms`` or ``us``.
        schema: Version of the file's form.
    """

    tape: SeriesId
    date: dt.date
    path: StoredPath
    bytes: int
    decimals: dict[str, int]
    time_unit: str
    origin: Origin
    quality: SeriesQuality
    schema: int = SERIES_VERSION

    @property
    def rows(self) -> int:
        """Rows in the piece."""
        return self.quality.rows


def arrow_schema(series: SeriesId) -> pa.Schema:
    """The file's schema; only values that the exchange may leave out may be null."""
    return pa.schema(
        [
            pa.field(name, _TYPES.get(unit, pa.int64()), nullable=unit == "exact")
            for name, unit in series.fields
        ]
    )


def encode_metadata(info: SeriesInfo) -> bytes:
    """The piece's metadata as canonical JSON: the same piece gives the same bytes."""
    values = {
        "schema": SERIES_VERSION,
        "exchange": info.tape.exchange,
        "market": info.tape.market.value,
        "kind": info.tape.kind.value,
        "symbol": info.tape.symbol,
        "interval": info.tape.interval,
        "date": info.date.isoformat(),
        "decimals": info.decimals,
        "time_unit": info.time_unit,
        "origin": info.origin.to_json(),
        "quality": asdict(info.quality),
    }
    return metadata.encode(values)


def decode_metadata(raw: bytes | None, path: StoredPath, size: int) -> SeriesInfo:
    """Read what `encode_metadata` made.

    Raises:
        LakeError: There is none, it is of a version this program does not know, or damaged.
    """

    def made_of(values: dict[str, Any]) -> SeriesInfo:
        return SeriesInfo(
            tape=SeriesId(
                values["exchange"],
                MarketType(values["market"]),
                SeriesKind(values["kind"]),
                values["symbol"],
                values["interval"],
            ),
            date=dt.date.fromisoformat(values["date"]),
            path=path,
            bytes=size,
            decimals=values["decimals"],
            time_unit=values["time_unit"],
            origin=Origin.from_json(values["origin"]),
            quality=SeriesQuality.from_json(values["quality"]),
            schema=values["schema"],
        )

    return metadata.decode(raw, path, "series", READABLE_SERIES_VERSIONS, made_of)

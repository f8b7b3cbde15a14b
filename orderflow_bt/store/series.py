"""Stored series: a day (or month) of klines, funding rates or metrics as one Parquet file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.errors import LakeError
from orderflow_bt.series import SeriesId, SeriesKind, parse_piece
from orderflow_bt.store.reader import first_line
from orderflow_bt.store.schema import METADATA_KEY, TIME_FACTORS
from orderflow_bt.store.series_schema import (
    SeriesInfo,
    SeriesRows,
    arrow_schema,
    decode_metadata,
    encode_metadata,
)
from orderflow_bt.store.writer import publish, synced
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.store.lake import Lake

_FILE = "part.parquet"
_PARTITIONS = re.compile(
    r"exchange=([^/]+)/market=([^/]+)/kind=([^/]+)(?:/interval=([^/]+))?/symbol=([^/]+)$"
)
_KINDS = {kind.value for kind in SeriesKind}
_INT64_MAX = 2**63 - 1


class SeriesStore:
    """The series in a lake, beside its tapes.

    A piece (a day; a month of funding rates) is there and whole, or not there.

    Args:
        lake: Whose folder holds them.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def folder(self, series: SeriesId) -> Path:
        """Folder of a series' pieces."""
        kind = self.lake.root / f"exchange={series.exchange}" / f"market={series.market.value}"
        kind /= f"kind={series.kind.value}"
        if series.interval:
            kind /= f"interval={series.interval}"
        return kind / f"symbol={series.symbol}"

    def path(self, series: SeriesId, piece: dt.date) -> Path:
        """Where a piece lies, whether or not it is stored."""
        span = "month" if series.kind.is_monthly else "date"
        return self.folder(series) / f"{span}={series.piece_text(piece)}" / _FILE

    def has(self, series: SeriesId, piece: dt.date) -> bool:
        """Whether a piece is stored."""
        return self.path(series, piece).exists()

    def info(self, series: SeriesId, piece: dt.date) -> SeriesInfo | None:
        """What a stored piece says about itself, or None where it is not stored.

        Raises:
            LakeError: The file is there and cannot be read.
        """
        path = self.path(series, piece)
        try:
            size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            footer = pq.read_metadata(path).metadata or {}
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(path, error) from error
        info = decode_metadata(footer.get(METADATA_KEY), path, size)
        if (info.tape, info.date) != (series, piece):
            raise LakeError(
                f"the file holds {info.tape} of {info.date}",
                where=str(path),
                fix="It was moved there by hand; delete it and download it again",
            )
        return info

    def dates(self, series: SeriesId) -> list[dt.date]:
        """The first days of the stored pieces, in order, by their folders' names alone."""
        found = []
        span = "month" if series.kind.is_monthly else "date"
        for path in self.folder(series).glob(f"{span}=*/{_FILE}"):
            try:
                found.append(parse_piece(path.parent.name.removeprefix(f"{span}=")))
            except ValueError as error:
                raise LakeError("not a day's folder", where=str(path.parent)) from error
        return sorted(found)

    def infos(self, series: SeriesId) -> list[SeriesInfo]:
        """What every stored piece says about itself, in order.

        Raises:
            LakeError: A file cannot be read.
        """
        return [info for date in self.dates(series) if (info := self.info(series, date))]

    def all(self) -> list[SeriesId]:
        """Every series of which a piece is stored, in order."""
        found = set()
        for pattern in ("symbol=*", "interval=*/symbol=*"):
            for folder in self.lake.root.glob(f"exchange=*/market=*/kind=*/{pattern}"):
                match = _PARTITIONS.search(folder.as_posix())
                if not match or match[3] not in _KINDS or not any(folder.glob(f"*=*/{_FILE}")):
                    continue
                try:
                    market, kind = MarketType(match[2]), SeriesKind(match[3])
                    found.add(SeriesId(match[1], market, kind, match[5], match[4] or ""))
                except ValueError as error:
                    raise LakeError(f"not a series' folder: {error}", where=str(folder)) from error
        return sorted(found)

    def read(self, series: SeriesId, piece: dt.date) -> SeriesRows:
        """The rows of a stored piece.

        Raises:
            LakeError: It is not stored, or damaged.
        """
        info = self.info(series, piece)
        if info is None:
            interval = f" --interval {series.interval}" if series.interval else ""
            raise LakeError(
                f"{series.piece_text(piece)} of {series} is not in the lake",
                where=str(self.lake.root),
                fix=f"orderflow-bt download {series.symbol} --market {series.market.value} "
                f"--kind {series.kind.value}{interval} --from {piece} --to {piece}",
            )
        try:
            table = pq.read_table(info.path, page_checksum_verification=True, partitioning=None)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(info.path, error) from error
        columns: dict[str, NDArray[np.int64] | NDArray[np.object_]] = {}
        for name, unit in series.fields:
            column: NDArray[np.int64] = table[name].to_numpy()
            columns[name] = column * TIME_FACTORS[info.time_unit] if unit == "time" else column
        decimals = {name: info.decimals.get(unit, 0) for name, unit in series.fields}
        return SeriesRows(columns, decimals)

    def read_days(self, series: SeriesId, dates: Iterable[dt.date]) -> SeriesRows:
        """The rows of several stored days, one after the other, in the finest of their units.

        Where a piece is a month, each month that holds one of the days is given whole.

        Raises:
            LakeError: A day is not stored, or damaged, or a number does not fit the finest unit.
        """
        pieces = [self.read(series, piece) for piece in series.pieces(list(dates))]
        decimals = {
            name: max((piece.decimals[name] for piece in pieces), default=0)
            for name, _ in series.fields
        }
        columns = {
            name: np.concatenate(
                [_rescaled(piece, name, decimals[name]) for piece in pieces]
                or [np.zeros(0, np.int64)]
            )
            for name, _ in series.fields
        }
        return SeriesRows(columns, decimals)

    def write(
        self, columns: dict[str, NDArray[np.int64] | NDArray[np.object_]], info: SeriesInfo
    ) -> SeriesInfo:
        """Store a piece; the caller holds its lock (`Lake.lock`).

        Args:
            columns: By name, in the units that ``info`` states.
            info: Its metadata; path and size are filled in.

        Raises:
            LakeError: The file cannot be written. Nothing of it is left then.
        """
        schema = arrow_schema(info.tape)
        listed = [name for name, unit in info.tape.fields if unit == "exact"]
        deltas = {name: "DELTA_BINARY_PACKED" for name in schema.names if name not in listed}
        part = self.lake.incoming_path(info.tape, info.date, ".parquet.part")
        path = self.path(info.tape, info.date)
        try:
            table = pa.table(
                [pa.array(columns[field.name], field.type) for field in schema], schema=schema
            )
            with (
                synced(part) as file,
                pq.ParquetWriter(
                    file,
                    schema,
                    compression="zstd",
                    use_dictionary=listed,
                    column_encoding=deltas,
                    store_schema=False,
                    write_page_checksum=True,
                ) as writer,
            ):
                writer.write_table(table)
                writer.add_key_value_metadata({METADATA_KEY: encode_metadata(info)})
            publish(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise LakeError(
                f"the day cannot be written: {error.strerror or error}",
                where=str(path),
                fix="Free some space or give another folder with --data",
            ) from error
        stored = self.info(info.tape, info.date)
        if stored is None:  # pragma: no cover - somebody deleted it in this instant
            raise LakeError("the day vanished after it was stored", where=str(path))
        return stored


def _rescaled(
    piece: SeriesRows, name: str, decimals: int
) -> NDArray[np.int64] | NDArray[np.object_]:
    column = piece.columns[name]
    factor = 10 ** (decimals - piece.decimals[name])
    if factor == 1 or not column.size:
        return column
    if int(np.abs(column).max()) * factor > _INT64_MAX:
        raise LakeError(
            f"in units this fine a number of column {name} does not fit 64 bits",
            fix="Read the days of coarse and of fine units apart",
        )
    rescaled: NDArray[np.int64] = column * factor
    return rescaled


def _damaged(path: Path, error: Exception) -> LakeError:
    return LakeError(
        f"a stored series cannot be read: {first_line(error)}",
        where=str(path),
        fix="Delete the file and download it again",
    )

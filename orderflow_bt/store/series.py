"""Stored series: a day (or month) of klines, funding rates or metrics as one Parquet file."""

from __future__ import annotations

import re
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt import hints
from orderflow_bt.errors import LakeError
from orderflow_bt.series import SeriesId, SeriesKind, parse_piece
from orderflow_bt.store.files import open_stored, side_by_side, unreadable
from orderflow_bt.store.metadata import METADATA_KEY
from orderflow_bt.store.reader import parquet_file, read_footer
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.store.series_schema import (
    SeriesInfo,
    SeriesRows,
    arrow_schema,
    decode_metadata,
    encode_metadata,
)
from orderflow_bt.store.writer import synced
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.store.files import StoredPath
    from orderflow_bt.store.lake import Lake

_FILE = "part.parquet"
_PARTITIONS = re.compile(
    r"exchange=([^/]+)/market=([^/]+)/kind=([^/]+)(?:/interval=([^/]+))?/symbol=([^/]+)"
)
_BELOW = [f"kind=*/{rest}symbol=*/*=*/{_FILE}" for rest in ("", "interval=*/")]
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

    def key(self, series: SeriesId, piece: dt.date | None) -> str:
        """The key of a piece's file; of all of them, with ``*`` as the date, for None."""
        folder = f"exchange={series.exchange}/market={series.market.value}"
        folder += f"/kind={series.kind.value}"
        if series.interval:
            folder += f"/interval={series.interval}"
        when = "*" if piece is None else series.piece_text(piece)
        return f"{folder}/symbol={series.symbol}/{_span(series)}={when}/{_FILE}"

    def path(self, series: SeriesId, piece: dt.date) -> StoredPath:
        """Where a piece lies, whether or not it is stored."""
        return self.lake.files.path(self.key(series, piece))

    def has(self, series: SeriesId, piece: dt.date) -> bool:
        """Whether a piece is stored."""
        return self.lake.files.exists(self.key(series, piece))

    def info(self, series: SeriesId, piece: dt.date) -> SeriesInfo | None:
        """What a stored piece says about itself, or None where it is not stored.

        Raises:
            LakeError: The file is there and cannot be read.
        """
        path = self.path(series, piece)
        found = read_footer(path, "a stored series")
        if found is None:
            return None
        info = decode_metadata(found.metadata.get(METADATA_KEY), path, found.bytes)
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
        for key in self.lake.files.find(self.key(series, None)):
            folder = key.rsplit("/", 2)[1]
            try:
                found.append(parse_piece(folder.removeprefix(f"{_span(series)}=")))
            except ValueError as error:
                where = str(self.lake.files.path(key))
                raise LakeError("not a day's folder", where=where) from error
        return sorted(found)

    def infos(self, series: SeriesId) -> list[SeriesInfo]:
        """What every stored piece says about itself, in order.

        Raises:
            LakeError: A file cannot be read.
        """
        dates = self.dates(series)
        found = side_by_side(partial(self.info, series), dates, self.lake.files.workers)
        return [info for info in found if info]

    def all(self) -> list[SeriesId]:
        """Every series of which a piece is stored, in order."""
        found = set()
        files = self.lake.files
        keys = chain(*(files.find(f"exchange=*/market=*/{rest}") for rest in _BELOW))
        for folder in {key.rsplit("/", 2)[0] for key in keys}:
            match = _PARTITIONS.fullmatch(folder)
            if not match or match[3] not in _KINDS:
                continue
            try:
                market, kind = MarketType(match[2]), SeriesKind(match[3])
                found.add(SeriesId(match[1], market, kind, match[5], match[4] or ""))
            except ValueError as error:
                where = str(files.path(folder))
                raise LakeError(f"not a series' folder: {error}", where=where) from error
        return sorted(found)

    def read(self, series: SeriesId, piece: dt.date) -> SeriesRows:
        """The rows of a stored piece.

        Raises:
            LakeError: It is not stored, or damaged.
        """
        info = self.info(series, piece)
        if info is None:
            raise LakeError(
                f"{series.piece_text(piece)} of {series} is not in the lake",
                where=str(self.lake.root),
                fix=hints.download(series, piece, piece),
            )
        try:
            with open_stored(info.path) as opened:
                table = parquet_file(info.path, opened).read()
        except (pa.ArrowInvalid, OSError) as error:
            fix = "Delete the file and download it again"
            raise unreadable(info.path, error, "a stored series cannot be read", fix) from error
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
        key = self.key(info.tape, info.date)
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
            self.lake.files.publish(part, key)
        except OSError as error:
            raise LakeError(
                f"the day cannot be written: {error.strerror or error}",
                where=str(self.lake.files.path(key)),
                fix="Free some space or give another folder with --data",
            ) from error
        finally:
            part.unlink(missing_ok=True)
        stored = self.info(info.tape, info.date)
        if stored is None:  # pragma: no cover - somebody deleted it in this instant
            where = str(self.lake.files.path(key))
            raise LakeError("the day vanished after it was stored", where=where)
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


def _span(series: SeriesId) -> str:
    return "month" if series.is_monthly else "date"

"""The lake: whole days of trades and series as Parquet, catalogued, with quality records."""

from orderflow_bt.store.borders import Border, broken_borders
from orderflow_bt.store.cache import Cache
from orderflow_bt.store.catalogue import (
    SeriesSummary,
    TapeSummary,
    ids_between,
    stored_elsewhere,
    summarize,
    summarize_series,
)
from orderflow_bt.store.decoded import Piece
from orderflow_bt.store.instruments import resolve_instrument
from orderflow_bt.store.lake import Lake
from orderflow_bt.store.quality import Gap, Quality
from orderflow_bt.store.reader import read_columns
from orderflow_bt.store.schema import SCHEMA_VERSION, DayInfo, Origin
from orderflow_bt.store.series import SeriesStore
from orderflow_bt.store.series_schema import SeriesInfo, SeriesQuality, SeriesRows, Span

__all__ = [
    "SCHEMA_VERSION",
    "Border",
    "Cache",
    "DayInfo",
    "Gap",
    "Lake",
    "Origin",
    "Piece",
    "Quality",
    "SeriesInfo",
    "SeriesQuality",
    "SeriesRows",
    "SeriesStore",
    "SeriesSummary",
    "Span",
    "TapeSummary",
    "broken_borders",
    "ids_between",
    "read_columns",
    "resolve_instrument",
    "stored_elsewhere",
    "summarize",
    "summarize_series",
]

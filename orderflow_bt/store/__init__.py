"""The lake: whole days of trades as Parquet, their catalogue and their quality records."""

from orderflow_bt.store.borders import Border, broken_borders
from orderflow_bt.store.catalogue import TapeSummary, ids_between, summarize
from orderflow_bt.store.instruments import resolve_instrument
from orderflow_bt.store.lake import Lake
from orderflow_bt.store.quality import Gap, Quality
from orderflow_bt.store.reader import read_columns
from orderflow_bt.store.schema import SCHEMA_VERSION, DayInfo, Origin

__all__ = [
    "SCHEMA_VERSION",
    "Border",
    "DayInfo",
    "Gap",
    "Lake",
    "Origin",
    "Quality",
    "TapeSummary",
    "broken_borders",
    "ids_between",
    "read_columns",
    "resolve_instrument",
    "summarize",
]

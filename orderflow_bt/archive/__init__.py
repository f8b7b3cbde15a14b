"""Exchanges' archives: where a day lies, how it is fetched and verified, what its bytes mean."""

from orderflow_bt.archive.exchanges import exchange, register
from orderflow_bt.archive.listing import Listing
from orderflow_bt.archive.opening import open_source
from orderflow_bt.archive.parsed import ParsedDay, ParsedSeries
from orderflow_bt.archive.plain import day_of_rows
from orderflow_bt.archive.protocol import Exchange
from orderflow_bt.archive.source import Fetched, Source

__all__ = [
    "Exchange",
    "Fetched",
    "Listing",
    "ParsedDay",
    "ParsedSeries",
    "Source",
    "day_of_rows",
    "exchange",
    "open_source",
    "register",
]

"""Exchanges' archives: where a day lies, how it is fetched and verified, what its bytes mean."""

from orderflow_bt.archive.exchanges import exchange
from orderflow_bt.archive.listing import Listing
from orderflow_bt.archive.protocol import Exchange, ParsedDay, ParsedSeries
from orderflow_bt.archive.source import Fetched, Source, open_source

__all__ = [
    "Exchange",
    "Fetched",
    "Listing",
    "ParsedDay",
    "ParsedSeries",
    "Source",
    "exchange",
    "open_source",
]

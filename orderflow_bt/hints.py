"""Commands that an error or a note gives a person to copy.

They name no lake: the command line adds the one that is in use (`orderflow_bt.cli.options`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    import datetime as dt

    from orderflow_bt.types import TapeId

USUAL_EXCHANGE = "binance"


def download(
    item: TapeId | SeriesId, first: dt.date | str = "DATE", last: dt.date | str = "DATE"
) -> str:
    """The command that stores days of a tape or series, both ends included."""
    words = ["orderflow-bt", "download", item.symbol, "--market", item.market.value]
    if item.exchange != USUAL_EXCHANGE:
        words += ["--exchange", item.exchange]
    words += ["--kind", item.kind.value]
    if isinstance(item, SeriesId) and item.interval:
        words += ["--interval", item.interval]
    return " ".join([*words, "--from", str(first), "--to", str(last)])

"""The columns of Binance's klines, funding rates and metrics: their names and places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.errors import MalformedError
from orderflow_bt.series import SeriesKind
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from orderflow_bt.series import SeriesId

_CANDLES = ["opentime", "open", "high", "low", "close", "volume", "closetime", "quotevolume"]
_CANDLES += ["count", "takerbuyvolume", "takerbuyquotevolume", "ignore"]
_FUNDING = ["calctime", "fundingintervalhours", "lastfundingrate"]
_METRICS = ["createtime", "symbol", "sumopeninterest", "sumopeninterestvalue"]
_METRICS += ["counttoptraderlongshortratio", "sumtoptraderlongshortratio"]
_METRICS += ["countlongshortratio", "sumtakerlongshortvolratio"]

# How our columns are called in the files, without case and underscores.
_OURS = {
    SeriesKind.FUNDING: {
        "time": "calctime",
        "interval_hours": "fundingintervalhours",
        "rate": "lastfundingrate",
    },
    SeriesKind.METRICS: {
        "time": "createtime",
        "open_interest": "sumopeninterest",
        "open_interest_value": "sumopeninterestvalue",
        "top_trader_account_ratio": "counttoptraderlongshortratio",
        "top_trader_position_ratio": "sumtoptraderlongshortratio",
        "account_ratio": "countlongshortratio",
        "taker_volume_ratio": "sumtakerlongshortvolratio",
    },
}
# Coin-margined klines: the same places, and headers that call the base volume quote volume.
_CONTRACTS = {"base_volume": "quotevolume", "taker_buy_base_volume": "takerbuyquotevolume"}
_SPELLINGS = {
    "basevolume": "quotevolume",
    "quoteassetvolume": "quotevolume",
    "baseassetvolume": "quotevolume",
    "takerbuybasevolume": "takerbuyquotevolume",
    "numberoftrades": "count",
    "trades": "count",
}


def series_places(series: SeriesId, header: list[str] | None, fields: int) -> list[int]:
    """Where in a row each of the series' fields stands: by name where there is a header.

    Raises:
        MalformedError: A column is missing or twice there, or a headerless row has not as many
            fields as such files have.
    """
    if series.kind.is_klines:
        positions = _CANDLES
        ours = {name: name.replace("_", "") for name, _ in series.fields}
        if series.market is MarketType.CM:
            ours |= {name: file for name, file in _CONTRACTS.items() if name in ours}
    else:
        positions = _FUNDING if series.kind is SeriesKind.FUNDING else _METRICS
        ours = _OURS[series.kind]
    if header is None:
        if fields != len(positions):
            raise MalformedError(
                f"{fields} columns without names, where {series.kind.value} files have "
                f"{len(positions)}"
            )
        names = positions
    else:
        names = [name.lower().replace("_", "").replace(" ", "") for name in header]
        names = [_SPELLINGS.get(name, name) for name in names]
    places = []
    for field in series.fields:
        wanted = ours[field.name]
        if names.count(wanted) != 1:
            raise MalformedError(
                f"the header must name the column {wanted!r} once (it has: "
                f"{', '.join(header or names)})",
                fix="The exchange has changed its files; this version cannot tell what they mean",
            )
        places.append(names.index(wanted))
    return places

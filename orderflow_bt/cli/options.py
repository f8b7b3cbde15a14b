"""Options that several commands share, said once, and the values they become."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import complete
from orderflow_bt.errors import UsageError
from orderflow_bt.series import DEFAULT_INTERVAL, SeriesId, SeriesKind
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.store import Lake


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


Symbol = Annotated[
    str,
    typer.Argument(
        help="Symbol as the exchange writes it, e.g. BTCUSDT.", autocompletion=complete.symbols
    ),
]
RUNS = Path("runs")  # where run folders go that are given no other place
Symbols = Annotated[
    list[str],
    typer.Argument(
        help="Symbols as the exchange writes them, e.g. BTCUSDT ETHUSDT.",
        autocompletion=complete.symbols,
    ),
]
Exchange = Annotated[str, typer.Option(help="Exchange.")]
Market = Annotated[MarketType, typer.Option("--market", help="Which of the exchange's markets.")]
OnlyMarket = Annotated[
    MarketType | None,
    typer.Option("--market", help="Only of this market.", show_default=False),
]
KindOption = Annotated[str, typer.Option("--kind", help="aggTrades or trades.")]
AnyKindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        help="aggTrades, trades, klines, markPriceKlines, indexPriceKlines, premiumIndexKlines, "
        "fundingRate or metrics (open interest).",
    ),
]
IntervalOption = Annotated[
    str | None,
    typer.Option(
        "--interval", help="Of klines: 1s to 1d, 3d, 1w, 1mo; 1m if not given.", show_default=False
    ),
]
From = Annotated[str, typer.Option("--from", help="First day or ISO time, UTC.")]
To = Annotated[str, typer.Option("--to", help="Last day (inclusive) or ISO time, UTC.")]
AcceptGaps = Annotated[
    bool, typer.Option("--accept-gaps", help="Go on where days or trades are missing.")
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", help="A parameter; repeatable.", metavar="NAME=VALUE"),
]
TicksPerRow = Annotated[
    str, typer.Option("--ticks-per-row", help="Ticks a footprint row; auto: from the day before.")
]
Light = Annotated[bool, typer.Option("--light", help="Light instead of dark.")]
Palette = Annotated[
    str,
    typer.Option("--palette", help="Colours: default or colour-blind.", metavar="NAME"),
]
TableFormat = Annotated[
    Format | None, typer.Option("--format", help="Default: table, or the ending of --out.")
]
TableFile = Annotated[
    Path | None, typer.Option("--out", help="File to write; it appears when it is whole.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(slots=True)
class Settings:
    """What the options before the command set."""

    data: str = "data"
    cache: str = ""
    debug: bool = False
    quiet: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)  # the configuration file


settings = Settings()
_USUAL = settings.data
_CALL = re.compile(r"\borderflow-bt (?=[a-z])")
_YEARS = 1971, 2199  # days before and after them can be told too


def program() -> list[str]:
    """The words that call this program again, on the same lake."""
    return ["orderflow-bt", *(["--data", settings.data] if settings.data != _USUAL else [])]


def on_this_lake(hint: str) -> str:
    """A hint whose commands, when they are copied, speak of the lake that is in use."""
    return _CALL.sub(shlex.join(program()) + " ", hint)


def open_lake() -> Lake:
    """The lake, with its cache as large as the options say.

    Raises:
        UsageError: The size is none, or the URL not one of a lake.
    """
    from orderflow_bt.store import Lake
    from orderflow_bt.store.cache import LIMIT, parse_limit

    try:
        limit = parse_limit(settings.cache) if settings.cache else LIMIT
    except ValueError:
        raise UsageError(
            f"{settings.cache!r} is not a size",
            where="--cache-size",
            fix="Write 50GB, 500MB or off",
        ) from None
    if not settings.data or ("://" not in settings.data and _is_no_folder(settings.data)):
        raise UsageError(
            f"{settings.data!r} is no folder for a lake", where="--data", fix="Give a folder"
        )
    return Lake(settings.data, cache_limit=limit)


def _is_no_folder(text: str) -> bool:
    path = Path(text)
    return path.exists() and not path.is_dir()


def open_lake_to_store() -> Lake:
    """The lake, for a command that mostly writes days.

    Arrow then takes memory from the system, unless it is loaded or told otherwise: its own
    allocator keeps 15 MiB more for each day on its way. For reading, its own is faster.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return open_lake()


def tape_id(exchange: str, market: MarketType, kind: str, symbol: str) -> TapeId:
    """The tape that the options name.

    Raises:
        UsageError: Unknown exchange or kind, or a symbol that cannot be one.
    """
    if exchange != "binance":
        raise UsageError(f"unknown exchange {exchange!r}", where="--exchange", fix="Known: binance")
    try:
        known = Kind(kind)
    except ValueError:
        raise UsageError(
            f"unknown kind {kind!r}",
            where="--kind",
            fix="Known: " + ", ".join(k.value for k in Kind),
        ) from None
    if not symbol.replace("_", "").isalnum():
        raise UsageError(f"{symbol!r} is not a symbol", fix="Write it as BTCUSDT")
    return TapeId(exchange, market, known, symbol.upper())


def parameters(texts: list[str]) -> dict[str, str]:
    """``--param name=value`` by name.

    Raises:
        UsageError: A text is not ``name=value``.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{text!r} is not name=value", where="--param")
        if name.strip() in found:
            raise UsageError(f"{name.strip()!r} is given twice", where="--param")
        found[name.strip()] = value.strip()
    return found


def row_ticks(text: str) -> int | None:
    """``--ticks-per-row`` as a number; None leaves it to the day before.

    Raises:
        UsageError: It is neither a number nor ``auto``.
    """
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(
            f"a footprint row of {text!r} ticks",
            where="--ticks-per-row",
            fix="Give 1, 5, … or auto",
        )
    return int(text)


def series_or_tape(
    exchange: str, market: MarketType, kind: str, symbol: str, interval: str | None
) -> TapeId | SeriesId:
    """The tape or the series that the options name; klines are of ``1m`` unless told.

    Raises:
        UsageError: Unknown exchange, kind or interval, or a kind that the market does not have.
    """
    known = {series.value: series for series in SeriesKind}
    if kind not in known:
        if kind not in set(Kind):
            raise UsageError(
                f"unknown kind {kind!r}",
                where="--kind",
                fix="Known: " + ", ".join([*Kind, *SeriesKind]),
            )
        if interval is not None:
            raise UsageError(f"{kind} has no interval", where="--interval")
        return tape_id(exchange, market, kind, symbol)
    tape = tape_id(exchange, market, Kind.AGG_TRADES, symbol)
    if known[kind].is_klines:
        interval = interval or DEFAULT_INTERVAL
    return SeriesId(exchange, market, known[kind], tape.symbol, interval or "")


def parse_date(text: str, option: str) -> dt.date:
    """A day such as 2024-01-31.

    Raises:
        UsageError: The text is not a day.
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a day", where=option, fix="Write it as 2024-01-31"
        ) from None
    _check_year(day.year, text, option)
    return day


def date_range(first: str, last: str) -> list[dt.date]:
    """Every day from ``--from`` to ``--to``, both included.

    Raises:
        UsageError: A text is not a day, or the last day is before the first.
    """
    start, end = parse_date(first, "--from"), parse_date(last, "--to")
    if end < start:
        raise UsageError(f"--to {end} is before --from {start}")
    return [start + dt.timedelta(days=n) for n in range((end - start).days + 1)]


def time_window(first: str, last: str) -> tuple[int, int]:
    """``--from`` and ``--to`` as a half-open window of microseconds UTC.

    A day as ``--to`` is included whole; a time is the first moment left out.

    Raises:
        UsageError: A text is neither day nor ISO time, or the window is empty.
    """
    start, _ = _moment(first, "--from")
    end, is_day = _moment(last, "--to")
    end += DAY_US if is_day else 0
    if end <= start:
        raise UsageError(f"the window from {first} to {last} is empty")
    return start, end


def _check_year(year: int, text: str, option: str) -> None:
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise UsageError(
            f"{text} lies outside what any tape can hold",
            where=option,
            fix=f"Years are {_YEARS[0]} to {_YEARS[1]}",
        )


def _moment(text: str, option: str) -> tuple[int, bool]:
    """Microseconds UTC of a day's start or of an ISO time, and whether it was a day."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is neither a day nor an ISO time",
            where=option,
            fix="Write it as 2024-01-31 or 2024-01-31T14:30",
        ) from None
    _check_year(moment.year, text, option)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (moment - epoch) // dt.timedelta(microseconds=1), len(text) == len("2024-01-31")

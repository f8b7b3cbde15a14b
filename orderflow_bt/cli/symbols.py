"""``orderflow-bt symbols``: what an archive has."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.sources import ListingOption, SourceOption, open_source
from orderflow_bt.cli.words import table_lines
from orderflow_bt.errors import MissingDayError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from orderflow_bt.ingest import Published

_AT_ONCE = 8


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(help="Only symbols like this, e.g. 'BTC*'.", show_default=False),
    ] = None,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.AnyKindOption = "aggTrades",
    interval: options.IntervalOption = None,
    source: SourceOption = None,
    listing: ListingOption = None,
    dates: Annotated[
        bool | None,
        typer.Option(
            "--dates/--no-dates",
            help="Look up the first and last day of each; the default if a pattern is given.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the symbols that an archive has, delisted and renamed ones too, and their days."""
    some = options.series_or_tape(exchange, market, kind, "SYMBOL", interval)

    from orderflow_bt import archive
    from orderflow_bt.ingest import published, symbols

    opened = open_source(exchange, source, listing)
    known = archive.exchange(exchange)
    names = symbols(known, opened, market, some.kind, pattern or "*")
    if not names:
        raise MissingDayError(
            f"the archive lists no symbol {pattern or ''} of {market.value} {kind}",
            where=opened.url,
            fix="Patterns are such as 'BTC*'",
        )
    if dates is None:
        dates = pattern is not None
    found: list[Published | None] = [None] * len(names)
    if dates:

        def look_up(name: str) -> Published:
            item = options.series_or_tape(exchange, market, kind, name, interval)
            return published(known, opened, item)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(look_up, names))
    if as_json:
        plain = [_plain(name, days) for name, days in zip(names, found, strict=True)]
        typer.echo(json.dumps(plain, indent=2))
        return
    lines = names
    if dates:
        cells = [
            [name, str(days.first or "-"), str(days.newest or "-"), f"{len(days.days):,}"]
            for name, days in zip(names, found, strict=True)
            if days
        ]
        lines = table_lines(["symbol", "first", "last", "days"], cells)
    for line in lines:
        typer.echo(line)


def _plain(name: str, days: Published | None) -> dict[str, Any]:
    if days is None:
        return {"symbol": name}
    return {
        "symbol": name,
        "first": days.first.isoformat() if days.first else None,
        "last": days.newest.isoformat() if days.newest else None,
        "days": len(days.days),
        "months": len(days.months),
    }

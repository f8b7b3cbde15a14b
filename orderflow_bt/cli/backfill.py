"""``orderflow-bt backfill``: lost ids and today's trades from the exchange's REST interface."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer

from orderflow_bt import hints
from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text
from orderflow_bt.errors import UsageError
from orderflow_bt.types import MarketType

DEFECTS = 3


def command(
    symbol: options.Symbol,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    first: Annotated[
        str | None, typer.Option("--from", help="First day, UTC. Default: the first stored.")
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", help="Last day, or now. Default: the last stored."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Base address. Default: the exchange's own."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fetch the ids that stored days lack, and with --to now the trades since the last of them.

    Days are stored anew, whole, and say which ids came this way. Exits with 3 where ids stay
    missing.
    """
    tape = options.tape_id(exchange, market, kind, symbol)
    today = dt.datetime.now(dt.UTC).date()
    start = options.parse_date(first, "--from") if first else None
    end = today if last == "now" else options.parse_date(last, "--to") if last else None
    if source and not source.startswith(("http://", "https://")):
        raise UsageError(f"{source!r} is not an address", where="--source", fix="Give http(s)://…")

    lake = options.open_lake_to_store()

    from orderflow_bt.archive.rest import ENDPOINTS, RestTrades
    from orderflow_bt.ingest.backfill import backfill

    stored = lake.dates(tape)
    if not stored and start is None:
        raise UsageError(
            f"no day of {tape} is in the lake, so there is no first day to begin with",
            where="--from",
            fix=f"Give one; for whole days of the past: {hints.download(tape)}",
        )
    stored = stored or [today]
    start, end = start or stored[0], end or stored[-1]
    if end < start:
        raise UsageError(f"--to {end} is before --from {start}")
    endpoint = ENDPOINTS[market]
    rest = RestTrades(endpoint, source or endpoint.base_url)
    results = []
    for result in backfill(lake, tape, start, end, rest, to_now=end > stored[-1] or last == "now"):
        results.append(result)
        if not as_json:
            text = f"{result.date}  {count_text(result.added, 'row')} from REST"
            text += f", {count_text(result.missing_ids, 'id')} still missing"
            typer.echo(f"{result.date}  failed: {result.error}" if result.error else text)
    if as_json:
        plain = [
            {
                "date": result.date.isoformat(),
                "added": result.added,
                "missing_ids": result.missing_ids,
                "error": str(result.error) if result.error else None,
            }
            for result in results
        ]
        typer.echo(json.dumps(plain, indent=2))
    elif not results:
        typer.echo(f"{tape}: no id is missing from {start} to {end}")
    latest = {result.date: result for result in results}.values()
    if failed := next((result.error for result in latest if result.error), None):
        raise failed
    if any(result.missing_ids for result in latest):
        raise typer.Exit(DEFECTS)

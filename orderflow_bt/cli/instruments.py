"""``orderflow-bt instruments``: ticks, lots and smallest orders, with the days they hold from."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, table_lines
from orderflow_bt.errors import TransferError, UsageError
from orderflow_bt.types import MarketType

_MOST_BYTES = 64 << 20  # the largest answer is some 20 MB
_COLUMNS = ["symbol", "from", "tick", "lot", "min notional", "source"]


class Action(StrEnum):
    """What to do."""

    SHOW = "show"
    IMPORT = "import"


def command(
    action: Annotated[Action, typer.Argument(help="show SYMBOL, or import FILE|URL.")],
    what: Annotated[str, typer.Argument(help="A symbol; or a file or address of exchangeInfo.")],
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    since: Annotated[
        str | None,
        typer.Option("--since", help="Day from which imported rules hold. Default: its own time."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show the rules that are known of a symbol, or import the exchange's own (exchangeInfo).

    Imported rules are kept beside the lake's days and win over shipped ones that began no later.
    Days before them keep the rules that they had.
    """
    from orderflow_bt.store.rules import known_rules, read_exchange_info, store_rules

    lake = options.open_lake()
    tape = options.tape_id(exchange, market, "aggTrades", "X" if action is Action.IMPORT else what)
    if action is Action.IMPORT:
        date = options.parse_date(since, "--since") if since else None
        rules = read_exchange_info(_text(what), exchange, market, date, what)
        changed = store_rules(lake, exchange, market, rules)
        day = next(iter(rules.values())).since
        if as_json:
            typer.echo(json.dumps({"since": day, "symbols": len(rules), "changed": changed}))
        else:
            typer.echo(
                f"{count_text(len(rules), 'symbol')} of {exchange} {market.value} from {day} on, "
                f"{len(changed):,} with new rules"
            )
        return
    known = known_rules(lake, exchange, market, tape.symbol)
    rows = [
        [tape.symbol, one.since, one.tick, one.lot, one.min_notional, source]
        for one, source in known
    ]
    if as_json:
        names = [name.replace(" ", "_") for name in _COLUMNS]
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    elif rows:
        for line in table_lines(_COLUMNS, rows):
            typer.echo(line)
    else:
        typer.echo(
            f"no rules of {tape.symbol} are known; tick and lot are read from its stored trades"
        )


def _text(what: str) -> str:
    """The content of a file or an address."""
    if not what.startswith(("http://", "https://")):
        try:
            return Path(what).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"the file cannot be read: {reason}", where=what) from None
    import requests

    try:
        with requests.get(what, timeout=(10, 30), stream=True) as response:
            response.raise_for_status()
            body = b""
            for piece in response.iter_content(1 << 16):
                body += piece
                if len(body) > _MOST_BYTES:
                    raise TransferError("the answer is larger than any exchangeInfo", where=what)
    except requests.RequestException as error:
        raise TransferError(
            f"the exchange's rules were not received: {type(error).__name__}",
            where=what,
            fix="Save the answer with a browser and give the file",
        ) from error
    return body.decode("utf-8", "replace")

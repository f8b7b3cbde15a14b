"""``orderflow-bt lookahead``: does a strategy decide the same when the future is taken from it?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import assumption_options, complete, options
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from orderflow_bt.run.lookahead import Audit

FOUND = 3


def command(
    strategy: Annotated[
        str,
        typer.Argument(help="Name, module:Class or file.py.", autocompletion=complete.strategies),
    ],
    symbol: options.Symbol,
    first: options.From,
    last: options.To,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    accept_gaps: options.AcceptGaps = False,
    param: options.Param = None,
    cuts: Annotated[
        int, typer.Option(help="How many prefixes, and how many shuffled futures.", min=1)
    ] = 6,
    allow_outside: Annotated[
        bool,
        typer.Option(
            "--allow-outside", help="Let it use files and tables of its own: you vouch for them."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of where the tape is cut and shuffled.")] = 1,
    as_json: options.Json = False,
    fills: assumption_options.Fills = "queue",
    latency: assumption_options.Latency = None,
) -> None:
    """Audit a strategy for look-ahead on stored days; exit code 3 where it is found."""
    from rich.console import Console

    from orderflow_bt.cli.assumptions import Assumptions
    from orderflow_bt.cli.run import plain_name
    from orderflow_bt.flow.auto_rows import with_rows
    from orderflow_bt.plugins import make
    from orderflow_bt.run import Request
    from orderflow_bt.run.lookahead import audit
    from orderflow_bt.run.outside import Outside
    from orderflow_bt.run.variations import stored
    from orderflow_bt.strategy.registry import load_strategy

    tape = options.tape_id(exchange, market, kind, symbol)
    window = options.time_window(first, last)
    asked = Assumptions(fills=fills, latency=latency, seed=seed)
    lake = options.open_lake()
    config = asked.config(lake, tape, *window)
    outside = Outside()
    with outside.building("importing it"):
        cls = load_strategy(strategy)
    parameters = with_rows(cls, options.parameters(param or []), lake, tape, window)
    request = Request(plain_name(strategy), cls, parameters, tape, *window, config, accept_gaps)
    console = Console(stderr=True)
    quiet = options.settings.quiet or not console.is_terminal
    with console.status("") as status:
        found = audit(
            lambda: make(cls, **parameters),
            stored(lake, request),
            config,
            seed=seed,
            cuts=cuts,
            allow_outside=allow_outside,
            outside=outside,
            progress=(lambda _: None) if quiet else status.update,
        )
    if as_json:
        report = {"strategy": request.name, "symbol": tape.symbol, "market": market.value}
        typer.echo(json.dumps(report | as_dict(found), indent=2, ensure_ascii=False))
    else:
        _print(f"{request.name} on {tape}", found)
    if found.findings:
        raise typer.Exit(FOUND)


def as_dict(found: Audit) -> dict[str, object]:
    """What was checked and found, ready for JSON."""
    return {
        "trades": found.trades,
        "decisions": found.decisions,
        "seed": found.seed,
        "checks": [check._asdict() for check in found.checks],
        "findings": [finding._asdict() for finding in found.findings],
    }


def _print(title: str, found: Audit) -> None:
    typer.echo(f"{title}: {found.trades:,} trades, {found.decisions:,} decisions")
    for name, _, said in found.checks:
        typer.echo(f"  {name:<12}{said}")
    for finding in found.findings:
        typer.echo(str(finding))
    if not found.findings:
        typer.echo("no look-ahead was found")
    if not found.decisions:
        typer.echo("nothing was decided: audit a longer window, or other parameters", err=True)

"""``orderflow-bt events``: what a detector saw in a stored tape, and when it could be known."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import typer

from orderflow_bt.cli import complete, options
from orderflow_bt.cli.output import as_columns, as_rows, write_rows
from orderflow_bt.types import HOUR_US, MarketType


def command(
    symbol: options.Symbol,
    detector: Annotated[
        str,
        typer.Option(
            "--detector",
            help="Name, module:Class or file.py of a detector.",
            metavar="NAME",
            autocompletion=complete.detectors,
        ),
    ],
    first: options.From,
    last: options.To,
    exchange: options.Exchange = "binance",
    market: options.Market = MarketType.UM,
    kind: options.KindOption = "aggTrades",
    param: options.Param = None,
    how: options.TableFormat = None,
    out: options.TableFile = None,
) -> None:
    """Print what a detector sees in a window, each with the time it could first be known."""
    from orderflow_bt.detectors.registry import load_detector
    from orderflow_bt.flow.auto_rows import with_rows
    from orderflow_bt.flow.columns import event_fields, event_values
    from orderflow_bt.plugins import make
    from orderflow_bt.run.events import EventWindow

    tape = options.tape_id(exchange, market, kind, symbol)
    start, end = options.time_window(first, last)
    lake, cls = options.open_lake(), load_detector(detector)
    made = make(cls, **with_rows(cls, options.parameters(param or []), lake, tape, (start, end)))
    window = EventWindow(lake, tape, made, start, end)
    for day in window.missing:
        typer.echo(f"warning: {day} of {tape} is not in the lake", err=True)
    if window.short_by > 0:
        typer.echo(
            f"warning: {made.name} looks back {made.lookback / HOUR_US:.1f} h, of which"
            f" {min(window.short_by, made.lookback) / HOUR_US:.1f} h are not in the lake:"
            " early events may differ or be missing",
            err=True,
        )
    columns = as_columns(event_fields(window.instrument), {"details"})
    found = (as_rows(event_values(events)) for events in window)
    write_rows(columns, chain.from_iterable(found), how, out)

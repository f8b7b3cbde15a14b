"""``orderflow-bt events``: what a detector saw in a stored tape, and when it could be known."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import Column, Format, write_rows
from orderflow_bt.types import HOUR_US, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.cli.output import Value
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.events import EventWindow


def command(
    symbol: options.Symbol,
    detector: Annotated[
        str, typer.Option("--detector", help="Name, module:Class or file.py of a detector.")
    ],
    first: options.From,
    last: options.To,
    exchange: options.Exchange = "binance",
    market: options.Market = MarketType.UM,
    kind: options.KindOption = "aggTrades",
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter, name=value; repeatable.")
    ] = None,
    how: Annotated[
        Format | None, typer.Option("--format", help="Default: table, or the ending of --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; it appears when it is whole.")
    ] = None,
) -> None:
    """Print what a detector sees in a window, each with the time it could first be known."""
    from orderflow_bt.detectors.registry import load_detector
    from orderflow_bt.run.events import EventWindow
    from orderflow_bt.store import Lake

    tape = options.tape_id(exchange, market, kind, symbol)
    start, end = options.time_window(first, last)
    made = load_detector(detector)(**options.parameters(param or []))
    window = EventWindow(Lake(options.lake_path()), tape, made, start, end)
    for day in window.missing:
        typer.echo(f"warning: {day} of {tape} is not in the lake", err=True)
    if window.short_by > 0:
        typer.echo(
            f"warning: {made.name} looks back {made.lookback / HOUR_US:.1f} h, of which"
            f" {min(window.short_by, made.lookback) / HOUR_US:.1f} h are not in the lake:"
            " early events may differ or be missing",
            err=True,
        )
    write_rows(_columns(window.instrument), _rows(window), how, out)


def _columns(unit: Instrument) -> list[Column]:
    price = unit.price_decimals
    return [
        Column("known_at", "time"),
        Column("detector", "word"),
        Column("kind", "word"),
        Column("direction", "int"),
        Column("state", "word"),
        Column("price_low", "decimal", price),
        Column("price_high", "decimal", price),
        Column("strength", "word"),
        Column("id", "int"),
        Column("price", "decimal", price),
        Column("spans_gap", "bool"),
        Column("details", "word", in_table=False),
    ]


def _rows(window: EventWindow) -> Iterator[list[list[Value]]]:
    for events in window:
        yield [
            [
                event.known_at,
                event.detector,
                event.kind,
                event.direction,
                event.state,
                event.price_low,
                event.price_high,
                f"{event.strength:.6g}",
                event.id,
                event.price,
                event.spans_gap,
                " ".join(f"{name}={value}" for name, value in event.details.items()),
            ]
            for event in events
        ]

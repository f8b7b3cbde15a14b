"""``orderflow-bt bars``: bars of a stored tape, or their footprints."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import Column, Format, write_rows
from orderflow_bt.errors import UsageError
from orderflow_bt.types import BarSpec, BarStatus, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.cli.output import Value
    from orderflow_bt.flow.window import BarWindow
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import Bar

_MINIMUM_WINDOW = 50
_Out = Annotated[
    Path | None, typer.Option("--out", help="File to write; it appears when it is whole.")
]
_STATUS = [status.label for status in BarStatus]


def command(
    symbol: options.Symbol,
    first: options.From,
    last: options.To,
    exchange: options.Exchange = "binance",
    market: options.Market = MarketType.UM,
    kind: options.KindOption = "aggTrades",
    bars: Annotated[
        str,
        typer.Option(
            "--bars", help="30s, 5m, 1d, tick:500, volume:100, range:20, … (docs/cli.md)."
        ),
    ] = "1m",
    footprint: Annotated[
        bool, typer.Option("--footprint", help="One row a bar and price level.")
    ] = False,
    ticks_per_row: Annotated[
        str,
        typer.Option("--ticks-per-row", help="Ticks a footprint row; auto: from the day before."),
    ] = "1",
    ratio: Annotated[
        str, typer.Option("--imbalance", help="Imbalance ratio: 3 is three to one.")
    ] = "3",
    how: Annotated[
        Format | None, typer.Option("--format", help="Default: table, or the ending of --out.")
    ] = None,
    out: _Out = None,
) -> None:
    """Print the bars that lie in a window, or with --footprint their price levels."""
    from orderflow_bt.flow.window import BarWindow
    from orderflow_bt.store import Lake

    tape = options.tape_id(exchange, market, kind, symbol)
    spec = BarSpec.parse(bars)
    start_us, end_us = options.time_window(first, last)
    multiple = _ratio(ratio)
    window = BarWindow(
        Lake(options.lake_path()),
        tape,
        spec,
        start_us,
        end_us,
        ticks_per_row=_ticks(ticks_per_row),
        keep_cells=footprint,
        context_bars=_MINIMUM_WINDOW if footprint else 0,
    )
    for day in window.missing:
        typer.echo(f"warning: {day} of {tape} is not in the lake", err=True)
    if ticks_per_row == "auto":
        typer.echo(f"{window.ticks_per_row} ticks a row", err=True)
    unit = window.instrument
    if footprint:
        write_rows(_level_columns(unit), _level_rows(window, multiple), how, out)
    else:
        write_rows(_bar_columns(unit), _bar_rows(window), how, out)


def _ticks(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(
            f"a footprint row of {text!r} ticks",
            where="--ticks-per-row",
            fix="Give 1, 5, … or auto",
        )
    return int(text)


def _ratio(text: str) -> tuple[int, int]:
    try:
        ratio = Fraction(text).limit_denominator(10**6)
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(0)
    if ratio <= 0:
        raise UsageError(
            f"{text!r} is not a ratio", where="--imbalance", fix="Give a multiple, as 3 or 2.5"
        )
    return ratio.numerator, ratio.denominator


def _bar_columns(unit: Instrument) -> list[Column]:
    price, qty = unit.price_decimals, unit.qty_decimals
    return [
        Column("open_time", "time"),
        Column("close_time", "time", in_table=False),
        *(Column(name, "decimal", price) for name in ("open", "high", "low", "close")),
        Column("volume", "decimal", qty),
        Column("quote_volume", "decimal", _quote(unit)[1], in_table=False),
        Column("count", "int"),
        Column("buy_volume", "decimal", qty, in_table=False),
        Column("sell_volume", "decimal", qty, in_table=False),
        Column("delta", "decimal", qty),
        Column("min_delta", "decimal", qty),
        Column("max_delta", "decimal", qty),
        Column("vwap", "decimal", price + 1),
        Column("poc", "decimal", price),
        Column("status", "word"),
    ]


def _bar_rows(window: BarWindow) -> Iterator[list[list[Value]]]:
    contract, _ = _quote(window.instrument)
    for batch, inside in window:
        bars = batch.tolist()
        yield [
            [
                bar.open_time,
                bar.close_time,
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                bar.volume * contract if contract else bar.quote_volume,
                bar.count,
                bar.buy_volume,
                bar.sell_volume,
                bar.delta,
                bar.min_delta,
                bar.max_delta,
                _vwap(bar),
                bar.poc,
                _STATUS[bar.status],
            ]
            for bar in bars[inside.start : inside.stop]
        ]


def _quote(unit: Instrument) -> tuple[int, int]:
    """Quote value of a contract (0 where quantities are not contracts), and quote decimals."""
    if unit.contract_usd is None:
        return 0, unit.price_decimals + unit.qty_decimals
    return int(unit.contract_usd), unit.qty_decimals


def _vwap(bar: Bar) -> int:
    """Average price in tenths of a price unit, rounded half to even; flat where nothing traded."""
    if not bar.volume:
        return bar.close * 10
    whole, rest = divmod(bar.quote_volume * 10, bar.volume)
    return whole + (2 * rest > bar.volume or (2 * rest == bar.volume and whole % 2))


def _level_columns(unit: Instrument) -> list[Column]:
    price, qty = unit.price_decimals, unit.qty_decimals
    return [
        Column("open_time", "time"),
        Column("price_low", "decimal", price),
        Column("price_high", "decimal", price),
        Column("bid_volume", "decimal", qty),
        Column("ask_volume", "decimal", qty),
        Column("bid_count", "int"),
        Column("ask_count", "int"),
        Column("buy_imbalance", "bool"),
        Column("sell_imbalance", "bool"),
    ]


def _level_rows(window: BarWindow, ratio: tuple[int, int]) -> Iterator[list[list[Value]]]:
    from orderflow_bt.flow import CausalMinimum

    minimum = CausalMinimum(_MINIMUM_WINDOW)
    for batch, inside in window:
        rows: list[list[Value]] = []
        for k in range(inside.stop):
            footprint = batch.footprint(k)
            if k in inside:
                levels = footprint.levels(ratio, minimum.value)
                rows += [[footprint.bar.open_time, *level] for level in levels]
            minimum.push(footprint.cells)
        yield rows

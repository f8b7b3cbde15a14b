"""``orderflow-bt bars``: bars of a stored tape, or their footprints."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import as_columns, as_rows, write_rows
from orderflow_bt.errors import UsageError
from orderflow_bt.types import BarSpec, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orderflow_bt.cli.output import Value
    from orderflow_bt.flow.window import BarWindow

_NOT_IN_TABLE = {"close_time", "quote_volume", "buy_volume", "sell_volume"}


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
    ticks_per_row: options.TicksPerRow = "1",
    ratio: Annotated[
        str, typer.Option("--imbalance", help="Imbalance ratio: 3 is three to one.")
    ] = "3",
    how: options.TableFormat = None,
    out: options.TableFile = None,
) -> None:
    """Print the bars that lie in a window, or with --footprint their price levels."""
    from orderflow_bt.flow.columns import IMBALANCE_WINDOW, bar_fields, bar_values, level_fields
    from orderflow_bt.flow.window import BarWindow

    tape = options.tape_id(exchange, market, kind, symbol)
    spec = BarSpec.parse(bars)
    start_us, end_us = options.time_window(first, last)
    multiple = _ratio(ratio)
    window = BarWindow(
        options.open_lake(),
        tape,
        spec,
        start_us,
        end_us,
        ticks_per_row=options.row_ticks(ticks_per_row),
        keep_cells=footprint,
        context_bars=IMBALANCE_WINDOW if footprint else 0,
    )
    for day in window.missing:
        typer.echo(f"warning: {day} of {tape} is not in the lake", err=True)
    if ticks_per_row == "auto":
        typer.echo(f"{window.ticks_per_row} ticks a row", err=True)
    unit = window.instrument
    if footprint:
        rows = _Counted(_level_rows(window, multiple))
        write_rows(as_columns(level_fields(unit)), rows, how, out)
    else:
        found = (as_rows(bar_values(batch, inside, unit)) for batch, inside in window)
        rows = _Counted(chain.from_iterable(found))
        write_rows(as_columns(bar_fields(unit), _NOT_IN_TABLE), rows, how, out)
    if not rows.count:
        typer.echo(f"no {spec} bar of {tape} lies in the window from {first} to {last}", err=True)


class _Counted:
    """Batches of rows that are counted as they pass."""

    def __init__(self, batches: Iterable[list[tuple[Value, ...]]]) -> None:
        self._batches = batches
        self.count = 0

    def __iter__(self) -> Iterator[list[tuple[Value, ...]]]:
        for batch in self._batches:
            self.count += len(batch)
            yield batch


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


def _level_rows(window: BarWindow, ratio: tuple[int, int]) -> Iterator[list[tuple[Value, ...]]]:
    from orderflow_bt.flow import CausalMinimum
    from orderflow_bt.flow.columns import IMBALANCE_WINDOW, level_values

    minimum = CausalMinimum(IMBALANCE_WINDOW)
    for batch, inside in window:
        yield from as_rows(level_values(batch, inside, ratio, minimum))

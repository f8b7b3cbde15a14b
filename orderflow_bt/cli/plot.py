"""``orderflow-bt plot``: pictures of a stored tape."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import not_written
from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.types import Bar, BarSpec, MarketType

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from orderflow_bt.flow.window import BarWindow
    from orderflow_bt.report import Scale
    from orderflow_bt.report.theme import Theme

MOST_FOOTPRINTS = 240
MOST_LEVELS = 2_000
MOST_BARS = 20_000


class Picture(StrEnum):
    """What can be drawn."""

    FOOTPRINT = "footprint"
    PROFILE = "profile"
    CVD = "cvd"
    LEVELS = "levels"
    IMPACT = "impact"


def command(
    picture: Annotated[Picture, typer.Argument(help="footprint, profile, cvd, levels or impact.")],
    symbol: options.Symbol,
    first: options.From,
    last: options.To,
    out: Annotated[Path, typer.Option("--out", help="PNG to write.")],
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    bars: Annotated[str, typer.Option("--bars", help="Interval: 30s, 1m, 5m, 4h, 1d.")] = "5m",
    ticks_per_row: options.TicksPerRow = "1",
    light: options.Light = False,
    palette: options.Palette = "default",
) -> None:
    """Draw footprints, a profile, cumulative delta, price's levels or its impact into a PNG."""
    from orderflow_bt.flow.window import BarWindow
    from orderflow_bt.report.build import write_whole
    from orderflow_bt.report.export import png_bytes
    from orderflow_bt.report.theme import palette as themes

    if out.suffix.lower() != ".png":
        raise UsageError(f"{out} is not a .png", where="--out")
    if picture is Picture.LEVELS and ticks_per_row != "1":
        raise UsageError(
            "an auction is read on rows one tick high", where="--ticks-per-row", fix="Leave it out"
        )
    theme = themes(palette)[light]
    start, end = options.time_window(first, last)
    tape = options.tape_id(exchange, market, kind, symbol)
    window = BarWindow(
        options.open_lake(), tape, BarSpec.parse(bars), start, end,
        ticks_per_row=options.row_ticks(ticks_per_row),
        keep_cells=picture not in {Picture.CVD, Picture.IMPACT},
    )  # fmt: skip
    for day in window.missing:
        typer.echo(f"warning: {day} of {tape} is not in the lake", err=True)
    title = f"{tape.symbol} {bars}"
    drawers = {
        Picture.FOOTPRINT: _footprint, Picture.PROFILE: _profile, Picture.CVD: _cvd,
        Picture.LEVELS: _levels, Picture.IMPACT: _impact,
    }  # fmt: skip
    figure = drawers[picture](window, title, theme)
    try:
        write_whole(out, png_bytes(figure))
    except OSError as error:
        raise not_written(error, out) from None
    typer.echo(str(out))


def _footprint(window: BarWindow, title: str, theme: Theme) -> Figure:
    from orderflow_bt.report import Scale, draw_footprint

    drawn, cells = [], []
    for batch, rows in window:
        for row in rows:
            drawn.append(batch.bar(row))
            cells.append(batch.bar_cells(row).copy())
        _refuse_many(len(drawn), MOST_FOOTPRINTS)
    _refuse_none(drawn)
    unit = window.instrument
    scale = Scale(
        unit.price_decimals, unit.qty_decimals, window.row_size,
        "contracts" if unit.is_inverse else unit.assets[0], title, unit.tick_size,
        window.spec.is_time,
    )  # fmt: skip
    return draw_footprint(drawn, cells, None, theme, scale)


def _profile(window: BarWindow, title: str, theme: Theme) -> Figure:
    from orderflow_bt.flow.profile import Profile, ProfileBuilder
    from orderflow_bt.report import Scale, words
    from orderflow_bt.report.grid import choose_height
    from orderflow_bt.report.profile import MOST_ROWS, draw_profile

    fine, drawn = ProfileBuilder(window.row_size), []
    for batch, rows in window:
        for row in rows:
            drawn.append(batch.bar(row))
            fine.add_cells(batch.bar_cells(row))
    _refuse_none(drawn if fine else [])
    first, last = drawn[0].open_time, drawn[-1].close_time
    whole = fine.profile(last)
    height = choose_height(
        int(whole.cells[0, 0]), int(whole.cells[-1, 0]), window.row_size, MOST_ROWS
    )
    shown = ProfileBuilder(height)
    shown.add_cells(whole.cells)
    profile: Profile = shown.profile(last)
    unit = window.instrument
    name = "contracts" if unit.is_inverse else unit.assets[0]
    scale = Scale(unit.price_decimals, unit.qty_decimals, height, name, title.split(maxsplit=1)[0])
    return draw_profile(profile, theme, scale, f"{words.stamp(first)} to {words.stamp(last)} UTC")


def _cvd(window: BarWindow, title: str, theme: Theme) -> Figure:
    from orderflow_bt.report.cvd import draw_cvd

    return draw_cvd(_bars(window), theme, _scale(window, title))


def _impact(window: BarWindow, title: str, theme: Theme) -> Figure:
    from orderflow_bt.report.impact import draw_impact

    return draw_impact(_bars(window), theme, _scale(window, title))


def _levels(window: BarWindow, title: str, theme: Theme) -> Figure:
    from orderflow_bt.report.levels import draw_levels

    drawn = []
    for batch, rows in window:
        drawn += [batch.footprint(row) for row in rows]
        _refuse_many(len(drawn), MOST_LEVELS)
    _refuse_none([footprint.bar for footprint in drawn])
    return draw_levels(drawn, theme, _scale(window, title))


def _bars(window: BarWindow) -> list[Bar]:
    drawn: list[Bar] = []
    for batch, rows in window:
        drawn += [batch.bar(row) for row in rows]
        _refuse_many(len(drawn), MOST_BARS)
    _refuse_none(drawn)
    return drawn


def _scale(window: BarWindow, title: str) -> Scale:
    from orderflow_bt.report import Scale

    unit = window.instrument
    name = "contracts" if unit.is_inverse else unit.assets[0]
    return Scale(unit.price_decimals, unit.qty_decimals, window.row_size, name, title)


def _refuse_many(count: int, most: int) -> None:
    if count > most:
        raise UsageError(
            f"the window holds more than the {most:,} bars that fit a picture",
            fix="Take a shorter window (--from and --to take times) or longer bars",
        )


def _refuse_none(bars: list[Bar]) -> None:
    if not bars:
        raise CoverageError(
            "no whole bar lies in the window", fix="Take a longer window or shorter bars"
        )

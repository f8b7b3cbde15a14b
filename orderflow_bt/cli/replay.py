"""``orderflow-bt replay``: a stored day passed again, trade by trade."""

from __future__ import annotations

import json
import math
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US, HOUR_US, MarketType

if TYPE_CHECKING:
    from orderflow_bt.replay.scene import Scene
    from orderflow_bt.types import TapeId


def command(
    symbol: options.Symbol,
    date: Annotated[str, typer.Option("--date", help="UTC day to practise on.")],
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    time: Annotated[
        str, typer.Option("--time", help="UTC time of day to begin at, e.g. 14:30:00.")
    ] = "00:00",
    days: Annotated[int, typer.Option(help="How many days from --date on.", min=1)] = 1,
    bars: Annotated[str, typer.Option("--bars", help="Bars on screen: 1m, tick:500, …")] = "1m",
    warmup: Annotated[
        float, typer.Option(help="Hours of earlier tape to read at least.", min=0)
    ] = 24.0,
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", help="NAME[,parameter=value…] of a detector; repeatable."),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="NAME[,parameter=value…] to run beside you; repeatable."),
    ] = None,
    speed: Annotated[
        str, typer.Option(help="Tape seconds a second: 0.25 to 1000, or max.")
    ] = "max",
    headless: Annotated[
        bool, typer.Option("--headless", help="Without a page: --dump says what there was.")
    ] = False,
    dump: Annotated[
        Path | None, typer.Option("--dump", help="File for all that became known, as JSON lines.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option("--script", help="Actions to take: a journal, or lines {row, action}."),
    ] = None,
    latency: Annotated[
        float | None,
        typer.Option(help="Milliseconds of every leg; 100 on futures, 50 on spot.", min=0),
    ] = None,
    cash: Annotated[str, typer.Option(help="Starting cash, as for run.")] = "",
    leverage: Annotated[
        str, typer.Option(help="What is held may be worth this many times the equity.")
    ] = "1",
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="Replay days with missing trades.")
    ] = False,
) -> None:
    """Replay a stored day with your own orders, as a backtest would have run it."""
    tape = options.tape_id(exchange, market, kind, symbol)
    start = _begin(date, time)
    end = start // DAY_US * DAY_US + days * DAY_US
    scene = _open(
        tape, (start, end), bars, detector or [], strategy or [],
        warmup=round(warmup * HOUR_US), accept_gaps=accept_gaps, latency=latency, cash=cash,
        leverage=leverage,
    )  # fmt: skip
    if not headless:
        raise UsageError("there is no page yet", where="--headless", fix="Say --headless --dump")
    if dump is None:
        raise UsageError("a replay without a page writes a dump", where="--dump")
    _headless(scene, dump, script, _speed(speed))


def _begin(date: str, time: str) -> int:
    """The moment that ``--date`` and ``--time`` name, microseconds UTC."""
    options.parse_date(date, "--date")
    start, _ = options.time_window(f"{date}T{time}", f"{date}T23:59:59.999999")
    return start


def _speed(text: str) -> float:
    try:
        return math.inf if text == "max" else float(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no speed", where="--speed", fix="Write 0.25 to 1000, or max"
        ) from None


def _open(
    tape: TapeId,
    window: tuple[int, int],
    bars: str,
    detectors: list[str],
    strategies: list[str],
    *,
    warmup: int,
    accept_gaps: bool,
    latency: float | None,
    cash: str,
    leverage: str,
) -> Scene:
    from orderflow_bt.cli.assumptions import Assumptions
    from orderflow_bt.replay.scene import open_scene
    from orderflow_bt.types import BarSpec

    spec = BarSpec.parse(bars)
    assumed = Assumptions(
        latency=latency, cash=cash, leverage=leverage,
        fee_tables=options.settings.config.get("fees"),
        margin_tables=options.settings.config.get("margin"),
    )  # fmt: skip
    lake = options.open_lake()
    return open_scene(
        lake, tape, *window, bars=spec, config=assumed.config(lake, tape, *window),
        detectors=detectors, strategies=strategies, warmup=warmup, accept_gaps=accept_gaps,
    )  # fmt: skip


def _headless(scene: Scene, dump: Path, script: Path | None, speed: float) -> None:
    from orderflow_bt.replay.headless import read_script, run_headless

    steps = read_script(script) if script else []
    totals = run_headless(scene, dump, script=steps, speed=speed)
    typer.echo(json.dumps({"dump": str(dump), **totals}, indent=2))

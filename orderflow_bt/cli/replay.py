"""``orderflow-bt replay``: a stored day passed again, trade by trade."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import assumption_options, complete, options, replay_page
from orderflow_bt.cli.practice import ROOT
from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US, HOUR_US, MarketType

if TYPE_CHECKING:
    from orderflow_bt.replay.engine.scene import Scene
    from orderflow_bt.types import TapeId


def command(
    symbol: Annotated[
        str,
        typer.Argument(
            help="Symbol as the exchange writes it; left out with --blind.",
            autocompletion=complete.symbols,
        ),
    ] = "",
    date: Annotated[str, typer.Option("--date", help="UTC day to practise on.")] = "",
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    time: Annotated[
        str, typer.Option("--time", help="UTC time of day to begin at, e.g. 14:30:00.")
    ] = "00:00",
    days: Annotated[int, typer.Option(help="How many days from --date on.", min=1, max=3660)] = 1,
    bars: Annotated[str, typer.Option("--bars", help="Bars on screen: 1m, tick:500, …")] = "1m",
    warmup: Annotated[
        float, typer.Option(help="Hours of earlier tape to read at least.", min=0, max=87_840)
    ] = 24.0,
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", help="NAME[,parameter=value…] of a detector; repeatable."),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="NAME[,parameter=value…] to run beside you; repeatable."),
    ] = None,
    ticks_per_row: options.TicksPerRow = "auto",
    blind: Annotated[
        bool, typer.Option("--blind", help="A market and moment drawn by chance, and hidden.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of the blind draw and of the questions.", min=0)
    ] = None,
    challenge: Annotated[
        str, typer.Option(help="The code of a blind start, as somebody gave it to you.")
    ] = "",
    resume: Annotated[
        Path | None, typer.Option("--resume", help="A practice folder to go on with.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where practice folders lie.")] = ROOT,
    port: Annotated[
        int, typer.Option(help="Port of 127.0.0.1; by default a free one.", min=0, max=65535)
    ] = 0,
    opens: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    speed: Annotated[
        str, typer.Option(help="Of --headless: tape seconds a second, 0.25 to 1000, or max.")
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
    accept_gaps: options.AcceptGaps = False,
    fills: assumption_options.Fills = "queue",
    latency: assumption_options.Latency = None,
    trigger_on: assumption_options.Triggers = "last",
    fees: assumption_options.FeeRates = "",
    cash: assumption_options.Cash = "",
    leverage: assumption_options.Leverage = "1",
    margin: assumption_options.Margin = "",
    liquidate_on: assumption_options.Liquidates = "auto",
) -> None:
    """Replay a stored day with your own orders, as a backtest would have run it."""
    assumed: dict[str, Any] = {
        "latency": latency, "fills": fills, "fees": fees, "cash": cash, "leverage": leverage,
        "margin": margin, "liquidate_on": liquidate_on, "trigger_on": trigger_on,
    }  # fmt: skip
    hidden = blind or bool(challenge)
    if hidden and "mark" in (liquidate_on, trigger_on):
        raise UsageError(
            "a blind start is drawn from all stored days, with a mark price or without: which it is"
            " would tell something of it", where="--blind", fix="Leave mark out",
        )  # fmt: skip
    if hidden and (symbol or date or headless):
        raise UsageError(
            "a blind start is drawn: it has no symbol and no date, and a page", where="--blind"
        )
    if not headless:
        replay_page.check_extra()
    if resume is not None:
        if symbol or date or hidden or headless:
            raise UsageError("what is gone on with is known from its journal", where="--resume")
        replay_page.resume(resume, port=port, opens=opens)
        return
    tape, window = None, None
    if not hidden:
        if not symbol or not date:
            raise UsageError(
                "what to replay is not said",
                fix="Give a symbol and --date, or --blind, or --resume FOLDER",
            )
        tape = options.tape_id(exchange, market, kind, symbol)
        start = _begin(date, time)
        window = start, start // DAY_US * DAY_US + days * DAY_US
    if headless:
        assert tape is not None
        assert window is not None
        if dump is None:
            raise UsageError("a replay without a page writes a dump", where="--dump")
        scene = _open(
            tape, window, bars, detector or [], strategy or [], assumed,
            warmup=round(warmup * HOUR_US), accept_gaps=accept_gaps,
        )  # fmt: skip
        _headless(scene, dump, script, _speed(speed))
        return
    asked = replay_page.Asked(
        tape, window, bars, round(warmup * HOUR_US), options.row_ticks(ticks_per_row), detector,
        strategy or [], assumed, accept_gaps, seed, challenge, out, port, opens,
    )  # fmt: skip
    replay_page.begin(asked)


def _begin(date: str, time: str) -> int:
    """The moment that ``--date`` and ``--time`` name, microseconds UTC."""
    day = options.parse_date(date, "--date")
    try:
        moment = dt.time.fromisoformat(time)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise UsageError(
            f"{time!r} is no time of day", where="--time", fix="Write it as 14:30, UTC"
        )
    start, _ = options.time_window(f"{day}T{moment}", f"{day}T23:59:59.999999")
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
    assumed: dict[str, Any],
    *,
    warmup: int,
    accept_gaps: bool,
) -> Scene:
    from orderflow_bt.cli.assumptions import Assumptions
    from orderflow_bt.replay.engine.scene import open_scene
    from orderflow_bt.types import BarSpec

    spec = BarSpec.parse(bars)
    config = Assumptions(
        **assumed,
        fee_tables=options.settings.config.get("fees"),
        margin_tables=options.settings.config.get("margin"),
    )
    lake = options.open_lake()
    return open_scene(
        lake, tape, *window, bars=spec, config=config.config(lake, tape, *window),
        detectors=detectors, strategies=strategies, warmup=warmup, accept_gaps=accept_gaps,
    )  # fmt: skip


def _headless(scene: Scene, dump: Path, script: Path | None, speed: float) -> None:
    from orderflow_bt.replay.engine.headless import read_script, run_headless

    steps = read_script(script) if script else []
    totals = run_headless(scene, dump, script=steps, speed=speed)
    typer.echo(json.dumps({"dump": str(dump), **totals}, indent=2))

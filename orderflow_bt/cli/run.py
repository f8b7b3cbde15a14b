"""``orderflow-bt run``: a backtest, from the lake to a report."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import assumption_options, complete, options
from orderflow_bt.cli.assumptions import Assumptions, cautions
from orderflow_bt.cli.reports import Reports, build_report
from orderflow_bt.cli.run_words import print_portfolio, print_summary
from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.run import Request
    from orderflow_bt.types import TapeId


def command(
    strategy: Annotated[
        str,
        typer.Argument(
            help="Name, module:Class or file.py; several separated by commas.",
            autocompletion=complete.strategies,
        ),
    ],
    symbols: options.Symbols,
    first: options.From,
    last: options.To,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    accept_gaps: options.AcceptGaps = False,
    param: options.Param = None,
    portfolio: Annotated[
        bool,
        typer.Option("--portfolio", help="One cash account for all symbols, in one order of time."),
    ] = False,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid", help="Also under six latencies and from later starts; takes longer."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of every random choice.", min=0)] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes for several strategies; as many as processors.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; by default a new one below runs/.")
    ] = None,
    as_json: options.Json = False,
    fills: assumption_options.Fills = "queue",
    latency: assumption_options.Latency = None,
    entry_latency: assumption_options.Leg = None,
    cancel_latency: assumption_options.Leg = None,
    trigger_latency: assumption_options.Leg = None,
    response_latency: assumption_options.Leg = None,
    latency_sample: assumption_options.LatencySample = "",
    latency_table: assumption_options.LatencyTable = None,
    queue: assumption_options.Queue = "",
    queue_decay: assumption_options.QueueDecay = "0",
    slippage: assumption_options.Slippage = "",
    reference: assumption_options.ReferencePrice = "cross",
    participation: assumption_options.Participation = "1",
    max_wait: assumption_options.MaxWait = 60.0,
    trigger_on: assumption_options.Triggers = "last",
    stop_fill: assumption_options.StopFills = "market",
    gap_policy: assumption_options.Gaps = "keep",
    end: assumption_options.AtEnd = "mark",
    off_tick: assumption_options.OffTicks = "round",
    max_open_orders: assumption_options.MaxOpenOrders = 200,
    fees: assumption_options.FeeRates = "",
    fee_tier: assumption_options.FeeTier = "regular",
    cash: assumption_options.Cash = "",
    leverage: assumption_options.Leverage = "1",
    margin: assumption_options.Margin = "",
    liquidate_on: assumption_options.Liquidates = "auto",
    short: assumption_options.Short = "",
    funding_fuzz: assumption_options.FundingFuzz = 0.0,
) -> None:
    """Backtest a strategy on stored days: run folder, report and verdict."""
    from orderflow_bt.flow.auto_rows import with_rows
    from orderflow_bt.run import Request
    from orderflow_bt.strategy.registry import load_strategy

    window = options.time_window(first, last)
    tapes = [options.tape_id(exchange, market, kind, symbol) for symbol in symbols]
    assumed = Assumptions(
        fills=fills, latency=latency, fees=fees, fee_tier=fee_tier, slippage=slippage, queue=queue,
        participation=participation, max_wait=max_wait, cash=cash, funding_fuzz=funding_fuzz,
        seed=seed, leverage=leverage, margin=margin or ("isolated" if portfolio else ""),
        short=short, liquidate_on=liquidate_on,
        fee_tables=options.settings.config.get("fees"),
        margin_tables=options.settings.config.get("margin"),
        legs={
            "entry": entry_latency, "cancel": cancel_latency, "trigger": trigger_latency,
            "response": response_latency,
        },
        latency_sample=latency_sample, latency_table=latency_table, reference=reference,
        trigger_on=trigger_on, stop_fill=stop_fill, queue_decay=queue_decay, gap_policy=gap_policy,
        end=end, off_tick=off_tick, max_open_orders=max_open_orders,
    )  # fmt: skip
    lake = options.open_lake()
    configs = {tape: assumed.config(lake, tape, *window) for tape in tapes}
    for warning in {text for tape, config in configs.items() for text in cautions(tape, config)}:
        typer.echo(options.on_this_lake(f"warning: {warning}"), err=True)
    parameters = options.parameters(param or [])
    names = [name.strip() for name in strategy.split(",") if name.strip()]
    if not names:
        raise UsageError("no strategy is named")
    if portfolio and grid:
        raise UsageError(
            "a portfolio has no grid of conditions", where="--grid", fix="Leave it out"
        )
    if portfolio and len(names) > 1:
        raise UsageError("a portfolio runs one strategy", where="--portfolio")
    classes = {name: load_strategy(name) for name in names}
    many = len(names) * len(tapes) > 1
    asked = [
        [
            (
                Request(
                    plain_name(name), cls, with_rows(cls, parameters, lake, tape, window), tape,
                    *window, configs[tape], accept_gaps, grid,
                ),
                _folder(out, name, tape, many=many),
            )
            for name, cls in classes.items()
        ]
        for tape in tapes
    ]  # fmt: skip
    if portfolio:
        folder = _folder(out, names[0], None, many=False)
        _run_portfolio([request for ((request, _),) in asked], folder, as_json=as_json)
        return
    _refuse_early(asked)
    _run_each(asked, workers, as_json=as_json)


def _refuse_early(asked: Sequence[Sequence[tuple[Request, Path]]]) -> None:
    """Find what is wrong with any of the runs before the first one takes its time."""
    from orderflow_bt.plugins import make
    from orderflow_bt.run.window import find_window

    for request, folder in itertools.chain(*asked):
        make(request.strategy, **request.parameters)
        if folder.exists():
            raise UsageError(f"{folder} exists already", where="--out", fix="Give another folder")
    if len(asked) > 1:
        for (request, _), *_others in asked:
            find_window(
                options.open_lake(), request.tape, request.start, request.end,
                lookback=0, accept_gaps=request.accept_gaps,
            )  # fmt: skip


def _run_each(
    asked: Sequence[Sequence[tuple[Request, Path]]], workers: int | None, *, as_json: bool
) -> None:
    """Run what is asked of each tape, and say of each run what became of it when it is there."""
    results: dict[Path, dict[str, Any]] = {}
    failed: PluginError | None = None
    count = sum(map(len, asked))
    reports = Reports(count)
    for of_tape in asked:
        done = list(zip(of_tape, run_together(of_tape, workers), strict=True))
        reports.begin(f for (_, f), result in done if not isinstance(result, PluginError))
        for (_, folder), result in done:
            if isinstance(result, PluginError):
                failed = failed or result
                continue
            results[folder] = result
            try:
                if not as_json:
                    print_summary(result)
            finally:  # who reads a pipe and has seen enough does not lose the report
                reports.wait(folder)
            if not as_json:
                typer.echo(f"report: {folder / 'report.html'}")
    if as_json and results:
        found = list(results.values())
        typer.echo(json.dumps(found if count > 1 else found[0], indent=2, ensure_ascii=False))
    elif len(results) > 1:
        line = shlex.join([*options.program(), "report", *map(str, results)])
        typer.echo(f"side by side: {line}", err=True)
    if failed is not None:
        raise failed


def run_together(
    asked: Sequence[tuple[Request, Path]], workers: int | None = None
) -> list[dict[str, Any] | PluginError]:
    """Run strategies on one tape, in one pass or side by side, showing how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from orderflow_bt.run import backtests
    from orderflow_bt.run.workers import processors

    console = Console(stderr=True)
    quiet = options.settings.quiet or not console.is_terminal
    columns = (
        TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.completed:,} trades"), TimeRemainingColumn(),
    )  # fmt: skip
    names = ", ".join(request.name for request, _ in asked)
    # No thread draws it, as none may hold a lock where processes are forked.
    with Progress(
        *columns, console=console, disable=quiet, transient=True, auto_refresh=False
    ) as progress:
        task = progress.add_task(f"{names} on {asked[0][0].tape.symbol}", total=None)
        return backtests(
            options.open_lake(),
            asked,
            progress=lambda done, total: progress.update(
                task, completed=done, total=total, refresh=True
            ),
            workers=workers or processors(),
        )


def plain_name(text: str) -> str:
    """What a strategy given as name, ``module:Class`` or ``file.py`` is called."""
    path, _, name = text.partition(":")
    return name or Path(path).stem


def _run_portfolio(requests: list[Request], folder: Path, *, as_json: bool) -> None:
    """Run symbols with one cash account, and say what became of it."""
    from orderflow_bt.run.portfolio import portfolio

    metrics = portfolio(options.open_lake(), requests, folder)
    if as_json:
        typer.echo(json.dumps(metrics, indent=2, ensure_ascii=False))
    else:
        print_portfolio(metrics)
    for request in requests:
        build_report(folder / request.tape.symbol)
        if not as_json:
            typer.echo(f"report: {folder / request.tape.symbol / 'report.html'}")
    from orderflow_bt.report import build_portfolio

    page = build_portfolio(folder)
    if not as_json:
        typer.echo(f"report of all: {page}")


def _folder(out: Path | None, name: str, tape: TapeId | None, *, many: bool) -> Path:
    label = f"{plain_name(name)}-{tape.symbol if tape else 'portfolio'}"
    if out is not None:
        return out / label if many else out
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = options.RUNS / f"{moment}-{label}"
    number = 1
    while folder.exists():
        number += 1
        folder = options.RUNS / f"{moment}-{label}-{number}"
    return folder

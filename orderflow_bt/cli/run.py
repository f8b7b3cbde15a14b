"""``orderflow-bt run``: a backtest, from the lake to a report."""

from __future__ import annotations

import datetime as dt
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.assumptions import Assumptions, cautions
from orderflow_bt.cli.reports import Reports, build_report
from orderflow_bt.cli.words import labelled_lines
from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.run import Request
    from orderflow_bt.types import TapeId

_WIDEST = 100  # characters of a line that reads well


def command(
    strategy: Annotated[
        str,
        typer.Argument(help="Name, module:Class or file.py; several separated by commas."),
    ],
    symbols: options.Symbols,
    first: options.From,
    last: options.To,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="Run over missing days and trades.")
    ] = False,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A strategy parameter, name=value.")
    ] = None,
    fills: Annotated[str, typer.Option(help="queue, touch or through.")] = "queue",
    latency: Annotated[
        float | None,
        typer.Option(
            help="Milliseconds of every leg; 100 on futures, 50 on spot.",
            min=0,
            max=options.DAY_MS,
        ),
    ] = None,
    fees: Annotated[
        str,
        typer.Option(help="MAKER,TAKER in basis points at all times; else the dated rates known."),
    ] = "",
    fee_tier: Annotated[
        str, typer.Option(help="Whose rates: regular, or a tier of [[fees]] in orderflow-bt.toml.")
    ] = "regular",
    entry_latency: options.Leg = None,
    cancel_latency: options.Leg = None,
    trigger_latency: options.Leg = None,
    response_latency: options.Leg = None,
    latency_sample: Annotated[
        str, typer.Option(help="MEAN,STD in milliseconds: delays drawn from a lognormal.")
    ] = "",
    latency_table: Annotated[
        Path | None,
        typer.Option(help="CSV of delays by time of day or date: from,entry,cancel,trigger,…"),
    ] = None,
    slippage: Annotated[
        str,
        typer.Option(help="What takers pay besides: ticks, or ticks=K,bps=B,half_spread,sqrt=F."),
    ] = "",
    reference: Annotated[
        str, typer.Option(help="What takers pay: cross, next_print or next_same_side.")
    ] = "cross",
    trigger_on: Annotated[
        str,
        typer.Option(help="What triggers stops: last (price), or on futures mark, where stored."),
    ] = "last",
    stop_fill: Annotated[
        str, typer.Option(help="market, or trigger_price as bar tools have it, which nobody gets.")
    ] = "market",
    queue: Annotated[
        str, typer.Option(help="Volume ahead: visits:N, last_visit, zero or const:LOTS.")
    ] = "",
    queue_decay: Annotated[
        str, typer.Option(help="How fast the volume ahead is cancelled: exp(-RATE x seconds).")
    ] = "0",
    participation: Annotated[
        str, typer.Option(help="Share of each trade that taking orders may use, 0 to 1.")
    ] = "1",
    max_wait: Annotated[
        float,
        typer.Option(
            help="Seconds an entry that takes may need to fill; 0: any.", min=0, max=86_400
        ),
    ] = 60.0,
    gap_policy: Annotated[
        str, typer.Option(help="Where trades are missing: keep, cancel_orders or flatten_after.")
    ] = "keep",
    end: Annotated[
        str, typer.Option(help="A position open at the end: mark, or close it there.")
    ] = "mark",
    off_tick: Annotated[
        str, typer.Option(help="Prices off the exchange's tick: round, or reject the order.")
    ] = "round",
    max_open_orders: Annotated[
        int, typer.Option(help="Open orders beyond these are rejected.", min=1)
    ] = 200,
    cash: Annotated[
        str,
        typer.Option(
            help="Starting cash: in quote currency (10000), on cm in the coin (what 10000 USD"
            " bought at the first trade)."
        ),
    ] = "",
    leverage: Annotated[
        str, typer.Option(help="What is held may be worth this many times the equity.")
    ] = "1",
    margin: Annotated[
        str,
        typer.Option(
            help="What backs a position on futures: cross or isolated; isolated with --portfolio."
        ),
    ] = "",
    liquidate_on: Annotated[
        str,
        typer.Option(help="On futures: auto (the mark price where it is stored), mark or last."),
    ] = "auto",
    portfolio: Annotated[
        bool,
        typer.Option("--portfolio", help="One cash account for all symbols, in one order of time."),
    ] = False,
    short: Annotated[
        str, typer.Option(help="allowed or refused: selling what is not held; refused on spot.")
    ] = "",
    funding_fuzz: Annotated[
        float,
        typer.Option(
            help="Seconds by which funding looks at positions later; may be negative.",
            min=-86_400,
            max=86_400,
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of every random choice.", min=0)] = 1,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid", help="Also under six latencies and from later starts; takes longer."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; by default a new one below runs/.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes for several strategies on cached days; as many as processors.",
        ),
    ] = None,
    as_json: options.Json = False,
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
    if portfolio:
        requests = [
            Request(
                plain_name(names[0]), load_strategy(names[0]), parameters, tape, *window,
                configs[tape], accept_gaps,
            )
            for tape in tapes
        ]  # fmt: skip
        if len(names) > 1:
            raise UsageError("a portfolio runs one strategy", where="--portfolio")
        _run_portfolio(requests, _folder(out, names[0], None, many=False), as_json=as_json)
        return
    many = len(names) * len(tapes) > 1
    folders = {(n, t): _folder(out, n, t, many=many) for n in names for t in tapes}
    _refuse_early(names, parameters, list(folders.values()))
    results: list[dict[str, Any]] = []
    failed: PluginError | None = None
    reports = Reports(len(folders))
    classes = {name: load_strategy(name) for name in names}
    for tape in tapes:
        requests = [
            Request(
                plain_name(name), classes[name],
                with_rows(classes[name], parameters, lake, tape, window), tape, *window,
                configs[tape], accept_gaps, grid,
            )
            for name in names
        ]  # fmt: skip
        asked = [(r, folders[n, tape]) for n, r in zip(names, requests, strict=True)]
        done = list(zip(asked, run_together(asked, workers), strict=True))
        reports.begin(f for (_, f), result in done if not isinstance(result, PluginError))
        for (_, folder), result in done:
            if isinstance(result, PluginError):
                failed = failed or result
                continue
            results.append(result)
            try:
                if not as_json:
                    print_summary(result)
            finally:  # who reads a pipe and has seen enough does not lose the report
                reports.wait(folder)
            if not as_json:
                typer.echo(f"report: {folder / 'report.html'}")
    if as_json and results:
        typer.echo(json.dumps(results if many else results[0], indent=2, ensure_ascii=False))
    if failed is not None:
        raise failed


def _refuse_early(names: list[str], parameters: dict[str, str], folders: list[Path]) -> None:
    """Find what is wrong with any of the runs before the first one takes its time."""
    from orderflow_bt.flow.auto_rows import NAME, is_auto
    from orderflow_bt.plugins import make
    from orderflow_bt.strategy.registry import load_strategy

    for name in names:
        given = {**parameters, NAME: 1} if is_auto(parameters) else parameters
        make(load_strategy(name), **given)
    for folder in folders:
        if folder.exists():
            raise UsageError(f"{folder} exists already", where="--out", fix="Give another folder")


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


def print_summary(metrics: dict[str, Any]) -> None:
    """What a trader reads on the terminal after a run."""
    from orderflow_bt.report.words import percent
    from orderflow_bt.stats.verdict import amount, count, money

    quote, coverage = metrics["quote"], metrics["coverage"]
    rows = {
        "net": f"{money(metrics['net_pnl'], quote)} ({percent(metrics['total_return'], 2)} of"
        f" {amount(metrics['start_cash'], quote)})",
        ("rebates" if metrics["fees"] < 0 else "fees"): f"{amount(metrics['fees'], quote)},"
        f" slippage {amount(metrics['slippage'], quote)}",
        "funding": f"{money(metrics['funding'], quote)} in"
        f" {count(metrics['funding_payments'], 'payment')}",
        "round trips": f"{metrics['round_trips']:,} from {count(metrics['events'], 'event')},"
        f" {count(metrics['fills'], 'fill')}",
        "drawdown": f"{percent(metrics['max_drawdown_per_trade'], 2)} at worst, trade by trade",
        "data": f"{count(metrics['trades_read'], 'trade')}, {coverage['days_with_data']:,} of"
        f" {count(coverage['days'], 'day')}, {count(coverage['missing_ids'], 'trade')} missing",
    }
    if metrics["liquidations"]:
        rows = {"LIQUIDATED": _liquidations(metrics)} | rows
    if not metrics["funding_payments"]:
        del rows["funding"]
    if metrics["not_simulated"]:
        rows["left out"] = options.on_this_lake("; ".join(metrics["not_simulated"]))
    for label in ("skipped", "rejected"):
        if metrics[label]:
            rows[label] = ", ".join(f"{number:,} {why}" for why, number in metrics[label].items())
    rows["result"] = metrics["result_hash"][:16]
    _print_verdict(metrics["verdict"], rows)


def _print_verdict(verdict: dict[str, Any], rows: dict[str, str]) -> None:
    """Headline, sentences, numbers: as wide as the terminal, and never wider than reads well."""
    import shutil

    width = min(shutil.get_terminal_size().columns, _WIDEST)
    typer.secho(textwrap.fill(verdict["headline"], width), bold=True)
    for sentence in verdict["sentences"]:
        typer.echo(textwrap.indent(textwrap.fill(sentence, width - 2), "  "))
    typer.echo("\n".join(labelled_lines(rows, width)))


def _liquidations(metrics: dict[str, Any]) -> str:
    from orderflow_bt.stats.verdict import amount, times

    lost = amount(metrics["liquidation_loss"], metrics["quote"])
    return f"{times(metrics['liquidations'])}, losing {lost}"


def _run_portfolio(requests: list[Request], folder: Path, *, as_json: bool) -> None:
    """Run symbols with one cash account, and say what became of it."""
    from orderflow_bt.run.portfolio import portfolio
    from orderflow_bt.stats.verdict import amount, count, money

    metrics = portfolio(options.open_lake(), requests, folder)
    if as_json:
        typer.echo(json.dumps(metrics, indent=2, ensure_ascii=False))
    else:
        quote = metrics["quote"]
        net = money(metrics["net_pnl"], quote)
        rows = {"all": f"{net} of {amount(metrics['start_cash'], quote)}"}
        for symbol, part in metrics["by_symbol"].items():
            trips = count(part["round_trips"], "round trip")
            rows[symbol] = f"{money(part['net_pnl'], quote)} from {trips}"
        if metrics["not_simulated"]:
            rows["left out"] = options.on_this_lake("; ".join(metrics["not_simulated"]))
        rows["result"] = metrics["result_hash"][:16]
        _print_verdict(metrics["verdict"], rows)
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
    folder = Path("runs") / f"{moment}-{label}"
    number = 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{moment}-{label}-{number}"
    return folder

"""What a trader reads on the terminal after a run: the verdict, then the numbers."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import WIDEST, labelled_lines


def print_summary(metrics: dict[str, Any]) -> None:
    """Print the verdict and the numbers of one run."""
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
        **_conditions(metrics),
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


def print_portfolio(metrics: dict[str, Any]) -> None:
    """Print the verdict of symbols that share one account, and what each made."""
    from orderflow_bt.stats.verdict import amount, count, money

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


def _print_verdict(verdict: dict[str, Any], rows: dict[str, str]) -> None:
    """Headline, sentences, numbers: as wide as the terminal, and never wider than reads well."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    typer.secho(textwrap.fill(verdict["headline"], width), bold=True)
    for sentence in verdict["sentences"]:
        typer.echo(textwrap.indent(textwrap.fill(sentence, width - 2), "  "))
    typer.echo("\n".join(labelled_lines(rows, width)))


def _conditions(metrics: dict[str, Any]) -> dict[str, str]:
    """Net results under other conditions, where ``--grid`` asked for them."""
    from orderflow_bt.report.words import span
    from orderflow_bt.stats.verdict import money

    grid = metrics.get("grid") or {}
    rows = {
        "latency": [f"{row['ms']:,} ms {money(row['net_pnl'])}" for row in grid.get("latency", [])],
        "begun later": [
            f"by {span(row['us'])} {money(row['net_pnl'])} (of this run from then on"
            f" {money(row['same_net'])})"
            for row in grid.get("later", [])
        ],
    }
    return {label: ", ".join(found) for label, found in rows.items() if found}


def _liquidations(metrics: dict[str, Any]) -> str:
    from orderflow_bt.stats.verdict import amount, times

    lost = amount(metrics["liquidation_loss"], metrics["quote"])
    return f"{times(metrics['liquidations'])}, losing {lost}"

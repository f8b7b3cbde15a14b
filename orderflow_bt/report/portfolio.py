"""The page of a portfolio: its one account, and what each symbol gave it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError
from orderflow_bt.report import words
from orderflow_bt.report.attribution import zero_of
from orderflow_bt.report.build import (
    drift_of,
    environment,
    held_worth,
    holes_of,
    style_sheet,
    write_whole,
)
from orderflow_bt.report.curves import Curve, draw_curves
from orderflow_bt.report.drift import Days
from orderflow_bt.report.equity import draw_equity
from orderflow_bt.report.folder import RunFolder, read_run
from orderflow_bt.report.honesty import shared_notes
from orderflow_bt.report.numbers import bar_rows, number_groups
from orderflow_bt.report.page import band_rows, money_rows, reach_of, window_words
from orderflow_bt.report.rows import Joined, Rows
from orderflow_bt.report.shots import shoot
from orderflow_bt.report.sturdy import sturdy_rows
from orderflow_bt.report.theme import palette
from orderflow_bt.report.together import portfolio_groups
from orderflow_bt.run.whole import SUMS, check_sums
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.verdict import count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.report.numbers import NumberRow
    from orderflow_bt.report.shots import Shot
    from orderflow_bt.report.theme import Theme

WHOLE = "all"  # the folder of the whole, beside those of the symbols


def is_portfolio(folder: Path) -> bool:
    """Whether a folder is a portfolio's: that of the whole account is in it."""
    return any((folder / WHOLE / name).is_file() for name in ("metrics.json", SUMS))


def build_portfolio(folder: Path, palette_name: str = "default") -> Path:
    """Write ``all/report.html``, the page of the whole account, from a portfolio's folder alone.

    Args:
        folder: As ``run --portfolio`` wrote it.
        palette_name: ``default`` or ``colour-blind``.

    Returns:
        Path of the page.

    Raises:
        UsageError: No portfolio's folder, or no such palette.
        OrderflowError: A file of it cannot be read.
    """
    dark, light = palette(palette_name)
    metrics = _metrics(folder / WHOLE / "metrics.json")
    runs = {symbol: read_run(folder / symbol) for symbol in metrics["symbols"]}
    first = next(iter(runs.values())).manifest
    quote = metrics["quote"]
    money, money_zero = money_rows(metrics, quote)
    band, band_zero = band_rows(metrics, first["simulation"]["fills"], quote)
    gave, gave_zero = _contributions(metrics)
    closed = {
        symbol: run.rows("round_trips").where("is_open", [False]) for symbol, run in runs.items()
    }
    every, reach = Joined(list(closed.values())), reach_of(first["window"])
    signal = portfolio_groups(metrics, runs, closed, quote)
    title = first["strategy"]["title"]
    window = window_words(first["window"])
    html = (
        environment()
        .get_template("portfolio.html.j2")
        .render(
            title=f"{title}, a portfolio of {len(runs)} symbols, {window}",
            kicker=f"{title} on {', '.join(runs)} with one account, {window} UTC",
            metrics=metrics,
            quote=quote,
            simulated=first.get("simulated_market") or "",
            equity=_equity(folder, metrics, runs, dark, light),
            curves=_curves(runs, dark, light),
            numbers=_numbers(folder, metrics) if metrics["fills"] else [],
            money=(money, money_zero),
            band=(band, band_zero),
            gave=(gave, gave_zero),
            signal=signal,
            signal_zero=zero_of(signal),
            sturdy=sturdy_rows(every, metrics, reach, quote, without=closed),
            drift=_drift(folder, first, every, quote, dark, light),
            symbols=_symbols(metrics, runs),
            notes=shared_notes(first, metrics),
            data_notes=_data_notes(metrics),
            css=style_sheet(dark, light, metrics["verdict"]["tone"]),
        )
    )
    page = folder / WHOLE / "report.html"
    write_whole(page, html.encode())
    return page


def _metrics(path: Path) -> dict[str, Any]:
    check_sums(path.parent, ["equity.parquet", "metrics.json"])
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OrderflowError(
            f"the numbers of the whole portfolio cannot be read: {error}",
            where=str(path),
            fix="Give the folder that `orderflow-bt run --portfolio` printed, or run it again",
        ) from error
    return found


def _numbers(folder: Path, metrics: Mapping[str, Any]) -> list[tuple[str, list[NumberRow]]]:
    """As a run's; what is under water is known at bar closes, not at every trade."""
    equity = Rows(folder / WHOLE / "equity.parquet").floats("equity")
    peaks = np.maximum.accumulate(np.maximum(equity, metrics["start_cash"]))
    deepest = {"max_drawdown_per_trade": float((equity / peaks - 1).min(initial=0.0))}
    marked = {"Deepest drawdown": "marked at the bar closes of all symbols"}
    return [
        (title, [replace(row, note=marked.get(row.name, row.note)) for row in rows])
        for title, rows in number_groups({**metrics, **deepest}, metrics["quote"])
    ]


def _contributions(metrics: Mapping[str, Any]) -> Any:
    values = [
        (symbol, part["net_pnl"], count(part["round_trips"], "round trip"))
        for symbol, part in metrics["by_symbol"].items()
    ]
    return bar_rows([*values, ("All", metrics["net_pnl"], "")], metrics["quote"])


def exposure(runs: Mapping[str, RunFolder], time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """What all symbols held together, long and short alike, at each of some times, in money.

    Args:
        runs: By symbol.
        time_us: int64 [n], microseconds UTC, rising.

    Returns:
        float64 [n], the sum of each symbol's value at its last mark.
    """
    gross = np.zeros(time_us.size)
    for run in runs.values():
        marked = run.ints("equity", "time")
        if not marked.size:
            continue
        worth = np.abs(held_worth(run))
        at = np.searchsorted(marked, time_us, side="right") - 1
        gross += np.where(at < 0, 0.0, worth[at])
    return gross


def _equity(
    folder: Path, metrics: Mapping[str, Any], runs: Mapping[str, RunFolder], dark: Theme,
    light: Theme,
) -> Shot | None:  # fmt: skip
    table = Rows(folder / WHOLE / "equity.parquet")
    time = table.ints("time")
    if not time.size or not metrics["fills"]:
        return None
    first = next(iter(runs.values())).manifest
    missing = [set(one["missing_days"]) for one in metrics["coverage"].values()]
    ended = [
        run.rows("round_trips").where("exit_role", ["liquidation"]).ints("exit_time")
        for run in runs.values()
    ]
    equity = table.floats("equity")
    held = 100 * exposure(runs, time) / np.where(equity > 0, equity, np.inf)
    return shoot(
        lambda theme: draw_equity(
            time,
            equity,
            theme,
            start_cash=float(first["simulation"]["cash"]),
            quote=metrics["quote"],
            holes=holes_of(sorted(set.intersection(*missing))),
            held=held,
            window=reach_of(first["window"]),
            liquidated=np.sort(np.concatenate(ended)),
            held_name="held at bar closes, long and short of all symbols, % of equity",
        ),
        (dark, light),
        f"Equity of the account in {metrics['quote']}, drawdown, and what was held, over time",
        lines=True,
    )


def _drift(  # noqa: PLR0917 - all of one picture
    folder: Path, first: Mapping[str, Any], trips: Joined, quote: str, dark: Theme, light: Theme
) -> tuple[Shot | None, list[str]]:
    """Rolling figures of all symbols together."""
    if not len(trips):
        return None, []
    table, simulation = Rows(folder / WHOLE / "equity.parquet"), first["simulation"]
    marks = (table.ints("time"), table.floats("equity"))
    days = Days(*marks, float(simulation["cash"]), reach_of(first["window"]))
    return drift_of(trips, days, quote, simulation["seed"], themes=(dark, light), figures=None)


def _curves(runs: Mapping[str, RunFolder], dark: Theme, light: Theme) -> Shot | None:
    """What each symbol made of the account, over time."""
    made = []
    for symbol, run in runs.items():
        time, cash = run.ints("equity", "time"), float(run.manifest["simulation"]["cash"])
        if time.size:
            made.append(Curve(symbol[:12], time, 100 * (run.floats("equity", "equity") / cash - 1)))
    if not made:
        return None
    alt = "What each symbol made, in percent of the starting cash, over time"
    return shoot(lambda theme: draw_curves(made, theme), (dark, light), alt, lines=True)


def _symbols(metrics: Mapping[str, Any], runs: Mapping[str, RunFolder]) -> list[dict[str, str]]:
    digits = money_digits(metrics["quote"])
    rows = []
    for symbol, run in runs.items():
        own = run.metrics
        win, share = own.get("win_rate"), own.get("exposure")
        rows.append(
            {
                "symbol": symbol,
                "trips": f"{own['round_trips']:,}",
                "net": words.signed(own["net_pnl"], digits),
                "fees": words.plain(own["fees"], digits),
                "funding": words.signed(own["funding"], digits),
                "wins": "" if win is None else words.percent(win),
                "time": "" if share is None else words.percent(share),
                "most": words.plain(float(np.abs(held_worth(run)).max(initial=0.0)), digits),
                "liquidations": f"{own['liquidations']:,}",
                "tone": own["verdict"]["headline"],
            }
        )
    return rows


def _data_notes(metrics: Mapping[str, Any]) -> list[str]:
    """What each symbol's data lacked."""
    notes = []
    for symbol, one in metrics["coverage"].items():
        missing, lost = len(one["missing_days"]), one["missing_ids"]
        said = [f"{missing} of {one['days']} days have no data"] if missing else []
        if lost:
            said.append(f"{count(lost, 'trade')} missing inside the days")
        notes.append(f"{symbol}: {', '.join(said) if said else 'no trade is missing'}.")
    return notes

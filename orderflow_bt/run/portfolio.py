"""A portfolio run: one strategy on several symbols that share one cash account."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orderflow_bt import stats
from orderflow_bt.errors import OrderflowError, PluginError, UnsupportedError, UsageError
from orderflow_bt.run.chance import chance_together
from orderflow_bt.run.columns import as_stats
from orderflow_bt.run.folder import failed_home, write_failed, write_run
from orderflow_bt.run.numbers import moment_of
from orderflow_bt.run.running import Running
from orderflow_bt.run.tables import INT, MONEY
from orderflow_bt.run.whole import whole_folder
from orderflow_bt.sim import FillPolicy, LiquidateOn
from orderflow_bt.sim.portfolio import AccountEnds, Portfolio
from orderflow_bt.sim.tiers import MarginMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orderflow_bt.run.folder import Written
    from orderflow_bt.run.record import RunRecord
    from orderflow_bt.run.request import Request
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.joint import Doom
    from orderflow_bt.store import Lake


def portfolio(lake: Lake, asked: Sequence[Request], folder: Path) -> dict[str, Any]:
    """Run on several symbols with one cash account; returns the metrics of the whole.

    The folder holds ``metrics.json`` and ``equity.parquet`` of the whole, and a run folder for each
    symbol, by its name. Each fill policy is a pass of its own over the tapes.

    Args:
        lake: Where the days are stored.
        asked: A request for each symbol, in the order that counts at one and the same time.
        folder: The folder to make; it must not exist.

    Raises:
        UsageError: The requests differ in what they share.
        UnsupportedError: Cross margin by the mark price.
        CoverageError: Days or trades are missing and the requests do not accept that.
        PluginError: The strategy raised, or broke a rule; what each symbol had until then is kept
            below a folder of its own, ``FOLDER.failed``.
    """
    _check(asked, folder)
    asked = [_by_last(request) for request in asked]
    config = asked[0].config
    others = [policy for policy in FillPolicy if policy is not config.fills]
    records: list[RunRecord] = []
    band: dict[str, dict[str, Any]] = {}
    sessions: dict[str, list[Any]] = {}
    joint: list[tuple[int, Any]] = []
    for policy in (config.fills, *others):
        try:
            runs, playing, together = _play(lake, asked, policy, folder)
        except _Failed as failed:
            raise _keep(records or failed.records, failed.error, folder) from failed.error
        sessions[policy.value] = playing
        if policy is config.fills:
            joint = together.equity
            symbols = tuple(request.tape.symbol for request in asked)
            records = [
                replace(run.record(session.still_open()), portfolio=symbols, compared={})
                for run, session in zip(runs, playing, strict=True)
            ]
        band[policy.value] = _outcome(playing)
    band = {policy.value: band[policy.value] for policy in FillPolicy}
    records = [
        replace(record, by_policy={policy: playing[n] for policy, playing in sessions.items()})
        for n, record in enumerate(records)
    ]
    with whole_folder(folder) as part:
        return _write(records, joint, band, part.home)


class _Failed(Exception):  # noqa: N818 - it is no error by itself: it carries one
    """A pass that a strategy ended, with what it had until then."""

    def __init__(self, error: PluginError, records: list[RunRecord]) -> None:
        super().__init__(error.what)
        self.error, self.records = error, records


def _keep(records: Sequence[RunRecord], error: PluginError, folder: Path) -> PluginError:
    """Write what every symbol had; the error, which says where."""
    home = failed_home(folder)
    symbols = tuple(record.request.tape.symbol for record in records)
    for symbol, record in zip(symbols, records, strict=True):
        write_failed(replace(record, portfolio=symbols), error, home / symbol)
    told = f"What the portfolio had until then: {home}"
    fix = f"{error.fix}. {told}" if error.fix else told
    return PluginError(error.what, where=error.where, fix=fix)


def _play(
    lake: Lake, asked: Sequence[Request], policy: FillPolicy, folder: Path, doom: Doom | None = None
) -> tuple[list[Running], list[Session], Portfolio]:
    """One pass under a fill policy; where the account ends in it, a second one that knows where."""
    runs = [Running(lake, request, home=folder.parent) for request in asked]
    if len({run.instrument.currency for run in runs}) > 1:
        raise UsageError("the symbols of a portfolio are paid in one currency")
    playing = [run.session_under(policy) for run in runs]
    together = Portfolio(playing, doom)
    try:
        together.run([run.slices() for run in runs], asked[0].end)
    except PluginError as error:
        had = [run.record(one.still_open()) for run, one in zip(runs, playing, strict=True)]
        raise _Failed(error, had) from error
    except AccountEnds as end:
        if doom is not None:
            raise AssertionError(f"an account ends twice: {doom}, {end.doom}") from end
        return _play(lake, asked, policy, folder, end.doom)
    return runs, playing, together


def _write(
    records: Sequence[RunRecord],
    joint: Sequence[tuple[int, Any]],
    band: Mapping[str, dict[str, Any]],
    folder: Path,
) -> dict[str, Any]:
    """A run folder for each symbol, and one of the whole."""
    written = {
        record.request.tape.symbol: write_run(record, folder / record.request.tape.symbol)
        for record in records
    }
    metrics = _metrics(records, joint, band, written)
    equity = pa.table(
        {
            "time": pa.array([time for time, _ in joint], INT),
            "equity": pa.array([equity for _, equity in joint], MONEY),
        }
    )
    with whole_folder(folder / "all") as part:
        part.write_table("equity", [equity])
        part.write_text("metrics", metrics)
    return metrics


def _by_last(request: Request) -> Request:
    """The same; where all positions hang on one account, each trade's price is tested."""
    config = request.config
    if config.margin is MarginMode.ISOLATED or not request.tape.market.is_futures:
        return request
    return replace(request, config=replace(config, liquidate_on=LiquidateOn.LAST))


def _check(asked: Sequence[Request], folder: Path) -> None:
    first = asked[0]
    if len({request.tape.symbol for request in asked}) < max(2, len(asked)):
        raise UsageError("a portfolio is of two symbols or more, each once")
    if any((r.start, r.end, r.name) != (first.start, first.end, first.name) for r in asked):
        raise UsageError("the symbols of a portfolio share strategy and window")
    if any(
        (r.config.cash, r.config.fills) != (first.config.cash, first.config.fills) for r in asked
    ):
        raise UsageError("the symbols of a portfolio share their cash", fix="Say --cash")
    if first.config.margin is MarginMode.CROSS and first.config.liquidate_on is LiquidateOn.MARK:
        raise UnsupportedError(
            "cross margin over several symbols is tested on the last price only",
            fix="Use --liquidate-on last, or --margin isolated",
        )
    if folder.exists():
        raise OrderflowError(
            "the folder exists already", where=str(folder), fix="Give another --out"
        )


def _outcome(sessions: Sequence[Any]) -> dict[str, Any]:
    """What one fill policy led to, over all symbols."""
    net = sum(
        session.account.equity(session.last_price) - Fraction(session.config.cash)
        for session in sessions
    )
    return {
        "net_pnl": float(net),
        "fills": sum(len(session.broker.fills) for session in sessions),
        "round_trips": sum(session.trips.count_done for session in sessions),
    }


def _metrics(
    records: Sequence[RunRecord],
    joint: Sequence[tuple[int, Any]],
    band: Mapping[str, dict[str, Any]],
    written: Mapping[str, Written],
) -> dict[str, Any]:
    request = records[0].request
    parts = {symbol: one.metrics for symbol, one in written.items()}
    total = {
        name: sum(part[name] for part in parts.values())
        for name in (
            "fees", "funding", "funding_payments", "slippage", "orders", "fills", "events",
            "liquidations", "liquidation_loss", "trades_read", "traded_notional",
        )
    }  # fmt: skip
    quote = records[0].instrument.currency
    summary = stats.summarise(
        equity_time=np.array([time for time, _ in joint], np.int64),
        equity=np.array([float(equity) for _, equity in joint], np.float64),
        **as_stats([one.trips for one in written.values()]),
        notional=total["traded_notional"],
        start_cash=float(request.config.cash),
        start_us=request.start,
        end_us=request.end,
        seed=request.config.seed,
    )
    del summary["exposure"]  # positions of several symbols overlap
    ended = [one.trips.liquidated_at for one in written.values() if one.trips.liquidated_at]
    coverage = [part["coverage"] for part in parts.values()]
    judged = stats.judge(
        stats.Evidence(
            round_trips=summary["round_trips"],
            net_pnl=summary["trips_net_pnl"],
            gross_pnl=summary["trips_gross_pnl"],
            fees=summary["trips_fees"],
            funding=summary["trips_funding"],
            slippage=total["slippage"],
            expectancy_r=summary["expectancy_r"],
            r_interval=summary["trip_r_interval"],
            liquidations=total["liquidations"],
            liquidation_loss=total["liquidation_loss"],
            liquidated_at=moment_of(min(ended, default=0)),
            start_cash=summary["start_cash"],
            final_equity=summary["final_equity"],
            sum_interval=summary["trip_sum_interval"],
            band={policy: outcome["net_pnl"] for policy, outcome in band.items()},
            quote=quote,
            open_pnl=summary["open_pnl"],
            open_trips=summary["open_round_trips"],
            orders=total["orders"],
            events=total["events"],
            days=max(one["days"] for one in coverage),
            missing_days=max(len(one["missing_days"]) for one in coverage),
            missing_ids=sum(one["missing_ids"] for one in coverage),
            simulated_market=records[0].simulated_market,
        )
    )
    hashes = [parts[symbol]["result_hash"] for symbol in parts]
    shown = json.dumps([hashes, [[time, str(equity)] for time, equity in joint]])
    return {
        "result_hash": hashlib.sha256(shown.encode()).hexdigest(),
        "symbols": list(parts),
        "quote": quote,
        **summary,
        **total,
        "net_pnl": band[request.config.fills.value]["net_pnl"],
        "by_symbol": {
            symbol: {
                name: part[name] for name in ("net_pnl", "round_trips", "fees", "funding", "fills")
            }
            for symbol, part in parts.items()
        },
        "chance": chance_together([one.joint for one in written.values() if one.joint]),
        "coverage": {symbol: part["coverage"] for symbol, part in parts.items()},
        "band": dict(band),
        "not_simulated": _left_out(parts),
        "verdict": {
            "tone": judged.tone,
            "headline": judged.headline,
            "sentences": list(judged.sentences),
        },
    }


def _left_out(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What was not simulated, once where it differs by the symbol alone."""
    whose: dict[str, list[str]] = {}
    for symbol, part in parts.items():
        for text in part["not_simulated"]:
            whose.setdefault(text.replace(f" {symbol} ", " {} "), []).append(symbol)
    return sorted(text.replace("{}", " ".join(symbols)) for text, symbols in whose.items())

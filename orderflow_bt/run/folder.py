"""The run folder: everything a run needed and produced, whole or not there.

Nothing in it tells when it was made, so that a rerun is equal byte for byte. The result hash covers
what went in (data, window, parameters, assumptions) and what came out (every table).
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import orderflow_bt
from orderflow_bt import stats
from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels._jit import kernel_hash
from orderflow_bt.run import tables
from orderflow_bt.run.chance import chance_of
from orderflow_bt.run.described import described, iso
from orderflow_bt.sim import StopFill
from orderflow_bt.sim.declared import lookback_of
from orderflow_bt.sim.logs import ABSENT
from orderflow_bt.sim.rounding import money
from orderflow_bt.strategy.registry import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.errors import PluginError
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.backtest import Request
    from orderflow_bt.run.context import ContextPlan
    from orderflow_bt.run.funding import FundingPlan
    from orderflow_bt.run.window import Window
    from orderflow_bt.sim import Session, SimConfig
    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Strategy

SCHEMA = 1
_AT_ONCE = 1 << 16  # values made into texts


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run, about to be written down.

    ``trips`` stand in order of entry, one still open last; ``bars`` and ``footprints`` are the
    columns of their tables. ``portfolio`` names the symbols that share the cash, where some do.
    """

    request: Request
    window: Window
    funding: FundingPlan
    context: ContextPlan
    instrument: Instrument
    strategy: Strategy
    session: Session
    trips: list[RoundTrip]
    bars: NDArray[np.int64]
    footprints: NDArray[np.int64]
    by_policy: Mapping[str, Session]
    compared: Mapping[str, Session]
    simulated_market: str
    portfolio: tuple[str, ...] = ()


def write_run(record: RunRecord, folder: Path) -> dict[str, Any]:
    """Write the run folder and return its metrics.

    Raises:
        OrderflowError: The folder exists, or cannot be written.
    """
    if folder.exists():
        raise OrderflowError(
            "the run folder exists already", where=str(folder), fix="Give another --out"
        )
    content = _tables(record)
    manifest = _manifest(record)
    manifest["result_hash"] = _result_hash(manifest, content)
    metrics = _metrics(record, manifest["result_hash"])
    write_whole(folder, content, {"manifest": manifest, "metrics": metrics})
    return metrics


def write_whole(
    folder: Path, content: Mapping[str, pa.Table], texts: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a folder of tables and JSON files, whole or not at all.

    Raises:
        OrderflowError: It cannot be written; nothing of it is left.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        for name, table in content.items():
            pq.write_table(table, part / f"{name}.parquet", compression="zstd")
        for name, values in texts.items():
            text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
            (part / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise OrderflowError(
            f"the run folder cannot be written: {error.strerror or error}", where=str(folder)
        ) from error


def keep_failed(record: RunRecord, error: PluginError, folder: Path) -> Path:
    """Write down what a run had until its strategy failed; returns where.

    The folder is ``NAME.failed`` and has no manifest and no metrics: nothing reads it for a run.
    ``failure.json`` says what happened; ``inputs`` in it is what the manifest would say.
    """
    home = folder.with_name(f"{folder.name}.failed")
    number = 1
    while home.exists():
        number += 1
        home = folder.with_name(f"{folder.name}.failed-{number}")
    failure = {
        "failed": str(error),
        "what": error.what,
        "where": error.where,
        "market_time": iso(record.session.now),
        "trades_read": record.session.trades_read,
        "inputs": _manifest(record),
    }
    write_whole(home, _tables(record), {"failure": failure})
    return home


def _tables(record: RunRecord) -> dict[str, pa.Table]:
    session = record.session
    orders, fills = session.broker.orders, session.broker.fills
    ordered = np.unique(np.asarray(orders.columns()["event_id"], np.int64))
    actions = {number: "order" for number in ordered.tolist() if number != ABSENT}
    actions |= session.broker.skipped
    return {
        "orders": tables.orders_table(orders, fills),
        "fills": tables.fills_table(fills),
        "round_trips": tables.trips_table(record.trips),
        "funding": tables.funding_table(session.funding.payments),
        "equity": tables.equity_table(session.equity),
        "events": tables.events_table(session.events, actions),
        "bars": tables.from_matrix("bars", record.bars),
        "footprints": tables.from_matrix("footprints", record.footprints),
    }


def _manifest(record: RunRecord) -> dict[str, Any]:
    request, config, units = record.request, record.session.config, record.instrument
    cls = type(record.strategy)
    source = source_of(cls)
    base, quote = units.assets
    first_read = (*record.window.warmup, *record.window.days)[0]
    return {
        "schema": SCHEMA,
        "strategy": {
            "name": request.name,
            "title": request.name.replace("_", " ").capitalize(),
            "class": cls.__qualname__,
            "doc": inspect.getdoc(cls) or "",
            "parameters": record.strategy.parameters(),
        },
        "tape": {
            "exchange": request.tape.exchange,
            "market": request.tape.market.value,
            "kind": request.tape.kind.value,
            "symbol": request.tape.symbol,
        },
        "window": {"from": iso(request.start), "to": iso(request.end)},
        "warmup": {
            "wanted_us": lookback_of(record.strategy),
            "from": first_read.date.isoformat() if record.window.warmup else None,
            "days": len(record.window.warmup),
        },
        "instrument": {
            "price_decimals": units.price_decimals,
            "qty_decimals": units.qty_decimals,
            "tick_size": units.tick_size,
            "lot_size": units.lot_size,
            "min_notional": str(units.min_notional),
            "contract_usd": None if units.contract_usd is None else str(units.contract_usd),
            "source": units.source,
            "base": base,
            "quote": quote,
            "currency": units.currency,
        },
        "simulation": described(config, units, request.end),
        "bars": str(record.session.specs[0]) if record.session.specs else None,
        "row_size": units.tick_size,
        "data": [
            {
                "date": day.date.isoformat(),
                "sha256": day.source_sha256,
                "rows": day.rows,
                "gaps": day.quality.gaps,
                "missing_ids": day.quality.missing_ids,
            }
            for day in (*record.window.warmup, *record.window.days)
        ],
        "code": {
            "version": orderflow_bt.__version__,
            "kernels": kernel_hash(),
            "strategy_sha256": hashlib.sha256(source.read_bytes()).hexdigest() if source else None,
        },
        "funding": record.funding.as_json(),
        **({"portfolio": list(record.portfolio)} if record.portfolio else {}),
        "series": list(record.context.data),
        "files": _files_of(record.strategy),
        "simulated_market": record.simulated_market,
    }


def _files_of(strategy: Strategy) -> dict[str, str]:
    """Checksums of the files that the strategy's detectors read, by the paths they were given."""
    return {
        path: digest for detector in strategy.detectors() for path, digest in detector.files.items()
    }


def _result_hash(manifest: Mapping[str, Any], content: Mapping[str, pa.Table]) -> str:
    """Of what went in and what came out; not of the code's version or the compilers'."""
    inputs = {key: value for key, value in manifest.items() if key != "code"}
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for name, table in content.items():
        digest.update(f"\n{name} {table.num_rows} {','.join(table.column_names)}\n".encode())
        for column in table.columns:
            for first in range(0, table.num_rows, _AT_ONCE):
                values = column.slice(first, _AT_ONCE).to_pylist()
                digest.update(("\n" * (first > 0) + "\n".join(map(str, values))).encode())
    return digest.hexdigest()


def _metrics(record: RunRecord, result_hash: str) -> dict[str, Any]:
    session, request = record.session, record.request
    trips, fills = record.trips, session.broker.fills.columns()
    orders = session.broker.orders.columns()
    account = session.account
    coverage = record.window.coverage()
    traded = list(zip(fills["price"].tolist(), fills["qty"].tolist(), strict=True))
    notional = [float(account.worth(price, lots) / account.scale) for price, lots in traded]
    ticks = fills["side"] * fills["slippage_ticks"] * session.instrument.tick_size
    summary = stats.summarise(
        equity_time=np.array([row.time for row in session.equity], np.int64),
        equity=np.array([float(row.equity) for row in session.equity], np.float64),
        **trip_columns(trips),
        notional=sum(notional),
        start_cash=float(session.config.cash),
        start_us=request.start,
        end_us=request.end,
        seed=session.config.seed,
    )
    slipped = [
        _slipped(account, price, off, lots)
        for (price, lots), off in zip(traded, ticks.tolist(), strict=True)
    ]
    execution = stats.execution(
        notional=_floats(notional),
        is_maker=fills["maker"].astype(np.bool_),
        slippage=_floats(slipped),
        order_status=orders["status"],
    )
    liquidated = [trip for trip in trips if trip.exit_role == "liquidation"]
    skipped = dict(Counter(session.broker.skipped.values()).most_common())
    band = {policy: _outcome(other) for policy, other in record.by_policy.items()}
    judged = stats.judge(
        stats.Evidence(
            round_trips=summary["round_trips"],
            net_pnl=summary["trips_net_pnl"],
            gross_pnl=summary["trips_gross_pnl"],
            fees=summary["trips_fees"],
            funding=summary["trips_funding"],
            liquidations=len(liquidated),
            slippage=execution["slippage"] or 0.0,
            expectancy_r=summary["expectancy_r"],
            r_interval=summary["trip_r_interval"],
            skipped=skipped,
            sum_interval=summary["trip_sum_interval"],
            band={policy: outcome["net_pnl"] for policy, outcome in band.items()},
            quote=session.instrument.currency,
            open_pnl=summary["open_pnl"],
            orders=int(np.count_nonzero(np.asarray(orders["parent_id"]) == ABSENT)),
            events=len(session.events),
            days=coverage["days"],
            missing_days=len(coverage["missing_days"]),
            missing_ids=coverage["missing_ids"],
            simulated_market=record.simulated_market,
        )
    )
    unsimulated = [record.funding.left_out] if record.funding.left_out else []
    if not request.tape.market.is_futures and session.config.allow_short:
        unsimulated.append("the cost of borrowing what is sold short, and its margin")
    return {
        "result_hash": result_hash,
        "quote": session.instrument.currency,
        **summary,
        **execution,
        "fills": len(traded),
        "orders": len(session.broker.orders),
        "events": len(session.events),
        "net_pnl": band[session.config.fills.value]["net_pnl"],
        "fees": float(account.fees_paid),
        "funding": -float(account.funding_paid),
        "funding_payments": len(session.funding.payments),
        "liquidations": len(liquidated),
        "liquidation_loss": float(-sum(trip.net_pnl for trip in liquidated)),
        "max_drawdown_per_trade": session.max_drawdown,
        "trades_read": session.trades_read,
        "coverage": coverage,
        "band": band,
        "spanning_gaps": _spanning(trips),
        "rejected": dict(
            Counter(
                why
                for why, status in zip(orders["why"], orders["status"], strict=True)
                if status == "rejected"
            ).most_common()
        ),
        "chance": chance_of(record, slipped),
        "comparisons": {name: _outcome(other) for name, other in record.compared.items()},
        "skipped": skipped,
        "not_simulated": unsimulated,
        "verdict": {
            "tone": judged.tone,
            "headline": _warning(session.config) + judged.headline,
            "sentences": list(judged.sentences),
        },
    }


def trip_columns(trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Round trips as `stats.summarise` takes them."""
    return {
        "trip_net": _floats([trip.net_pnl for trip in trips]),
        "trip_gross": _floats([trip.gross_pnl for trip in trips]),
        "trip_fees": _floats([trip.fees for trip in trips]),
        "trip_funding": _floats([trip.funding for trip in trips]),
        "trip_r": _floats([trip.r_multiple for trip in trips]),
        "trip_entry": np.array([trip.entry_time for trip in trips], np.int64),
        "trip_exit": np.array([trip.exit_time for trip in trips], np.int64),
        "trip_side": np.array([trip.side for trip in trips], np.int8),
        "trip_open": np.array([trip.is_open for trip in trips], np.bool_),
    }


def _slipped(account: Account, price: int, ticks: int, lots: int) -> float:
    """Money lost by trading ``ticks`` off the price that was asked or bid."""
    return float(account.loss_between(price, price - ticks, lots) / account.scale) if ticks else 0.0


def _spanning(trips: list[RoundTrip]) -> dict[str, Any]:
    """Closed round trips that lived through a hole in the tape, and the result without them."""
    closed = [trip for trip in trips if not trip.is_open]
    through = [trip for trip in closed if trip.spans_gap]
    whole, part = (sum((t.net_pnl for t in some), Decimal(0)) for some in (closed, through))
    return {
        "round_trips": len(through),
        "ids": [trip.id for trip in through],
        "net_pnl": float(part),
        "net_pnl_without": float(whole - part),
    }


def _warning(config: SimConfig) -> str:
    """What must be said before anything else of a run."""
    if config.stop_fill is StopFill.TRIGGER_PRICE:
        return "Not to be believed, stops were given their trigger price: "
    return ""


def _outcome(session: Session) -> dict[str, Any]:
    """What one fill policy, or one variant, led to."""
    net = money(session.account.equity(session.last_price)) - session.config.cash
    made = (trip.r_multiple for trip in session.trips.since(0))
    results = [r for r in made if r is not None]
    return {
        "net_pnl": float(net),
        "fills": len(session.broker.fills),
        "round_trips": session.trips.count_done,
        "expectancy_r": float(np.mean(results)) if results else None,
    }


def _floats(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if v is None else float(v) for v in values], np.float64)

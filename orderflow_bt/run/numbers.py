"""Every number of a run: its ``metrics.json``."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt import stats
from orderflow_bt.heap import give_back
from orderflow_bt.run.chance import chance_of
from orderflow_bt.run.columns import as_stats
from orderflow_bt.run.described import iso
from orderflow_bt.run.grid import grid_of
from orderflow_bt.run.window import halts_of
from orderflow_bt.sim import StopFill
from orderflow_bt.sim.rounding import money
from orderflow_bt.stats.parts import Results, beyond, expectancy_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.run.columns import Taken, TripColumns
    from orderflow_bt.run.record import RunRecord
    from orderflow_bt.sim import Session, SimConfig

MOST_HALTS = 20  # listed


def metrics_of(record: RunRecord, taken: Taken, result_hash: str) -> dict[str, Any]:
    """Every number of a run, ready for its ``metrics.json``."""
    session, request = record.session, record.request
    trips, fills, orders, equity = taken.trips, taken.fills, taken.orders, taken.equity
    account = session.account
    coverage = record.window.coverage()
    notional, traded = fills.total, len(fills)
    execution = stats.execution(
        notional=fills.notional,
        is_maker=fills.is_maker,
        slippage=fills.slipped,
        orders=orders.by_status,
    )
    fills.forget()
    give_back()
    summary = stats.summarise(
        equity_time=equity.time,
        equity=equity.equity,
        **as_stats([trips]),
        notional=notional,
        start_cash=float(session.config.cash),
        start_us=request.start,
        end_us=request.end,
        seed=session.config.seed,
    )
    skipped = dict(Counter(session.broker.skipped.values()).most_common())
    comparisons = _comparisons(record, trips)
    own = trips["r_multiple"][~trips["is_open"]]
    band = {
        policy: _outcome(other, own if other is session else other.trips.r_multiples())
        for policy, other in record.by_policy.items()
    }
    judged = stats.judge(
        stats.Evidence(
            round_trips=summary["round_trips"],
            net_pnl=summary["trips_net_pnl"],
            gross_pnl=summary["trips_gross_pnl"],
            fees=summary["trips_fees"],
            funding=summary["trips_funding"],
            liquidations=trips.liquidated,
            liquidation_loss=float(-trips.liquidated_net),
            liquidated_at=moment_of(trips.liquidated_at),
            start_cash=summary["start_cash"],
            final_equity=summary["final_equity"],
            slippage=execution["slippage"] or 0.0,
            expectancy_r=summary["expectancy_r"],
            r_interval=summary["trip_r_interval"],
            skipped=skipped,
            adds={name: entry["adds"] for name, entry in comparisons.items()},
            sum_interval=summary["trip_sum_interval"],
            band={policy: outcome["net_pnl"] for policy, outcome in band.items()},
            quote=session.instrument.currency,
            open_pnl=summary["open_pnl"],
            orders=orders.roots,
            events=taken.events,
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
        "fills": traded,
        "orders": len(session.broker.orders),
        "events": taken.events,
        "net_pnl": band[session.config.fills.value]["net_pnl"],
        "fees": float(account.fees_paid),
        "funding": -float(account.funding_paid),
        "funding_payments": len(session.funding.payments),
        "liquidations": trips.liquidated,
        "liquidation_loss": float(-trips.liquidated_net),
        "first_liquidation": iso(trips.liquidated_at) if trips.liquidated_at else None,
        "max_drawdown_per_trade": session.max_drawdown,
        "trades_read": session.trades_read,
        "coverage": coverage,
        "band": band,
        "spanning_gaps": _spanning(trips),
        "halts": _halts(record, trips),
        "rejected": dict(orders.rejected.most_common()),
        "chance": chance_of(record, trips, equity, fills.lost),
        "comparisons": comparisons,
        **_grid(record, trips),
        "skipped": skipped,
        "not_simulated": unsimulated,
        "verdict": {
            "tone": judged.tone,
            "headline": _warning(session.config) + judged.headline,
            "sentences": list(judged.sentences),
        },
    }


def _spanning(trips: TripColumns) -> dict[str, Any]:
    """Closed round trips that lived through a hole in the tape, and the result without them."""
    through = trips["id"][~trips["is_open"] & trips["spans_gap"]].tolist()
    return {
        "round_trips": len(through),
        "ids": through,
        "net_pnl": float(trips.gap_net),
        "net_pnl_without": float(trips.closed_net - trips.gap_net),
    }


def _halts(record: RunRecord, trips: TripColumns) -> dict[str, Any]:
    """Long silences with nothing lost, and the closed round trips that lived through one."""
    halts = halts_of(record.lake, record.request.tape, record.window)
    give_back()  # days were read for them
    entry, left = trips["entry_time"], trips["exit_time"]
    through = np.zeros(len(trips), np.bool_)
    for halt in halts:
        through |= (entry <= halt.start) & (left >= halt.end)
    through &= ~trips["is_open"]
    return {
        "count": len(halts),
        "longest": [
            {"start": iso(one.start), "end": iso(one.end), "habit_us": one.habit}
            for one in sorted(halts, key=lambda one: (-one.length_us, one.start))[:MOST_HALTS]
        ],
        "round_trips": int(np.count_nonzero(through)),
        "ids": trips["id"][through].tolist(),
        "net_pnl": float(trips["net_pnl"][through].sum()),
        "net_pnl_without": float(trips["net_pnl"][~through & ~trips["is_open"]].sum()),
    }


def moment_of(time: int) -> str:
    """To the minute, UTC, as a sentence names it; empty for 0."""
    return f"{iso(time)[:16].replace('T', ' ')} UTC" if time else ""


def _warning(config: SimConfig) -> str:
    """What must be said before anything else of a run."""
    if config.stop_fill is StopFill.TRIGGER_PRICE:
        return "Not to be believed, stops were given their trigger price: "
    return ""


def _comparisons(record: RunRecord, trips: TripColumns) -> dict[str, dict[str, Any]]:
    """What each variant led to, what a round trip of it made, and what the run adds to that."""
    request, closed = record.request, ~trips["is_open"]
    seed = request.config.seed
    whole = Results(*(trips[name][closed] for name in ("net_pnl", "r_multiple", "entry_time")))
    made = {}
    for name, session in record.compared.items():
        net, in_r, entry = array("d"), array("d"), array("q")
        for trip in session.trips.since(0):
            net.append(float(trip.net_pnl))
            in_r.append(np.nan if trip.r_multiple is None else trip.r_multiple)
            entry.append(trip.entry_time)
        part = Results(np.array(net), np.array(in_r), np.array(entry, np.int64))
        adds = beyond(whole, part, start=request.start, end=request.end, seed=seed)
        led_to = _outcome(session, part.in_r)
        made[name] = led_to | expectancy_of(part, seed=seed) | {"adds": adds}
    return made


def _grid(record: RunRecord, trips: TripColumns) -> dict[str, Any]:
    """Other latencies and later starts, where they were asked for."""
    if not record.request.grid:
        return {}
    seed = record.request.config.seed
    return {"grid": grid_of(record.grid, record.session, trips, seed)}


def _outcome(session: Session, results: NDArray[np.float64]) -> dict[str, Any]:
    """What one fill policy, or one variant, led to; ``results`` are those of its round trips."""
    net = money(session.account.equity(session.last_price)) - session.config.cash
    known = results[~np.isnan(results)]
    return {
        "net_pnl": float(net),
        "fills": len(session.broker.fills),
        "round_trips": session.trips.count_done,
        "expectancy_r": float(np.mean(known)) if known.size else None,
    }

"""Builds plausible run folders from a random walk, for tests of what reads them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.report.rows import Rows
from orderflow_bt.stats import Evidence, execution, judge, summarise
from orderflow_bt.types import Bar, BarStatus

if TYPE_CHECKING:
    from pathlib import Path

MONEY = pa.decimal128(38, 8)
START = 1_704_067_200_000_000  # 2024-01-01 00:00 UTC
BAR_US = 300_000_000


@dataclass
class Tape:
    """Bars and their cells."""

    bars: list[Bar] = field(default_factory=list)
    cells: list[np.ndarray] = field(default_factory=list)


def random_tape(
    bars: int,
    *,
    seed: int = 1,
    start_price: int = 421_000,
    row: int = 20,
    per_bar: int = 400,
    step: int = 30,
    lots: float = 300.0,
    crash_at: int | None = None,
    gap_at: int | None = None,
    empty_at: int | None = None,
) -> Tape:
    """A walk of trades, folded into bars and cells the slow and obvious way."""
    rng = np.random.default_rng(seed)
    tape, price = Tape(), start_price
    for k in range(bars):
        open_time = START + k * BAR_US
        if k == empty_at:
            values = dict.fromkeys(Bar._fields, 0) | {
                "open": price,
                "high": price,
                "low": price,
                "close": price,
                "poc": price,
                "open_time": open_time,
                "close_time": open_time + BAR_US,
                "status": BarStatus.EMPTY,
            }
            tape.bars.append(Bar(**{name: int(value) for name, value in values.items()}))
            tape.cells.append(np.zeros((0, 5), dtype=np.int64))
            continue
        drift = rng.normal() * 0.08
        steps = np.rint(rng.normal(drift, 1.0, per_bar) * step).astype(np.int64)
        if k == crash_at:
            steps[per_bar // 2 :] = -np.abs(steps[per_bar // 2 :]) * 12
        prices = np.maximum(price + np.cumsum(steps), 1)
        side = np.where(rng.random(per_bar) < 0.5 + drift, 1, -1)
        qty = np.maximum(1, rng.lognormal(np.log(lots), 1.2, per_bar).astype(np.int64))
        price = int(prices[-1])
        low_row, high_row = int(prices.min()) // row, int(prices.max()) // row
        cells = np.zeros((high_row - low_row + 1, 5), dtype=np.int64)
        cells[:, 0] = np.arange(low_row, high_row + 1) * row
        for p, s, q in zip(prices.tolist(), side.tolist(), qty.tolist(), strict=True):
            column = 2 if s > 0 else 1
            cells[p // row - low_row, column] += q
            cells[p // row - low_row, column + 2] += 1
        running = np.cumsum(side * qty)
        best = int((cells[:, 1] + cells[:, 2]).argmax())
        tape.bars.append(
            Bar(
                open_time,
                open_time + BAR_US,
                int(prices[0]),
                int(prices.max()),
                int(prices.min()),
                price,
                int(qty.sum()),
                int(qty[side > 0].sum()),
                0,
                0,
                per_bar,
                per_bar,
                min(0, int(running.min())),
                max(0, int(running.max())),
                0,
                0,
                int(cells[best, 0]),
                BarStatus.GAP if k == gap_at else BarStatus.OK,
            )
        )
        tape.cells.append(cells)
    return tape


def _money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.8f}")


def _write(folder: Path, name: str, rows: list[dict], schema: pa.Schema) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")


def _schema(text: str) -> pa.Schema:
    types = {"i": pa.int64(), "m": MONEY, "f": pa.float64(), "s": pa.string(), "b": pa.bool_()}
    pairs = [word.split(":") for word in text.split()]
    return pa.schema([(name, types[code]) for name, code in pairs])


SCHEMAS = {
    "orders": _schema(
        "id:i parent_id:i kind:s role:s side:i qty:i price:i decision_time:i arrival_time:i "
        "done_time:i status:s filled_qty:i ahead:i reason:s event_id:i round_trip:i"
    ),
    "fills": _schema(
        "id:i order_id:i round_trip:i time:i trade_id:i side:i qty:i price:i role:s liquidity:s "
        "rule:s ahead:i slippage_ticks:i fee:m"
    ),
    "round_trips": _schema(
        "id:i side:i entry_time:i exit_time:i qty:i entry_price:f exit_price:f stop_price:i "
        "target_price:i gross_pnl:m fees:m net_pnl:m risk:m r_multiple:f mae_ticks:i mfe_ticks:i "
        "exit_role:s event_id:i is_open:b spans_gap:b"
    ),
    "equity": _schema("time:i equity:m position:i price:i"),
    "events": _schema(
        "id:i known_at:i detector:s kind:s direction:i state:s price_low:i price_high:i "
        "strength:f action:s"
    ),
    "bars": _schema(" ".join(f"{name}:i" for name in Bar._fields)),
    "footprints": _schema(
        "round_trip:i open_time:i price_low:i bid:i ask:i bid_count:i ask_count:i"
    ),
}


def build_run_folder(
    folder: Path,
    *,
    trips: int = 8,
    bars: int = 864,
    seed: int = 1,
    simulated: bool = False,
    missing_day: bool = False,
    gap: bool = False,
    title: str = "Delta divergence fade",
) -> Path:
    """Write a run folder: ``trips`` round trips over ``bars`` five-minute bars."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tape = random_tape(bars, seed=seed, gap_at=40 if gap else None)
    orders, fills, rows, events, footprints = [], [], [], [], []
    every = max((bars - 40) // max(trips, 1), 12)
    for n in range(trips):
        k = 30 + n * every
        held = int(rng.integers(3, 10))
        if k + held + 2 >= bars:
            break
        entry_bar, exit_bar = tape.bars[k], tape.bars[k + held]
        side = 1 if rng.random() < 0.5 else -1
        entry = entry_bar.close
        risk = 3000
        stop, target = entry - side * risk, entry + side * 2 * risk
        exit_price = exit_bar.close
        qty = 50
        gross = side * (exit_price - entry) * qty * 1e-4
        fees = entry * qty * 1e-4 * 7e-4
        event_time = tape.bars[k - 1].close_time
        events.append(
            {
                "id": n,
                "known_at": event_time,
                "detector": "delta_divergence",
                "kind": "divergence",
                "direction": side,
                "state": "confirmed",
                "price_low": entry - risk // 2,
                "price_high": entry - risk // 3,
                "strength": 2.5,
                "action": "order",
            }
        )
        entry_time, exit_time = entry_bar.close_time - 60_000_000, exit_bar.close_time - 30_000_000
        role = "target" if gross > 0 else "stop"
        for leg, (time, price, leg_role) in enumerate(
            ((entry_time, entry, "entry"), (exit_time, exit_price, role))
        ):
            order = 2 * n + leg
            orders.append(
                {
                    "id": order,
                    "parent_id": None,
                    "kind": "limit" if leg == 0 else "market",
                    "role": leg_role,
                    "side": side if leg == 0 else -side,
                    "qty": qty,
                    "price": price,
                    "decision_time": time - 100_000,
                    "arrival_time": time,
                    "done_time": time,
                    "status": "filled",
                    "filled_qty": qty,
                    "ahead": 5,
                    "reason": "",
                    "event_id": n,
                    "round_trip": n,
                }
            )
            fills.append(
                {
                    "id": order,
                    "order_id": order,
                    "round_trip": n,
                    "time": time,
                    "trade_id": 1000 + order,
                    "side": side if leg == 0 else -side,
                    "qty": qty,
                    "price": price,
                    "role": leg_role,
                    "liquidity": "taker" if leg else "maker",
                    "rule": "cross" if leg else "queue",
                    "ahead": 5,
                    "slippage_ticks": leg,
                    "fee": _money(fees / 2),
                }
            )
        rows.append(
            {
                "id": n,
                "side": side,
                "entry_time": entry_time,
                "exit_time": exit_time,
                "qty": qty,
                "entry_price": entry / 10,
                "exit_price": exit_price / 10,
                "stop_price": stop,
                "target_price": target,
                "gross_pnl": _money(gross),
                "fees": _money(fees),
                "net_pnl": _money(gross - fees),
                "risk": _money(risk * qty * 1e-4),
                "r_multiple": gross / (risk * qty * 1e-4),
                "mae_ticks": -int(rng.integers(100, 2000)),
                "mfe_ticks": int(rng.integers(0, 900)),
                "exit_role": role,
                "event_id": n,
                "is_open": False,
                "spans_gap": gap and n == 0,
            }
        )
        if n < 6:
            footprints += [
                {
                    "round_trip": n,
                    "open_time": tape.bars[j].open_time,
                    "price_low": int(c[0]),
                    "bid": int(c[1]),
                    "ask": int(c[2]),
                    "bid_count": int(c[3]),
                    "ask_count": int(c[4]),
                }
                for j in range(max(k - 10, 0), min(k + held + 3, bars))
                for c in tape.cells[j]
            ]
    skipped = {
        "detector": "delta_divergence",
        "kind": "divergence",
        "direction": -1,
        "state": "confirmed",
        "price_low": 421_000,
        "price_high": 421_500,
        "strength": 1.0,
        "action": "target under 1.5 R",
    }
    events += [
        {"id": len(events) + n, "known_at": tape.bars[n].close_time, **skipped}
        for n in range(3 * bool(trips))
    ]
    equity = _equity_rows(tape, rows)
    tables = {
        "orders": orders,
        "fills": fills,
        "round_trips": rows,
        "equity": equity,
        "events": events,
        "footprints": footprints,
        "bars": [bar._asdict() for bar in tape.bars],
    }
    for name, table in tables.items():
        _write(folder, name, table, SCHEMAS[name])
    end = tape.bars[-1].close_time
    coverage = {
        "days": bars // 288,
        "days_with_data": bars // 288 - missing_day,
        "missing_days": ["2024-01-02"] if missing_day else [],
        "missing_ids": 17 if gap else 0,
        "gaps": 1 if gap else 0,
    }
    metrics = _metrics(tables, end, coverage, simulated=simulated)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
    (folder / "manifest.json").write_text(json.dumps(_manifest(title, end, coverage, simulated)))
    return folder


def _equity_rows(tape: Tape, rows: list[dict]) -> list[dict]:
    result, cash, done = [], Decimal(10_000), 0
    for bar in tape.bars:
        while done < len(rows) and rows[done]["exit_time"] <= bar.close_time:
            cash += rows[done]["net_pnl"]
            done += 1
        is_held = done < len(rows) and rows[done]["entry_time"] <= bar.close_time
        held = rows[done] if is_held else None
        mark = Decimal(0)
        if held:
            mark = _money(held["side"] * (bar.close - held["entry_price"] * 10) * 50 * 1e-4)
        result.append(
            {
                "time": bar.close_time,
                "equity": cash + mark,
                "position": held["side"] * 50 if held else 0,
                "price": bar.close,
            }
        )
    return result


def _metrics(tables: dict, end: int, coverage: dict, *, simulated: bool) -> dict:
    rows, fills, orders = tables["round_trips"], tables["fills"], tables["orders"]
    events, equity = tables["events"], tables["equity"]

    def column(name: str, kind: type = np.float64) -> np.ndarray:
        return np.array([row[name] for row in rows], dtype=kind)

    notional = np.array([f["price"] * f["qty"] * 1e-4 for f in fills], dtype=np.float64)
    metrics = summarise(
        equity_time=np.array([row["time"] for row in equity], dtype=np.int64),
        equity=np.array([float(row["equity"]) for row in equity]),
        trip_net=column("net_pnl"),
        trip_gross=column("gross_pnl"),
        trip_fees=column("fees"),
        trip_funding=np.zeros(len(column("fees"))),
        trip_r=column("r_multiple"),
        trip_entry=column("entry_time", np.int64),
        trip_exit=column("exit_time", np.int64),
        trip_side=column("side", np.int8),
        trip_open=column("is_open", np.bool_),
        notional=float(notional.sum()),
        start_cash=10_000.0,
        start_us=START,
        end_us=end,
        seed=1,
        reps=500,
    )
    metrics |= execution(
        notional=notional,
        is_maker=np.array([f["liquidity"] == "maker" for f in fills], dtype=bool),
        slippage=np.array([f["slippage_ticks"] * 0.1 * 0.05 for f in fills]),
        orders=Counter(order["status"] for order in orders),
    )
    net, fees = metrics["trips_net_pnl"], metrics["trips_fees"]
    band = {
        "touch": {"net_pnl": net + 12.5, "fills": len(fills) + 2, "round_trips": len(rows) + 1},
        "queue": {"net_pnl": net, "fills": len(fills), "round_trips": len(rows)},
        "through": {"net_pnl": net - 31.25, "fills": len(fills), "round_trips": len(rows)},
    }
    if not rows:
        band = {name: {"net_pnl": 0.0, "fills": 0, "round_trips": 0} for name in band}
    verdict = judge(
        Evidence(
            round_trips=len(rows),
            net_pnl=net,
            gross_pnl=metrics["trips_gross_pnl"],
            fees=fees,
            sum_interval=metrics["trip_sum_interval"],
            band={name: entry["net_pnl"] for name, entry in band.items()},
            orders=len(orders),
            events=len(events),
            days=coverage["days"],
            missing_days=len(coverage["missing_days"]),
            missing_ids=coverage["missing_ids"],
            simulated_market=simulated,
        )
    )
    return metrics | {
        "result_hash": "0f" * 32,
        "fills": len(fills),
        "net_pnl": net,
        "fees": fees,
        "funding": None,
        "coverage": coverage,
        "trades_read": 345_600,
        "band": band,
        "verdict": {
            "tone": verdict.tone,
            "headline": verdict.headline,
            "sentences": list(verdict.sentences),
        },
        "skipped": {"target under 1.5 R": 3} if rows else {},
        "not_simulated": ["funding", "liquidation"],
    }


def _manifest(title: str, end: int, coverage: dict, simulated: bool) -> dict:
    day = {"date": "2024-01-01", "sha256": "ab" * 32, "rows": 115_200, "gaps": 0, "missing_ids": 0}
    stop = str(np.datetime64(end, "us"))
    return {
        "schema": 1,
        "strategy": {
            "name": "delta_divergence",
            "title": title,
            "doc": "Fade a swing extreme that cumulative delta does not confirm.",
            "parameters": {"bars": "5m", "pivot": 2, "target_r": 2.0, "risk": 0.005},
        },
        "tape": {"exchange": "binance", "market": "um", "kind": "aggTrades", "symbol": "BTCUSDT"},
        "window": {"from": "2024-01-01T00:00:00", "to": stop},
        "warmup": {"from": None},
        "instrument": {
            "price_decimals": 1,
            "qty_decimals": 3,
            "tick_size": 1,
            "lot_size": 1,
            "contract_usd": None,
            "source": "shipped",
            "quote": "USDT",
            "currency": "USDT",
            "base": "BTC",
        },
        "simulation": {
            "fills": "queue",
            "latency_ms": {"entry": 100, "cancel": 100, "trigger": 100, "response": 0},
            "maker_bps": "2",
            "taker_bps": "5",
            "slippage_ticks": 1,
            "queue": "visit_median",
            "cash": "10000",
            "seed": 1,
        },
        "bars": "5m",
        "row_size": 20,
        "data": [day, day | {"date": "2024-01-02", "gaps": coverage["gaps"]}],
        "code": {"version": "0.1.0", "kernels": "cd" * 8, "strategy_sha256": "ef" * 32},
        "simulated_market": simulated,
        "result_hash": "0f" * 32,
    }


def rows_of(folder: Path, rows: list[dict]) -> Rows:
    """Rows of a table as a report reads them."""
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return Rows(path)

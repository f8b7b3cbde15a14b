"""The peers' side of `engine.py`: one case, run by an interpreter that has the peer.

Prints a line of JSON: seconds and CPU seconds of the run alone (data in memory, compiled before),
trades, a note; or what is not installed.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

BARS, Z, SIZE = 20, 1.0, 0.01
MINUTE_NS = 60_000_000_000
MINUTE_US = 60_000_000


def hftbacktest_case(columns, rounds):
    """Market orders at minutes by the z-score of minute deltas; trades only, 1 ms, fees, queue."""
    from hftbacktest import (
        BUY_EVENT,
        DEPTH_EVENT,
        EXCH_EVENT,
        GTC,
        LOCAL_EVENT,
        MARKET,
        SELL_EVENT,
        TRADE_EVENT,
        BacktestAsset,
        ROIVectorMarketDepthBacktest,
    )  # fmt: skip
    from hftbacktest.types import event_dtype
    from numba import njit

    time_us, price, qty, side = columns
    both = EXCH_EVENT | LOCAL_EVENT
    events = np.zeros(len(price) + 2, event_dtype)
    rows = events[2:]
    rows["ev"] = np.where(side < 0, SELL_EVENT, BUY_EVENT) | TRADE_EVENT | both
    rows["exch_ts"] = time_us * 1000
    rows["local_ts"] = time_us * 1000 + 1_000_000
    rows["px"], rows["qty"] = price * 0.1, qty * 0.001
    for row, (at, way) in enumerate(
        [(price[0] - 50_000, BUY_EVENT), (price[0] + 50_000, SELL_EVENT)]
    ):
        stamp = time_us[0] * 1000
        events[row] = (DEPTH_EVENT | way | both, stamp, stamp + 1_000_000, at * 0.1, 5.0, 0, 0, 0.0)

    @njit
    def trade(engine, ring):
        bars, order = 0, 1
        while engine.elapse(MINUTE_NS) == 0:
            trades = engine.last_trades(0)
            delta = 0.0
            for i in range(len(trades)):
                bought = trades[i].ev & BUY_EVENT == BUY_EVENT
                delta += trades[i].qty if bought else -trades[i].qty
            engine.clear_last_trades(0)
            engine.clear_inactive_orders(0)
            ring[bars % len(ring)] = delta
            bars += 1
            if bars < len(ring):
                continue
            spread = ring.std()
            score = (delta - ring.mean()) / spread if spread > 0 else 0.0
            held = engine.position(0)
            want = SIZE if score > Z else (-SIZE if score < -Z else held)
            depth = engine.depth(0)
            if want > held + 1e-9:
                engine.submit_buy_order(0, order, depth.best_ask, want - held, GTC, MARKET, False)
                order += 1
            elif want < held - 1e-9:
                engine.submit_sell_order(0, order, depth.best_bid, held - want, GTC, MARKET, False)
                order += 1
        return order - 1

    best, note = [], ""
    for number in range(rounds + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        asset = (
            BacktestAsset().data([events]).linear_asset(1.0)
            .constant_order_latency(1_000_000, 1_000_000).risk_adverse_queue_model()
            .no_partial_fill_exchange().trading_value_fee_model(0.0002, 0.0005)
            .tick_size(0.1).lot_size(0.001).last_trades_capacity(200_000)
            .roi_lb(float(price.min() - 60_000) * 0.1).roi_ub(float(price.max() + 60_000) * 0.1)
        )  # fmt: skip
        engine = ROIVectorMarketDepthBacktest([asset])
        orders = trade(engine, np.zeros(BARS))
        fills = engine.state_values(0).num_trades
        engine.close()
        if number:  # the first compiles
            best.append((time.perf_counter() - wall, time.process_time() - cpu))
        note = f"{orders} orders, {fills} fills"
    return best, note


def nautilus_case(columns, rounds):
    """Market orders at one-minute bars by the z-score of the close's changes."""
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.data import BarType, TradeTick
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    instrument = TestInstrumentProvider.btcusdt_perp_binance()

    class OnBar(Strategy):
        def on_start(self):
            self.ring, self.held, self.last, self.orders = [], 0, 0.0, 0
            self.subscribe_bars(BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-INTERNAL"))

        def on_bar(self, bar):
            close = bar.close.as_double()
            change, self.last = (close - self.last if self.last else 0.0), close
            self.ring = [*self.ring, change][-BARS:]
            if len(self.ring) < BARS:
                return
            mean = sum(self.ring) / BARS
            spread = (sum(x * x for x in self.ring) / BARS - mean * mean) ** 0.5
            score = (change - mean) / spread if spread > 0 else 0.0
            want = 1 if score > Z else -1 if score < -Z else self.held
            if want != self.held:
                side = OrderSide.BUY if want > self.held else OrderSide.SELL
                size = instrument.make_qty(SIZE * abs(want - self.held))
                self.submit_order(self.order_factory.market(instrument.id, side, size))
                self.held = want
                self.orders += 1

    time_us, price, qty, side = columns
    stamps = (time_us * 1000).astype(np.uint64)
    ticks = TradeTick.from_raw_arrays_to_list(
        instrument.id, instrument.price_precision, instrument.size_precision, price * 0.1,
        qty * 0.001, np.where(side < 0, 2, 1).astype(np.uint8), [str(i) for i in range(len(price))],
        stamps, stamps,
    )  # fmt: skip
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        Venue("BINANCE"), OmsType.NETTING, AccountType.MARGIN,
        starting_balances=[Money(1_000_000, USDT)],
    )  # fmt: skip
    engine.add_instrument(instrument)
    engine.add_data(ticks)
    strategy = OnBar()
    engine.add_strategy(strategy)
    best = []
    for number in range(rounds + 1):
        engine.reset()
        wall, cpu = time.perf_counter(), time.process_time()
        engine.run()
        if number:
            best.append((time.perf_counter() - wall, time.process_time() - cpu))
    return best, f"{strategy.orders} orders"


CASES = {
    "hftbacktest": (hftbacktest_case, "hftbacktest", 10_000_000),
    "nautilus_trader": (nautilus_case, "nautilus_trader", 500_000),
}


def main() -> None:
    if len(sys.argv) == 1:  # `make bench` runs every script
        print("engine.py runs this")
        return
    name, file, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    case, package, most = CASES[name]
    try:
        __import__(package)
    except ImportError:
        print(json.dumps({"missing": package}))
        return
    kept = np.load(file)
    columns = tuple(kept[key][:most] for key in ("time", "price", "qty", "side"))
    best, note = case(columns, rounds)
    print(json.dumps({"rows": len(columns[0]), "best": best, "note": note}))


if __name__ == "__main__":
    main()

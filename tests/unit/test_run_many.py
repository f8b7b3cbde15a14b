"""A run with many orders and fills: what it puts aside changes nothing of its folder."""

from __future__ import annotations

import datetime as dt

import pytest

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.kernels.records import CHUNK
from orderflow_bt.run import Request, backtest
from orderflow_bt.run.spool import Spool
from orderflow_bt.sim import Session, SimConfig
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")


class Busy(Strategy):
    """Turns a position round at every bar, one order that rests for long beside it."""

    bars: BarSpec = param(time_bars("5s"))
    far = 0

    def on_bar(self, spec, bar, market, broker):
        held = market.position.qty
        broker.market(-1 if held > 0 else 1, 2 * abs(held) or 1)
        if not self.far:
            self.far = broker.limit(1, 1, bar.low // 2)
        elif broker.orders[self.far].status != "working" and market.now > START + DAY_US // 2:
            raise AssertionError(broker.orders[self.far])


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("many")
    market = SimulatedMarket(seed=3, start=FIRST, days=1, trades_per_day=20_000)
    return store_market(market, root / "lake")[0]


def test_what_is_put_aside_changes_nothing(lake, tmp_path, monkeypatch):
    config = SimConfig.for_market(MarketType.UM)
    request = Request("busy", Busy, {}, TAPE, START, START + DAY_US, config)
    spools = []

    put = Spool.put

    def watched(spool, content):
        spools.append(spool)
        return put(spool, content)

    monkeypatch.setattr(Spool, "put", watched)
    monkeypatch.setattr(  # what thousands of results mean is for other tests, and takes its time
        "orderflow_bt.run.folder.metrics_of",
        lambda record, taken, _: {
            "orders": len(record.session.broker.orders),
            "fills": len(taken.fills),
        },
    )
    metrics = backtest(lake, request, tmp_path / "aside")
    assert min(metrics.values()) > 3 * CHUNK
    assert len(spools) > 3 * 2 * (2 + 1)  # policies, chunks of orders and of fills
    monkeypatch.setattr(Session, "shelve", lambda *_: None)
    assert backtest(lake, request, tmp_path / "here") == metrics
    for path in sorted((tmp_path / "aside").iterdir()):
        assert path.read_bytes() == (tmp_path / "here" / path.name).read_bytes(), path.name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aside", "here"]

"""The mark price of a run: read from the lake where it is stored, and said where it is not."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from mark_days import store_marks

from orderflow_bt import BarSpec, Strategy, param, report, time_bars
from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.report.again import command_line
from orderflow_bt.report.explain import explain
from orderflow_bt.report.export import png_bytes
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.order_picture import draw_order
from orderflow_bt.report.order_view import Seen, view_order
from orderflow_bt.report.theme import palette
from orderflow_bt.run import Request, backtest
from orderflow_bt.run.marks import find_marks
from orderflow_bt.sim import LiquidateOn, SimConfig, TriggerOn
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
END = START + 2 * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
DATES = [FIRST, FIRST + dt.timedelta(days=1)]
CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=Decimal(20), max_wait=0)


class Holder(Strategy):
    """Buys once with all it can, and holds."""

    def __init__(self):
        super().__init__()
        self.sent = False

    def on_trade(self, trade, market, broker):
        if not self.sent:
            broker.market(1, broker.size(1.0, trade.price, trade.price - 1) // 2)
            self.sent = True


@pytest.fixture
def lake(tmp_path):
    market = SimulatedMarket(seed=3, start=FIRST, days=2, trades_per_day=1_000)
    return store_market(market, tmp_path / "lake")[0]


def store(lake, date, low_at=None):
    """A day of marks at 1,000,000, which nothing liquidates a long at, with one fall to 1."""
    candles = np.full((4, 1440), 1_000_000 * 10**8, np.int64)
    if low_at is not None:
        candles[2, low_at] = 10**8
    store_marks(lake, TAPE, date, candles)


def run(lake, folder, config=CONFIG, **more):
    return backtest(lake, Request("holder", Holder, {}, TAPE, START, END, config, **more), folder)


def test_stored_marks_liquidate_and_the_report_says_so(lake, tmp_path):
    store(lake, FIRST)
    store(lake, DATES[1], low_at=600)
    metrics = run(lake, tmp_path / "run")
    assert metrics["liquidations"] == 1
    (last,) = pl.read_parquet(tmp_path / "run" / "fills.parquet").filter(
        pl.col("role") == "liquidation"
    )["time"]
    assert last == START + DAY_US + 601 * MINUTE_US
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["mark_prices"]["used"]
    assert [row["rows"] for row in manifest["mark_prices"]["data"]] == [1440, 1440]
    page = report.build(tmp_path / "run").read_text()
    assert "The exchange&#39;s mark price was tested" in page
    left = run(lake, tmp_path / "last", replace(CONFIG, liquidate_on=LiquidateOn.LAST))
    assert left["liquidations"] == 0
    assert "tested, as was asked for" in report.build(tmp_path / "last").read_text()


def test_a_liquidation_that_no_trade_met_is_explained_and_drawn(lake, tmp_path):
    store(lake, FIRST)
    store(lake, DATES[1], low_at=600)
    run(lake, tmp_path / "run")
    folder = read_run(tmp_path / "run")
    (closed,) = folder.rows("fills").where("role", ["liquidation"])
    told = explain(folder, lake, order=None, fill=closed["id"])
    assert told.title.startswith(f"order {closed['order_id']}: liquidation, sell ")
    assert [step.what for step in told.steps] == ["decided", "end"]
    assert told.steps[0].text.startswith("the exchange closes the position; last trade ")
    assert told.steps[1].text.endswith("used up at the mark price")
    assert told.verdict.endswith("the last trade before it")
    view = view_order(folder, lake, told)
    (span,) = view.spans
    assert span.start < closed["time"] < span.end
    silent = view._replace(seen=[Seen(*[np.zeros(0, np.int64)] * 7, trades=0)])
    for one in (view, silent):
        figure = draw_order(one, palette()[0], price_decimals=1, qty_decimals=3)
        assert png_bytes(figure)[:4] == b"\x89PNG"


def test_days_without_marks_are_named_refused_or_tested_on_the_last_price(lake, tmp_path):
    metrics = run(lake, tmp_path / "none")
    page = report.build(tmp_path / "none").read_text()
    assert "--kind markPriceKlines --interval 1m --from 2026-01-05 --to 2026-01-06" in page
    store(lake, FIRST)
    run(lake, tmp_path / "half")
    assert "on 1 day without them" in report.build(tmp_path / "half").read_text()
    must = replace(CONFIG, liquidate_on=LiquidateOn.MARK)
    with pytest.raises(CoverageError, match="1 of 2 days of the mark price"):
        run(lake, tmp_path / "refused", must)
    accepted = run(lake, tmp_path / "accepted", must, accept_gaps=True)
    assert accepted["net_pnl"] == metrics["net_pnl"]


def test_nothing_is_read_where_nothing_is_liquidated(lake):
    store(lake, FIRST)
    for config, tape in (
        (replace(CONFIG, leverage=None), TAPE),
        (CONFIG, replace(TAPE, market=MarketType.SPOT)),
    ):
        plan = find_marks(lake, tape, START, END, config, accept_gaps=True)
        assert (plan.prices, plan.data, plan.get) == (None, (), "")
    plan = find_marks(lake, TAPE, START, START + HOUR_US, CONFIG, accept_gaps=True)
    assert plan.missing == ()
    assert plan.prices is not None
    assert plan.prices.day(START // DAY_US).known.all()
    assert not plan.prices.day(START // DAY_US + 1).known.any()


class Stopper(Strategy):
    """Buys at its first bar's close, protected by a stop that no trade reaches."""

    bars: BarSpec = param(time_bars("15m"))

    def on_bar(self, spec, bar, market, broker):
        if market.position.is_flat and not broker.working:
            broker.bracket(1, 10, stop=bar.close // 2)


def stopped(lake, folder, **more):
    config = replace(CONFIG, trigger_on=TriggerOn.MARK, liquidate_on=LiquidateOn.LAST)
    request = Request("stopper", Stopper, {}, TAPE, START, END, config, **more)
    return backtest(lake, request, folder)


def test_stops_wait_for_the_mark_and_say_which_candle_it_was(lake, tmp_path):
    store(lake, FIRST)
    with pytest.raises(CoverageError, match="1 of 2 days of the mark price"):
        stopped(lake, tmp_path / "refused")
    store(lake, DATES[1], low_at=600)
    metrics = stopped(lake, tmp_path / "run")
    orders = pl.read_parquet(tmp_path / "run" / "orders.parquet")
    ((number, time),) = (
        orders.filter(pl.col("trigger_time").is_not_null())
        .select("id", "trigger_time").rows()
    )  # fmt: skip
    assert time == START + DAY_US + 601 * MINUTE_US
    assert metrics["liquidations"] == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["simulation"]["trigger_on"] == "mark"
    assert manifest["mark_prices"]["triggers"]
    assert not manifest["mark_prices"]["used"]
    assert "--trigger-on mark" in command_line(manifest, has_gaps=False)
    assert "--liquidate-on last" in command_line(manifest, has_gaps=False)
    page = report.build(tmp_path / "run").read_text()
    assert "waited for the exchange&#39;s mark price" in page
    folder = read_run(tmp_path / "run")
    told = explain(folder, lake, order=number, fill=None)
    (step,) = [step for step in told.steps if step.what == "trigger"]
    assert step.text.startswith("mark price 1.0, the low of minute 10:00: triggers")
    assert told.assumed.startswith("waits for the mark price")
    others = [n for n, kind in orders.select("id", "kind").rows() if kind == "stop" and n != number]
    told = explain(folder, lake, order=others[-1], fill=None)
    assert "the mark price did not come to" in told.verdict


def test_days_without_marks_trigger_by_the_last_price_where_that_is_accepted(lake, tmp_path):
    store(lake, FIRST)
    stopped(lake, tmp_path / "run", accept_gaps=True)
    assert "on 1 day without them" in report.build(tmp_path / "run").read_text()


def test_spot_has_no_mark_to_wait_for(lake):
    spot = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "SIMUSDT")
    config = replace(SimConfig.for_market(MarketType.SPOT), trigger_on=TriggerOn.MARK)
    with pytest.raises(UsageError, match="has no mark price"):
        find_marks(lake, spot, START, END, config, accept_gaps=False)

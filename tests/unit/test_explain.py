"""``explain``: an order's life told again from run folder and lake, and it agrees with both."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from orderflow_bt import BarSpec, param, time_bars
from orderflow_bt.cli import app
from orderflow_bt.errors import UsageError
from orderflow_bt.report.explain import explain
from orderflow_bt.report.folder import read_run
from orderflow_bt.run import Request, backtest
from orderflow_bt.sim import FillPolicy, SimConfig
from orderflow_bt.store import Lake
from orderflow_bt.strategy import Strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, MINUTE_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US


class Busy(Strategy):
    """One order at a time, of every kind in turn."""

    bars: BarSpec = param(time_bars("15m"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.turn = 0

    def on_bar(self, spec, bar, market, broker):
        broker.cancel_all()
        if not market.position.is_flat:
            broker.close()
            return
        self.turn += 1
        tick, last = market.instrument.tick_size, market.last
        side = 1 if self.turn % 2 else -1
        match self.turn % 8:
            case 0:
                broker.limit(side, 40, last - 2 * side * tick, expires=5 * MINUTE_US)
            case 1:
                broker.limit(side, 40, last - 900 * side * tick)
            case 2:
                broker.stop(side, 40, last + 3 * side * tick)
            case 3:
                broker.stop(side, 40, last + 5000 * side * tick)
            case 5:
                broker.stop(side, 40, last + 2 * side * tick, limit=last + 1 * side * tick)
            case 6:
                broker.trailing_stop(side, 40, 20 * tick)
            case 7:
                broker.if_touched(side, 40, last - 3 * side * tick)
            case _:
                broker.bracket(
                    side, 40, limit_entry=last - side * tick,
                    stop=last - 30 * side * tick, target=last + 20 * side * tick,
                )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("explain")
    market = SimulatedMarket(seed=3, start=FIRST, days=2, trades_per_day=20_000)
    lake, _ = store_market(market, root / "lake")
    for policy in ("queue", "through"):
        config = SimConfig.for_market(MarketType.UM)
        request = Request(
            "busy", Busy, {}, TAPE, START, START + 2 * DAY_US,
            SimConfig(fills=FillPolicy(policy), fees=config.fees),
        )  # fmt: skip
        backtest(lake, request, root / policy)
    return root


@pytest.fixture(scope="module", params=["queue", "through"])
def run(home, request):
    return read_run(home / request.param), Lake(home / "lake")


def test_every_order_is_told_and_agrees_with_the_folder(run):
    folder, lake = run
    fills = folder.rows("fills")
    kinds = set()
    for order in folder.rows("orders"):
        told = explain(folder, lake, order=order["id"], fill=None)
        assert told.notes == []
        assert [step.time for step in told.steps] == sorted(step.time for step in told.steps)
        own = [row for row in fills if row["order_id"] == order["id"]]
        shown = [step for step in told.steps if step.what == "fill"]
        assert [step.facts["fill"] for step in shown] == [row["id"] for row in own]
        assert told.verdict.startswith("filled" if own else "not filled")
        if order["done_time"] is not None and order["status"] not in ("filled", "rejected"):
            assert told.steps[-1].text.startswith(order["status"])
        queue = [step for step in told.steps if step.what == "queue"]
        if queue:
            rests = [step for step in told.steps if "ahead" in step.facts]
            assert queue[0].facts["ahead_before"] == rests[0].facts["ahead"]
            for before, after in pairwise(queue):
                assert before.facts["ahead_after"] == after.facts["ahead_before"]
            kinds.add("queue")
        for step, row in zip(shown, own, strict=True):
            assert Decimal(step.facts["fee"]) == row["fee"]
            if queue and row is own[0] and row["liquidity"] == "maker":
                assert step.facts["ahead"] == queue[-1].facts["ahead_after"]
                kinds.add("waited")
            kinds.add(row["liquidity"])
        kinds.add(f"{order['kind']} {order['status']}")
        kinds |= {step.what for step in told.steps} | {order["status"]}
    assert kinds >= {"decided", "arrived", "trigger", "fill", "end", "maker", "taker", "cancelled"}
    assert kinds >= {"stop_limit filled", "trailing_stop filled", "if_touched filled"}
    assert ("waited" in kinds) == (folder.manifest["simulation"]["fills"] == "queue")


def test_a_fill_leads_to_its_order_and_says_rule_reference_and_fee(run):
    folder, lake = run
    taker = next(row for row in folder.rows("fills") if row["liquidity"] == "taker")
    told = explain(folder, lake, order=None, fill=taker["id"])
    assert told.order["id"] == taker["order_id"]
    step = next(step for step in told.steps if step.facts.get("fill") == taker["id"])
    side = taker["side"]
    assert Decimal(step.facts["price"].replace(",", "")) - Decimal(
        step.facts["reference"].replace(",", "")
    ) == side * taker["slippage_ticks"] * Decimal(
        folder.manifest["instrument"]["tick_size"]
    ).scaleb(-folder.manifest["instrument"]["price_decimals"])
    assert f"trade {taker['trade_id']}, " in step.text
    assert "of slippage" in step.text
    assert "shortfall_ticks" in told.costs


def test_what_never_came_near_says_how_near(run):
    folder, lake = run
    far = [
        explain(folder, lake, order=order["id"], fill=None).verdict
        for order in folder.rows("orders")
        if order["filled_qty"] == 0 and order["parent_id"] is None
    ]
    assert any("did not trade" in text and "was the nearest" in text for text in far)
    assert any("no sell came to" in text or "no buy came to" in text for text in far)


def test_the_command(home):
    folder = str(home / "queue")
    line = ["--data", str(home / "lake"), "explain", folder]
    result = CliRunner().invoke(app, [*line, "--fill", "0"])
    assert result.exit_code == 0
    assert result.stdout.startswith("order ")
    told = json.loads(CliRunner().invoke(app, [*line, "--order", "0", "--json"]).stdout)
    assert told["order"]["id"] == 0
    assert told["steps"][0]["what"] == "decided"
    assert told["caution"].startswith("a futures aggregate")
    assert CliRunner().invoke(app, line).exit_code == 2
    missing = CliRunner().invoke(app, [*line, "--order", "99999"])
    assert missing.exit_code == 2
    assert "the run has no order 99999" in missing.stderr


def test_without_the_lake_the_folder_is_told(home):
    result = CliRunner().invoke(
        app, ["--data", str(home / "nowhere"), "explain", str(home / "queue"), "--fill", "0"]
    )
    assert result.exit_code == 0
    assert "without the lake" in result.stderr
    empty = Lake(home / "empty")
    told = explain(read_run(home / "queue"), empty, order=None, fill=0)
    assert "is not in the lake: orderflow-bt download SIMUSDT" in told.notes[0]


def test_one_of_order_and_fill_is_asked_for(home):
    with pytest.raises(UsageError, match="say which"):
        explain(read_run(home / "queue"), None, order=1, fill=1)

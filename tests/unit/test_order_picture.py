"""The picture of an order: it shows the tape and the queue that were there, in every theme."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pytest
from typer.testing import CliRunner

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.cli import app
from orderflow_bt.errors import CoverageError
from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.report.explain import explain
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.order_view import spans_of, view_order
from orderflow_bt.run import Request, backtest
from orderflow_bt.sim import SimConfig
from orderflow_bt.store import Lake
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, MINUTE_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
S = 1_000_000


class Rests(Strategy):
    """A bid at the last price for ten minutes, changed once; what fills is left behind a trail."""

    bars: BarSpec = param(time_bars("1h"))

    def on_bar(self, spec, bar, market, broker) -> None:
        tick = market.instrument.tick_size
        if market.position.is_flat and not broker.working:
            self.entry = broker.limit(+1, 400, market.last - 3 * tick, expires=30 * MINUTE_US)
            broker.timer(market.now + 2 * MINUTE_US)

    def on_timer(self, market, broker) -> None:
        if any(order.id == self.entry for order in broker.working):
            broker.replace(self.entry, price=market.last - market.instrument.tick_size)

    def on_fill(self, fill, market, broker) -> None:
        if fill.order_id == self.entry:
            broker.trailing_stop(-1, fill.qty, 30 * market.instrument.tick_size, reduce_only=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("picture")
    market = SimulatedMarket(seed=5, start=FIRST, days=1, trades_per_day=20_000)
    lake, _ = store_market(market, root / "lake")
    config = SimConfig.for_market(MarketType.UM)
    request = Request("rests", Rests, {}, TAPE, START, START + DAY_US, config)
    backtest(lake, request, root / "run")
    return root


def told(home, **which):
    folder, lake = read_run(home / "run"), Lake(home / "lake")
    number = next(
        row["id"]
        for row in folder.rows("orders")
        if all(row[name] == value for name, value in which.items())
        and (row["kind"] != "limit" or row["ahead"])
    )
    explained = explain(folder, lake, order=number, fill=None)
    return explained, view_order(folder, lake, explained)


def test_stretches_hold_every_moment():
    moments = [("decided", 0), ("arrived", S // 10), ("fill", 600 * S), ("fill", 601 * S)]
    sent, life, met = spans_of(moments, 601 * S)
    assert (sent.name, life.name, met.name) == ("sent", "its life", "met")
    assert sent.start < 0 < S // 10 < sent.end < 5 * S
    assert life.start < 0
    assert life.end > 601 * S
    assert 590 * S < met.start < 600 * S < 601 * S < met.end < 610 * S
    assert [span.name for span in spans_of([("decided", 0), ("arrived", S // 10)], S)] == [
        "its life"
    ]


def test_no_trade_of_a_stretch_is_lost_and_quotes_are_those_before(home):
    _, view = told(home, kind="limit", status="filled")
    units = read_run(home / "run").manifest["instrument"]
    decimals = (units["price_decimals"], units["qty_decimals"])
    (trades,) = Lake(home / "lake").read(TAPE, FIRST, *decimals)
    for span, seen in zip(view.spans, view.seen, strict=True):
        rows = (trades.time >= span.start) & (trades.time <= span.end)
        assert seen.trades == rows.sum()
        for side in (1, -1):
            own = rows & (trades.side == side)
            assert seen.qty[seen.side == side].sum() == trades.qty[own].sum()
            assert set(seen.price[seen.side == side]) == set(trades.price[own].tolist())
        assert (np.diff(seen.quote_time) >= 0).all()
        known = (seen.bid != NO_PRICE) & (seen.ask != NO_PRICE)
        assert known.any()
        assert (seen.bid < seen.ask)[known].all()


def test_the_queue_falls_and_the_filled_rises_to_what_the_order_got(home):
    explained, view = told(home, kind="limit", status="filled")
    queue = view.queue
    assert queue is not None
    assert queue.time == sorted(queue.time)
    assert queue.filled == sorted(queue.filled)
    assert queue.filled[-1] == Decimal(explained.order["filled_qty"])
    assert queue.ahead[0] == Decimal(explained.order["ahead"])
    assert queue.ahead[-1] == 0


def test_a_changed_order_says_why_it_arrived_late(home):
    explained, _ = told(home, kind="limit", status="filled")
    late = [step.text for step in explained.steps if step.what == "arrived"]
    assert "a change made it queue anew" in late[0]


@pytest.mark.parametrize("options", [[], ["--light"], ["--light", "--palette", "colour-blind"]])
@pytest.mark.parametrize("kind", ["limit", "trailing_stop"])
def test_every_theme_draws_the_same_bytes_twice(home, tmp_path, kind, options):
    explained, _ = told(home, kind=kind, status="filled")
    line = ["--data", str(home / "lake"), "explain", str(home / "run"), "--order"]
    line += [str(explained.order["id"]), *options, "--out"]
    made = []
    for name in ("one.png", "two.png"):
        result = CliRunner().invoke(app, [*line, str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(b"\x89PNG")


def test_the_page_opens_offline_and_follows_the_reader(home, tmp_path):
    explained, _ = told(home, kind="limit", status="filled")
    line = ["--data", str(home / "lake"), "explain", str(home / "run"), "--order"]
    out = tmp_path / "order.html"
    result = CliRunner().invoke(app, [*line, str(explained.order["id"]), "--out", str(out)])
    assert result.exit_code == 0, result.output
    page = out.read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert page.count("data:image/png;base64,") == 2
    assert "prefers-color-scheme: light" in page
    assert explained.title in page
    assert all(step.text.replace(">", "&gt;") in page for step in explained.steps[:3])


def test_what_cannot_be_drawn_says_why(home, tmp_path):
    explained, _ = told(home, kind="limit", status="filled")
    with pytest.raises(CoverageError, match="orderflow-bt download SIMUSDT"):
        view_order(read_run(home / "run"), Lake(home / "nowhere"), explained)
    line = ["--data", str(home / "lake"), "explain", str(home / "run"), "--order", "0", "--out"]
    for name, said in (("x.gif", "neither a .png nor an .html"), ("no/x.png", "cannot be written")):
        result = CliRunner().invoke(app, [*line, str(tmp_path / name)])
        assert result.exit_code != 0
        assert said in result.output or said in str(result.exception)

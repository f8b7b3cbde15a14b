"""The look-ahead audit: strategies that cheat on purpose are caught, honest ones pass."""

from __future__ import annotations

import datetime as dt
import json
import os
import random

import numpy as np
import pytest
from typer.testing import CliRunner

from orderflow_bt import BarSpec, Detector, Event, param, time_bars
from orderflow_bt.cli import app
from orderflow_bt.instruments import Instrument
from orderflow_bt.kernels._jit import cache_folder
from orderflow_bt.run.lookahead import Material, audit
from orderflow_bt.run.outside import Outside
from orderflow_bt.sim import SimConfig
from orderflow_bt.strategy import Strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.testing import Tape, assert_no_lookahead
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN
from orderflow_bt.types import MarketType, Trades
from strategies.delta_divergence import DeltaDivergenceFade

SECOND = 1_000_000
UNITS = Instrument("random", MarketType.UM, "WALK", 1, 2)


def walk(rows=1_500, seed=1):
    luck = np.random.default_rng(seed)
    return Trades(
        np.arange(1, rows + 1, dtype=np.int64),
        MIDNIGHT_2024 + np.cumsum(luck.integers(0, SECOND // 2, rows)).astype(np.int64),
        10_000 + np.cumsum(luck.choice([-3, -1, 0, 1, 3], rows)).astype(np.int64),
        luck.integers(1, 90, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )


WALK = walk()


class Honest(Strategy):
    """Buys rising closes, sells falling ones."""

    bars: BarSpec = param(time_bars("5s"))

    def rises(self, bar, market):
        return bar.close > bar.open

    def on_bar(self, spec, bar, market, broker):
        if market.position.is_flat and not broker.working:
            broker.market(1 if self.rises(bar, market) else -1, 5)
        else:
            broker.close()


class PeeksAtTheFormingBar(Honest):
    """Knows the high of the bar that has just begun."""

    def rises(self, bar, market):
        session = market._session
        row = session.next_index - session.tape.base
        ahead = session.tape.price[row : min(row + 20, session.tape.end)]
        return ahead.size > 0 and ahead.max() > bar.close + 5


class KeepsTheTape(Honest):
    """Looks up tomorrow's price by its index."""

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.prices = WALK.price.tolist()

    def rises(self, bar, market):
        row = int(np.searchsorted(WALK.time, market.now))
        return self.prices[min(row + 30, len(self.prices) - 1)] > bar.close


def knows_the_mean():
    mean = float(WALK.price.mean())

    class KnowsTheMean(Honest):
        def rises(self, bar, market):
            return bar.close < mean

    return KnowsTheMean()


class PeeksInTheDetector(Detector):
    """Looks at the column that its piece of tape was cut from."""

    name = "peek"
    lookback = 0

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.read = 0

    def on_trades(self, trades):
        for row in range(trades.rows):
            self.read += 1
            if self.read % 40 == 0:
                ahead = trades.price[row:]
                whole = ahead if ahead.base is None else ahead.base
                direction = 1 if whole[-1] > trades.price[row] else -1
                price = int(trades.price[row])
                yield row, Event(
                    int(trades.time[row]), "peek", "up", direction, "confirmed", price, price,
                    price, 1.0,
                )  # fmt: skip


class FollowsItsDetector(Strategy):
    def detectors(self):
        return [PeeksInTheDetector()]

    def on_event(self, event, market, broker):
        if market.position.is_flat:
            broker.market(event.direction, 1, reason=event)


class ThrowsDice(Honest):
    def rises(self, bar, market):
        return random.random() > 0.5


CHEATS = {
    "peek": (PeeksAtTheFormingBar, r"cut: on_bar at 2024-.* decided market.* where .*_session"),
    "index": (KeepsTheTape, r"self\.prices: 1,500 prices of this tape"),
    "mean": (knows_the_mean, r"mean \(closure of .*rises\): the mean price of the whole tape"),
    "detector": (FollowsItsDetector, r"looked at event = peek up [+-]1 at \d+, which is peek up"),
    "dice": (ThrowsDice, r"same again: .* from run to run"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_caught_and_told_how(name):
    cheat, words = CHEATS[name]
    with pytest.raises(AssertionError, match=words):
        assert_no_lookahead(cheat, (WALK, UNITS), cuts=4)


def test_prefix_and_shuffle_catch_the_peek_too():
    found = audit(PeeksAtTheFormingBar, material(WALK), PLAIN, cuts=40)
    assert {"cut", "prefix", "shuffle"} <= {finding.check for finding in found.findings}


def material(trades):
    return Material(UNITS, lambda: iter([trades]), True, 0, int(trades.time[-1]))


@pytest.mark.parametrize("make", [Honest, lambda: DeltaDivergenceFade(bars="5s")])
@pytest.mark.parametrize("config", [PLAIN, SimConfig()], ids=["bare", "usual"])
def test_the_honest_pass(make, config):
    found = assert_no_lookahead(make, (WALK, UNITS), config=config, cuts=6)
    assert [check.name for check in found.checks] == [
        "same again", "cut", "prefix", "shuffle", "lag", "outside",
    ]  # fmt: skip
    assert found.trades == WALK.rows
    assert found.decisions > 0


def test_where_the_tape_is_cut_follows_from_the_seed():
    def checks(seed):
        return audit(Honest, material(WALK), PLAIN, seed=seed, cuts=4)

    assert checks(3) == checks(3)


def test_a_kernel_that_compiles_inside_a_hook_is_no_file(tmp_path):
    folder = cache_folder()
    outside = Outside()
    with outside.building("__init__"):
        for place in (folder, tmp_path):  # where a compiler tries whether it can keep its work
            os.close(os.open(place, os.O_RDONLY))
    assert [source.what for source in outside.sources] == [f"the file {tmp_path}"]


class ReadsAFile(Honest):
    path = None

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.mean = json.loads(self.path.read_text())["mean"]

    def rises(self, bar, market):
        return bar.close < self.mean


def test_a_mean_from_a_file_is_caught_unless_it_is_vouched_for(tmp_path):
    ReadsAFile.path = tmp_path / "mean.json"
    ReadsAFile.path.write_text(json.dumps({"mean": 9_990}))
    with pytest.raises(AssertionError, match=r"__init__ used the file .*mean\.json"):
        assert_no_lookahead(ReadsAFile, (WALK, UNITS), cuts=2)
    found = assert_no_lookahead(ReadsAFile, (WALK, UNITS), cuts=2, allow_outside=True)
    assert found.checks[-1].said == "1 found, allowed"
    ReadsAFile.path.write_text(json.dumps({"mean": float(WALK.price.mean())}))
    with pytest.raises(AssertionError, match=r"self\.mean: the mean price of the whole tape"):
        assert_no_lookahead(ReadsAFile, (WALK, UNITS), cuts=2)


def test_a_compiled_reader_inside_a_hook_is_caught(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = str(tmp_path / "prices.parquet")
    pq.write_table(pa.table({"price": WALK.price}), path)

    class ReadsTheLake(Honest):
        def rises(self, bar, market):
            ahead = pq.read_table(path)["price"].to_numpy()
            return ahead[-1] > bar.close

    with pytest.raises(AssertionError, match=r"on_bar at 2024-.* used (the file|files that no)"):
        assert_no_lookahead(ReadsTheLake, (WALK, UNITS), cuts=2)


def test_what_other_threads_read_is_not_held_against_a_strategy():
    import os
    import threading

    source, sink = os.pipe()
    over = threading.Event()

    def chatter():
        while not over.is_set():
            os.write(sink, b"x" * 64)
            os.read(source, 64)

    other = threading.Thread(target=chatter)
    other.start()
    try:
        assert assert_no_lookahead(Honest, (WALK, UNITS), cuts=1).findings == []
    finally:
        over.set()
        other.join()
        os.close(source)
        os.close(sink)


class TakesTheNextTrade(Strategy):
    """No peek, but an edge that the very next trade takes away."""

    def on_trade(self, trade, market, broker):
        if market.position.is_flat and not broker.working and trade.price == 99:
            broker.market(1, 1)
        elif not market.position.is_flat and not broker.working and trade.side < 0:
            broker.close()


def test_an_edge_of_one_trade_is_told():
    # 99 trades twice, then everything happens above
    high = [105 + k % 3 for k in range(20)]
    tape = Tape(
        " | ".join(
            f"B 99 9 | B 99 9 | B {p} 9 | B {p} 9 | S {p} 9 | S {p} 9 | S {p} 9" for p in high
        )
    )
    with pytest.raises(AssertionError, match=r"lag: the whole run .*very next trade"):
        assert_no_lookahead(TakesTheNextTrade, tape, cuts=2)


def test_a_tape_without_decisions_is_equal():
    found = assert_no_lookahead(DeltaDivergenceFade, Tape("B 100 1 | S 99 1"))
    assert (found.trades, found.decisions) == (2, 0)


DAY = "2024-01-02"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lookahead")
    market = SimulatedMarket(seed=5, days=2, start=dt.date(2024, 1, 1), trades_per_day=5_000)
    store_market(market, folder / "lake")
    return folder / "lake", market.symbol


def run(stored, strategy, *words):
    lake, symbol = stored
    line = ["--data", str(lake), "lookahead", str(strategy), symbol, "--from", DAY, "--to", DAY]
    return CliRunner().invoke(app, [*line, "--cuts", "2", *words])


def test_the_shipped_strategies_pass_the_command(stored):
    from orderflow_bt.strategy.registry import installed

    for name in installed():
        result = run(stored, name, "--json", "--seed", "7")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert (told["strategy"], told["seed"], told["findings"]) == (name, 7, [])


CHEAT = """
from pathlib import Path
from orderflow_bt import Strategy, param, time_bars, BarSpec
from orderflow_bt.store import Lake
from orderflow_bt.types import Kind, MarketType, TapeId
import datetime as dt

class Cheat(Strategy):
    bars: BarSpec = param(time_bars("15m"))
    def on_bar(self, spec, bar, market, broker):
        tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "{symbol}")
        pieces = Lake(Path({lake!r})).read(tape, dt.date(2024, 1, 2), 8, 8)
        ahead = max(int(piece.price.max()) for piece in pieces)
        if market.position.is_flat:
            broker.market(1 if ahead > bar.close else -1, 1)
"""


def test_a_strategy_that_reads_the_lake_in_a_hook_exits_with_3(stored, tmp_path):
    lake, symbol = stored
    file = tmp_path / "cheat.py"
    file.write_text(CHEAT.format(symbol=symbol, lake=str(lake)))
    result = run(stored, file)
    assert result.exit_code == 3, result.output
    assert "outside: on_bar at 2024-01-02T" in result.stdout
    assert "no look-ahead was found" not in result.stdout
    assert run(stored, file, "--allow-outside").exit_code == 0


def test_a_mean_loaded_while_the_plugin_is_imported_is_caught(stored, tmp_path):
    (tmp_path / "mean.txt").write_text("12")
    file = tmp_path / "loads.py"
    file.write_text(
        "from pathlib import Path\n"
        "from orderflow_bt import Strategy\n"
        f"MEAN = float(Path({str(tmp_path / 'mean.txt')!r}).read_text())\n"
        "class Loads(Strategy): pass\n"
    )
    result = run(stored, file)
    assert result.exit_code == 3
    assert "outside: importing it used the file" in result.stdout

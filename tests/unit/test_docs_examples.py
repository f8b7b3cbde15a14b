"""The code in README and docs is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from orderflow_bt.instruments import Instrument
from orderflow_bt.strategy import Strategy
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.testing import run_trades
from orderflow_bt.types import MarketType

REPOSITORY = Path(__file__).resolve().parents[2]
INSTRUMENT = Instrument("binance", MarketType.UM, "SIMUSDT", 1, 3)


def blocks(name):
    return re.findall(r"```python\n(.*?)```", (REPOSITORY / name).read_text(), re.DOTALL)


def strategy_in(code):
    names: dict[str, object] = {"__name__": "example"}
    exec(code, names)
    (found,) = (
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy
    )
    return found


@pytest.fixture(scope="module")
def trades():
    return SimulatedMarket(seed=5, days=1, trades_per_day=30_000).day(0).trades


@pytest.mark.parametrize("page", ["README.md", "docs/plugins.md"])
def test_the_example_strategy_trades(page, trades):
    cls = strategy_in(blocks(page)[0])
    run = run_trades(trades, INSTRUMENT, cls())
    assert run.fills
    assert any(order.role == "target" for order in run.orders)


def test_the_testing_example_passes(monkeypatch):
    import sys
    import types

    code = blocks("docs/plugins.md")
    strategy, test = code[0], next(text for text in code if "def test_buys" in text)
    module = types.ModuleType("breakout")
    module.DeltaBreakout = strategy_in(strategy)
    monkeypatch.setitem(sys.modules, "breakout", module)
    names: dict[str, object] = {}
    exec(test, names)
    names["test_buys_the_breakout"]()


def test_the_lake_example_reads_a_day(tmp_path, monkeypatch):
    import datetime as dt

    from orderflow_bt.archive import open_source
    from orderflow_bt.ingest import download
    from orderflow_bt.store import Lake
    from orderflow_bt.synth import write_archive
    from orderflow_bt.types import Kind, TapeId

    market = SimulatedMarket(
        seed=5, days=1, trades_per_day=1_000, symbol="BTCUSDT", start=dt.date(2024, 1, 1)
    )
    write_archive(market, tmp_path / "archive")
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
    lake = Lake(tmp_path / "data")
    download(lake, tape, [market.start], open_source(str(tmp_path / "archive")))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(blocks("docs/lake.md")[0], names)
    table = names["trades"]
    assert table["time"].dt.date().unique().to_list() == [dt.date(2024, 1, 1)]
    prices = market.day(0).trades.price / 10
    assert np.allclose(table["price"].to_numpy(), prices)


def test_the_example_detectors_see_something_however_the_tape_is_cut(trades, tmp_path):
    from orderflow_bt.detectors.registry import load_detector
    from orderflow_bt.testing import read_events

    examples = [code for code in blocks("docs/plugins.md") if "(Detector)" in code]
    assert len(examples) == 3
    for number, code in enumerate(examples):
        file = tmp_path / f"example_{number}.py"
        file.write_text(code)
        cls = load_detector(str(file))
        parameters = {"least": 10} if "least" in cls.params else {}
        whole = read_events(trades, INSTRUMENT, cls(**parameters))
        assert whole
        assert whole == read_events(trades, INSTRUMENT, cls(**parameters), chunks=(1, 777, 20_000))


def test_the_venue_example_holds():
    exec(blocks("docs/venues.md")[0], {})


def test_the_profile_example_prints_what_it_says(capsys):
    (code,) = (block for block in blocks("docs/definitions.md") if "SessionProfiles" in block)
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == [
        "102 ValueArea(val=100, poc=102, vah=102, volume=14)",
        "visited 102 at trade 1 of the piece",
        "101 101.72222222222223",
    ]

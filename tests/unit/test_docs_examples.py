"""The code in README and docs is run as it stands."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from orderflow_bt import Bar, Event, Fill, Order, Position
from orderflow_bt.cli import app
from orderflow_bt.detectors.registry import load_detector
from orderflow_bt.frames import open_tape
from orderflow_bt.instruments import Instrument
from orderflow_bt.strategy import Strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.testing import run_trades
from orderflow_bt.types import MarketType

REPOSITORY = Path(__file__).resolve().parents[2]
READINGS = sorted((REPOSITORY / "docs" / "readings").glob("*.md"))
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


@pytest.mark.parametrize(
    ("row", "record"),
    [
        ("`Bar`", Bar),
        ("`Order`", Order),
        ("`Fill`", Fill),
        ("`Event`", Event),
        ("`market.position`", Position),
    ],
)
def test_what_a_hook_is_given_is_told_field_by_field(row, record):
    page = (REPOSITORY / "docs" / "plugins.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {row} |"))
    told = set(re.findall(r"`([a-z_]+)`", line))
    own = {name for name in vars(record) if not name.startswith("_")}
    fields = own | set(getattr(record, "__slots__", ()))
    assert told - fields == set()
    assert fields - told == ({"quote_upper", "quote_lower"} if record is Bar else set())


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


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder whose lake ``data`` holds a simulated day; and the market that made it."""
    folder = tmp_path_factory.mktemp("stored")
    market = SimulatedMarket(
        seed=5, days=1, trades_per_day=1_000, symbol="BTCUSDT", start=dt.date(2024, 1, 1)
    )
    store_market(market, folder / "data")
    return folder, market


def test_the_lake_example_reads_a_day(stored, monkeypatch):
    folder, market = stored
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    exec(blocks("docs/lake.md")[0], names)
    table = names["trades"]
    assert table["time"].dt.date().unique().to_list() == [dt.date(2024, 1, 1)]
    prices = market.day(0).trades.price / 10
    assert np.allclose(table["price"].to_numpy(), prices)


def test_the_example_detectors_see_something_however_the_tape_is_cut(trades, tmp_path):
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
    (code,) = blocks("docs/readings/profile.md")
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == [
        "102 ValueArea(val=100, poc=102, vah=102, volume=14)",
        "visited 102 at trade 1 of the piece",
        "101 101.72222222222223",
    ]


@pytest.mark.parametrize("page", READINGS, ids=lambda page: page.stem)
def test_the_code_of_each_reading_holds(page, stored):
    folder, market = stored
    (code,) = blocks(page)
    tape = open_tape("BTCUSDT", market.start, market.start, lake=folder / "data")
    exec(code, {"tape": tape})


def commands():
    """The command lines on the pages of the readings."""
    for page in READINGS:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^    orderflow-bt (.*)$", text, re.MULTILINE):
            yield pytest.param(shlex.split(line), id=f"{page.stem}: {line[:40]}")


@pytest.mark.parametrize("words", list(commands()))
def test_the_commands_of_the_readings_are_accepted(words):
    program = get_command(app)
    context = program.make_context("orderflow-bt", list(words))
    given = program.get_command(context, words[0]).make_context(words[0], words[1:]).params
    if words[0] == "events":
        asked = dict(text.split("=", 1) for text in given["param"] or ())
        assert set(asked) <= set(load_detector(given["detector"]).params)

"""The exchange's own rules, dated, are used before shipped and inferred ones."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from archive_days import DAY, UM, agg_rows, csv_text, days, put_day, serving
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.errors import LakeError, MalformedError, UnsupportedError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake, resolve_instrument
from orderflow_bt.store.rules import imported_rules, read_exchange_info, rules_path
from orderflow_bt.types import MarketType


def symbol(name, tick="0.0100", lot="0.001", **more):
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": lot},
        {"filterType": "MIN_NOTIONAL", "notional": "20"},
    ]
    return {"symbol": name, "filters": filters} | more


def info(*symbols, served=dt.datetime(2024, 1, 2, tzinfo=dt.UTC)):
    return json.dumps({"serverTime": int(served.timestamp() * 1000), "symbols": list(symbols)})


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", "instruments", *map(str, words)])

    return run


@pytest.fixture
def lake(tmp_path):
    for n, date in enumerate(days(3)):
        put_day(tmp_path / "archive", date=date, text=csv_text(agg_rows(date, 50, 1 + 50 * n)))
    lake = Lake(tmp_path / "lake")
    download(lake, UM, days(3), open_source(str(tmp_path / "archive")))
    return lake


def test_imported_rules_hold_from_their_day_on(run, lake, tmp_path):
    (tmp_path / "info.json").write_text(info(symbol("ABCUSDT", "0.50", "0.010")))
    result = run("import", tmp_path / "info.json")
    assert result.exit_code == 0, result.output
    assert "1 symbol of binance um from 2024-01-02 on, 1 with new rules" in result.stdout
    first, second, third = days(3)
    before = resolve_instrument(lake, UM, [first, second])
    assert before.source == "inferred"
    after = resolve_instrument(lake, UM, [second, third])
    assert after.source == "imported"
    assert after.price(after.tick_size) == Decimal("0.5")
    assert after.qty(after.lot_size) == Decimal("0.01")
    assert after.min_notional == 20
    # Units do not hang on where the window begins.
    assert (before.price_decimals, before.qty_decimals) == (
        after.price_decimals,
        after.qty_decimals,
    )
    again = run("import", tmp_path / "info.json")
    assert "0 with new rules" in again.stdout


def test_a_finer_rule_refines_the_units_of_every_window(run, lake, tmp_path):
    (tmp_path / "info.json").write_text(info(symbol("ABCUSDT", "0.00001", "0.00001")))
    run("import", tmp_path / "info.json")
    found = [resolve_instrument(lake, UM, [date]) for date in days(3)]
    assert {(one.price_decimals, one.qty_decimals) for one in found} == {(5, 5)}
    assert [one.source for one in found] == ["inferred", "imported", "imported"]
    assert [one.price(one.tick_size) for one in found] == [
        Decimal("0.1"),
        Decimal("0.00001"),
        Decimal("0.00001"),
    ]


def test_shipped_rules_stay_for_the_time_before(run, lake, tmp_path):
    (tmp_path / "info.json").write_text(info(symbol("BTCUSDT", "0.20")))
    run("import", tmp_path / "info.json", "--since", "2025-05-01")
    rows = json.loads(run("show", "BTCUSDT", "--json").stdout)
    assert [row["source"] for row in rows] == ["shipped"] * (len(rows) - 1) + ["imported"]
    assert rows[-1] == {
        "symbol": "BTCUSDT",
        "from": "2025-05-01",
        "tick": "0.2",
        "lot": "0.001",
        "min_notional": "20",
        "source": "imported",
    }
    assert "2023-11-02   0.1" in run("show", "btcusdt").stdout
    assert "are read from its stored trades" in run("show", "NEWUSDT").stdout


def test_a_change_is_kept_with_its_day(run, lake, tmp_path):
    path = tmp_path / "info.json"
    for day, tick in ((1, "0.1"), (5, "0.1"), (9, "0.01"), (9, "0.05")):
        served = dt.datetime(2024, 3, day, tzinfo=dt.UTC)
        path.write_text(info(symbol("ABCUSDT", tick), served=served))
        run("import", path)
    found = imported_rules(lake, "binance", MarketType.UM)["ABCUSDT"]
    assert [(one.since, one.tick) for one in found] == [
        ("2024-03-01", "0.1"),
        ("2024-03-09", "0.05"),
    ]


def test_from_an_address(run, lake, tmp_path):
    (tmp_path / "archive" / "exchangeInfo").write_text(info(symbol("ABCUSDT")))
    with serving(tmp_path / "archive") as server:
        assert run("import", f"{server.url}/exchangeInfo").exit_code == 0
        missing = run("import", f"{server.url}/nothing")
    assert missing.exit_code == 1
    assert "not received" in missing.stderr


def read(text, market=MarketType.UM):
    return read_exchange_info(text, "binance", market, DAY, "info.json")


def test_spot_and_contracts():
    spot = symbol("ABCUSDT")
    spot["filters"][2] = {"filterType": "NOTIONAL", "minNotional": "5.00000000"}
    assert read(info(spot), MarketType.SPOT)["ABCUSDT"].min_notional == "5"
    coin = symbol("BTCUSD_PERP", "0.1", "1", contractSize=100, contractType="PERPETUAL")
    assert read(info(coin), MarketType.CM)["BTCUSD_PERP"].lot == "1"
    with pytest.raises(MalformedError, match="another market"):
        read(info(coin))
    with pytest.raises(MalformedError, match="another market"):
        read(info(symbol("A", contractType="PERPETUAL")), MarketType.SPOT)
    with pytest.raises(UnsupportedError, match="50 USD"):
        read(info(coin | {"contractSize": 50}), MarketType.CM)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"symbols": 3}', '{"symbols": [{}]}', '{"symbols": []}',
     '{"symbols": [], "serverTime": "x"}', '{"symbols": [{"symbol": "A", "filters": 3}]}',
     info(symbol("A", "0.00000000")), info(symbol("A", 0.1)), info(symbol("A", "1e-3"))],
)  # fmt: skip
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(MalformedError):
        read(text)


def test_a_damaged_file_is_named(run, lake, tmp_path):
    path = rules_path(lake, "binance", MarketType.UM)
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(LakeError, match=path.name):
        resolve_instrument(lake, UM, [DAY])
    assert run("import", tmp_path / "absent.json").exit_code == 2

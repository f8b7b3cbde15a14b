"""Dated fees: which rates hold for whom and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.cli.assumptions import Assumptions
from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import DEFAULT_FEES, Fees
from orderflow_bt.sim.fees import FeeChange, rates_of, read_fee_rows
from orderflow_bt.store import Lake
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Script, Tape
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

UM = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
ROWS = [
    {"market": "um", "tier": "vip1", "maker": 1.6, "taker": 4},
    {"market": "um", "since": dt.date(2024, 1, 2), "maker": "1", "taker": "3.5"},
    {"market": "um", "symbol": "ethusdt", "since": "2024-01-03", "maker": -0.5, "taker": 2},
    {"market": "spot", "maker": 9, "taker": 9},
]


def fees(maker, taker):
    return Fees(Decimal(str(maker)), Decimal(str(taker)))


def rates(symbol="BTCUSDT", tier="regular", start=MIDNIGHT_2024):
    return rates_of(read_fee_rows(ROWS, "file"), replace(UM, symbol=symbol), tier, start)


def test_shipped_rates_hold_until_the_first_dated_row():
    first, later = rates()
    assert first == DEFAULT_FEES[MarketType.UM]
    assert later == (FeeChange(MIDNIGHT_2024 + DAY_US, fees(1, "3.5")),)
    assert rates(start=MIDNIGHT_2024 + DAY_US) == (fees(1, "3.5"), ())


def test_rows_that_name_the_symbol_win_over_those_of_its_market():
    first, later = rates("ETHUSDT")
    assert first == DEFAULT_FEES[MarketType.UM]
    assert later == (FeeChange(MIDNIGHT_2024 + 2 * DAY_US, fees(-0.5, 2)),)


def test_a_tier_has_its_own_rates():
    assert rates(tier="vip1") == (fees(1.6, 4), ())


def test_an_unknown_tier_names_those_known():
    with pytest.raises(UsageError, match=r"(?s)'vip7'.*Known: regular, vip1"):
        rates(tier="vip7")


@pytest.mark.parametrize(
    "table",
    [
        {"market": "um", "maker": 1},
        {"market": "um", "maker": 1, "taker": "x"},
        {"market": "moon", "maker": 1, "taker": 1},
        {"market": "um", "maker": 1, "taker": 1, "form": 3},
        {"market": "um", "maker": 1, "taker": 1, "since": "soon"},
        {"market": "um", "maker": 1, "taker": float("inf")},
        "um",
    ],
)
def test_a_row_that_cannot_be_read_says_so(table):
    with pytest.raises(UsageError, match="cannot be read"):
        read_fee_rows([table], "file")


def test_v15_rates_change_between_two_fills():
    tape = Tape("B 60000 0.5 | B 60000 0.5 | +1s S 60500 0.5 | B 60600 0.5")
    config = replace(
        PLAIN,
        fees=fees(0, 5),
        fee_changes=(FeeChange(MIDNIGHT_2024 + 500_000, fees(2, 9)),),
    )
    lots = 5
    script = Script(
        {
            0: lambda market, broker: broker.market(1, lots),
            2: lambda market, broker: broker.limit(-1, lots, tape.price("60600"), reduce_only=True),
        }
    )
    run = tape.run(script, config=config, fills="touch")
    assert [fill.fee for fill in run.fills] == [Decimal(15), Decimal("6.06")]
    assert [trip.net_pnl for trip in run.round_trips] == [Decimal("278.94")]


def test_the_option_wins_over_everything(tmp_path):
    asked = Assumptions(fees="-1,3", fee_tables=ROWS)
    config = asked.config(Lake(tmp_path), UM, MIDNIGHT_2024, MIDNIGHT_2024 + DAY_US)
    assert (config.fees, config.fee_changes) == (fees(-1, 3), ())
    config = replace(asked, fees="").config(Lake(tmp_path), UM, MIDNIGHT_2024, MIDNIGHT_2024 + 1)
    assert config.fees == DEFAULT_FEES[MarketType.UM]
    assert len(config.fee_changes) == 1


def test_rates_in_the_configuration_file_reach_a_run(tmp_path):
    line = ["--data", str(tmp_path), "run", "delta_divergence", "BTCUSDT", "--fee-tier", "vip9"]
    line += ["--from", "2024-01-01", "--to", "2024-01-01"]
    told = CliRunner().invoke(app, line, default_map={"fees": ROWS})
    assert told.exit_code == 2
    assert "Known: regular, vip1" in told.stderr
    assert "Known: regular." in CliRunner().invoke(app, line).stderr

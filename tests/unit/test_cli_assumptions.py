"""What the options of a backtest become, and what they warn of."""

from __future__ import annotations

import inspect
from decimal import Decimal

import pytest

from orderflow_bt.cli import run
from orderflow_bt.cli.assumptions import Assumptions, cautions
from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import Instrument
from orderflow_bt.report.honesty import _shipped_notes
from orderflow_bt.run.described import described
from orderflow_bt.sim import End, GapPolicy, LatencySample, LatencyTable, Reference, StopFill
from orderflow_bt.store import Lake
from orderflow_bt.types import HOUR_US, Kind, MarketType, TapeId

MS = 1_000
UM = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
UNITS = Instrument("x", MarketType.UM, "BTCUSDT", 1, 3)
SPOT = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "BTCUSDT")


def config_of(tmp_path, tape=UM, **options):
    return Assumptions(**options).config(Lake(tmp_path), tape, 0, HOUR_US)


def test_every_option_reaches_the_configuration(tmp_path):
    config = config_of(
        tmp_path, latency=200.0, legs={"entry": 120.0, "cancel": None, "trigger": 0.5},
        slippage="ticks=1,bps=0.5,half_spread,sqrt=0.8", reference="next_print",
        stop_fill="trigger_price", queue="visit_median:3,500", queue_decay="0.1",
        gap_policy="flatten_after", end="close", off_tick="reject", max_open_orders=10,
    )  # fmt: skip
    assert (config.entry_latency, config.cancel_latency, config.trigger_latency) == (
        120 * MS, 200 * MS, 500,
    )  # fmt: skip
    assert (config.slippage_ticks, config.slippage_bps, config.half_spread, config.impact) == (
        1, Decimal("0.5"), True, Decimal("0.8"),
    )  # fmt: skip
    assert (config.reference, config.stop_fill) == (Reference.NEXT_PRINT, StopFill.TRIGGER_PRICE)
    assert (config.gap_policy, config.end) == (GapPolicy.FLATTEN_AFTER, End.CLOSE)
    said = described(config, UNITS, HOUR_US)
    assert said["latency_ms"] == {"entry": 120, "cancel": 200, "trigger": 0.5, "response": 200}
    assert (said["queue_decay"], said["off_tick"], said["max_open_orders"]) == ("0.1", "reject", 10)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"fills": "luck"}, "is not a fill policy"),
        ({"reference": "mid"}, "Use cross, next_print or next_same_side"),
        ({"gap_policy": "hope"}, "is not a gap policy"),
        ({"end": "stop"}, "Use mark or close"),
        ({"latency_sample": "100"}, "is not MEAN,STD"),
        ({"latency_sample": "0,5"}, "mean above 0"),
        ({"slippage": "spread"}, "is not a slippage model"),
        ({"slippage": "bps=5000"}, "must lie in"),
        ({"queue": "snapshot"}, "order-book snapshots"),
        ({"queue_decay": "-1"}, "queue_decay must lie"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, what):
    with pytest.raises(Exception, match=what) as caught:
        config_of(tmp_path, **options)
    assert caught.value.exit_code in (1, 2)


def test_a_latency_faster_than_the_data_is_warned_of_on_futures_only(tmp_path):
    for tape, options, warns in (
        (UM, {"latency": 50.0}, True),
        (UM, {"latency": 100.0}, False),
        (UM, {"latency": 100.0, "legs": {"cancel": 10.0}}, True),
        (UM, {"latency": 100.0, "legs": {"response": 10.0}}, False),
        (UM, {"latency_sample": "60,20"}, True),
        (SPOT, {"latency": 1.0}, False),
    ):
        assert bool(cautions(tape, config_of(tmp_path, tape, **options))) is warns, options
    (text,) = cautions(SPOT, config_of(tmp_path, SPOT, stop_fill="trigger_price"))
    assert "nobody gets such fills" in text


def table(tmp_path, text):
    file = tmp_path / "latency.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_table_by_time_of_day_holds_over_midnight(tmp_path):
    file = table(tmp_path, "from,entry,cancel\n07:00,80,\n14:30:00,150.5,90\n")
    config = config_of(tmp_path, latency=200.0, latency_table=file)
    for hour, entry, cancel in ((3, 150_500, 90_000), (8, 80_000, 200_000), (23, 150_500, 90_000)):
        time = 5 * 24 * HOUR_US + hour * HOUR_US
        assert (config.delay("entry", time, 7), config.delay("cancel", time, 7)) == (entry, cancel)
        assert config.delay("trigger", time, 7) == 200_000
    assert described(config, UNITS, 0)["latency_table_ms"][0] == [
        "07:00:00.000000Z", 80, None, None, None,
    ]  # fmt: skip
    assert config.least_latency == 80_000


def test_a_table_by_date_leaves_what_is_before_it(tmp_path):
    read = LatencyTable.read(table(tmp_path, "from,trigger\n1970-01-02,5\n1970-01-03T12:00,7\n"))
    day = 24 * HOUR_US
    found = [read.at("trigger", time) for time in (day - 1, day, 2 * day, 2 * day + 12 * HOUR_US)]
    assert found == [None, 5_000, 5_000, 7_000]
    assert read.at("entry", day) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "from\n07:00\n", "from,entri\n07:00,5\n", "from,entry\n07:00,fast\n",
        "from,entry\n07:00,-1\n", "from,entry\nnoon,5\n", "from,entry\n08:00,5\n07:00,5\n",
        "from,entry\n07:00,5\n2024-01-01,5\n",
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text):
    with pytest.raises(UsageError, match=r"latency\.csv"):
        LatencyTable.read(table(tmp_path, text))
    with pytest.raises(UsageError, match="cannot be read"):
        LatencyTable.read(tmp_path / "none.csv")


def test_a_sampled_latency_is_its_own_and_has_the_mean_it_says():
    sample = LatencySample(100 * MS, 40 * MS)
    drawn = [sample.draw(1, "entry", number, 5) for number in range(4_000)]
    assert drawn == [sample.draw(1, "entry", number, 5) for number in range(4_000)]
    assert min(drawn) > 0
    mean = sum(drawn) / len(drawn)
    deviation = (sum((value - mean) ** 2 for value in drawn) / len(drawn)) ** 0.5
    assert mean == pytest.approx(100 * MS, rel=0.03)
    assert deviation == pytest.approx(40 * MS, rel=0.06)
    others = {sample.draw(*key) for key in ((2, "entry", 0, 5), (1, "cancel", 0, 5))}
    assert drawn[0] not in others
    assert LatencySample(7, 0).draw(1, "entry", 3, 9) == 7


def test_assumptions_are_keys_of_the_configuration_file_by_their_options_names():
    keys = set(inspect.signature(run.command).parameters)
    assert {"end", "gap_policy", "latency_sample", "slippage", "queue_decay", "off_tick"} <= keys


def test_what_came_with_the_program_is_told_from_what_was_given(tmp_path):
    tiers = {"market": "um", "tiers": [[1000, 1], [0, 2]]}
    dated = tiers | {"since": "1970-01-03"}
    rates = {"market": "um", "maker": 1, "taker": 3}
    two_days = 48 * HOUR_US
    for options, expected in (
        ({}, ["fees", "tiers"]),
        ({"fees": "1,3"}, ["tiers"]),
        ({"margin_tables": [tiers]}, ["fees"]),
        ({"margin_tables": [dated]}, ["fees", "tiers"]),
        ({"fee_tables": [rates | {"since": "1970-01-02"}]}, ["fees", "tiers"]),
        ({"fee_tables": [rates], "margin_tables": [tiers]}, []),
    ):
        assert described(config_of(tmp_path, **options), UNITS, two_days)["shipped"] == expected
    (text,) = _shipped_notes({"shipped": ["fees", "tiers"]})
    assert "from memory" in text
    assert "[[fees]] and [[margin]]" in text
    assert _shipped_notes({"shipped": []}) == []
    spot = Instrument("x", MarketType.SPOT, "XUSDT", 1, 1)
    assert described(config_of(tmp_path, SPOT), spot, two_days)["shipped"] == ["fees"]

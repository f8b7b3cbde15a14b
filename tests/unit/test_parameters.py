"""Parameters: types, bounds, texts from the command line, helpful errors."""

from __future__ import annotations

import pytest

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.errors import PluginError, UnsupportedError, UsageError
from orderflow_bt.parameters import json_schema


class Sample(Strategy):
    bars: BarSpec = param(time_bars("5m"), help="bars to read")
    pivot: int = param(2, ge=1, le=20, help="bars on each side")
    ratio: float = param(3.0, gt=1)
    tight: bool = param(False)
    source: str = param("stack", choices=("stack", "cells"))


def test_defaults_and_texts():
    assert Sample().parameters() == {
        "bars": "5m", "pivot": 2, "ratio": 3.0, "tight": False, "source": "stack",
    }  # fmt: skip
    told = Sample(bars="1m", pivot="3", ratio="2.5", tight="true", source="cells")
    assert told.bars == time_bars("1m")
    assert (told.pivot, told.ratio, told.tight, told.source) == (3, 2.5, True, "cells")


def test_positional_in_order_of_declaration():
    assert Sample(time_bars("1h"), 4).pivot == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pivot": 21}, "pivot"),
        ({"pivot": "2.5"}, "pivot"),
        ({"ratio": 1}, "greater than 1"),
        ({"ratio": float("nan")}, "ratio"),
        ({"source": "stak"}, "'stack' or 'cells'"),
        ({"bars": "7m"}, "does not divide a UTC day"),
        ({"pivott": 3}, "Did you mean 'pivot'"),
    ],
)
def test_wrong_values_are_named(given, words):
    with pytest.raises(UsageError, match=words):
        Sample(**given)


@pytest.mark.parametrize(
    "text",
    [
        "30s", "1m", "4h", "1d", "tick:500", "tick:500,fills", "volume:100", "volume:0.5",
        "dollar:1000000", "range:20", "delta:50", "reversal:20,8", "renko:50", "tick:500@start",
        "delta:1.5@09:30-16:00/America/New_York",
    ],
)  # fmt: skip
def test_bar_specifications_read_as_they_are_written(text):
    assert str(BarSpec.parse(text)) == text
    assert BarSpec.parse(text) == BarSpec.parse(f" {text} ")


@pytest.mark.parametrize(
    "text",
    [
        "tick", "tick:", "tick:0", "tick:1.5", "range:2.5", "reversal:20", "volume:1,2", "brick:5",
        "volume:5,fills", "tick:5@noon", "tick:5@9:30-16:00/UTC", "volume:1.2.3", "7m", "",
    ],
)  # fmt: skip
def test_what_is_no_bar_specification_is_refused(text):
    with pytest.raises(UsageError):
        BarSpec.parse(text)


def test_activity_bars_have_no_length_and_come_before_time_bars():
    with pytest.raises(UnsupportedError, match="no length"):
        BarSpec.parse("tick:500").count(5)
    assert BarSpec.parse("tick:500").lookback(9) == 86_400_000_000
    assert BarSpec.parse("tick:500").size < BarSpec.parse("1s").size
    assert BarSpec.parse("volume:100") == BarSpec.parse("volume:100.0")
    with pytest.raises(UsageError, match="not a time interval"):
        time_bars("tick:500")


def test_a_default_of_an_odd_type_is_the_authors_error():
    with pytest.raises(PluginError, match="NoneType"):

        class Odd(Strategy):
            level: object = param(None)  # type: ignore[type-var] # the error under test


def test_a_subclass_inherits_and_overrides():
    class Finer(Sample):
        pivot: int = param(5, ge=1)
        extra: int = param(1)

    assert list(Finer.params) == ["bars", "pivot", "ratio", "tight", "source", "extra"]
    assert Finer().pivot == 5
    assert Finer(pivot=50).pivot == 50


def test_json_schema_carries_ranges_and_help():
    properties = json_schema(Sample)["properties"]
    assert properties["pivot"]["minimum"] == 1
    assert properties["pivot"]["description"] == "bars on each side"
    assert properties["bars"]["type"] == "string"

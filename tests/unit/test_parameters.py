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


def test_bar_kinds_of_later_versions_are_refused_not_approximated():
    with pytest.raises(UnsupportedError, match="tick"):
        BarSpec.parse("tick:500")


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

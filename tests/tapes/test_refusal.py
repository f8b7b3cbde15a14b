"""Why a setup is refused: costs, and a share of equity that buys nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tape_words import after

from orderflow_bt.errors import PluginError
from orderflow_bt.testing.tape import PLAIN, Tape


def refusal(entry, stop, target, *, cash="10000", least=0, text="B 100.0 1 | B 100.0 1", **more):
    found = []
    tape = Tape(text, tick="0.1")
    tape.instrument = replace(tape.instrument, min_notional=Decimal(least))

    def ask(market, broker):
        found.append(broker.refusal(entry, stop, target, **more))

    tape.run(after(1, ask), config=replace(PLAIN, cash=Decimal(cash), leverage=Decimal(1)))
    return found[0]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"cash": "10000", "risk": 0.01}, ""),
        ({"cash": "10000"}, ""),
        ({"cash": "50"}, "equity under one lot"),
        ({"cash": "50", "risk": 0.01}, "equity under one lot"),
        ({"cash": "990", "risk": 0.001}, "risk of 0.1 % of equity is under one lot"),
        ({"cash": "1000", "risk": 0.001}, ""),  # 1 is lost by a lot, and 0.1 % of 1000 is 1
        ({"cash": "990"}, ""),
        ({"cash": "1000", "risk": 0.001, "least": 101},
         "risk of 0.1 % of equity is under the exchange's minimum order of 101"),
        ({"cash": "2020", "risk": 0.002, "least": 101}, ""),
        ({"cash": "990", "least": 10_000}, ""),
    ],
)  # fmt: skip
def test_a_share_of_equity_that_buys_nothing_is_said(asked, why):
    assert refusal(1000, 990, 1020, **asked) == why


def test_costs_come_first():
    assert refusal(1000, 997, 1020, cash="50", risk=0.01) == "risk under 4 ticks"
    assert refusal(1000, 990, 1010, cash="50", risk=0.01) == "target under 1.5 R"


def test_a_risk_that_is_no_number_is_an_error():
    with pytest.raises(PluginError, match="share of equity"):
        refusal(1000, 990, 1020, risk=float("nan"))

"""The broker has no favourite side: a tape turned upside down gives its fills upside down."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest
from test_broker_twin import MIDDLE, _Several, columns, config_of, crowded

from orderflow_bt.instruments import Instrument
from orderflow_bt.testing.tape import Script, run_trades
from orderflow_bt.types import MarketType

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "200"))
PRICES = ("price", "limit", "worst", "stop", "target", "stop_entry", "limit_entry", "cancel_at")


def upside_down(price):
    return None if price is None else 2 * MIDDLE - price


def mirrored(action):
    name, *given = action
    turned = []
    for thing in given:
        if isinstance(thing, dict):
            turned.append({
                what: upside_down(value) if what in PRICES
                else -value if what == "side" else value
                for what, value in thing.items()
            })  # fmt: skip
        else:
            turned.append(thing)
    return name, *turned


def run(trades, script, rules):
    steps = Script({number: _Several(actions) for number, actions in script.items()})
    instrument = Instrument("random", MarketType.UM, "MIRROR", 0, 0)
    end = trades[-1][0] + 1_000_000
    return run_trades(columns(trades), instrument, steps, config=config_of(rules), end=end)


@pytest.mark.parametrize("first", range(0, EXAMPLES, 100))
def test_fills_on_a_mirrored_tape_are_mirrored(first):
    fills = 0
    for seed in range(first, first + 100):
        trades, script, rules = crowded(seed)
        rules |= {"bps": Decimal(0)}  # a share of the price, which the mirror changes
        there = run(trades, script, rules)
        back = run(
            [(time, upside_down(price), qty, -side) for time, price, qty, side in trades],
            {number: [mirrored(a) for a in actions] for number, actions in script.items()},
            rules,
        )
        turned = []
        for number, fill in enumerate(back.fills):
            price, reference = upside_down(fill.price), upside_down(fill.reference)
            fee = there.fills[number].fee  # a share of the price
            turned.append(fill._replace(side=-fill.side, price=price, reference=reference, fee=fee))
        assert turned == there.fills, seed
        assert [o.status for o in back.orders] == [o.status for o in there.orders], seed
        fills += len(there.fills)
    assert fills > 200

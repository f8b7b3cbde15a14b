"""The package is typed for whoever writes plugins: mypy knows what hooks are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

ROOT = Path(__file__).resolve().parents[2]

RIGHT = """
from decimal import Decimal

from orderflow_bt import (
    Bar, BarSpec, Broker, Event, Fill, Market, Order, Strategy, TradeView, param, time_bars,
)


class Typed(Strategy):
    fast: BarSpec = param(time_bars("1m"))
    slow: BarSpec = param(time_bars("1h"))
    length: int = param(20, ge=2)

    def on_start(self, market: Market, broker: Broker) -> None:
        broker.timer(market.now + self.fast.count(2))

    def on_fill(self, fill: Fill, market: Market, broker: Broker) -> None:
        paid: Decimal = fill.fee + market.price(fill.price)

    def on_order(self, order: Order, market: Market, broker: Broker) -> None:
        broker.cancel(order.id)

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        low: int = market.bars(self.slow).last(self.length).extreme(-1)
        sent: int = broker.limit(1, 5, low, reason=None)

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        broker.skip(event, "no")

    def on_trade(self, trade: TradeView, market: Market, broker: Broker) -> None:
        ask: int | None = market.inferred_ask

    def on_end(self, market: Market, broker: Broker) -> None:
        closed: int | None = broker.close()
"""
WRONG = {
    "    def on_bar(self, spec: str, bar: Bar, market: Market, broker: Broker) -> None: ...": (
        "override"
    ),
    "    def on_timer(self, market: Market, broker: Broker) -> None:\n"
    "        broker.market('buy', 1)": "arg-type",
    "    def on_end(self, market: Market, broker: Broker) -> None:\n"
    "        market.tomorrow": "attr-defined",
    "    length: str = param(3)": "assignment",
}


def mypy(tmp_path, text):
    file = tmp_path / "typed.py"
    file.write_text(text)
    cache = os.environ.get("MYPY_CACHE_DIR", str(ROOT / ".mypy_cache"))
    out, _, code = api.run(
        ["--strict", "--follow-imports=silent", "--config-file", str(ROOT / "pyproject.toml"),
         "--cache-dir", cache, str(file)]
    )  # fmt: skip
    return out, code


def test_a_typed_plugin_passes_strictly(tmp_path):
    out, code = mypy(tmp_path, RIGHT)
    assert code == 0, out


def test_what_is_wrong_is_found(tmp_path):
    head = RIGHT[: RIGHT.index("    def on_start")]
    classes = head[: head.index("class Typed")]
    parts = [f"class Wrong{number}(Strategy):\n{text}\n" for number, text in enumerate(WRONG)]
    out, code = mypy(tmp_path, classes + "\n\n".join(parts))
    assert code == 1
    for kind in WRONG.values():
        assert f"[{kind}]" in out, out

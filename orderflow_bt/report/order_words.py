"""An order of a run folder in words: its numbers as exact decimals, what was asked and assumed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.report.honesty import slippage_words

if TYPE_CHECKING:
    from orderflow_bt.report.folder import Row, RunFolder
    from orderflow_bt.report.tape_of_order import Met

LIQUIDATION = "liquidation"  # role of what the exchange sends
TRIGGERED = ("stop", "stop_limit", "trailing_stop", "if_touched")  # kinds that wait for a price


def counted(number: int | Decimal, noun: str) -> str:
    """``1 tick``, ``1,204 ticks``, ``0.5 ticks``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class OrderWords:
    """Says things of one order of a run."""

    def __init__(self, run: RunFolder, order: Row) -> None:
        self.run, self.order = run, order
        units = run.manifest["instrument"]
        self.price_decimals = int(units["price_decimals"])
        self.qty_decimals = int(units["qty_decimals"])
        self.tick = int(units["tick_size"])
        self.currency = units.get("currency") or units["quote"]
        self.simulation = run.manifest["simulation"]
        self.policy = self.simulation["fills"]

    def price(self, units: int) -> str:
        """A price as an exact decimal."""
        return f"{Decimal(units).scaleb(-self.price_decimals):,.{self.price_decimals}f}"

    def qty(self, lots: int) -> str:
        """A quantity as an exact decimal."""
        return f"{Decimal(lots).scaleb(-self.qty_decimals):,.{self.qty_decimals}f}"

    @property
    def side(self) -> int:
        """+1 to buy, -1 to sell."""
        return int(self.order["side"])

    @property
    def is_triggered(self) -> bool:
        """Whether it waits for a price before it trades."""
        return self.order["kind"] in TRIGGERED

    @property
    def waits_for_mark(self) -> bool:
        """Whether that price is the exchange's mark price."""
        return self.is_triggered and self.simulation.get("trigger_on") == "mark"

    @property
    def is_liquidation(self) -> bool:
        """Whether the exchange sent it, not the strategy."""
        return bool(self.order["role"] == LIQUIDATION)

    @property
    def waits_above(self) -> bool:
        """Whether it is triggered at its price and above, not below."""
        return bool((self.side > 0) == (self.order["kind"] != "if_touched"))

    @property
    def arrived(self) -> bool:
        """Whether it was at the exchange before it ended."""
        arrival, done = self.order["arrival_time"], self.order["done_time"]
        return arrival is not None and (done is None or arrival <= done)

    @property
    def rests_at(self) -> int | None:
        """The price at which it rests in the book; None for one that never does."""
        if self.order["kind"] == "limit":
            return int(self.order["price"])
        if self.order["limit_price"] is None or self.order["trigger_time"] is None:
            return None
        return int(self.order["limit_price"])

    def reaches(self, price: int) -> bool:
        """Whether a trade at ``price`` triggers it."""
        level = int(self.order["price"])
        return price >= level if self.waits_above else price <= level

    def trade(self, met: Met) -> str:
        """A trade of the tape: its id, side, price and quantity."""
        letter = "B" if met.side > 0 else "S"
        return f"trade {met.id}, {letter} {self.price(met.price)} x {self.qty(met.qty)}"

    def title(self) -> str:
        """What was asked."""
        order = self.order
        at = f" at {self.price(order['price'])}" if order["price"] is not None else ""
        if order["limit_price"] is not None:
            at += f", limit {self.price(order['limit_price'])}"
        verb = "buy" if self.side > 0 else "sell"
        if self.is_liquidation:
            return f"order {order['id']}: liquidation, {verb} {self.qty(order['qty'])}"
        role = f" ({order['role']})" if order["role"] != order["kind"] else ""
        of = f", leg of order {order['parent_id']}" if order["parent_id"] is not None else ""
        return f"order {order['id']}: {verb} {self.qty(order['qty'])} {order['kind']}{at}{role}{of}"

    def assumed(self) -> str:
        """Under which rules."""
        if self.is_liquidation:
            return (
                "the exchange's own order: at once, at the price where what backed the position is "
                "used up, or at a worse one that traded"
            )
        simulation = self.simulation
        legs = ", ".join(f"{name} {ms:g} ms" for name, ms in simulation["latency_ms"].items())
        if sample := simulation.get("latency_sample_ms"):
            legs = f"drawn, mean {sample['mean']:g} ms"
        elif simulation.get("latency_table_ms"):
            legs += ", changed by a table"
        deep = counted(simulation.get("through_ticks", 1), "tick")
        rule = {
            "queue": f"fills behind the inferred queue ({simulation['queue']})",
            "touch": "fills at touch",
            "through": f"fills {deep} through the price",
        }[self.policy]
        if simulation.get("latency_sample_ms"):
            legs += ", or as drawn from a sample"
        if self.waits_for_mark:
            rule = f"waits for the mark price; {rule}"
        return (
            f"{rule}; latency {legs}; slippage {slippage_words(simulation)};"
            f" fees {simulation['maker_bps']} / {simulation['taker_bps']} bps"
        )

    def as_texts(self) -> dict[str, Any]:
        """The order's row, its numbers as exact decimals and its times as ISO 8601."""
        order = dict(self.order)
        for name in ("qty", "filled_qty", "ahead"):
            order[name] = None if order[name] is None else self.qty(order[name]).replace(",", "")
        for name in ("price", "limit_price", "worst_price", "trail"):
            if order.get(name) is not None:
                order[name] = self.price(order[name]).replace(",", "")
        for name in ("decision_time", "arrival_time", "trigger_time", "done_time"):
            if order.get(name) is not None:
                order[name] = iso(order[name])
        return order


def iso(time: int) -> str:
    """Microseconds UTC as ISO 8601."""
    return f"{np.datetime64(time, 'us')}Z"

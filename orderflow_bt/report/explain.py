"""Why an order filled, or did not: what it met, from the decision to its end. ``docs/fills.md``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt import hints
from orderflow_bt.errors import UsageError
from orderflow_bt.report.mark_words import marks_of, triggering
from orderflow_bt.report.order_words import OrderWords, counted
from orderflow_bt.report.tape_of_order import Met, Stretch, Wanted, read_stretch, tape_of
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from orderflow_bt.report.folder import Row, Rows, RunFolder
    from orderflow_bt.store import Lake

RULES = {
    "took": "takes what the trade offers, at the worse of its price and the inferred quote",
    "queue": "the volume ahead is used up; the excess is ours",
    "touch": "fills as soon as its price trades",
    "liquidated": "no more than the maintenance margin was left, by the price that is tested: the "
    "exchange closed the position, and all that backed it is lost",
    "end": "closed at the last price where the run ends",
    "through": "the trade went through its price: everything ahead is gone",
}


class Step(NamedTuple):
    """One thing that happened to an order.

    Attributes:
        time: Microseconds UTC.
        what: decided, arrived, trigger, queue, fill, end.
        text: In words.
        facts: In numbers, exact decimals as texts.
    """

    time: int
    what: str
    text: str
    facts: dict[str, Any]


class Explanation(NamedTuple):
    """An order's life.

    Attributes:
        title: What was asked.
        assumed: The rules it met, in words.
        steps: In order of time.
        verdict: How it ended, and why.
        notes: What could not be read again.
        order: The order, exact decimals as texts.
        costs: What its fills cost beside their price.
    """

    title: str
    assumed: str
    steps: list[Step]
    verdict: str
    notes: list[str]
    order: dict[str, Any]
    costs: dict[str, Any]


def explain(
    run: RunFolder, lake: Lake | None, *, order: int | None, fill: int | None
) -> Explanation:
    """Explain an order, or the order of a fill.

    Args:
        run: The run folder.
        lake: Where the run's tape lies; without it only what the folder keeps is told.
        order: The order's number.
        fill: A fill's number.

    Raises:
        UsageError: Neither or both are given, or there is no such order or fill.
    """
    if (order is None) == (fill is None):
        raise UsageError("say which: --fill N or --order N")
    fills, orders = run.rows("fills"), run.rows("orders")
    if fill is not None:
        order = _numbered(fills, fill, "fill")["order_id"]
    assert order is not None
    own = fills.where("order_id", [order])
    return _Story(run, _numbered(orders, order, "order"), own, lake).told()


def _numbered(rows: Rows, number: int, what: str) -> Row:
    for row in rows.where("id", [number]):
        return row
    have = f"It has {len(rows):,}, numbered from 0" if rows else f"It has no {what} at all"
    raise UsageError(f"the run has no {what} {number}", fix=have)


class _Story(OrderWords):
    """Walks one order through the trades it met."""

    def __init__(self, run: RunFolder, order: Row, fills: Rows, lake: Lake | None) -> None:
        super().__init__(run, order)
        self.fills = list(fills)
        self.notes: list[str] = []
        self.steps: list[Step] = []
        self.stretch = self._read(lake)
        self.marks = marks_of(lake, tape_of(run.manifest), run.manifest)

    def add(self, time: int, what: str, text: str, **facts: Any) -> None:
        self.steps.append(Step(time, what, text, facts))

    # -- reading ------------------------------------------------------------------------------

    def _read(self, lake: Lake | None) -> Stretch | None:
        if lake is None:
            self.notes.append("without the lake, only what the run folder keeps is told")
            return None
        order = self.order
        end = order["done_time"]
        window_end = int(
            np.datetime64(self.run.manifest["window"]["to"].removesuffix("Z"), "us").astype(
                np.int64
            )
        )
        waits = self.is_triggered and order["trigger_time"] is None
        outward = 1 if self.waits_above else -1
        wanted = Wanted(
            order["decision_time"],
            window_end - 1 if end is None else max(end, order["decision_time"]),
            frozenset(row["trade_id"] for row in self.fills),
            0 if waits else -self.side,
            order["price"] if waits else self.rests_at,
            # a price that triggers is reached from one side, an order at rest from the other
            outward if waits else -self.side,
            order["trigger_time"],
        )
        stretch = read_stretch(lake, self.run.manifest, wanted)
        for date in stretch.missing:
            tape = tape_of(self.run.manifest)
            self.notes.append(
                f"{date} of {tape} is not in the lake: {hints.download(tape, date, date)}"
            )
        self.notes += [
            f"{date} in the lake is not what the run read: its trades may differ"
            for date in stretch.changed
        ]
        return None if stretch.missing else stretch

    # -- telling ------------------------------------------------------------------------------

    def told(self) -> Explanation:
        order = self.order
        self._tell_decision()
        if self.arrived and not self.is_liquidation:
            self._tell_arrival()
        if self.is_triggered:
            self._tell_trigger()
        self._tell_meetings()
        if order["done_time"] is not None:
            text = order["status"] + (f": {order['reason']}" if order["reason"] else "")
            self.add(order["done_time"], "end", text, status=order["status"])
        self.steps.sort(key=lambda step: step.time)
        costs = self._costs()
        return Explanation(
            self.title(), self.assumed(), self.steps, self._verdict(costs), self.notes,
            self.as_texts(), costs,
        )  # fmt: skip

    def _tell_decision(self) -> None:
        order, before = self.order, self.stretch.before if self.stretch else None
        because = ""
        if order["event_id"] is not None:
            event = _numbered(self.run.rows("events"), order["event_id"], "event")
            because = f" because of event {event['id']}, {event['detector']} {event['kind']}"
        facts: dict[str, Any] = {}
        last = ""
        if before is not None:
            last = f"; last trade {self.price(before.price)}"
            facts = {"last_price": self.price(before.price), "last_trade": before.id}
        said = "the exchange closes the position" if self.is_liquidation else f"decided{because}"
        self.add(order["decision_time"], "decided", f"{said}{last}", **facts)

    def _tell_arrival(self) -> None:
        order = self.order
        took = (order["arrival_time"] - order["decision_time"]) / 1000
        leg = f", {took:g} ms later" if order["parent_id"] is None else ", with its entry's fill"
        text = f"at the exchange{leg}{self._late(took)}"
        facts: dict[str, Any] = {"latency_ms": took}
        if order["ahead"] is not None:
            if self.policy == "queue":
                text += f"; rests behind {self.qty(order['ahead'])} inferred"
            else:
                text += "; rests"
            facts["ahead"] = self.qty(order["ahead"])
        self.add(order["arrival_time"], "arrived", text, **facts)

    def _late(self, took: float) -> str:
        """Why it arrived later than its latency, where that is known to be one number."""
        simulation = self.simulation
        if simulation.get("latency_sample_ms") or simulation.get("latency_table_ms"):
            return ""
        if self.order["parent_id"] is not None or took <= simulation["latency_ms"]["entry"]:
            return ""
        return " (a change made it queue anew, or trades were missing)"

    def _tell_trigger(self) -> None:
        order, stretch = self.order, self.stretch
        time, since = order["trigger_time"], order["arrival_time"]
        if time is None or since is None:
            return
        latency = self.simulation["latency_ms"]["trigger"]
        rests = order["limit_price"] is not None
        then = "goes to its limit" if rests else "takes from the next trade on"
        then = f"triggers; {then}, {latency:g} ms later at the earliest"
        if self.marks is not None:
            level = Decimal(order["price"]).scaleb(-self.price_decimals)
            said = triggering(self.marks, time, since, level, above=self.waits_above)
            if said is not None:
                self.add(time, "trigger", f"{said}: {then}", by="mark", latency_ms=latency)
                return
        for met in () if stretch is None else stretch.met:
            if met.time == time and self.reaches(met.price):
                self.add(
                    met.time, "trigger", f"{self.trade(met)}: {then}",
                    trade=met.id, price=self.price(met.price), latency_ms=latency,
                )  # fmt: skip
                return

    def _tell_meetings(self) -> None:
        """Every fill; and for an order at rest, every trade that used up the queue before it."""
        by_trade = {row["trade_id"]: row for row in self.fills}
        if self.stretch is None:
            for row in self.fills:
                self._tell_fill(row, None)
            return
        ahead = self.order["ahead"] if self.policy == "queue" else None
        for met in self.stretch.met:
            filled = by_trade.get(met.id)
            if filled is not None:
                row = filled
                self._tell_fill(row, met)
                if row["liquidity"] == "maker" and ahead is not None:
                    ahead = 0 if met.price != self.rests_at else max(0, row["ahead"] - met.qty)
            elif ahead and self._at_rest(met):
                left = max(0, ahead - met.qty) if met.price == self.rests_at else 0
                self.add(
                    met.time, "queue",
                    f"{self.trade(met)}: ahead {self.qty(ahead)} → {self.qty(left)}",
                    trade=met.id, ahead_before=self.qty(ahead), ahead_after=self.qty(left),
                )  # fmt: skip
                ahead = left

    def _at_rest(self, met: Met) -> bool:
        since = self.order["arrival_time"]
        if self.rests_at is None or since is None:
            return False
        if self.is_triggered:
            since = self.order["trigger_time"] + 1_000 * self.simulation["latency_ms"]["trigger"]
        return met.side == -self.side and bool(met.time >= since)

    def _tell_fill(self, row: Row, met: Met | None) -> None:
        facts: dict[str, Any] = {
            "fill": row["id"], "trade": row["trade_id"], "rule": row["rule"],
            "qty": self.qty(row["qty"]), "price": self.price(row["price"]),
            "liquidity": row["liquidity"], "fee": str(row["fee"]),
            "slippage_ticks": row["slippage_ticks"],
        }  # fmt: skip
        what = f"fill {row['id']}: {self.qty(row['qty'])} at {self.price(row['price'])}"
        parts = [f"{what}, {row['liquidity']}: {RULES.get(row['rule'], row['rule'])}"]
        if row["liquidity"] == "maker" and self.policy == "queue":
            parts.append(f"{self.qty(row['ahead'])} were ahead")
            facts["ahead"] = self.qty(row["ahead"])
        if row["liquidity"] == "taker":
            self._tell_price(row, met, parts, facts)
        parts.append(f"fee {row['fee']:f} {self.currency}")
        head = f"{self.trade(met)}: " if met is not None else f"trade {row['trade_id']}: "
        self.add(row["time"], "fill", head + "; ".join(parts), **facts)

    def _tell_price(
        self, row: Row, met: Met | None, parts: list[str], facts: dict[str, Any]
    ) -> None:
        """What a taker's price is made of."""
        reference = row["reference"]
        facts["reference"] = self.price(reference)
        if met is not None:
            quote = met.ask if self.side > 0 else met.bid
            seen = "unknown" if quote is None else self.price(quote)
            name = "ask" if self.side > 0 else "bid"
            parts.append(
                f"reference {self.price(reference)} of price {self.price(met.price)} and"
                f" inferred {name} {seen}"
            )
        if row["slippage_ticks"]:
            made = {name: row[f"{name}_ticks"] for name in ("spread", "bps", "impact")}
            made["fixed"] = row["slippage_ticks"] - sum(made.values())
            of = ", ".join(f"{name} {ticks}" for name, ticks in made.items() if ticks)
            parts.append(f"{counted(row['slippage_ticks'], 'tick')} of slippage ({of})")

    # -- the end ------------------------------------------------------------------------------

    def _costs(self) -> dict[str, Any]:
        if not self.fills:
            return {}
        lots = sum(row["qty"] for row in self.fills)
        paid = Decimal(sum(row["qty"] * row["price"] for row in self.fills)) / lots
        costs: dict[str, Any] = {
            "average_price": str(round(paid.scaleb(-self.price_decimals), self.price_decimals + 2)),
            "fees": f"{sum(row['fee'] for row in self.fills):f}",
            "slippage_ticks": str(
                round(Decimal(sum(r["qty"] * r["slippage_ticks"] for r in self.fills)) / lots, 2)
            ),
        }
        before = self.stretch.before if self.stretch else None
        if before is not None:
            worse = self.side * (paid - before.price) / self.tick
            costs["shortfall_ticks"] = str(round(worse, 2))
        return costs

    def _verdict(self, costs: dict[str, Any]) -> str:
        order = self.order
        if self.fills:
            text = (
                f"filled {self.qty(order['filled_qty'])} of {self.qty(order['qty'])} at"
                f" {costs['average_price']} on average; fees {costs['fees']} {self.currency};"
                f" slippage {counted(Decimal(costs['slippage_ticks']), 'tick')}"
            )
            if "shortfall_ticks" in costs:
                worse = Decimal(costs["shortfall_ticks"])
                word = "worse" if worse > 0 else "better"
                off = counted(abs(worse), "tick")
                where = f"{off} {word} than" if worse else "at the price of"
                text += f"; {where} the last trade before"
                text += " it" if self.is_liquidation else " the decision"
            if order["filled_qty"] >= order["qty"]:
                return text
            return f"{text}. The rest: {self._why_not()}"
        return f"not filled: {self._why_not()}"

    def _why_not(self) -> str:
        order, stretch = self.order, self.stretch
        said = [f"{order['status']}{': ' if order['reason'] else ''}{order['reason']}"]
        if order["status"] == "rejected" or stretch is None or order["price"] is None:
            return said[0]
        if not self.arrived:
            return f"{said[0]}; it never was at the exchange"
        steps = [step for step in self.steps if step.what == "queue"]
        if self.is_triggered and not any(step.what == "trigger" for step in self.steps):
            if order["kind"] == "trailing_stop":
                said.append("price never turned by its distance")
            elif self.waits_for_mark:
                said.append(f"the mark price did not come to {self.price(order['price'])}")
            else:
                said.append(f"{self.price(order['price'])} did not trade{self._nearest()}")
        elif steps:
            said.append(
                f"of {self.qty(order['ahead'])} ahead {steps[-1].facts['ahead_after']} were left"
            )
        elif self.rests_at is not None and not self.fills:
            hits = [met for met in stretch.met if self._at_rest(met)]
            if hits:
                said.append(
                    f"{counted(len(hits), 'trade')} reached its price, none went far enough for"
                    f" {self.policy!r}"
                )
            else:
                taker = "sell" if self.side > 0 else "buy"
                said.append(f"no {taker} came to {self.price(self.rests_at)}{self._nearest()}")
        return "; ".join(said)

    def _nearest(self) -> str:
        if self.stretch is None or self.stretch.nearest is None:
            return ""
        wanted = self.order["price"] if self.rests_at is None else self.rests_at
        ticks = abs(self.stretch.nearest - wanted) // self.tick
        return (
            f"; {self.price(self.stretch.nearest)}, {counted(ticks, 'tick')} away, was the nearest"
        )


def futures_caution(run: RunFolder) -> str:
    """What the times of a futures tape cannot tell, empty on spot."""
    market = MarketType(run.manifest["tape"]["market"])
    if not market.is_futures:
        return ""
    return "a futures aggregate may merge 100 ms of trades: order within that span is not known"

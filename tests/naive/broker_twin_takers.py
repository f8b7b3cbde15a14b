"""What taking orders get and pay, by docs/fills.md: the twin's half of that."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR
from fractions import Fraction
from itertools import pairwise

MICROSECOND = 1
MILLION = 10**6
PARKINSON = 1 / math.sqrt(4 * math.log(2))


class Takers:
    """Part of the twin; see `broker_twin`."""

    def takers(self, time, number):
        found = [
            o
            for o in self.orders
            if o["state"] == "taking" and o["arrival"] <= time and o["decided"] < number
        ]
        return sorted(found, key=lambda o: (o["arrival"], o["id"]))

    def match_takers(self, time, number, price, qty, trade_side):
        room = int((self.rules["participation"] * qty).to_integral_value(ROUND_FLOOR))
        used = 0
        for order in self.takers(time, number):
            if order["state"] != "taking":
                continue  # ended by what came before it on this very trade
            if order["is_limit"] and order["first_met"] is None:
                order["first_met"] = time
                if order["immediate"] or order["kill"]:
                    order["expires"] = earliest(order["expires"], time + MICROSECOND)
            terms = self.terms(order, time, price, trade_side)
            if terms == "beyond" and not order["is_limit"]:
                self.finish(order, "cancelled", time)
            if not isinstance(terms, tuple):
                continue
            wanted = self.may_trade(order, time)
            if order["kill"]:
                held = sum(amount for *_, amount, _ in order["held"])
                if 0 < wanted < order["left"]:
                    self.finish(order, "cancelled", time)
                elif wanted and room - used >= wanted - held:
                    used += wanted - held
                    order["held"].append((number, wanted - held, terms))
                    self.fill_whole(order, time)
                continue
            amount = min(wanted, room - used)
            if amount > 0:
                used += amount
                self.fill(order, time, number, terms[0], amount, "taker", "took", 0, terms[1:])
        return room - used, qty - used

    def hold(self, time, number, price, left, trade_side):
        for order in self.takers(time, number):
            if order["kill"]:
                terms = self.terms(order, time, price, trade_side)
                held = sum(amount for _, amount, _ in order["held"])
                amount = min(left, order["left"] - held)
                if isinstance(terms, tuple) and amount > 0:
                    left -= amount
                    order["held"].append((number, amount, terms))

    def fill_whole(self, order, time):
        """A fill-or-kill order has all of it: its parts fill at once."""
        parts = order["held"]
        for number, amount, terms in parts[:-1]:
            self.note_fill(order, time, number, terms[0], amount, "taker", "took", 0, terms[1:])
        number, amount, terms = parts[-1]
        whole = sum(part[1] for part in parts)
        self.note_fill(order, time, number, terms[0], amount, "taker", "took", 0, terms[1:])
        self.book_fill(order, time, whole)

    def terms(self, order, time, price, trade_side):
        """What an order pays at a trade: (price, reference, total, spread, bps, impact)."""
        side, rules = order["side"], self.rules
        kind = rules.get("reference", "cross")
        quote = self.ask if side > 0 else self.bid
        crossed = price if quote is None else side * max(side * price, side * quote)
        reference = price if kind == "next_print" else crossed
        if kind == "next_same_side" and not order["is_limit"]:
            if trade_side == side:
                reference = price
            elif time < order["arrival"] + rules["same_side_wait"]:
                return "waits"
        is_stop = order["kind"] in ("stop", "trailing_stop") and not order["is_limit"]
        if is_stop and rules.get("stop_at_trigger"):
            reference = order["trigger"]
        bound = order["at"] if order["is_limit"] else order["worst"]
        if bound is not None and side * (reference - bound) > 0:
            return "beyond"
        parts = self.slippage(order, reference)
        most = sum(parts)
        if bound is not None:
            most = min(most, abs(bound - reference))
        if side < 0:
            most = min(most, reference - 1)
        paid, rest = [], most
        for part in parts:
            paid.append(min(part, rest))
            rest -= paid[-1]
        return (reference + side * most, reference, most, *paid[1:])

    def slippage(self, order, reference):
        """Fixed ticks, half spread, basis points, impact: what each adds to the rounded sum."""
        rules = self.rules
        exact = [Fraction(rules["slippage"] * self.tick)]
        known = self.bid is not None and self.ask is not None
        half = Fraction(self.ask - self.bid, 2) if known and rules.get("half_spread") else 0
        exact.append(Fraction(half))
        bps = Fraction(rules.get("bps", 0)) * reference / 10_000
        exact.append(Fraction(math.floor(bps * MILLION), MILLION))
        impact = 0.0
        past = self.prices[-rules["window"] :]
        if rules.get("impact") and past:
            sigma = (max(p for p, _ in past) - min(p for p, _ in past)) * PARKINSON
            volume = sum(q for _, q in past)
            kappa = int(rules["impact"] * MILLION) / MILLION
            impact = kappa * sigma * math.sqrt(order["qty"] / volume)
        exact.append(Fraction(int(impact * MILLION), MILLION))
        rounded = [math.ceil(sum(exact[: n + 1]) / self.tick) * self.tick for n in range(4)]
        return [rounded[0], *(b - a for a, b in pairwise(rounded))]


def earliest(a, b):
    return b if a is None else min(a, b)

"""What docs/fills.md says, a second time: slow, plain, trade by trade, nothing skipped.

Trades are tuples (time, price, qty, side); an order is a dict. ``run`` takes a script, a list of
actions after each trade, and returns the orders and fills that follow from the page.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from broker_twin_takers import Takers, earliest

MILLION = 10**6


class Twin(Takers):
    """One run. ``rules`` is a dict of assumptions, named as on the page."""

    def __init__(self, trades, rules, tick=1, lot=1):
        self.trades = trades
        self.rules = rules
        self.tick = tick
        self.lot = lot
        self.bid = None
        self.ask = None
        self.hits = {1: [], -1: []}  # by the trade's side: (number of the trade, price, quantity)
        self.last = None
        self.prices = []
        self.position = 0
        self.orders = []
        self.fills = []

    def run(self, script, end):
        for number, (time, price, qty, side) in enumerate(self.trades):
            self.do_what_is_due(time, number)
            self.let_the_rest_of_takers_rest(time, number)
            self.test_stops(time, number, price)
            self.watch(time, price)
            room, left = self.match_takers(time, number, price, qty, side)
            left = self.match_makers(time, number, price, left, side)
            self.hold(time, number, price, min(room, left), side)
            self.grow_legs(time, number)
            self.see(number, price, qty, side)
            for action in script.get(number, []):
                self.decide(action, time, number)
        self.do_what_is_due(end - 1, len(self.trades))
        return self.orders, self.fills

    # -- decisions -----------------------------------------------------------------------------

    def decide(self, action, time, number):
        name, *given = action
        if name == "cancel":
            if self.orders:
                self.ask_cancel(self.orders[given[0] % len(self.orders)], time)
        elif name == "replace":
            if self.orders:
                self.ask_change(self.orders[given[0] % len(self.orders)], given[1], time)
        elif name == "cancel_all":
            for order in self.orders:
                if order["state"] not in ("done", "spent"):
                    self.ask_cancel(order, time)
        elif name == "close":
            if self.position:
                side = -1 if self.position > 0 else 1
                self.send("market", side, abs(self.position), None, time, number, reduce_only=True)
        elif name == "bracket":
            self.bracket(given[0], time, number)
        else:
            ticket = dict(given[0])
            self.send(
                name,
                ticket.pop("side"),
                ticket.pop("qty"),
                ticket.pop("price", None),
                time,
                number,
                **ticket,
            )

    def delay(self, leg, time, order):
        drawn = self.rules.get("delay")
        return drawn(leg, time, order["id"]) if drawn else self.rules[leg]

    def ask_cancel(self, order, time):
        order["cancel"] = earliest(order["cancel"], time + self.delay("cancel", time, order))

    def ask_change(self, order, wanted, time):
        if order["state"] == "done" or order["immediate"] or order["kill"]:
            return
        qty, price, limit = wanted.get("qty"), wanted.get("price"), wanted.get("limit")
        if order["entry"]:
            qty = None
        if order["kind"] == "market":
            price = None
        if order["limit"] is None:
            limit = None
        if qty is not None:
            qty -= qty % self.lot
        price = self.on_grid(price, (order["kind"] in BELOW) == (order["side"] > 0))
        limit = self.on_grid(limit, order["side"] > 0)
        if 0 in (price, limit):
            return
        arrival = time + self.delay("entry", time, order)
        if order["state"] == "sent" and order["status"] == "sent":
            arrival = max(arrival, order["arrival"])
        if order["changes"]:
            arrival = max(arrival, order["changes"][-1][0])
        order["changes"].append((arrival, qty, price, limit))

    def bracket(self, ticket, time, number):
        side, stop_entry, limit_entry = (
            ticket["side"],
            ticket.get("stop_entry"),
            ticket.get("limit_entry"),
        )
        kind, price = "market", None
        if stop_entry is not None:
            kind, price = "stop", stop_entry
        if limit_entry is not None:
            kind, price = "limit", limit_entry
        entry = self.send(
            kind,
            side,
            ticket["qty"],
            price,
            time,
            number,
            expires=ticket.get("expires"),
            cancel_at=ticket.get("cancel_at"),
            until=ticket.get("until"),
        )
        if entry["status"] == "rejected":
            return
        trail = ticket.get("trail")
        legs = [("stop", ticket["stop"], trail), ("limit", ticket["target"], None)]
        for leg_kind, leg_price, leg_trail in legs:
            if leg_price is None:
                continue
            leg = self.send(
                leg_kind, -side, 0, leg_price, time, number,
                reduce_only=True, entry=entry, trail=leg_trail,
            )  # fmt: skip
            entry["legs"].append(leg)

    def on_grid(self, price, down):
        if price is None or price % self.tick == 0:
            return price
        lower = price - price % self.tick
        return lower if down else lower + self.tick

    def send(
        self,
        kind,
        side,
        qty,
        price,
        time,
        number,
        *,
        reduce_only=False,
        expires=None,
        until=None,
        cancel_at=None,
        post_only=False,
        immediate=False,
        fill_or_kill=False,
        limit=None,
        trail=None,
        worst=None,
        entry=None,
    ):
        price = self.on_grid(price, (kind in BELOW) == (side > 0))
        limit, worst = self.on_grid(limit, side > 0), self.on_grid(worst, side > 0)
        trail = self.on_grid(trail, down=False)
        qty -= qty % self.lot
        ends = [t for t in (until, None if expires is None else time + expires) if t is not None]
        order = {
            "id": len(self.orders),
            "kind": kind,
            "side": side,
            "price": price,  # as reported
            "at": price,  # as it works now: a stop-limit's limit once it is triggered
            "is_limit": kind == "limit",
            "limit": limit,
            "trail": trail,
            "best": None,  # the best price a trailing stop has seen
            "worst": worst,
            "kill": fill_or_kill,
            "held": [],
            "changes": [],
            "qty": qty,
            "left": qty,
            "state": "sent" if entry is None else "waiting",
            "status": "sent" if entry is None else "waiting",
            "decided": number,
            "arrival": None,
            "expires": min(ends) if ends else None,
            "cancel": None,
            "watch": None,
            "reduce_only": reduce_only,
            "post_only": post_only,
            "immediate": immediate,
            "first_met": None,
            "queue": None,
            "queue_time": None,
            "ahead": None,
            "filled": 0,
            "done": None,
            "entry": entry,
            "legs": [],
            "growth": 0,
        }
        if cancel_at is not None:
            seen_from = self.last
            if cancel_at == self.last and price is not None:
                seen_from = price
            up = cancel_at > seen_from or (cancel_at == seen_from and side < 0)
            order["watch"] = (cancel_at, up)
        if entry is None:
            order["arrival"] = time + self.delay("entry", time, order)
            open_now = sum(alive(o) for o in self.orders)
            if (
                qty == 0
                or 0 in (limit, worst)
                or (until is not None and until <= time)
                or open_now >= self.rules.get("max_open", 200)
                or (not reduce_only and self.too_small(order))
            ):
                order.update(state="done", status="rejected", done=time)
        self.orders.append(order)
        return order

    def too_small(self, order):
        price = self.last if order["price"] is None else order["price"]
        return price * order["qty"] < self.rules["min_notional"]

    # -- what is due ---------------------------------------------------------------------------

    def do_what_is_due(self, time, number):
        while True:
            agenda = []
            for order in self.orders:
                if order["state"] == "done":
                    continue
                if order["state"] == "sent":
                    agenda.append((order["arrival"], 0, order["id"], 0, "arrive"))
                if order["cancel"] is not None:
                    agenda.append((order["cancel"], 0, order["id"], 2, "cancel"))
                if order["changes"]:
                    agenda.append((order["changes"][0][0], 0, order["id"], 1, "change"))
                if order["expires"] is not None and order["state"] != "waiting":
                    agenda.append((order["expires"], 1, order["id"], 0, "expire"))
            agenda = [item for item in agenda if item[0] <= time]
            if not agenda:
                return
            when, _, order_id, _, what = min(agenda)
            order = self.orders[order_id]
            if what == "cancel":
                self.finish(order, "cancelled", when)
            elif what == "change":
                self.change(order, when, number)
            elif what == "expire":
                took = (order["immediate"] or order["kill"]) and order["first_met"] is not None
                self.finish(order, "cancelled" if took else "expired", when)
            else:
                self.arrive(order, when, number)

    def arrive(self, order, when, number):
        order["status"] = "working"
        order.update(done=None, ahead=None, arrival=when)
        if order["kind"] == "market":
            order["state"] = "taking"
            self.give_up_later(order, when)
        elif not order["is_limit"]:
            order["state"] = "armed"
            if order["trail"]:
                order["best"] = self.last
                order["price"] = self.level(order)
        elif not self.place(order, when, number):
            self.finish(order, "rejected", when)

    def place(self, order, when, number):
        """Let a limit order take or rest; False where it is post-only and would take."""
        quote = self.ask if order["side"] > 0 else self.bid
        takes = quote is not None and order["side"] * (order["at"] - quote) >= 0
        if takes and order["post_only"]:
            return False
        if takes or order["immediate"] or order["kill"]:
            order.update(state="taking", first_met=None, ahead=None, queue=None)
        else:
            self.rest(order, when, number)
        return True

    def change(self, order, when, number):
        _, qty, price, limit = order["changes"].pop(0)
        more = 0 if qty is None else qty - order["qty"]
        if order["state"] not in ("waiting", "spent") and order["left"] + more <= 0:
            order["left"] = 0
            self.finish(order, "cancelled", when)
            return
        asked = {what: order[what] for what in ("price", "qty", "limit")}
        order["qty"] += more
        order["left"] += more
        before = order["at"]
        if order["limit"] and order["is_limit"]:
            price = limit
            if limit:
                order["limit"] = limit
        elif limit and order["kind"] != "market":
            order["limit"] = limit
        if price and (order["state"] != "taking" or order["is_limit"]):
            order["at"] = price
            if not (order["limit"] and order["is_limit"]):
                order["price"] = price
            order["best"] = None
        if order["trail"] and order["state"] != "taking":
            order["price"] = self.level(order)
        placed = order["is_limit"] and order["state"] in ("resting", "taking")
        if placed and (more > 0 or order["at"] != before):
            order["arrival"] = when
            if not self.place(order, when, number):
                order.update(asked)
                self.finish(order, "cancelled", when)

    def level(self, order):
        """Where a stop triggers now."""
        if order["best"] is None:
            return order["at"]
        behind = order["best"] + order["side"] * order["trail"]
        if order["at"] is None:
            return behind
        return min(order["at"], behind) if order["side"] > 0 else max(order["at"], behind)

    def give_up_later(self, order, start):
        if self.rules["max_wait"] and not order["reduce_only"]:
            order["expires"] = earliest(order["expires"], start + self.rules["max_wait"])

    def let_the_rest_of_takers_rest(self, time, number):
        for order in self.orders:
            met = order["first_met"]
            if order["state"] == "taking" and order["is_limit"] and met not in (None, time):
                self.rest(order, time, number)

    def rest(self, order, time, number):
        order.update(state="resting", queue_time=time)
        order["queue"] = order["ahead"] = self.volume_ahead(order, number)

    def volume_ahead(self, order, number):
        if self.rules["policy"] != "queue":
            return 0
        side, price = order["side"], order["at"]
        if side > 0 and self.bid is not None and price > self.bid:
            return 0
        if side < 0 and self.ask is not None and price < self.ask:
            return 0
        name, _, count = self.rules["queue"].partition(":")
        if name == "zero":
            return 0
        if name == "const":
            return int(count)
        wanted = 1 if name == "last_visit" else int(count)
        visits = []
        for n, p, q in self.hits[-side]:
            if n < number - self.rules["window"]:
                continue
            if visits and visits[-1][0] == p:
                visits[-1][1] += q
            else:
                visits.append([p, q])
        here = [volume for p, volume in visits if p == price][-wanted:]
        anywhere = [volume for _, volume in visits][-wanted:]
        return upper_median(here or anywhere or [0])

    # -- one trade -----------------------------------------------------------------------------

    def test_stops(self, time, number, price):
        for order in self.orders:
            if order["state"] != "armed" or number <= order["decided"]:
                continue
            level = self.level(order)
            up = (order["side"] > 0) == (order["kind"] != "if_touched")
            if (price >= level) if up else (price <= level):
                order.update(state="taking", status="triggered", decided=number, trigger=level)
                if order["trail"]:
                    order["price"] = level
                order["arrival"] = time + self.delay("trigger", time, order)
                if order["limit"]:
                    order.update(state="sent", at=order["limit"], is_limit=True)
                else:
                    self.give_up_later(order, order["arrival"])
            elif order["trail"]:
                known = [p for p in (order["best"], price) if p is not None]
                order["best"] = min(known) if order["side"] > 0 else max(known)

    def watch(self, time, price):
        for order in self.orders:
            if order["state"] not in ("done", "waiting") and order["watch"]:
                level, up = order["watch"]
                if (price >= level) if up else (price <= level):
                    self.ask_cancel(order, time)
                    order["watch"] = None

    def match_makers(self, time, number, price, left, trade_side):
        resting = [o for o in self.orders if o["state"] == "resting" and o["side"] == -trade_side]
        for order in sorted(resting, key=lambda o: (-o["side"] * o["at"], o["arrival"], o["id"])):
            if order["state"] != "resting":
                continue
            side, level = order["side"], order["at"]
            beyond = side * (level - price)
            if beyond < 0:
                continue
            if (
                self.rules["policy"] == "through"
                and beyond < self.rules["through_ticks"] * self.tick
            ):
                continue
            queue = self.decayed(order["queue"], time - order["queue_time"])
            order["queue_time"] = time
            ahead = math.ceil(queue)
            if beyond == 0:
                rule = self.rules["policy"]
                order["queue"] = max(0, queue - left)
                offered = max(0, left - ahead)
            else:
                rule = "through"
                order["queue"] = 0
                offered = left
            if offered == 0:
                continue
            amount = min(self.may_trade(order, time), offered)
            if amount > 0:
                left -= amount
                at_limit = (level, 0, 0, 0, 0)
                self.fill(order, time, number, level, amount, "maker", rule, ahead, at_limit)
        return left

    def decayed(self, ahead, elapsed):
        """Each power of two of microseconds leaves a share, in 2**-30, all rounded up."""
        rate = self.rules.get("decay")
        if not rate:
            return ahead
        factor, bit = 2**30, 0
        while elapsed:
            if elapsed % 2:
                leaves = math.ceil((-Decimal(rate) * 2**bit / MILLION).exp() * 2**30)
                factor = -(-factor * leaves // 2**30)
            elapsed, bit = elapsed // 2, bit + 1
        parts = -(-ahead * 2**20 * factor // 2**30)  # of a lot
        return Fraction(parts, 2**20)

    def may_trade(self, order, time):
        if not order["reduce_only"]:
            return order["left"]
        held = -self.position * order["side"]
        if held <= 0:
            self.finish(order, "cancelled", time)
            return 0
        return min(order["left"], held)

    def fill(self, order, time, number, price, amount, *facts):
        self.note_fill(order, time, number, price, amount, *facts)
        self.book_fill(order, time, amount)

    def note_fill(self, order, time, number, price, amount, liquidity, rule, ahead, costs):
        reference, *slipped = costs
        total, spread, bps, impact = (ticks // self.tick for ticks in slipped)
        self.fills.append(
            {
                "order": order["id"],
                "time": time,
                "number": number,
                "price": price,
                "qty": amount,
                "liquidity": liquidity,
                "rule": rule,
                "ahead": ahead,
                "slippage": total,
                "reference": reference,
                "spread": spread,
                "bps": bps,
                "impact": impact,
            }
        )

    def book_fill(self, order, time, amount):
        order["left"] -= amount
        order["filled"] += amount
        self.position += order["side"] * amount
        if order["left"] == 0:
            self.finish(order, "filled", time)
        for leg in order["legs"]:
            if leg["state"] != "done":
                leg["growth"] += amount
        for sibling in order["entry"]["legs"] if order["entry"] else []:
            if sibling is not order and alive(sibling):
                sibling["left"] = max(0, sibling["left"] - amount)
                if sibling["left"] == 0:
                    self.finish(sibling, "cancelled", time)
        if self.position == 0:
            for other in self.orders:
                if other["reduce_only"] and alive(other):
                    self.finish(other, "cancelled", time)

    def grow_legs(self, time, number):
        for leg in self.orders:
            growth, leg["growth"] = leg["growth"], 0
            if growth == 0 or leg["state"] == "done":
                continue
            leg["qty"] += growth
            leg["left"] += growth
            if not alive(leg):
                leg.update(state="sent", arrival=time, decided=number, first_met=None)
                leg.update(best=None)
            if self.position == 0:
                self.finish(leg, "cancelled", time)

    def finish(self, order, status, time):
        by_request = (
            status == "cancelled" and order["cancel"] is not None and order["cancel"] <= time
        )
        order["status"] = status
        order["done"] = time
        entry = order["entry"]
        may_grow = entry is not None and (order["growth"] > 0 or entry["state"] != "done")
        if may_grow and not by_request:
            order.update(state="spent", left=0)  # it may live again
            return
        order["state"] = "done"
        for leg in order["legs"]:
            if leg["state"] == "waiting" and status != "filled":
                leg.update(state="done", status="cancelled", done=time)
            elif leg["state"] == "spent" and status != "filled":
                leg["state"] = "done"

    def see(self, number, price, qty, side):
        self.last = price
        self.prices.append((price, qty))
        self.hits[side].append((number, price, qty))
        if side > 0:
            self.ask = price
            if self.bid is not None and self.bid >= price:
                self.bid = price - self.tick
        else:
            self.bid = price
            if self.ask is not None and self.ask <= price:
                self.ask = price + self.tick


BELOW = ("limit", "if_touched")  # a buy of these wants a price at or below its own


def alive(order):
    return order["state"] not in ("done", "waiting", "spent")


def upper_median(values):
    return sorted(values)[len(values) // 2]

"""What docs/fills.md says, a second time: slow, plain, trade by trade, nothing skipped.

Trades are tuples (time, price, qty, side); an order is a dict. ``run`` takes a script, a list of
actions after each trade, and returns the orders and fills that follow from the page.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR

MICROSECOND = 1


class Twin:
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
        self.position = 0
        self.orders = []
        self.fills = []

    def run(self, script, end):
        for number, (time, price, qty, side) in enumerate(self.trades):
            self.do_what_is_due(time, number)
            self.let_the_rest_of_takers_rest(time, number)
            self.test_stops(time, number, price)
            self.watch(time, price)
            left = self.match_takers(time, number, price, qty)
            self.match_makers(time, number, price, left, side)
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

    def ask_cancel(self, order, time):
        order["cancel"] = earliest(order["cancel"], time + self.rules["cancel"])

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
        )
        if entry["status"] == "rejected":
            return
        for leg_kind, leg_price in (("stop", ticket["stop"]), ("limit", ticket["target"])):
            leg = self.send(
                leg_kind, -side, 0, leg_price, time, number, reduce_only=True, entry=entry
            )
            entry["legs"].append(leg)

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
        cancel_at=None,
        post_only=False,
        immediate=False,
        entry=None,
    ):
        if price is not None and price % self.tick:
            down = price - price % self.tick
            rounded_down = (kind == "limit") == (side > 0)
            price = down if rounded_down else down + self.tick
        qty -= qty % self.lot
        order = {
            "id": len(self.orders),
            "kind": kind,
            "side": side,
            "price": price,
            "qty": qty,
            "left": qty,
            "state": "sent" if entry is None else "waiting",
            "status": "sent" if entry is None else "waiting",
            "decided": number,
            "arrival": None if entry else time + self.rules["entry"],
            "expires": None if expires is None else time + expires,
            "cancel": None,
            "watch": None,
            "reduce_only": reduce_only,
            "post_only": post_only,
            "immediate": immediate,
            "first_met": None,
            "queue": None,
            "ahead": None,
            "filled": 0,
            "done": None,
            "entry": entry,
            "legs": [],
            "growth": 0,
        }
        if cancel_at is not None:
            away = price is not None and cancel_at > price
            up = cancel_at > self.last or (cancel_at == self.last and away)
            order["watch"] = (cancel_at, up)
        self.orders.append(order)
        if entry is None and (qty == 0 or (not reduce_only and self.too_small(order))):
            order.update(state="done", status="rejected", done=time)
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
                    agenda.append((order["cancel"], 0, order["id"], 1, "cancel"))
                if order["expires"] is not None and order["state"] != "waiting":
                    agenda.append((order["expires"], 1, order["id"], 0, "expire"))
            agenda = [item for item in agenda if item[0] <= time]
            if not agenda:
                return
            when, _, order_id, _, what = min(agenda)
            order = self.orders[order_id]
            if what == "cancel":
                self.finish(order, "cancelled", when)
            elif what == "expire":
                took = order["immediate"] and order["first_met"] is not None
                self.finish(order, "cancelled" if took else "expired", when)
            else:
                self.arrive(order, when, number)

    def arrive(self, order, when, number):
        order["status"] = "working"
        order.update(done=None, ahead=None, arrival=when)
        if order["kind"] == "market":
            order["state"] = "taking"
            self.give_up_later(order, when)
        elif order["kind"] == "stop":
            order["state"] = "armed"
        else:
            if order["side"] > 0:
                takes = self.ask is not None and order["price"] >= self.ask
            else:
                takes = self.bid is not None and order["price"] <= self.bid
            if takes and order["post_only"]:
                self.finish(order, "rejected", when)
            elif takes or order["immediate"]:
                order["state"] = "taking"
            else:
                self.rest(order, number)

    def give_up_later(self, order, start):
        if self.rules["max_wait"] and not order["reduce_only"]:
            order["expires"] = earliest(order["expires"], start + self.rules["max_wait"])

    def let_the_rest_of_takers_rest(self, time, number):
        for order in self.orders:
            met = order["first_met"]
            if order["state"] == "taking" and order["kind"] == "limit" and met not in (None, time):
                self.rest(order, number)

    def rest(self, order, number):
        order["state"] = "resting"
        order["queue"] = order["ahead"] = self.volume_ahead(order, number)

    def volume_ahead(self, order, number):
        if self.rules["policy"] != "queue":
            return 0
        side, price = order["side"], order["price"]
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
            if (price >= order["price"]) if order["side"] > 0 else (price <= order["price"]):
                order.update(state="taking", status="triggered", decided=number)
                order["arrival"] = time + self.rules["trigger"]
                self.give_up_later(order, order["arrival"])

    def watch(self, time, price):
        for order in self.orders:
            if order["state"] not in ("done", "waiting") and order["watch"]:
                level, up = order["watch"]
                if (price >= level) if up else (price <= level):
                    self.ask_cancel(order, time)
                    order["watch"] = None

    def match_takers(self, time, number, price, qty):
        room = int((self.rules["participation"] * qty).to_integral_value(ROUND_FLOOR))
        used = 0
        takers = [
            o
            for o in self.orders
            if o["state"] == "taking" and o["arrival"] <= time and o["decided"] < number
        ]
        for order in sorted(takers, key=lambda o: (o["arrival"], o["id"])):
            if order["state"] != "taking":
                continue  # ended by what came before it on this very trade
            side = order["side"]
            if side > 0:
                reference = price if self.ask is None else max(price, self.ask)
            else:
                reference = price if self.bid is None else min(price, self.bid)
            paid = max(reference + side * self.rules["slippage"] * self.tick, 1)
            if order["kind"] == "limit":
                if order["first_met"] is None:
                    order["first_met"] = time
                    if order["immediate"]:
                        order["expires"] = time + MICROSECOND
                if side * reference > side * order["price"]:
                    continue
                if side * paid > side * order["price"]:
                    paid = order["price"]
            amount = min(self.may_trade(order, time), room - used)
            if amount > 0:
                used += amount
                self.fill(
                    order, time, number, paid, amount, "taker", "took", 0, abs(paid - reference)
                )
        return qty - used

    def match_makers(self, time, number, price, left, trade_side):
        resting = [o for o in self.orders if o["state"] == "resting" and o["side"] == -trade_side]
        for order in sorted(
            resting, key=lambda o: (-o["side"] * o["price"], o["arrival"], o["id"])
        ):
            if order["state"] != "resting":
                continue
            side, level, ahead = order["side"], order["price"], order["queue"]
            beyond = side * (level - price)
            if beyond < 0:
                continue
            if (
                self.rules["policy"] == "through"
                and beyond < self.rules["through_ticks"] * self.tick
            ):
                continue
            if beyond == 0:
                rule = self.rules["policy"]
                eaten = min(ahead, left)
                order["queue"] = ahead - eaten
                offered = left - eaten
            else:
                rule = "through"
                order["queue"] = 0
                offered = left
            if offered == 0:
                continue
            amount = min(self.may_trade(order, time), offered)
            if amount > 0:
                left -= amount
                self.fill(order, time, number, level, amount, "maker", rule, ahead, 0)

    def may_trade(self, order, time):
        if not order["reduce_only"]:
            return order["left"]
        held = -self.position * order["side"]
        if held <= 0:
            self.finish(order, "cancelled", time)
            return 0
        return min(order["left"], held)

    def fill(self, order, time, number, price, amount, liquidity, rule, ahead, slippage):
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
                "slippage": slippage // self.tick,
            }
        )
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
        self.hits[side].append((number, price, qty))
        if side > 0:
            self.ask = price
            if self.bid is not None and self.bid >= price:
                self.bid = price - self.tick
        else:
            self.bid = price
            if self.ask is not None and self.ask <= price:
                self.ask = price + self.tick


def alive(order):
    return order["state"] not in ("done", "waiting", "spent")


def earliest(a, b):
    return b if a is None else min(a, b)


def upper_median(values):
    return sorted(values)[len(values) // 2]

"""Slow, obvious twins of the detectors that read trades. A tape is a list of rows
(id, time, price, qty, side, fills); an event is (row, state, direction, price, low, high, …)."""

from __future__ import annotations

import math
from fractions import Fraction

MINUTE = 60_000_000


def quantile(values, share):
    """Smallest value that at least ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(Fraction(str(share)) * len(ordered)) - 1]


def absorption(  # noqa: C901 - the definition, read out in one piece
    tape, *, window, rows, beyond, back, back_atr, patience, share, min_volume, quantile_of, minutes
):
    events, live = [], {}
    maxima, ranges = [], []
    minute, best, closed_at, last = None, 0, None, None
    for n, (_, time, price, _qty, side, _) in enumerate(tape):
        if minute is None:
            minute, closed_at, high, low = time // MINUTE, price, price, price
        if time // MINUTE > minute:
            maxima.append(best)
            ranges.append(max(high, closed_at) - min(low, closed_at))
            for _ in range(time // MINUTE - minute - 1):
                maxima.append(0)
                ranges.append(0)
            minute, best, closed_at, high, low = time // MINUTE, 0, last, price, price
        high, low, last = max(high, price), min(low, price), price
        recent = [row for row in tape[: n + 1] if row[1] > time - window * 1_000_000]
        for way in (1, -1):
            if way not in live:
                continue
            c = live[way]
            c["furthest"] = max(way * c["furthest"], way * price) * way
            if time - c["since"] > patience * 1_000_000:
                state = "expired"
            elif way * (price - c["row"]) > beyond:
                state = "broken"
            elif way * (c["row"] - price) >= c["back"]:
                state = "confirmed"
            else:
                continue
            del live[way]
            events.append((n, state, -way, price, c["row"], c["since"], c["furthest"], c["back"]))
        band = [row for row in recent if 0 <= side * (price - row[2]) < rows]
        mine = sum(row[3] for row in band if row[4] == side)
        best = max(best, mine)
        need = min_volume
        if not need:
            if len(maxima) < minutes:
                continue
            need = quantile(maxima[-minutes:], quantile_of)
        if side in live or need <= 0 or mine < need:
            continue
        if 100 * mine < share * sum(row[3] for row in band):
            continue
        furthest = max([side * row[2] for row in recent if row[3]], default=side * price) * side
        if side * (furthest - price) > beyond:
            continue
        far = back
        if len(ranges) >= 14:
            far = max(back, math.ceil(Fraction(str(back_atr)) * sum(ranges[-14:]) / 14))
        live[side] = {"row": price, "since": time, "furthest": furthest, "back": far}
        events.append((n, "candidate", -side, price, price, time, furthest, far))
    return events


def clusters(tape):
    """(row that completed it, rows of the cluster)."""
    done, group = [], []
    for n, row in enumerate(tape):
        if group:
            last = group[-1]
            if (
                row[4] == last[4]
                and row[1] == last[1]
                and row[0] == last[0] + 1
                and row[4] * (row[2] - last[2]) >= 0
            ):
                group.append(row)
                continue
            done.append((n, group))
        group = [row]
    return done


def sweeps(tape, min_levels):
    found = []
    for n, group in clusters(tape):
        prices = {row[2] for row in group}
        if len(prices) >= min_levels:
            kind = "sweep" if len(prices) >= 3 else "cluster"
            found.append((n, kind, group[0][4], group[-1][2], sum(row[3] for row in group)))
    return found


def big_trades(tape, share, window):
    found, before = [], []
    for n, group in clusters(tape):
        value = sum(row[2] * row[3] for row in group)
        if len(before) >= window and value >= quantile(before[-window:], share):
            found.append((n, group[0][4], value))
        before.append(value)
    return found


def icebergs(tape, hits, window, share, count):
    found, before, levels = [], [], {}
    complete = dict(clusters(tape))
    for n, row in enumerate(tape):
        for price, side in list(levels):
            if side * (row[2] - price) > 0:
                del levels[price, side]
        group = complete.get(n)
        if group is None:
            continue
        size, side, price, time = sum(r[3] for r in group), group[0][4], group[-1][2], group[0][1]
        enough = len(before) >= count and size and size >= quantile(before[-count:], share)
        before.append(size)
        if not enough or len({r[2] for r in group}) > 1 or side * (row[2] - price) > 0:
            continue
        level = levels.setdefault((price, side), {"hits": [], "said": None})
        level["hits"].append((time, size))
        last = level["hits"][-hits:]
        if (
            len(last) == hits
            and time - last[0][0] < window * 1_000_000
            and (level["said"] is None or last[0][0] > level["said"])
        ):
            level["said"] = time
            found.append((n, -side, price, sum(hit[1] for hit in last)))
    return found


def zone_life(prices, side, low, high, *, leave, react, room, most=1):
    """(trade, state) of one zone's life, from its making on."""
    state, retests, events = "created", 0, []
    near, far = (high, low) if side > 0 else (low, high)
    for n, price in enumerate(prices):
        became = state
        if side * (far - price) >= room:
            became = "invalidated"
        elif state == "retested" and side * (price - near) >= react:
            became = "held"
        elif (state == "created" or (state == "held" and retests < most)) and side * (
            price - near
        ) >= leave:
            became = "armed"
        elif state == "armed" and (price < near if side > 0 else price >= near):
            became = "retested"
            retests += 1
        if became != state:
            state = became
            events.append((n, state))
        if state == "invalidated":
            break
    return events


def level_life(rows, poc, *, away, touch, back, touches):
    """(trade, state, side it was left on) of one level's life; no closes accept it."""
    state, side, count, events = "waiting", 0, 0, []
    for n, row in enumerate(rows):
        distance = row - poc
        if state == "left" and abs(distance) <= touch:
            state, count = "touched", count + 1
            events.append((n, "touch", side))
        elif state == "touched" and side * distance >= touch + back:
            state = "waiting" if count < touches else "done"
            events.append((n, "rejected", side))
            if state == "done":
                events.append((n, "expired", side))
        elif abs(distance) >= away and (
            state == "waiting" or (state == "left" and side * distance < 0)
        ):
            state, side = "left", 1 if distance > 0 else -1
            events.append((n, "armed", side))
    return events

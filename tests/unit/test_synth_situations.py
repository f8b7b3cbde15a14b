"""Each planted kind is seen by a crude, slow reading of its definition."""

import statistics
from collections import Counter, defaultdict, deque
from functools import cache

import numpy as np
import pytest

from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import DAY_US, MINUTE_US, SECOND_US

BAR_US = 5 * MINUTE_US
DAYS = 4


@cache
def played(seed=3):
    """Trades of a market as one list of (time, price, qty, side), and what was planted."""
    market = SimulatedMarket(seed=seed, days=DAYS, trades_per_day=100_000)
    rows = []
    for day in market:
        trades = day.trades
        rows += zip(
            trades.time.tolist(),
            trades.price.tolist(),
            trades.qty.tolist(),
            trades.side.tolist(),
            strict=True,
        )
    return rows, market.situations


def planted(kind):
    rows, situations = played()
    return rows, [item for item in situations if item.kind == kind]


def five_minute_bars(rows):
    """(start, high, low, cvd at the first trade of the high, of the low, delta, cells)."""
    bars, cvd = {}, 0
    for time, price, qty, side in rows:
        cvd += side * qty
        start = time - time % BAR_US
        bar = bars.setdefault(
            start, {"high": price, "low": price, "up": cvd, "down": cvd, "delta": 0, "cells": {}}
        )
        if price > bar["high"]:
            bar["high"], bar["up"] = price, cvd
        if price < bar["low"]:
            bar["low"], bar["down"] = price, cvd
        bar["delta"] += side * qty
        cell = bar["cells"].setdefault(price, [0, 0])
        cell[side > 0] += qty
    return sorted(bars.items())


def divergences(bars):
    """(known_at, direction, price of the second pivot) by the definition of delta divergence."""
    found = []
    for sign, side, flow in ((1, "high", "up"), (-1, "low", "down")):
        level = [sign * bar[side] for _, bar in bars]
        cvd = [sign * bar[flow] for _, bar in bars]
        pivots = []
        for i in range(2, len(bars) - 2):
            if not all(level[i] > level[i - j] and level[i] >= level[i + j] for j in (1, 2)):
                continue
            margin = 0.25 * statistics.mean(
                abs(bar["delta"]) for _, bar in bars[max(0, i - 98) : i + 2]
            )
            for first in reversed(pivots):
                if max(level[first + 1 : i], default=-(10**12)) > level[first]:
                    continue
                near = 5 <= i - first <= 60
                if near and level[i] - level[first] >= 2 and cvd[i] < cvd[first] - margin:
                    found.append((bars[i + 2][0] + BAR_US, -sign, sign * level[i]))
                break
            pivots.append(i)
    return found


def test_delta_divergences_are_seen():
    rows, situations = planted("delta_divergence")
    found = set(divergences(five_minute_bars(rows)))
    seen = [
        any(
            (item.known_at, item.direction, price) in found
            for price in (item.price_low, item.price_high)
        )
        for item in situations
    ]
    assert len(seen) >= 12
    assert sum(seen) >= 0.8 * len(seen)


def absorptions(rows):
    """(time of confirmation, direction, row) by the definition of absorption at a level."""
    found, waiting = [], {}
    window, volume = deque(), {1: Counter(), -1: Counter()}
    maxima, ranges = deque(maxlen=1440), deque(maxlen=14)
    minute, best, high, low, threshold = None, 0, 0, 0, None
    for time, price, qty, side in rows:
        if time // MINUTE_US != minute:
            if minute is not None:
                maxima.append(best)
                ranges.append(high - low)
                threshold = np.quantile(maxima, 0.98) if len(maxima) == 1440 else None
            minute, best, high, low = time // MINUTE_US, 0, price, price
        high, low = max(high, price), min(low, price)
        window.append((time, price, qty, side))
        volume[side][price] += qty
        while window[0][0] <= time - MINUTE_US:
            _, old_price, old_qty, old_side = window.popleft()
            volume[old_side][old_price] -= old_qty
        for way, (row, since, back) in list(waiting.items()):
            if time - since > 5 * MINUTE_US or way * (price - row) > 2:
                del waiting[way]
            elif way * (row - price) >= back:
                found.append((time, -way, row))
                del waiting[way]
        band = volume[side][price] + volume[side][price - side]
        best = max(best, band)
        against = volume[-side][price] + volume[-side][price - side]
        if threshold is not None and band >= threshold and band >= 0.6 * (band + against):
            beyond = max(side * entry[1] for entry in window) - side * price
            if beyond <= 2:
                waiting[side] = (price, time, max(4, 0.25 * sum(ranges) / len(ranges)))
    return found


def test_absorptions_are_seen():
    rows, situations = planted("absorption")
    ready = [item for item in situations if item.start_time >= rows[0][0] + DAY_US + MINUTE_US]
    found = absorptions(rows)
    seen = [
        any(
            direction == item.direction
            and item.start_time < time <= item.known_at + 30 * SECOND_US
            and item.price_low - 2 <= row <= item.price_high + 2
            for time, direction, row in found
        )
        for item in ready
    ]
    assert len(seen) >= 8
    assert sum(seen) >= 0.8 * len(seen)


def stacked_zones(cells, side, least):
    """Maximal runs of at least three imbalanced rows of one side: (low, high, best ratio)."""
    zones, run, best = [], [], 0.0
    for row in range(min(cells), max(cells) + 2):
        main = cells.get(row, [0, 0])[side > 0]
        partner = cells.get(row - side, [0, 0])[side < 0]
        if min(cells) <= row - side <= max(cells) and main >= least and main >= 3 * partner:
            run.append(row)
            best = max(best, main / max(partner, 1))
            continue
        if len(run) >= 3:
            zones.append((run[0], run[-1], best))
        run, best = [], 0.0
    return zones


def retest_time(rows, created, low, high, side):
    """First return into a zone after price left it by its height, unless it broke first."""
    armed = False
    height = high + 1 - low
    leave, room = max(height, 4), max(2, height // 4)
    near, far = (low, high) if side < 0 else (high, low)
    for time, price, _, _ in rows:
        if time < created:
            continue
        if side * (far - side * room - price) >= 0:
            return None
        if not armed:
            armed = side * (price - near) >= leave
        elif side * (price - near) <= 0:
            return time
    return None


def test_imbalance_retests_are_seen():
    rows, situations = planted("imbalance_retest")
    bars = five_minute_bars(rows)
    order = {start: k for k, (start, _) in enumerate(bars)}
    seen = []
    for item in situations:
        at = order[item.start_time]
        volumes = [
            amount
            for _, bar in bars[max(0, at - 50) : at]
            for cell in bar["cells"].values()
            for amount in cell
            if amount
        ]
        zones = stacked_zones(bars[at][1]["cells"], item.direction, statistics.median(volumes))
        planted_here = [
            zone for zone in zones if zone[0] <= item.price_high and zone[1] >= item.price_low
        ]
        times = [
            retest_time(rows, item.start_time + BAR_US, low, high, item.direction)
            for low, high, _ in planted_here
        ]
        seen.append(
            max((zone[2] for zone in planted_here), default=0) >= 10
            and any(
                time is not None and abs(time - item.known_at) <= 2 * MINUTE_US for time in times
            )
        )
    assert len(seen) >= 5
    assert sum(seen) >= 0.8 * len(seen)


def naive_profile(rows):
    volume = defaultdict(int)
    for _, price, qty, _ in rows:
        volume[price] += qty
    ladder = range(min(volume), max(volume) + 1)
    middle = (ladder[0] + ladder[-1]) / 2
    poc = max(ladder, key=lambda row: (volume[row], -abs(row - middle), -row))
    low = high = poc
    while 100 * sum(volume[row] for row in range(low, high + 1)) < 70 * sum(volume.values()):
        above = sum(volume[row] for row in (high + 1, high + 2) if row <= ladder[-1])
        below = sum(volume[row] for row in (low - 1, low - 2) if row >= ladder[0])
        if above >= below and high < ladder[-1]:
            high = min(high + 2, ladder[-1])
        else:
            low = max(low - 2, ladder[0])
    return poc, low, high


def test_poc_retests_are_seen():
    rows, situations = planted("poc_retest")
    seen = []
    for item in situations:
        midnight = item.start_time - item.start_time % DAY_US
        poc, low, high = naive_profile(
            [row for row in rows if midnight - DAY_US <= row[0] < midnight]
        )
        away = max((high - low) / 2, 8)
        armed, touches = 0, []
        for time, price, _, _ in rows:
            if not midnight <= time < item.end_time:
                continue
            if armed and abs(price - poc) <= 2:
                touches.append((time, armed))
                armed = 0
            elif abs(price - poc) >= away:
                armed = 1 if price > poc else -1
        assert (item.price_low, item.price_high) == (poc - 2, poc + 2)
        seen.append((item.known_at, item.direction) in touches[:3])
    assert seen
    assert sum(seen) >= 0.8 * len(seen)


@pytest.mark.parametrize(
    "kind", ["delta_divergence", "absorption", "imbalance_retest", "poc_retest"]
)
def test_what_follows_agrees_with_whether_it_worked(kind):
    _, situations = planted(kind)
    for item in situations:
        assert item.start_time < item.known_at < item.end_time
        assert item.price_low <= item.price_high
        assert (item.follow_through > 0) == item.worked, item


def test_the_hit_rate_is_what_was_asked():
    for rate in (0.0, 1.0):
        market = SimulatedMarket(seed=5, days=2, trades_per_day=5_000, hit_rate=rate)
        assert {item.worked for item in market.situations} == {bool(rate)}
    default = SimulatedMarket(seed=5, days=25, trades_per_day=5_000).situations
    share = sum(item.worked for item in default) / len(default)
    assert share == pytest.approx(0.65, abs=4 * (0.65 * 0.35 / len(default)) ** 0.5)

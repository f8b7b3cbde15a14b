"""Slow, obvious twins of what is read from closed bars, and of sessions' readings."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import fmean, median, pstdev

from naive_detectors import quantile

DAY = 86_400_000_000


def z_score(value, before, scale="plain"):
    """Deviations of ``value`` above those before it; 0 where they do not vary."""
    if scale == "log":
        value, before = math.log1p(value), [math.log1p(x) for x in before]
    middle, spread = fmean(before), pstdev(before)
    if scale == "mad":
        middle = median(before)
        spread = 1.4826 * median(abs(x - middle) for x in before)
    return (value - middle) / spread if len(set(before)) > 1 and spread else 0.0


def spikes(values, times, *, window, least, scale, floor, day_slots=0):
    """(place, z) of every value that stands out; with ``day_slots`` by the time of day."""
    found = []
    for n, value in enumerate(values):
        before = list(values[:n])
        if day_slots:
            slot = times[n] % DAY * day_slots // DAY
            before = [v for v, t in zip(values[:n], times[:n], strict=True)
                      if t % DAY * day_slots // DAY == slot]  # fmt: skip
        if len(before) >= window and value >= floor:
            z = z_score(value, before[-window:], scale)
            if z >= least:
                found.append((n, z))
    return found


def absorbed_bars(bars, *, window, least, share):
    """(place, kind, z) of every bar with an unusual delta that did not move the price."""
    found = []
    for n in range(window, len(bars)):
        before, bar = bars[n - window : n], bars[n]
        z = z_score(abs(bar.delta), [abs(b.delta) for b in before])
        side = 1 if bar.delta > 0 else -1
        progress = side * (bar.close - bar.open)
        rates = [
            Fraction((b.close - b.open) * (1 if b.delta > 0 else -1), abs(b.delta))
            for b in before
            if b.delta
        ]
        if z < least:
            continue
        if progress <= 0:
            found.append((n, "absorbed", z))
        elif rates and Fraction(progress, abs(bar.delta)) <= quantile(rates, share):
            found.append((n, "slow", z))
    return found


def exhausted(cells, *, row_size, rows, kind, share):
    """Directions in which a bar's flow died, of dense cells, lowest first."""
    grouped = {}
    for low, bid, ask, *_ in cells:
        sums = grouped.setdefault(low // row_size, [0, 0])
        sums[0], sums[1] = sums[0] + bid, sums[1] + ask
    found = []
    for side, column in ((1, 1), (-1, 0)):
        inward = [grouped[row][column] for row in sorted(grouped, reverse=side > 0)]
        if len(inward) < rows:
            continue
        if kind == "fading":
            near = inward[:rows]
            if sorted(set(near)) == near:
                found.append(-side)
        elif max(inward) > 0 and 100 * inward[0] <= share * max(inward):
            found.append(-side)
    return found


def zone_rows(cells, *, ratio, least, minimum, share):
    """(direction, low, high) of every stack in dense cells one unit high; high is outside."""
    n, found = len(cells), []
    volume = sum(bid + ask for _, bid, ask, *_ in cells)
    for side in (1, -1):
        marked = []
        for r, (_, bid, ask, *_) in enumerate(cells):
            own, partner = (ask, r - 1) if side > 0 else (bid, r + 1)
            if 0 <= partner < n:
                other = cells[partner][1] if side > 0 else cells[partner][2]
                marked.append(own > 0 and own >= minimum and own >= Fraction(str(ratio)) * other)
            else:
                marked.append(False)
        first = None
        for r, flag in enumerate([*marked, False]):
            if flag and first is None:
                first = r
            if not flag and first is not None:
                mine = sum(bid + ask for _, bid, ask, *_ in cells[first:r])
                if r - first >= least and 100 * mine >= share * volume:
                    found.append((side, cells[first][0], cells[r - 1][0] + 1))
                first = None
    return found


def cvd_bars(bars, *, session_of=None, rolling=None):
    """(open, close) of cumulative delta over each bar, with the resets that charts offer."""
    found = []
    for n, bar in enumerate(bars):
        first = 0
        if session_of is not None:
            first = min(k for k in range(n + 1) if session_of(bars[k]) == session_of(bar))
        if rolling is not None:
            first = max(0, n - rolling + 1)
        opened = sum(b.delta for b in bars[first:n])
        found.append((opened, opened + bar.delta))
    return found


def unfinished(cells, least):
    """Whether the high and the low of dense cells are unfinished."""
    high, low = cells[-1], cells[0]
    return (high[1] > 0 and high[2] > least, low[2] > 0 and low[1] > least)


def resolved(prices, level, side):
    """First trade at or through a level, or None."""
    return next((n for n, p in enumerate(prices) if side * (p - level) >= 0), None)


def clusters(bars_cells, *, rows, bars, share, history):
    """(bar, low) of windows at least as large as a quantile of those of the bars before."""
    found, past = [], []
    for n in range(len(bars_cells)):
        latest = bars_cells[max(0, n - bars + 1) : n + 1]
        sums = {}
        for cells in latest:
            for low, bid, ask, *_ in cells:
                sums[low] = sums.get(low, 0) + bid + ask
        windows = {}
        if len(latest) == bars and sums:
            lows = range(min(sums), max(sums) + 1)
            for low in lows[: len(lows) - rows + 1]:
                windows[low] = sum(sums.get(low + k, 0) for k in range(rows))
        if n >= history:
            pooled = [v for volumes in past[-history:] for v in volumes]
            if pooled:
                least = quantile(pooled, share)
                found += [(n, low) for low, v in windows.items() if v >= least and v > 0]
        past.append(list(windows.values()))
    return found


def initial_balance(tape, start, length, now):
    """(high, low, known_at) of a session's first trades as known at ``now``, or None."""
    seen = [(t, p) for t, p in tape if start <= t < start + length and t <= now]
    if not seen:
        return None
    high, low = max(p for _, p in seen), min(p for _, p in seen)
    moved = max(next(t for t, p in seen if p == high), next(t for t, p in seen if p == low))
    return high, low, start + length if now >= start + length else moved

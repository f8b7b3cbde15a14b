"""The slow obvious twin of the bar kernel: dictionaries, one trade at a time, no reuse."""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction

from orderflow_bt.types import Bar


def naive_bars(trades, size, row_size, *, continuous, clock=None):
    """Bars and their dense cells from a list of (id, time, price, qty, side, fills)."""
    if not trades:
        return []
    intervals = defaultdict(list)
    for trade in trades:
        intervals[trade[1] // size].append(trade)
    holed = set()
    if continuous:
        for before, after in itertools.pairwise(trades):
            if after[0] != before[0] + 1:
                holed |= set(range(before[1] // size, after[1] // size + 1))
    first, last = min(intervals), max(intervals)
    end = last if clock is None else max(last, clock // size)
    out = []
    close = None
    for number in range(first, end):
        inside = intervals.get(number, [])
        bar, cells = naive_bar(number * size, size, row_size, inside, close, number in holed)
        close = bar.close
        out.append((bar, cells))
    return out


def naive_bar(open_time, size, row_size, inside, previous_close, is_gap):
    if not inside:
        price, status = previous_close, 2 if is_gap else 1
        poc = price // row_size * row_size
        return Bar(
            open_time, open_time + size, price, price, price, price, *[0] * 10, poc, status
        ), []
    prices = [trade[2] for trade in inside]
    quote = sum(trade[2] * trade[3] for trade in inside)
    running = [0]
    for trade in inside:
        running.append(running[-1] + trade[3] * trade[4])
    cells = {
        row * row_size: [0, 0, 0, 0]
        for row in range(min(prices) // row_size, max(prices) // row_size + 1)
    }
    for _, _, price, qty, side, fills in inside:
        cell = cells[price // row_size * row_size]
        cell[0 if side < 0 else 1] += qty
        cell[2 if side < 0 else 3] += fills
    bar = Bar(
        open_time=open_time,
        close_time=open_time + size,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum(trade[3] for trade in inside),
        buy_volume=sum(trade[3] for trade in inside if trade[4] > 0),
        quote_upper=quote // 2**32,
        quote_lower=quote % 2**32,
        count=sum(trade[5] for trade in inside),
        trades=len(inside),
        min_delta=min(running),
        max_delta=max(running),
        delta_at_high=running[prices.index(max(prices)) + 1],
        delta_at_low=running[prices.index(min(prices)) + 1],
        poc=naive_poc({price: cell[0] + cell[1] for price, cell in cells.items()}),
        status=2 if is_gap else 0,
    )
    return bar, [[price, *cell] for price, cell in sorted(cells.items())]


def naive_poc(volumes):
    """Price with the most volume; ties to the middle, to the heavier side, to the lower price."""
    middle = Fraction(min(volumes) + max(volumes), 2)
    above = sum(volume for price, volume in volumes.items() if price > middle)
    below = sum(volume for price, volume in volumes.items() if price < middle)

    def rank(price):
        side = above if price > middle else below
        return -volumes[price], abs(price - middle), -side, price

    return min(volumes, key=rank)


def naive_diagonal(cells, ratio, min_volume, zero="count"):
    """Buy and sell prices of diagonal imbalances, from dense cells."""
    by_price = {row[0]: (row[1], row[2]) for row in cells}
    step = cells[1][0] - cells[0][0] if len(cells) > 1 else 1

    def beats(strong, weak):
        if strong <= 0 or strong < min_volume or (weak == 0 and zero == "skip"):
            return False
        if weak == 0:
            return zero == "count" or strong >= ratio
        return strong >= ratio * weak

    buy, sell = [], []
    for price, (bid, ask) in by_price.items():
        if price - step in by_price and beats(ask, by_price[price - step][0]):
            buy.append(price)
        if price + step in by_price and beats(bid, by_price[price + step][1]):
            sell.append(price)
    return buy, sell

"""Delta divergences read off a whole list of bars, by the definition's own words."""

from __future__ import annotations

from fractions import Fraction

MEAN_BARS = 100


def running_delta(bars):
    """Cumulative delta before each bar."""
    return [sum(bar.delta for bar in bars[:n]) for n in range(len(bars))]


def pivots(bars, outward, left, right, cvd_at):
    """(bar, its extreme, cumulative delta there) of each swing extreme; highs for outward +1."""
    reach = [bar.high if outward > 0 else -bar.low for bar in bars]
    before = running_delta(bars)
    found = []
    for n in range(left, len(bars) - right):
        exceeds_left = all(reach[n] > reach[n - j] for j in range(1, left + 1))
        holds_right = all(reach[n] >= reach[n + j] for j in range(1, right + 1))
        if exceeds_left and holds_right:
            bar = bars[n]
            inside = bar.delta
            if cvd_at == "extreme":
                inside = bar.delta_at_high if outward > 0 else bar.delta_at_low
            found.append((n, reach[n], before[n] + inside))
    return found


def mean_delta(bars, last):
    """Mean absolute delta of the hundred bars up to and with ``last``."""
    read = bars[max(0, last + 1 - MEAN_BARS) : last + 1]
    return Fraction(sum(abs(bar.delta) for bar in read), len(read))


def divergences(bars, asked, tick):
    """(bar at whose close it is known, outward, kind, P1, P2, CVD1, CVD2, shortfall, needed)."""
    found = []
    for outward in (1, -1):
        swings = pivots(bars, outward, asked["left"], asked["right"], asked["cvd_at"])
        reach = [bar.high if outward > 0 else -bar.low for bar in bars]
        for at, (second, height2, cvd2) in enumerate(swings):
            standing = [
                swing
                for swing in swings[:at]
                if all(reach[n] <= swing[1] for n in range(swing[0] + 1, second))
            ]
            if not standing:
                continue
            first, height1, cvd1 = standing[-1]
            if not asked["min_bars"] <= second - first <= asked["max_bars"]:
                continue
            known = second + asked["right"]
            needed = Fraction(str(asked["margin"])) * mean_delta(bars, known)
            gained = outward * (cvd2 - cvd1)
            far = asked["min_ticks"] * tick
            kinds = {"regular": (height2 - height1, -gained), "hidden": (height1 - height2, gained)}
            for kind, (beyond, shortfall) in kinds.items():
                if asked["variant"] in (kind, "both") and beyond >= far and shortfall > needed:
                    found.append(
                        (known, outward, kind, first, second, cvd1, cvd2, shortfall, needed)
                    )
    return sorted(found, key=lambda one: (one[0], -one[1]))


def bar_divergences(bars, count):
    """(bar, outward): a bar tops those before it while its delta is against it."""
    found = []
    for n in range(count, len(bars)):
        for outward in (1, -1):
            reach = [bar.high if outward > 0 else -bar.low for bar in bars[n - count : n + 1]]
            if reach[-1] > max(reach[:-1]) and outward * bars[n].delta < 0:
                found.append((n, outward))
    return found

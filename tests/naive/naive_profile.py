"""Slow obvious twins of profiles, value areas, naked levels, VWAP and TWAP, with fractions."""

from __future__ import annotations

from fractions import Fraction


def naive_rows(rows, row_size):
    """Dense {low price: [bid, ask, bid count, ask count]} of a list of trades."""
    numbers = [row[2] // row_size for row in rows]
    cells = {n * row_size: [0, 0, 0, 0] for n in range(min(numbers), max(numbers) + 1)}
    for _, _, price, qty, side, fills in rows:
        cell = cells[price // row_size * row_size]
        cell[0 if side < 0 else 1] += qty
        cell[2 if side < 0 else 3] += fills
    return cells


def naive_value_area(volumes, poc, *, share=Fraction(7, 10), step=2, tie_up=True, whole=True):
    """(lowest row, highest row) from {row: volume} with rows one apart."""
    need = share * sum(volumes.values())
    inside = {poc}
    while sum(volumes[row] for row in inside) < need:
        above = [max(inside) + n for n in range(1, step + 1) if max(inside) + n in volumes]
        below = [min(inside) - n for n in range(1, step + 1) if min(inside) - n in volumes]
        up, down = (sum(volumes[row] for row in side) for side in (above, below))
        rises = not below or (above and (up > down or (up == down and tie_up)))
        for row in above if rises else below:
            inside.add(row)
            if not whole and sum(volumes[row] for row in inside) >= need:
                break
    return min(inside), max(inside)


def naive_return(prices, before, low, high, *, cross):
    """First position in the band, or across it from the trade before; None if there is none."""
    for k, price in enumerate(prices):
        if low <= price < high:
            return k
        previous = before if k == 0 else prices[k - 1]
        if cross and (previous < low <= price or price < low <= previous):
            return k
    return None


def naive_vwap(rows):
    """(average, variance) as fractions; None without volume."""
    volume = sum(row[3] for row in rows)
    if not volume:
        return None
    mean = Fraction(sum(row[2] * row[3] for row in rows), volume)
    return mean, sum(row[3] * (row[2] - mean) ** 2 for row in rows) / volume


def naive_twap(rows, now):
    """Average of the last price, microsecond by microsecond written as spans."""
    ends = [row[1] for row in rows[1:]] + [now]
    if now == rows[0][1]:
        return Fraction(rows[-1][2])
    area = sum(row[2] * (end - row[1]) for row, end in zip(rows, ends, strict=True))
    return Fraction(area, now - rows[0][1])

"""The slow obvious twin of activity bars: lists of trades, one rule a kind, no reuse."""

from __future__ import annotations

from naive_bars import naive_bar

DAY = 86_400_000_000


def completes(kind, size, pull, inside):
    """Whether the last of these trades completes the bar they make."""
    if kind == "tick":
        return len(inside) >= size
    if kind == "fills":
        return sum(trade[5] for trade in inside) >= size
    if kind == "volume":
        return sum(trade[3] for trade in inside) >= size
    if kind == "dollar":
        return sum(trade[2] * trade[3] for trade in inside) >= size
    if kind == "delta":
        return abs(sum(trade[3] * trade[4] for trade in inside)) >= size
    prices = [trade[2] for trade in inside]
    high, low = max(prices), min(prices)
    if high - low < size:
        return False
    # the most recent extreme: whichever of the two was first reached later
    back = high - prices[-1] if prices.index(high) > prices.index(low) else prices[-1] - low
    return back >= pull


def groups(rows, kind, size, pull, edge_of):
    """(trades, known at, position of the first trade after that) of every bar."""
    out, inside = [], []
    for k, trade in enumerate(rows):
        if inside and edge_of(inside[-1][1]) <= trade[1]:
            out.append((inside, edge_of(inside[-1][1]), k, True))
            inside = []
        if kind == "range":
            prices = [t[2] for t in [*inside, trade]]
            if inside and max(prices) - min(prices) > size:
                out.append((inside, trade[1], k + 1, False))
                inside = []
            inside = [*inside, trade]
            continue
        inside = [*inside, trade]
        if completes(kind, size, pull, inside):
            out.append((inside, trade[1], k + 1, False))
            inside = []
    if inside:
        out.append((inside, edge_of(inside[-1][1]), len(rows), True))
    return out


def naive_activity(rows, kind, size, pull, row_size, *, continuous, edge_of):
    """[(bar, cells, position of the first trade after it)]; the last closes at its edge."""
    holes = set()
    if continuous:
        for k in range(1, len(rows)):
            if rows[k][0] != rows[k - 1][0] + 1:
                holes |= {rows[k - 1][0], rows[k][0]}
    out = []
    made = groups(rows, kind, size, pull, edge_of)
    for inside, known, at, _by_edge in made:
        is_gap = any(trade[0] in holes for trade in inside)
        last = inside[-1]
        if kind != "range" and last[0] in holes and not _by_edge:
            # complete before the hole behind its last trade could be seen
            before = [t for t in inside if t[0] in holes and t is not last]
            first_after = any(
                rows[k] is last and k and rows[k - 1][0] != last[0] - 1 for k in range(len(rows))
            )
            is_gap = bool(before) or (continuous and first_after)
        bar, cells = naive_bar(inside[0][1], known - inside[0][1], row_size, inside, None, is_gap)
        out.append((bar, cells, at))
    return out


def naive_renko(rows, size, row_size, *, edge_of):
    """As `naive_activity`, for bricks of a tape without holes."""
    out, inside = [], []
    base = direction = edge = None

    def emit(inside, known, at, opened, closed):
        if inside:
            bar, cells = naive_bar(
                inside[0][1], known - inside[0][1], row_size, inside, None, False
            )
        else:
            bar, cells = naive_bar(known, 0, row_size, [], closed, False)
            bar = bar._replace(status=0)
        bar = bar._replace(
            open=opened, high=max(opened, closed), low=min(opened, closed), close=closed
        )
        out.append((bar, cells, at))

    for k, trade in enumerate(rows):
        if inside and edge <= trade[1]:
            emit(inside, edge, k, base, inside[-1][2])
            inside = []
        if not inside and edge_of(trade[1]) != edge:
            base, direction, edge = trade[2], 0, edge_of(trade[1])
        inside = [*inside, trade]
        while True:
            up = base + (size if direction >= 0 else 2 * size)
            down = base - (size if direction <= 0 else 2 * size)
            if trade[2] >= up:
                opened, closed, direction = up - size, up, 1
            elif trade[2] <= down:
                opened, closed, direction = down + size, down, -1
            else:
                break
            emit(inside, trade[1], k + 1, opened, closed)
            inside, base = [], closed
    if inside:
        emit(inside, edge, len(rows), base, inside[-1][2])
    return out

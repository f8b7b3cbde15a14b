"""Best quotes and queue sizes inferred from trades alone.

A buy at P says the ask was P; a sell at P says the bid was P. Every function walks back from a
trade only as far as its question needs, so a broker that seldom asks costs the tape nothing.
Columns: ``price``, ``qty`` int64 [n]; ``side`` int8 [n]. An unknown quote is ``NO_PRICE``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_PRICE = -(2**62)
MAX_VISITS = 64
ONE_BITS = 30
ONE = 1 << ONE_BITS


@kernel
def quotes_before(
    price: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    tick: int,
    first_bid: int,
    first_ask: int,
) -> tuple[int, int]:
    """The (bid, ask) proxies just before trade ``i``.

    A buy at P sets ask = P and pushes a known bid at or above P down to P - tick; a sell mirrors.
    ``first_bid`` and ``first_ask`` hold before trade 0 of the columns.
    """
    if i == 0:
        return first_bid, first_ask
    last_side = side[i - 1]
    j = i - 2
    while j >= 0 and side[j] == last_side:
        j -= 1
    # The other side's quote was set by trade j and pushed by the run since.
    if last_side > 0:
        bid = price[j] if j >= 0 else first_bid
        if bid != NO_PRICE:
            for m in range(j + 1, i):
                if bid >= price[m]:
                    bid = price[m] - tick
        return bid, price[i - 1]
    ask = price[j] if j >= 0 else first_ask
    if ask != NO_PRICE:
        for m in range(j + 1, i):
            if ask <= price[m]:
                ask = price[m] + tick
    return price[i - 1], ask


@kernel
def queue_ahead(
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    level: int,
    order_side: int,
    visits: int,
    window: int,
) -> int:
    """Estimate the resting volume at ``level`` from what its last visits traded.

    Only trades that hit the order's side of the book count (sells for a buy order). A visit is a
    run of them at one price; its volume is what that queue gave. The answer is the upper median
    of the last ``visits`` visits to ``level`` among the last ``window`` trades before ``i``; of
    the last ``visits`` visits to any price where ``level`` was not visited; 0 where there is none.
    """
    here = np.empty(MAX_VISITS, np.int64)
    anywhere = np.empty(MAX_VISITS, np.int64)
    n_here = 0
    n_anywhere = 0
    run_price = NO_PRICE
    run_volume = 0
    stop = max(0, i - window)
    j = i - 1
    while j >= stop and n_here < visits:
        if n_anywhere >= visits and run_price != level:  # only `level` matters from here on
            while j >= stop and (price[j] != level or side[j] == order_side):
                j -= 1
            if j < stop:
                break
        if side[j] != order_side:
            if price[j] == run_price:
                run_volume += qty[j]
            else:
                if run_price == level:
                    here[n_here] = run_volume
                    n_here += 1
                if run_price != NO_PRICE and n_anywhere < visits:
                    anywhere[n_anywhere] = run_volume
                    n_anywhere += 1
                run_price = price[j]
                run_volume = qty[j]
        j -= 1
    if n_here < visits and run_price == level:
        here[n_here] = run_volume
        n_here += 1
    if run_price != NO_PRICE and n_anywhere < visits:
        anywhere[n_anywhere] = run_volume
        n_anywhere += 1
    if n_here > 0:
        return np.sort(here[:n_here])[n_here // 2]
    if n_anywhere > 0:
        return np.sort(anywhere[:n_anywhere])[n_anywhere // 2]
    return 0


@kernel
def decayed(ahead: int, elapsed: int, decay: NDArray[np.int64]) -> int:
    """What is left of a volume after ``elapsed`` microseconds, rounded up to a whole unit of it.

    ``decay[b]`` is what 2**b microseconds leave, in 2**-30: integers only, so that every machine
    gives the same.
    """
    factor = ONE
    for b in range(len(decay)):
        if elapsed >> b & 1:
            factor = (factor * decay[b] + ONE - 1) >> ONE_BITS
    return (ahead >> ONE_BITS) * factor + (((ahead & (ONE - 1)) * factor + ONE - 1) >> ONE_BITS)

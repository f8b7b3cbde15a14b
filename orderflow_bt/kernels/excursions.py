"""How far an open position went for and against: of what was held then, at its average then.

The average is a fraction: what was paid for so many lots. Partial exits leave it alone; an entry
behind one makes a longer fraction of it, which is cut where it gets too long (`MOST_PARTS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.marking import ENDS, OPENS
from orderflow_bt.kernels.money import SAFE, half_even
from orderflow_bt.kernels.records import C_POSITION, C_PRICE, C_TRIP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What is carried from change to change.
HELD = 0  # signed lots
PAID = 1  # price x lots that the average is of ...
PARTS = 2  # ... these lots
WORST = 3  # of the round trip under way: ticks against and for it, then the same in money
REACHED = 4
WORST_MONEY = 5  # hundred-millionths
REACHED_MONEY = 6
CARRIED = 7

MOST_PARTS = 1 << 24  # longer fractions ...
CUT_BITS = 20  # ... are rounded to parts of a price unit of 2**-CUT_BITS


@kernel
def excurse(
    changes: NDArray[np.int64],
    lived: NDArray[np.int64],
    start: int,
    unit: int,
    cent: int,
    tick: int,
    wide: bool,  # noqa: FBT001 - a scalar like the others
    carried: NDArray[np.int64],
    ended: NDArray[np.int64],
) -> tuple[int, int]:
    """Follow changes of an account from row ``start`` on.

    Args:
        changes: Int64 [n, CHANGE_FIELDS] (`records`).
        lived: Int64 [n, 2]: lowest and highest price since the change before, the price of a fill
            that reduces included; the first above the second where there was none.
        start: First row.
        unit: Units of the account that a lot at a price of one is worth.
        cent: Units in a hundred-millionth.
        tick: Price units in a tick.
        wide: Whether integers know no bound.
        carried: Int64 [CARRIED], carried on.
        ended: Int64 [trips that end, 4], written: ticks against and for each, and money.

    Returns:
        The row at which more than 64 bits might be needed, or ``n``; trips that ended before it.
    """
    n_ended = 0
    for i in range(start, changes.shape[0]):
        held = carried[HELD]
        after = changes[i, C_POSITION]
        low = lived[i, 0]
        high = lived[i, 1]
        if not wide and not is_narrow(
            held, after, changes[i, C_PRICE], low, high, unit, cent, tick, carried
        ):
            return i, n_ended
        if held != 0 and low <= high:
            reach(low, high, unit, cent, tick, carried)
        did = changes[i, C_TRIP]
        if did & ENDS:
            ended[n_ended] = carried[WORST:]
            n_ended += 1
        if did & OPENS:
            carried[PAID] = changes[i, C_PRICE] * abs(after)
            carried[PARTS] = abs(after)
            carried[WORST:] = 0
        elif abs(after) > abs(held):
            enter(abs(held), abs(after), changes[i, C_PRICE], carried)
        carried[HELD] = after
    return changes.shape[0], n_ended


@kernel
def reach(low: int, high: int, unit: int, cent: int, tick: int, carried: NDArray[np.int64]) -> None:
    """Prices between these traded while the position was as it is."""
    side = 1 if carried[HELD] > 0 else -1
    lots = abs(carried[HELD])
    parts = carried[PARTS]
    share = 1
    whole = cent
    if parts != lots:
        share = lots
        whole = cent * parts
    for k in range(2):
        price = low if (side > 0) == (k == 0) else high
        gain = side * (price * parts - carried[PAID])
        ticks = half_even(gain, parts * tick)
        money = half_even(gain * share * unit, whole)
        if k == 0:
            carried[WORST] = min(carried[WORST], ticks)
            carried[WORST_MONEY] = min(carried[WORST_MONEY], money)
        else:
            carried[REACHED] = max(carried[REACHED], ticks)
            carried[REACHED_MONEY] = max(carried[REACHED_MONEY], money)


@kernel
def enter(held: int, after: int, price: int, carried: NDArray[np.int64]) -> None:
    """Lots came to what was held."""
    paid = carried[PAID]
    parts = carried[PARTS]
    if parts == held:
        carried[PAID] = paid + price * (after - held)
        carried[PARTS] = after
        return
    paid = paid * held + price * (after - held) * parts
    parts *= after
    common = greatest_divisor(paid, parts)
    paid //= common
    parts //= common
    if parts > MOST_PARTS:
        whole = paid // parts
        rest = half_even((paid - whole * parts) << CUT_BITS, parts)
        paid = (whole << CUT_BITS) + rest
        parts = 1 << CUT_BITS
    carried[PAID] = paid
    carried[PARTS] = parts


@kernel
def greatest_divisor(a: int, b: int) -> int:
    """The largest number that divides both (> 0)."""
    while b != 0:
        a, b = b, a % b
    return a


@kernel
def is_narrow(
    held: int,
    after: int,
    price: int,
    low: int,
    high: int,
    unit: int,
    cent: int,
    tick: int,
    carried: NDArray[np.int64],
) -> bool:
    """Whether a change needs no more than 64 bits; floats are exact enough by far."""
    parts = float(carried[PARTS])
    lots = float(abs(held))
    later = float(abs(after))
    top = float(max(price, high)) if low <= high else float(price)
    most = max(top * parts, float(carried[PAID]), top * later)
    if most > SAFE:
        return False
    if held == 0:
        return True
    if low <= high:
        gain = max(abs(high * parts - carried[PAID]), abs(low * parts - carried[PAID]))
        share = 1.0 if parts == lots else lots
        whole = float(cent) if parts == lots else float(cent) * parts
        if gain * share * float(unit) > SAFE or max(whole, parts * float(tick)) > SAFE:
            return False
    if later <= lots or parts == lots:
        return True
    # the fraction's rest is shifted before it is cut, and is below its parts
    turned = float(carried[PAID]) * lots + top * later * parts
    return turned <= SAFE and parts * later * float(1 << CUT_BITS) <= SAFE

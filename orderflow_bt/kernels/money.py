"""The arithmetic of a fill's money, in integers.

Kernels run it where a bound says that nothing can overflow; elsewhere Python runs the same source
on its own integers (`py_func`), which know no bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.orders import CENT, LEDGER, MAKER_PART, TAKER_PART, UNIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAFE = float(1 << 60)


@kernel
def half_even(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` (> 0) as the nearest integer, ties to the even one."""
    whole = numerator // denominator
    rest = 2 * (numerator - whole * denominator)
    if rest > denominator or (rest == denominator and whole & 1 == 1):
        return whole + 1
    return whole


@kernel
def fee_of(price: int, lots: int, part: int, whole: int) -> int:
    """Commission of a linear fill, at ``part / whole`` a lot and price unit."""
    return half_even(price * lots * part, whole)


@kernel
def cash_after(ledger: int, side: int, worth: int, charged: int) -> int:
    """Cash behind a linear fill of ``worth``; all in units of the account."""
    return ledger - side * worth - charged


@kernel
def may_overflow(price: int, lots: int, state: NDArray[np.int64]) -> bool:
    """Whether the money of a fill might need more than 64 bits.

    Bounded are the ledger, the fill's worth, the fee's numerator and the fee in units; each is
    below 2**60, and so their sum below 2**62. A float is exact enough by far.
    """
    turned = float(price) * float(lots)
    rate = float(max(abs(state[MAKER_PART]), abs(state[TAKER_PART])))
    most = max(float(state[UNIT]), rate * float(state[CENT]))
    return turned * most > SAFE or abs(float(state[LEDGER])) > SAFE

"""Exact integers and fractions to printed money: rounded half-even, once."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING

from orderflow_bt.kernels import money as kernels
from orderflow_bt.kernels._jit import exact

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

PER_UNIT = 10**8  # of these in one unit of currency
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_scaled, _PLACES = _EXACT.scaleb, Decimal(-8)


half_even = exact(kernels.half_even)  # numerator / denominator (> 0), of any size


def half_even_each(numerators: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """As `half_even`, int64 [n], for a denominator below 2**62."""
    if denominator == 1:
        return numerators
    whole = numerators // denominator
    rest = 2 * (numerators - whole * denominator)
    whole += (rest > denominator) | ((rest == denominator) & (whole & 1 == 1))
    return whole


def cents(count: int) -> Decimal:
    """``count`` hundred-millionths as a decimal of eight places."""
    return _scaled(Decimal(count), _PLACES)


def ratio(numerator: int, denominator: int) -> Decimal:
    """``numerator / denominator`` (> 0) rounded half-even to eight decimals."""
    return cents(half_even(numerator * PER_UNIT, denominator))


def money(value: Fraction | int) -> Decimal:
    """A fraction rounded half-even to eight decimals."""
    return ratio(value.numerator, value.denominator)

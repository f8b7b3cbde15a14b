"""Exact integers and fractions to printed money: rounded half-even, once."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

PER_UNIT = 10**8  # of these in one unit of currency
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def half_even(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` (> 0) as the nearest integer, ties to the even one."""
    if denominator == 1:
        return numerator
    whole, rest = divmod(numerator, denominator)
    rest *= 2
    if rest > denominator or (rest == denominator and whole & 1):
        return whole + 1
    return whole


def cents(count: int) -> Decimal:
    """``count`` hundred-millionths as a decimal of eight places."""
    return _EXACT.scaleb(Decimal(count), -8)


def ratio(numerator: int, denominator: int) -> Decimal:
    """``numerator / denominator`` (> 0) rounded half-even to eight decimals."""
    return cents(half_even(numerator * PER_UNIT, denominator))


def money(value: Fraction | int) -> Decimal:
    """A fraction rounded half-even to eight decimals."""
    return ratio(value.numerator, value.denominator)

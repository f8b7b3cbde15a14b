"""Rows in the usual layout, eight bytes at a time; every other row goes to `parse_rows`.

Digits are read as 64-bit words: the bytes of one become a number by three multiplications. Where a
field ends is guessed from the row before. A row that does not fit what is known here, for whatever
reason, is left to `parse_rows`, which alone decides what is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.parse import (
    COMMA,
    DOT,
    FIRST_ID,
    FULL,
    ID,
    LAST_ID,
    NEWLINE,
    PRICE,
    QTY,
    RETURN,
    SIDE,
    SKIP,
    TIME,
    parse_rows,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DIGITS = 16  # of a whole number
MAX_PART = 8  # digits before or behind a decimal point
_BEFORE = 8  # bytes that may be looked at before a row
_REACH = 256  # and from its start on

# All arithmetic is unsigned: numba makes floats of signed beside unsigned, and guards signed
# positions against being negative.
_ZERO, _ONE, _TWO, _FOUR = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(4)
_3, _8, _16, _24 = np.uint64(3), np.uint64(8), np.uint64(16), np.uint64(24)
_32, _40, _48, _56, _64 = (np.uint64(bits) for bits in (32, 40, 48, 56, 64))
_AT1, _AT2, _AT3, _AT4 = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4)
_AT5, _AT6, _AT7, _AT8 = np.uintp(5), np.uintp(6), np.uintp(7), np.uintp(8)
_COMMA, _DOT_FOR_COMMA = np.uint64(COMMA), np.uint64(DOT - COMMA)
_ALL_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_UPPER_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_TO_PAIRS, _PAIRS = np.uint64(10 * 2**8 + 1), np.uint64(0x00FF00FF00FF00FF)
_TO_FOURS, _FOURS = np.uint64(100 * 2**16 + 1), np.uint64(0x0000FFFF0000FFFF)
_TO_EIGHT, _EIGHT_DIGITS = np.uint64(10**4 * 2**32 + 1), np.uint64(10**8)
_LOWER_CASE = np.uint64(0x2020202020)
_4_BYTES, _5_BYTES = np.uint64(2**32 - 1), np.uint64(2**40 - 1)
_TRUE = np.uint64(int.from_bytes(b"true", "little"))
_FALSE = np.uint64(int.from_bytes(b"false", "little"))


@kernel
def word_at(block: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Eight bytes from ``i`` on, the first one lowest; compiles to a single load."""
    return (
        np.uint64(block[i])
        | np.uint64(block[i + _AT1]) << _8
        | np.uint64(block[i + _AT2]) << _16
        | np.uint64(block[i + _AT3]) << _24
        | np.uint64(block[i + _AT4]) << _32
        | np.uint64(block[i + _AT5]) << _40
        | np.uint64(block[i + _AT6]) << _48
        | np.uint64(block[i + _AT7]) << _56
    )


@kernel
def not_digits(word: np.uint64) -> np.uint64:
    """Nonzero up to the first byte of eight, less those of "0", that is not 0 to 9."""
    return (word | (word + _SIXES)) & _UPPER_HALVES


@kernel
def number_of(word: np.uint64) -> np.uint64:
    """The number of eight bytes of 0 to 9, the first one most significant."""
    word = (word * _TO_PAIRS >> _8) & _PAIRS
    word = (word * _TO_FOURS >> _16) & _FOURS
    return word * _TO_EIGHT >> _32


@kernel
def whole_number(
    block: NDArray[np.uint8], i: np.uint64, width: np.uint64
) -> tuple[np.int64, np.uint64]:
    """The number of ``width`` digits at ``i``, and 0 if these are digits and a comma follows.

    ``width`` is 1 to 16; from eight bytes before ``i`` on there must be bytes to look at.
    """
    beyond = (_16 - width) << _TWO  # half of the bits by which 16 digits would be more
    before = (_8 - min(width, _8)) << _3
    high = (word_at(block, i) ^ _ALL_ZEROS) << beyond << beyond
    low = (word_at(block, i + width - _AT8) ^ _ALL_ZEROS) >> before << before
    odd = not_digits(high) | not_digits(low) | (np.uint64(block[i + width]) ^ _COMMA)
    return np.int64(number_of(high) * _EIGHT_DIGITS + number_of(low)), odd


@kernel
def decimal_number(
    block: NDArray[np.uint8],
    i: np.uint64,
    width: np.uint64,
    places: np.uint64,
    decimals: np.uint64,
    power: int,
) -> tuple[np.int64, np.uint64, np.uint64]:
    """A number with ``places`` digits behind its point, or with no point where that is 0.

    Args:
        block: Bytes of text.
        i: Where it begins.
        width: Digits before the point, 1 to 8.
        places: 0 to 8.
        decimals: The number is given in ``10**-decimals``, 0 to 8.
        power: ``10**decimals``.

    Returns:
        The number, which is right if no digit beyond ``decimals`` is other than 0; 0 if these are
        digits and a comma follows; and the digits behind the point as bytes, the first one lowest.
    """
    after = _64 - (width << _3)
    unused = (_8 - places) << _TWO  # half of the bits
    cut = (_8 - decimals) << _TWO
    point = np.uint64(places > _ZERO)
    whole = word_at(block, i) ^ _ALL_ZEROS
    part = (word_at(block, i + width + _AT1) ^ _ALL_ZEROS) << unused << unused
    odd = (
        not_digits(whole) << after
        | not_digits(part)
        | (np.uint64(block[i + width]) ^ (_COMMA + _DOT_FOR_COMMA * point))
        | (np.uint64(block[i + width + point + places]) ^ _COMMA)
    )
    part = part >> unused >> unused
    value = np.int64(number_of(whole << after)) * power
    return value + np.int64(number_of(part << cut << cut)), odd, part


@kernel
def count_digits(block: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Digits from ``i`` on, up to 32."""
    width = _ZERO
    while width < _32 and block[i + width] >= 48 and block[i + width] <= 57:
        width += _ONE
    return width


@kernel
def count_places(block: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Digits behind the point of the number at ``i``; 0 without one."""
    width = count_digits(block, i)
    return count_digits(block, i + width + _AT1) if block[i + width] == DOT else _ZERO


@kernel
def is_usual(roles: NDArray[np.int64]) -> bool:
    """Whether fields stand as in Binance's files: id, price, quantity, …, time, side, perhaps more.

    Between quantity and time are the two fill ids, or one field that is passed over.
    """
    if roles.shape[0] < 6 or roles[0] != ID or roles[1] != PRICE or roles[2] != QTY:
        return False
    side = 6 if roles[3] == FIRST_ID else 5
    if roles[3] == FIRST_ID:
        if roles[4] != LAST_ID or roles.shape[0] < 7:
            return False
    elif roles[3] != SKIP:
        return False
    if roles[side - 1] != TIME or roles[side] != SIDE:
        return False
    return roles.shape[0] == side + 1 or (roles.shape[0] == side + 2 and roles[side + 1] == SKIP)


@kernel
def plain_rows(
    block: NDArray[np.uint8],
    start: np.int64,
    end: int,
    roles: NDArray[np.int64],
    out: NDArray[np.int64],
    row: int,
    decimals: NDArray[np.int64],
    digits: NDArray[np.int64],
) -> tuple[np.int64, int]:
    """Parse rows up to one that is not plain; arguments as of `parse_rows`, ``roles`` usual.

    Returns:
        Where that row begins (the block's last ones never are plain), and the filled columns.
    """
    last = min(end, block.shape[0] - _REACH)
    if decimals[PRICE] > MAX_PART or decimals[QTY] > MAX_PART or start < _BEFORE:
        return start, row
    price_places, qty_places = np.uint64(decimals[PRICE]), np.uint64(decimals[QTY])
    price_cut, qty_cut = price_places * _FOUR, qty_places * _FOUR
    price_power, qty_power = 10 ** decimals[PRICE], 10 ** decimals[QTY]
    has_fills = roles[3] == FIRST_ID
    has_more = roles[roles.shape[0] - 1] == SKIP
    capacity = out.shape[1]
    # Digits of each number in the row before: changing one begins the row again.
    w_id = w_price = w_qty = w_first = w_last = w_time = _ONE
    f_price = f_qty = _ZERO
    at = np.uint64(start)
    while np.int64(at) < last and row < capacity:
        i = at
        value, odd = whole_number(block, i, w_id)
        if odd:
            width = count_digits(block, i)
            if width == 0 or width > MAX_DIGITS or width == w_id:
                break
            w_id = width
            continue
        out[ID, row] = value
        i += w_id + _AT1
        value, odd, price = decimal_number(block, i, w_price, f_price, price_places, price_power)
        if odd:
            width, places = count_digits(block, i), count_places(block, i)
            if (
                width == 0 or width > MAX_PART or places > MAX_PART
                or (width == w_price and places == f_price)
            ):  # fmt: skip
                break
            w_price, f_price = width, places
            continue
        out[PRICE, row] = value
        i += w_price + f_price + np.uint64(f_price > 0) + _AT1
        value, odd, qty = decimal_number(block, i, w_qty, f_qty, qty_places, qty_power)
        if odd:
            width, places = count_digits(block, i), count_places(block, i)
            if (
                width == 0 or width > MAX_PART or places > MAX_PART
                or (width == w_qty and places == f_qty)
            ):  # fmt: skip
                break
            w_qty, f_qty = width, places
            continue
        if (price >> price_cut >> price_cut) | (qty >> qty_cut >> qty_cut):
            break  # finer than the columns
        out[QTY, row] = value
        i += w_qty + f_qty + np.uint64(f_qty > 0) + _AT1
        if has_fills:
            value, odd = whole_number(block, i, w_first)
            if odd:
                width = count_digits(block, i)
                if width == 0 or width > MAX_DIGITS or width == w_first:
                    break
                w_first = width
                continue
            out[FIRST_ID, row] = value
            i += w_first + _AT1
            value, odd = whole_number(block, i, w_last)
            if odd:
                width = count_digits(block, i)
                if width == 0 or width > MAX_DIGITS or width == w_last:
                    break
                w_last = width
                continue
            out[LAST_ID, row] = value
            i += w_last + _AT1
        else:
            while block[i] != COMMA and block[i] != NEWLINE and block[i] != RETURN:
                i += _AT1
            if block[i] != COMMA or np.int64(i) >= last:
                break
            i += _AT1
        value, odd = whole_number(block, i, w_time)
        if odd:
            width = count_digits(block, i)
            if width == 0 or width > MAX_DIGITS or width == w_time:
                break
            w_time = width
            continue
        out[TIME, row] = value
        i += w_time + _AT1
        word = word_at(block, i) | _LOWER_CASE
        is_maker = (word & _4_BYTES) == _TRUE
        if not (is_maker | ((word & _5_BYTES) == _FALSE)):
            break
        out[SIDE, row] = 1 - 2 * np.int64(is_maker)
        i += _AT5 - np.uint64(is_maker)
        if has_more:
            if block[i] != COMMA:
                break
            i += _AT1
            while block[i] != COMMA and block[i] != NEWLINE and block[i] != RETURN:
                i += _AT1
        if block[i] == NEWLINE:
            i += _AT1
        elif block[i] == RETURN and block[i + _AT1] == NEWLINE:
            i += _AT2
        else:
            break
        needed = price_places
        while needed > _ZERO and price >> (needed - _ONE) * _8 == _ZERO:
            needed -= _ONE
        digits[np.int64(needed)] += 1
        row += 1
        at = i
    return np.int64(at), row


@kernel
def read_rows(
    block: NDArray[np.uint8],
    start: int,
    end: int,
    roles: NDArray[np.int64],
    out: NDArray[np.int64],
    row: int,
    decimals: NDArray[np.int64],
    digits: NDArray[np.int64],
) -> tuple[int, np.int64, int, int]:
    """As `parse_rows` in every respect, but faster where rows are plain."""
    at = np.int64(start)
    capacity = out.shape[1]
    usual = is_usual(roles)
    while True:
        limit = capacity
        if usual:
            at, row = plain_rows(block, at, end, roles, out, row, decimals, digits)
            limit = min(row + 1, capacity)
        code, at, row, detail = parse_rows(block, at, end, roles, out, row, limit, decimals, digits)
        if code != FULL or row == capacity:
            return code, at, row, detail

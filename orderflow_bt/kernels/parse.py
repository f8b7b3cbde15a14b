"""Rows of decimal text to integer columns, in one pass over the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a field of the text is: the row of the output matrix it goes to, or a field to pass over.
SKIP = -1
ID = 0
PRICE = 1
QTY = 2
FIRST_ID = 3
LAST_ID = 4
TIME = 5
SIDE = 6
COLUMNS = 7

# Why the pass ended.
DONE = 0
FULL = 1  # no more columns may be filled
FINER = 2  # a price or quantity needs more decimals than its column has: detail = role
BAD_NUMBER = 3
TOO_LARGE = 4
BAD_BOOLEAN = 5
TOO_FEW_FIELDS = 6
TOO_MANY_FIELDS = 7

MAX_DECIMALS = 18

# Bytes.
COMMA = 44
DOT = 46
_MINUS = 45
NEWLINE = 10
RETURN = 13
_ROOM = (2**63 - 10) // 10  # the largest value that takes one more digit without overflow

# Offsets are unsigned: numba guards every signed index against being negative, which costs this
# pass almost half of its speed.
_U1 = np.uintp(1)
_U2 = np.uintp(2)
_U3 = np.uintp(3)
_U4 = np.uintp(4)
_U5 = np.uintp(5)


@kernel
def parse_rows(
    block: NDArray[np.uint8],
    start: np.int64,
    end: int,
    roles: NDArray[np.int64],
    out: NDArray[np.int64],
    row: int,
    limit: int,
    decimals: NDArray[np.int64],
    digits: NDArray[np.int64],
) -> tuple[int, np.int64, int, int]:
    """Parse the whole rows in ``block[start:end]`` into the columns of ``out`` from ``row`` on.

    Args:
        block: Bytes of comma-separated text; ``block[end - 1]`` is a newline.
        start: Where the first row begins.
        end: Where the last row's newline ends.
        roles: Role of each field, in file order (`SKIP`, `ID` … `SIDE`).
        out: int64 ``[COLUMNS, capacity]``; ``out[role, k]`` is filled for every role but `SKIP`.
            Prices and quantities are scaled to ``10**-decimals[role]``; `SIDE` is +1 for an
            aggressive buy (buyer is maker: false), -1 for an aggressive sell.
        row: First free column of ``out``.
        limit: Columns of ``out`` from this one on stay free.
        decimals: int64 ``[COLUMNS]``, decimals of `PRICE` and `QTY`.
        digits: int64 ``[MAX_DECIMALS + 1]``, counts prices by the decimals they need; added to.

    Returns:
        Why the pass ended, the offset of the row (`DONE`, `FULL`, `FINER`) or of the field (any
        error) it ended at, the number of filled columns, and a detail: the decimals needed
        (negative for a quantity) for `FINER`, the field's index for an error.

    A zero at the end of a fraction needs no decimal. Blank lines are passed over.
    """
    fields = roles.shape[0]
    i = np.uintp(start)
    stop = np.uintp(end)
    while i < stop:
        if block[i] == NEWLINE:
            i += _U1
            continue
        if block[i] == RETURN and block[i + _U1] == NEWLINE:
            i += _U2
            continue
        if row >= limit:
            return FULL, np.int64(i), row, 0
        row_start = i
        price_scale = 0
        for field in range(fields):
            role = roles[field]
            field_start = i
            if role == SKIP:
                while block[i] != COMMA and block[i] != NEWLINE and block[i] != RETURN:
                    i += _U1
            elif role == SIDE:
                maker = (block[i] | 32) == 116  # t
                if maker:
                    good = (
                        (block[i + _U1] | 32) == 114
                        and (block[i + _U2] | 32) == 117
                        and (block[i + _U3] | 32) == 101
                    )
                    i += _U4
                else:
                    good = (
                        (block[i] | 32) == 102
                        and (block[i + _U1] | 32) == 97
                        and (block[i + _U2] | 32) == 108
                        and (block[i + _U3] | 32) == 115
                        and (block[i + _U4] | 32) == 101
                    )
                    i += _U5
                if not good:
                    return BAD_BOOLEAN, np.int64(field_start), row, field
                out[SIDE, row] = -1 if maker else 1
            else:
                negative = block[i] == _MINUS and role in (FIRST_ID, LAST_ID)
                if negative:
                    i += _U1
                value = np.int64(0)
                scale = 0
                number_start = i
                while True:
                    digit = np.int64(block[i]) - 48
                    if digit < 0 or digit > 9:
                        break
                    if value > _ROOM:
                        return TOO_LARGE, np.int64(field_start), row, field
                    value = value * 10 + digit
                    i += _U1
                if i == number_start:
                    return BAD_NUMBER, np.int64(field_start), row, field
                if block[i] == DOT and role in (PRICE, QTY):
                    i += _U1
                    number_start = i
                    zeros = 0
                    while True:
                        digit = np.int64(block[i]) - 48
                        if digit < 0 or digit > 9:
                            break
                        i += _U1
                        if digit == 0:
                            zeros += 1
                            continue
                        scale += zeros + 1
                        if scale > MAX_DECIMALS:
                            return TOO_LARGE, np.int64(field_start), row, field
                        while zeros > 0:
                            if value > _ROOM:
                                return TOO_LARGE, np.int64(field_start), row, field
                            value *= 10
                            zeros -= 1
                        if value > _ROOM:
                            return TOO_LARGE, np.int64(field_start), row, field
                        value = value * 10 + digit
                    if i == number_start:
                        return BAD_NUMBER, np.int64(field_start), row, field
                if role in (PRICE, QTY):
                    room = decimals[role]
                    if scale > room:
                        return FINER, np.int64(row_start), row, scale if role == PRICE else -scale
                    if role == PRICE:
                        price_scale = scale
                    while scale < room:
                        if value > _ROOM:
                            return TOO_LARGE, np.int64(field_start), row, field
                        value *= 10
                        scale += 1
                elif negative:
                    value = -value
                out[role, row] = value
            # The field must end here: with a comma inside the row, with the line at its end.
            c = block[i]
            if field < fields - 1:
                if c == COMMA:
                    i += _U1
                elif c == NEWLINE or (c == RETURN and block[i + _U1] == NEWLINE):
                    return TOO_FEW_FIELDS, np.int64(row_start), row, field
                else:
                    code = BAD_NUMBER if role != SIDE else BAD_BOOLEAN
                    return code, np.int64(field_start), row, field
            elif c == NEWLINE:
                i += _U1
            elif c == RETURN and block[i + _U1] == NEWLINE:
                i += _U2
            elif c == COMMA:
                return TOO_MANY_FIELDS, np.int64(row_start), row, field
            else:
                code = BAD_NUMBER if role != SIDE else BAD_BOOLEAN
                return code, np.int64(field_start), row, field
        digits[price_scale] += 1
        row += 1
    return DONE, np.int64(i), row, 0

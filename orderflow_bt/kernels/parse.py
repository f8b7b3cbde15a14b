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
FULL = 1  # the output has no free column left
FINER = 2  # a price or quantity needs more decimals than its column has: detail = role
BAD_NUMBER = 3
TOO_LARGE = 4
BAD_BOOLEAN = 5
TOO_FEW_FIELDS = 6
TOO_MANY_FIELDS = 7

MAX_DECIMALS = 18

_COMMA = 44
_DOT = 46
_MINUS = 45
_NEWLINE = 10
_RETURN = 13
_ROOM = (2**63 - 10) // 10  # the largest value that takes one more digit without overflow


@kernel
def parse_rows(
    block: NDArray[np.uint8],
    start: int,
    end: int,
    roles: NDArray[np.int64],
    out: NDArray[np.int64],
    row: int,
    decimals: NDArray[np.int64],
    digits: NDArray[np.int64],
) -> tuple[int, int, int, int]:
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
        decimals: int64 ``[COLUMNS]``, decimals of `PRICE` and `QTY`.
        digits: int64 ``[MAX_DECIMALS + 1]``, counts prices by the decimals they need; added to.

    Returns:
        Why the pass ended, the offset of the row (`DONE`, `FULL`, `FINER`) or of the field (any
        error) it ended at, the number of filled columns, and a detail: the decimals needed
        (negative for a quantity) for `FINER`, the field's index for an error.

    A zero at the end of a fraction needs no decimal. Blank lines are passed over.
    """
    fields = roles.shape[0]
    capacity = out.shape[1]
    i = start
    while i < end:
        if block[i] == _NEWLINE:
            i += 1
            continue
        if block[i] == _RETURN and block[i + 1] == _NEWLINE:
            i += 2
            continue
        if row >= capacity:
            return FULL, i, row, 0
        row_start = i
        price_scale = 0
        for field in range(fields):
            role = roles[field]
            field_start = i
            if role == SKIP:
                while block[i] != _COMMA and block[i] != _NEWLINE:
                    i += 1
                if block[i] == _NEWLINE and i > field_start and block[i - 1] == _RETURN:
                    i -= 1
            elif role == SIDE:
                maker = (block[i] | 32) == 116  # t
                if maker:
                    good = (
                        (block[i + 1] | 32) == 114
                        and (block[i + 2] | 32) == 117
                        and (block[i + 3] | 32) == 101
                    )
                    i += 4
                else:
                    good = (
                        (block[i] | 32) == 102
                        and (block[i + 1] | 32) == 97
                        and (block[i + 2] | 32) == 108
                        and (block[i + 3] | 32) == 115
                        and (block[i + 4] | 32) == 101
                    )
                    i += 5
                if not good:
                    return BAD_BOOLEAN, field_start, row, field
                out[SIDE, row] = -1 if maker else 1
            else:
                negative = block[i] == _MINUS and role in (FIRST_ID, LAST_ID)
                if negative:
                    i += 1
                value = np.int64(0)
                scale = 0
                number_start = i
                while True:
                    digit = np.int64(block[i]) - 48
                    if digit < 0 or digit > 9:
                        break
                    if value > _ROOM:
                        return TOO_LARGE, field_start, row, field
                    value = value * 10 + digit
                    i += 1
                if i == number_start:
                    return BAD_NUMBER, field_start, row, field
                if block[i] == _DOT and role in (PRICE, QTY):
                    i += 1
                    number_start = i
                    zeros = 0
                    while True:
                        digit = np.int64(block[i]) - 48
                        if digit < 0 or digit > 9:
                            break
                        i += 1
                        if digit == 0:
                            zeros += 1
                            continue
                        scale += zeros + 1
                        if scale > MAX_DECIMALS:
                            return TOO_LARGE, field_start, row, field
                        while zeros > 0:
                            if value > _ROOM:
                                return TOO_LARGE, field_start, row, field
                            value *= 10
                            zeros -= 1
                        if value > _ROOM:
                            return TOO_LARGE, field_start, row, field
                        value = value * 10 + digit
                    if i == number_start:
                        return BAD_NUMBER, field_start, row, field
                if role in (PRICE, QTY):
                    room = decimals[role]
                    if scale > room:
                        return FINER, row_start, row, scale if role == PRICE else -scale
                    if role == PRICE:
                        price_scale = scale
                    while scale < room:
                        if value > _ROOM:
                            return TOO_LARGE, field_start, row, field
                        value *= 10
                        scale += 1
                elif negative:
                    value = -value
                out[role, row] = value
            # The field must end here: with a comma inside the row, with the line at its end.
            c = block[i]
            if field < fields - 1:
                if c == _COMMA:
                    i += 1
                elif c == _NEWLINE or (c == _RETURN and block[i + 1] == _NEWLINE):
                    return TOO_FEW_FIELDS, row_start, row, field
                else:
                    return BAD_NUMBER if role != SIDE else BAD_BOOLEAN, field_start, row, field
            elif c == _NEWLINE:
                i += 1
            elif c == _RETURN and block[i + 1] == _NEWLINE:
                i += 2
            elif c == _COMMA:
                return TOO_MANY_FIELDS, row_start, row, field
            else:
                return BAD_NUMBER if role != SIDE else BAD_BOOLEAN, field_start, row, field
        digits[price_scale] += 1
        row += 1
    return DONE, i, row, 0

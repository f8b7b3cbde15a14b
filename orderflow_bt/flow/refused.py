"""Why a piece of tape cannot be read: its columns, its order, its sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels.inspection import inspect_trades
from orderflow_bt.types import Trades

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = (np.int64, np.int64, np.int64, np.int64, np.int8, np.int32)


def check_columns(trades: Trades) -> None:
    """Refuse columns that no kernel could read.

    Raises:
        OrderflowError: One is of another type or length than it has to be.
    """
    rows = trades.rows
    columns: tuple[NDArray[Any], ...] = tuple(trades)
    for name, column, dtype in zip(Trades._fields, columns, _DTYPES, strict=True):
        if column.dtype != dtype or column.shape != (rows,):
            raise OrderflowError(
                f"column {name} of a tape is {column.dtype} {list(column.shape)}",
                fix=f"Give every column {rows} values, and {name} as {np.dtype(dtype)}",
            )


def refusal(trades: Trades) -> OrderflowError:
    """Why the kernel has refused these trades."""
    backwards, unsided, least, most, largest = inspect_trades(
        trades.time, trades.price, trades.qty, trades.side
    )
    where = f"trades {trades.id[0]} to {trades.id[-1]}"
    if backwards:
        return disorder(trades)
    if unsided:
        return OrderflowError(
            f"{unsided} trades have a side that is neither +1 nor -1", where=where
        )
    if largest < 0:
        return OrderflowError("a trade has a negative quantity", where=where)
    return OrderflowError(
        "price times quantity does not fit 64 bits",
        where=f"{where}: prices {least} to {most} units, quantity up to {largest} lots",
        fix="Read the tape with fewer decimals",
    )


def disorder(trades: Trades) -> OrderflowError:
    """That these trades are earlier than what was read, or out of order among themselves."""
    return OrderflowError(
        "trades are not in time order",
        where=f"trades {trades.id[0]} to {trades.id[-1]}",
        fix="Feed the tape in id order, with times that never decrease",
    )

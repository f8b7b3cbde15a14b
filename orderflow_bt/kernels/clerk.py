"""Writes down what the exchange reports: in the logs of orders and fills, and in the account.

Some reports are not for a kernel: kinds that ``state[BY_HAND]`` names, the whole of a fill-or-kill
order, money that might need more than 64 bits. There it stops; whoever drives the kernel does the
next report, and lets it go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels import records as r
from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.marking import ENDS, OPENS, SHRINKS
from orderflow_bt.kernels.memory import int64s
from orderflow_bt.kernels.money import cash_after, fee_of, may_overflow
from orderflow_bt.kernels.solvency import set_wire

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@part
def note_all(
    reports: NDArray[np.int64],
    orders: NDArray[np.int64],
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
) -> bool:
    """Write down every report; False where one is left to be done by hand."""
    before = state[k.N_FILLS]
    while state[k.NOTED] < state[k.N_REPORTS]:
        report = reports[state[k.NOTED]]
        order = report[k.R_ORDER]
        if state[k.BY_HAND] >> report[k.R_KIND] & 1 == 1:
            return False
        record = r.order_record(state, orders[order, k.ID])
        if report[k.R_KIND] != k.FILLED:
            note_change(report, record)
        elif orders[order, k.ALL_OR_NONE] == 1 or not pay(report, record, state, settings):
            return False
        else:
            note_traded(report, record)
        state[k.NOTED] += 1
    state[k.N_REPORTS] = 0
    state[k.NOTED] = 0
    if state[k.N_FILLS] != before:
        set_wire(state)
    return True


@part
def note_change(report: NDArray[np.int64], record: NDArray[np.int64]) -> None:
    """Bring an order's record up to date with anything but a fill, a trigger or a change of it."""
    kind = report[k.R_KIND]
    if kind == k.ACCEPTED:
        record[r.O_STATUS] = r.WORKING
        record[r.O_ARRIVAL] = report[k.R_TIME]
        record[r.O_DONE] = r.ABSENT
        record[r.O_WHY] = k.ON_REQUEST
        rests = report[k.R_RULE] == k.RESTING
        record[r.O_AHEAD] = report[k.R_AHEAD] if rests else r.ABSENT
        if record[r.O_TRAIL] != r.ABSENT:
            record[r.O_PRICE] = report[k.R_PRICE]
    elif kind == k.RESTED:
        record[r.O_AHEAD] = report[k.R_AHEAD]
    elif kind == k.GREW:
        record[r.O_QTY] += report[k.R_QTY]
    else:
        record[r.O_DONE] = report[k.R_TIME]
        record[r.O_WHY] = report[k.R_RULE]
        if kind == k.CANCELLED:
            record[r.O_STATUS] = r.CANCELLED_STATUS
        else:
            record[r.O_STATUS] = r.EXPIRED_STATUS if kind == k.EXPIRED else r.REJECTED_STATUS


@part
def note_traded(report: NDArray[np.int64], record: NDArray[np.int64]) -> None:
    """Bring an order's record up to date with a fill."""
    record[r.O_FILLED] += report[k.R_QTY]
    if report[k.R_LEFT] == 0:
        record[r.O_STATUS] = r.FILLED_STATUS
        record[r.O_DONE] = report[k.R_TIME]
        less = record[r.O_FILLED] < record[r.O_QTY]
        record[r.O_WHY] = k.OCO_FILLED if less else k.ON_REQUEST


@part
def pay(
    report: NDArray[np.int64],
    record: NDArray[np.int64],
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
) -> bool:
    """Book a fill and write it down; False where its money might need more than 64 bits."""
    price = report[k.R_PRICE]
    lots = report[k.R_QTY]
    if may_overflow(price, lots, state):
        return False
    if report[k.R_RULE] == k.TOOK:
        fee = fee_of(price, lots, state[k.TAKER_PART], state[k.TAKER_WHOLE])
    else:
        fee = fee_of(price, lots, state[k.MAKER_PART], state[k.MAKER_WHOLE])
    charged = fee * state[k.CENT]
    worth = price * lots * state[k.UNIT]
    state[k.FEES_PAID] += charged
    state[k.LEDGER] = cash_after(state[k.LEDGER], record[r.O_SIDE], worth, charged)
    index = report[k.R_INDEX] - state[k.BASE]
    report[k.R_INDEX] = int64s(state[k.AT_ID], state[k.END])[index]
    write_fill(report, record, rule_of(report[k.R_RULE], settings), fee, index + 1, state, settings)
    return True


@kernel
def rule_of(rule: int, settings: NDArray[np.int64]) -> int:
    """The rule of a report's fill as the log of fills has it: took, touch, queue, through."""
    if rule == k.TOOK:
        return 0
    return 1 + (settings[k.S_POLICY] if rule == k.AT_LIMIT else k.THROUGH)


@part
def write_fill(
    report: NDArray[np.int64],
    record: NDArray[np.int64],
    rule: int,
    fee: int,
    row: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
) -> None:
    """Write down a fill whose money is booked.

    Args:
        report: Of the fill, with the trade's id for its index.
        record: Of its order.
        rule: As the log has it.
        fee: Hundred-millionths.
        row: Of the stretch in hand, behind the trade it filled at.
        state: There must be room for it.
        settings: Of the simulation.
    """
    number = state[k.N_FILLS]
    side = record[r.O_SIDE]
    lots = report[k.R_QTY]
    price = report[k.R_PRICE]
    maker = report[k.R_RULE] != k.TOOK
    tick = settings[k.S_TICK]
    fill = r.fill_record(state, number)
    fill[r.F_ORDER] = record[0]
    fill[r.F_TIME] = report[k.R_TIME]
    fill[r.F_TRADE] = report[k.R_INDEX]
    fill[r.F_SIDE] = side
    fill[r.F_QTY] = lots
    fill[r.F_PRICE] = price
    fill[r.F_ROLE] = record[r.O_ROLE]
    fill[r.F_MAKER] = maker
    fill[r.F_RULE] = rule
    fill[r.F_AHEAD] = report[k.R_AHEAD]
    fill[r.F_SLIPPAGE] = report[k.R_SLIPPAGE] // tick
    fill[r.F_FEE] = fee
    fill[r.F_EVENT] = record[r.O_EVENT]
    fill[r.F_REFERENCE] = price if maker else report[k.R_REFERENCE]
    fill[r.F_SPREAD] = report[k.R_SPREAD] // tick
    fill[r.F_BPS] = report[k.R_BPS] // tick
    fill[r.F_IMPACT] = report[k.R_IMPACT] // tick
    state[k.N_FILLS] = number + 1
    held = state[k.BOOKED]
    state[k.BOOKED] = held + side * lots
    did = 0
    fill[r.F_ROUND_TRIP] = state[k.N_TRIPS] - (held != 0)
    if side * held < 0:
        did = SHRINKS | ENDS if lots >= abs(held) else SHRINKS
    if held == 0 or (did & ENDS and lots > abs(held)):
        did |= OPENS
        state[k.N_TRIPS] += 1
        state[k.OPENED_AT] = report[k.R_TIME]
    note_account(row, did, price, state)
    if number == state[k.HEARD] and state[k.RESPONSE] < k.NEVER:
        state[k.HEARD_AT] = report[k.R_TIME] + state[k.RESPONSE]


@part
def note_account(row: int, did: int, price: int, state: NDArray[np.int64]) -> None:
    """Note that the account has changed before ``row`` of the stretch in hand: `records`."""
    number = state[k.N_CHANGES]
    changes = int64s(state[k.AT_CHANGES], (number + 1) * r.CHANGE_FIELDS)
    change = changes[number * r.CHANGE_FIELDS :]
    change[r.C_ROW] = row
    change[r.C_TRIP] = did
    change[r.C_PRICE] = price
    change[r.C_LAST] = int64s(state[k.AT_PRICE], row)[row - 1] if row > 0 else 0
    change[r.C_REACHED] = state[k.REACHED]
    change[r.C_LEDGER] = state[k.LEDGER]
    change[r.C_POSITION] = state[k.BOOKED]
    state[k.N_CHANGES] = number + 1

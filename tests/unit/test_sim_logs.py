"""Orders, fills and round trips as numbers give back what was put in."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.kernels import orders as k
from orderflow_bt.sim import logs
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.state import KernelState
from orderflow_bt.sim.trips import Plan, Trips
from orderflow_bt.strategy.api import Fill, Order
from orderflow_bt.types import MarketType

ORDER = Order(0, None, "limit", "entry", 1, 5, 100, 7, 9, None, "working", 2, 3, "", -1, trail=4)


def _add(log: logs.OrderLog, order: Order) -> None:
    numbers = [logs.ABSENT if value is None else value for value in order]
    numbers[logs.KIND], numbers[logs.ROLE] = (
        logs.KIND_CODE[order.kind], logs.ROLE_CODE[order.role],
    )  # fmt: skip
    numbers[logs.STATUS] = logs.STATUS_CODE[order.status]
    numbers[logs.WHY] = log.why(order.why)
    log.add(*numbers)


def _fill(log: logs.FillLog, state: KernelState, *values: int) -> None:
    """As the kernel does it."""
    log.make_room(1)
    log.array(log.written)[:] = values
    state.slots[k.N_FILLS] += 1
    log.written += 1


def test_orders_can_be_looked_at_and_changed():
    log = logs.OrderLog(KernelState())
    count = 2 * logs.CHUNK + 5
    orders = [
        ORDER._replace(id=n, status="filled" if n % 3 else "working", why="" if n % 2 else f"w{n}")
        for n in range(count)
    ]
    for order in orders:
        _add(log, order)
    assert list(log) == orders
    assert log == orders
    assert log[-1] == orders[-1]
    assert log[5:8] == orders[5:8]
    before = log.columns()
    log.row(4)[logs.WHY] = log.why("changed after its end")
    assert log[4].why == "changed after its end"
    columns = log.columns()
    assert columns["why"][3:6] == ["", "changed after its end", ""]
    assert before["why"][4] == "w4"
    assert columns["price"].tolist() == [100] * count
    assert set(columns["parent_id"].tolist()) == {logs.ABSENT}
    assert log != orders
    assert logs.OrderLog(KernelState()).columns()["price"] == []


def test_fills_come_back_as_they_were_written():
    state = KernelState()
    log = logs.FillLog(state)
    values = (3, 10, 77, -1, 5, 100, logs.ROLE_CODE["stop"], 0, logs.RULE_CODE["took"], 4, 6,
              123_456_789, logs.ABSENT, 99, 1, 2, 3, 8)  # fmt: skip
    for _ in range(logs.CHUNK + 2):
        _fill(log, state, *values)
    made = Fill(logs.CHUNK + 1, 3, 10, 77, -1, 5, 100, "stop", "taker", "took", 4, 6,
                Decimal("1.23456789"), None, 99, 1, 2, 3)  # fmt: skip
    assert log[-1] == made
    assert len(log[1:]) == logs.CHUNK + 1
    assert log.columns()["round_trip"].tolist() == [8] * (logs.CHUNK + 2)
    assert log.rows(logs.CHUNK - 1, logs.CHUNK + 1).tolist() == [list(values)] * 2


def test_a_round_trip_of_any_size_is_followed():
    state = KernelState()
    log = logs.FillLog(state)
    units = Instrument("x", MarketType.UM, "X", 0, 0)
    trips = Trips(Account(units, Decimal(10_000), Fees(Decimal(0), Decimal(0))), log)
    trips.plans[7] = Plan(100, None, 250)
    size, price = 10**15, 10**15  # worth more than 64 bits hold
    for side, lots, fee in ((-1, size, 2), (-1, size, 5), (1, 3 * size, 9), (-1, size, 1)):
        at = price if side < 0 else price - 7
        role, event = logs.ROLE_CODE["target"], logs.ABSENT
        _fill(log, state, 7, 1_000, 1, side, lots, at, role, 0, 0, 0, 0, fee, event, at, 0, 0, 0, 0)
    trips.mark(np.array([(-3, 260, -4, 5), (0, 255, logs.ABSENT, 7)]))
    first, second = trips.done
    assert (first.id, first.side, first.qty, first.fees) == (0, -1, 2 * size, Decimal("13e-8"))
    assert first.gross_pnl == 14 * size
    assert first.exit_role == "target"
    assert (first.stop_price, first.target_price) == (None, 250)
    assert (first.mae_ticks, first.mfe_ticks) == (-3, 260)
    assert (first.mae_money, first.mfe_money) == (Decimal("-4e-8"), Decimal("5e-8"))
    assert second.mae_money is None
    assert (second.id, second.side, second.qty, second.fees) == (1, 1, size, Decimal("4e-8"))
    assert second.gross_pnl == 7 * size
    assert trips.count_done == 2
    assert trips.still_open(0, 1, (0, 0, 0, 0)) is None


def _random_fills(count: int) -> list[tuple[int, ...]]:
    rng, held, rows = np.random.default_rng(5), 0, []
    for n in range(count):
        lots, price, fee = (int(rng.integers(a, b)) for a, b in ((1, 9), (90, 110), (-9, 99)))
        side = (-1 if held > 0 else 1) * (-1 if rng.integers(5) == 0 else 1)
        held += side * lots
        none = logs.ABSENT
        rows.append((n, n, n, side, lots, price, 0, 0, 0, 0, 0, fee, none, 0, 0, 0, 0, 0))
    return rows


@pytest.mark.parametrize("inverse", [False, True])
def test_round_trips_are_the_same_however_many_fills_are_followed_at_once(inverse):
    """One by one, many at once, and with the kernel's source as plain Python."""
    units = Instrument("x", MarketType.CM, "X", 2, 0, contract_usd=Decimal(100)) if inverse else (
        Instrument("x", MarketType.UM, "X", 2, 3)
    )  # fmt: skip
    results = []
    for size in (1, 7, 400):
        state = KernelState()
        log = logs.FillLog(state)
        trips = Trips(Account(units, Decimal(10_000), Fees(Decimal(0), Decimal(0))), log)
        if size == 7:
            trips._may_overflow = lambda *_: True  # type: ignore[method-assign]
        for n, row in enumerate(_random_fills(400)):
            _fill(log, state, *row)
            if n % size == size - 1:
                trips.follow()
        trips.mark(np.ones((trips.count_done, 4), np.int64))
        results.append((list(trips.done), trips.still_open(9, 100, (1, 2, 3, 4))))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 20
    sizes = [trip.qty for trip in results[0][0]]
    assert max(sizes) > 8  # made of several fills


def test_results_in_risk_are_those_of_each_round_trip():
    state = KernelState()
    log = logs.FillLog(state)
    units = Instrument("x", MarketType.UM, "X", 2, 3)
    trips = Trips(Account(units, Decimal(10_000), Fees(Decimal(0), Decimal(0))), log)
    plans = {0: Plan(None, None, None), 1: Plan(100, 90, 150), 2: Plan(None, 95, None)}
    trips.plans = {n: plans[n % 3] for n in range(400)} | {9: Plan(100, 100, None)}  # no risk
    for row in _random_fills(400):
        _fill(log, state, *row)
    trips.mark(np.ones((trips.count_done, 4), np.int64))
    expected = [trip.r_multiple for trip in trips.done]
    assert [None if np.isnan(r) else r for r in trips.r_multiples().tolist()] == expected
    assert {None} < set(expected)

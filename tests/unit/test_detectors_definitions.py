"""Each detector's example in the docs, as a test."""

from __future__ import annotations

import numpy as np
import pytest
from detector_reading import of_bars, of_footprints, of_trades

from orderflow_bt.detectors import (
    Absorption,
    AbsorptionBar,
    BigTrades,
    DeltaDivergence,
    Exhaustion,
    ImbalanceZones,
    PocRetest,
    TakerClusters,
    TapeSpeed,
    VolumeSpike,
)
from orderflow_bt.detectors.scored import Scores
from orderflow_bt.flow import Footprint
from orderflow_bt.flow.rows import regroup
from orderflow_bt.testing import Tape
from orderflow_bt.types import MINUTE_US, Bar, Trades

EXAMPLE_1 = [(20, 1), (6, 18), (4, 24), (2, 30), (0, 12)]  # rows 100 to 104
EXAMPLE_2 = [(0, 5), (0, 15), (9, 40), (0, 0), (0, 30)]


def bar(number=0, *, open=0, high=0, low=0, close=0, volume=0, delta=0, count=1, size=MINUTE_US):  # noqa: A002 - as a bar says it
    return Bar(
        number * size, (number + 1) * size, open, high, low, close, volume, (volume + delta) // 2,
        0, 0, count, count, min(0, delta), max(0, delta), 0, 0, low, 0,
    )  # fmt: skip


def footprint(sides, low=100):
    cells = np.array([(low + k, b, a, 1, 1) for k, (b, a) in enumerate(sides)], np.int64)
    high = low + len(sides) - 1
    return Footprint(bar(low=low, high=high, open=low, close=high), 1, cells)


def states(events):
    return [event.state for event in events]


# -- imbalance zones ------------------------------------------------------------------------------


def test_a_stack_of_three_makes_a_zone_from_edge_to_edge():
    (event,) = of_footprints(ImbalanceZones(floor=10), footprint(EXAMPLE_1))
    assert (event.price_low, event.price_high, event.direction) == (102, 105, 1)
    assert (event.state, event.details["rows"]) == ("created", 3)
    assert event.known_at == footprint(EXAMPLE_1).bar.close_time


def test_a_hole_breaks_a_stack():
    assert not of_footprints(ImbalanceZones(floor=10), footprint(EXAMPLE_2))


def test_strength_is_the_ratio_of_both_sides_over_the_one_asked():
    (event,) = of_footprints(ImbalanceZones(floor=10), footprint(EXAMPLE_1))
    assert event.strength == pytest.approx((24 + 30 + 12) / (6 + 4 + 2) / 3)
    huge = [(bid * 10**15, ask * 10**15) for bid, ask in EXAMPLE_1]  # a coin of many small units
    (event,) = of_footprints(ImbalanceZones(ratio=2.718281), footprint(huge))
    assert event.strength == pytest.approx(66 / 12 / 2.718281)


def test_cells_are_merged_when_at_most_a_row_apart():
    sides = [(1, 1), (0, 50), (1, 9), (0, 90), (5, 5), (5, 5), (1, 60), (1, 60)]
    detector = ImbalanceZones(source="cells", ratio=10, floor=10)
    found = of_footprints(detector, footprint(sides))
    # rows 101 and 103 (a row between) against row 100 and 102; row 106 has 5 below it: 12 times
    assert [(e.price_low, e.price_high) for e in found] == [(101, 104), (106, 108)]
    apart = ImbalanceZones(source="cells", ratio=10, floor=10, gap=0)
    edges = [(e.price_low, e.price_high) for e in of_footprints(apart, footprint(sides))]
    assert edges == [(101, 102), (103, 104), (106, 108)]


def test_the_life_of_a_zone():
    """Buy zone [100, 103) with leave 3 and room 1, in tenths."""
    detector = ImbalanceZones(floor=10, leave=1, ticks_per_row=10)
    cells = [(970 + 10 * k, b, a, 1, 1) for k, (b, a) in enumerate([(9, 9), (9, 9), *EXAMPLE_1])]
    (made,) = of_footprints(detector, Footprint(bar(), 10, np.array(cells, np.int64)))
    assert (made.price_low, made.price_high) == (1010, 1040)
    detector._zones[0, 2:4] = 1000, 1030
    detector._zones[0, 6] = 10
    tape = Tape("B 105.5 1 | B 106 1 | S 104 1 | S 102.9 1 | B 106 1 | S 98.9 1")
    found = of_trades(detector, tape.trades)
    assert [(row, event.state) for row, event in found] == [
        (1, "armed"), (3, "retested"), (4, "held"), (5, "invalidated"),
    ]  # fmt: skip
    assert found[1][1].details["retests"] == 1


def test_a_jump_through_an_armed_zone_invalidates_it_untested():
    detector = ImbalanceZones(floor=10)
    of_footprints(detector, footprint(EXAMPLE_1))
    trades = Tape("B 109 1 | S 106 1 | S 97 1").trades
    assert states(event for _, event in of_trades(detector, trades)) == ["armed", "invalidated"]


def test_a_zone_expires_with_age():
    detector = ImbalanceZones(floor=10, age=2)
    found = []
    for number in range(5):
        shape = footprint(EXAMPLE_1 if number == 0 else [(1, 1)])
        found.append(states(of_footprints(detector, shape)))
    assert found == [["created"], [], [], ["expired"], []]


# -- absorption -----------------------------------------------------------------------------------

LEVEL = {"rows": 1, "beyond": 1, "back": 3, "back_atr": 0, "min_volume": 100}
BUYING = "B 100 40 | +10s B 100 35 | +10s B 100 50"


def test_absorption_at_a_level_is_confirmed_by_the_third_row_back():
    tape = Tape(f"{BUYING} | +1s S 99 1 | +1s S 98 1 | +1s S 97 1")
    found = tape.events(Absorption(**LEVEL))
    assert [(e.state, e.direction, e.price) for e in found] == [
        ("candidate", -1, 100), ("confirmed", -1, 97),
    ]  # fmt: skip
    assert found[0].known_at == tape.trades.time[2]
    assert found[0].strength == 1.25
    assert found[1].details["furthest"] == 100


def test_absorption_that_gives_way_is_broken():
    found = Tape(f"{BUYING} | +1s B 102 1 | +1s S 97 1").events(Absorption(**LEVEL))
    assert states(found) == ["candidate", "broken"]


def test_absorption_expires():
    found = Tape(f"{BUYING} | +301s S 97 1").events(Absorption(**LEVEL))
    assert states(found) == ["candidate", "expired"]


def test_a_flash_crash_and_a_rush_stay_in_bounded_memory():
    rng = np.random.default_rng(1)
    n = 9000
    price = 100_000 + np.cumsum(rng.integers(-1, 2, n))
    price[5000:] -= 10_000
    trades = Trades(
        np.arange(n), np.arange(n) * 100, price, np.full(n, 3), np.where(rng.random(n) < 0.5, 1, -1)
        .astype(np.int8), np.ones(n, np.int32),
    )  # fmt: skip
    detector = Absorption(min_volume=50, share=0, beyond=20_000)
    found = of_trades(detector, trades)
    assert found
    assert len(detector._trades) == 16_384
    assert len(detector._span) == 16_384


def test_an_absorbed_bar():
    detector = AbsorptionBar()
    for n in range(100):
        of_bars(detector, bar(n, volume=1000, delta=100 + 20 * (n % 2), open=0, close=5))
    (event,) = of_bars(detector, bar(100, open=1000, close=995, volume=900, delta=400))
    assert (event.kind, event.direction) == ("absorbed", -1)
    assert event.details["progress"] == -5
    (event,) = of_bars(detector, bar(101, open=1000, close=1001, volume=900, delta=-400))
    assert (event.kind, event.direction) == ("absorbed", 1)
    (event,) = of_bars(detector, bar(102, open=1000, close=1001, volume=900, delta=400))
    assert (event.kind, event.direction) == ("slow", -1)
    assert not of_bars(detector, bar(103, open=1000, close=1100, volume=900, delta=400))


# -- orders on the tape ---------------------------------------------------------------------------


def test_the_cluster_example():
    tape = Tape("B 100.0 1 | +0us B 100.1 2 | +0us B 100.2 0.5 | +0us B 100.1 1 | +1s S 100 1")
    first, second = tape.events(TakerClusters(min_levels=1, quantile=0))
    assert (first.kind, first.details["levels"], first.details["qty"]) == ("sweep", 3, 35)
    value = 10 * 1000 + 20 * 1001 + 5 * 1002
    assert value / 35 == pytest.approx(1000.857, abs=1e-3)
    assert (second.kind, second.details["levels"], second.details["qty"]) == ("cluster", 1, 10)
    # known when the trade that does not belong to it is over, not before
    assert first.details["trade_id"] == 4
    assert not Tape("B 100 1 | +0us B 101 1 | +0us B 102 1").events(TakerClusters(quantile=0))


def test_a_big_trade_needs_a_full_warm_up():
    small = " | ".join(f"{'B' if n % 2 else 'S'} 100 {1 + n % 3}" for n in range(20))
    tape = Tape(f"{small} | S 100 50 | B 100 1 | B 100 1")
    (event,) = tape.events(BigTrades(clusters=20, quantile=0.95))
    assert (event.details["qty"], event.direction) == (50, -1)
    assert not tape.events(BigTrades(clusters=21, quantile=0.95))
    assert len(tape.events(BigTrades(min_value=300))) > 1


def test_the_volume_spike_example():
    scores = Scores(5).push(np.array([99, 10, 12, 8, 10, 10, 16]))
    assert scores[-1] == pytest.approx(4.743, abs=1e-3)
    assert np.isnan(scores[:5]).all()
    assert Scores(2).push(np.array([7, 7, 16]))[-1] == 0  # they did not vary
    detector = VolumeSpike(window=5)
    for n, volume in enumerate([10, 12, 8, 10, 10]):
        assert not of_bars(detector, bar(n, volume=volume, delta=2))
    (event,) = of_bars(detector, bar(5, volume=16, delta=-4))
    assert event.strength == pytest.approx(4.743 / 3, abs=1e-3)
    assert event.direction == -1


@pytest.mark.parametrize("scale", ["log", "mad"])
def test_other_scales_of_a_spike(scale):
    detector = VolumeSpike(window=5, scale=scale)
    for n, volume in enumerate([10, 12, 8, 11, 10]):
        assert not of_bars(detector, bar(n, volume=volume))
    assert of_bars(detector, bar(5, volume=30))


def test_tape_speed_counts_fills():
    detector = TapeSpeed(window=5, least=3.0, floor=16)
    for n, count in enumerate([10, 12, 8, 10, 10]):
        assert not of_bars(detector, bar(n, volume=1, count=count))
    assert of_bars(detector, bar(5, volume=1, count=16))


# -- exhaustion -----------------------------------------------------------------------------------

INWARD = [2, 5, 9, 14, 20]


def test_the_exhaustion_example():
    sides = [(5, 20), (5, 14), (5, 9), (5, 5), (5, 2)]
    (event,) = of_footprints(Exhaustion(), footprint(sides))
    assert (event.kind, event.direction, event.price) == ("fading", -1, 104)
    (event,) = of_footprints(Exhaustion(kind="thin"), footprint(sides))
    assert (event.kind, event.strength) == ("thin", 1.0)
    assert event.details["extreme_volume"] == 2
    sides[1] = (5, 9)
    assert not of_footprints(Exhaustion(), footprint(sides))
    mirror = [(ask, bid) for bid, ask in reversed([(5, v) for v in reversed(INWARD)])]
    (event,) = of_footprints(Exhaustion(), footprint(mirror))
    assert (event.direction, event.price) == (1, 100)


# -- divergence variants --------------------------------------------------------------------------

HIGHS = [10, 12, 17, 13, 12, 14, 15, 14, 13]


def swings(deltas):
    return [
        bar(n, high=high, low=high - 1, volume=abs(d), delta=d)
        for n, (high, d) in enumerate(zip(HIGHS, deltas, strict=True))
    ]


def test_a_hidden_divergence_is_a_lower_high_on_higher_delta():
    bars = swings([10, 10, -10, 10, 10, 200, 10, 0, 0])
    for variant, count in (("regular", 0), ("hidden", 1), ("both", 1)):
        detector = DeltaDivergence(min_bars=1, variant=variant)
        found = [event for b in bars for event in detector.on_bar(b)]
        assert [e.kind for e in found] == ["hidden"] * count
        assert all(e.direction == -1 and e.known_at == bars[8].close_time for e in found)


def test_delta_at_the_close_smears_in_the_turn():
    bars = [b._replace(delta_at_high=0) for b in swings([10, 10, -10, 10, 10, 200, 90, 0, 0])]
    at = {}
    for where in ("extreme", "close"):
        detector = DeltaDivergence(min_bars=1, variant="hidden", cvd_at=where)
        (event,) = (event for b in bars for event in detector.on_bar(b))
        at[where] = event.details["cvd1"], event.details["cvd2"]
    assert at == {"extreme": (20, 230), "close": (10, 320)}


def test_the_bar_variant_is_a_new_high_on_selling():
    detector = DeltaDivergence(variant="bar", high_bars=3)
    bars = [bar(n, high=10, low=9, volume=5, delta=1) for n in range(4)]
    bars += [bar(4, high=11, low=9, volume=5, delta=-3), bar(5, high=12, low=9, volume=5, delta=3)]
    found = [event for b in bars for event in detector.on_bar(b)]
    assert [(e.known_at, e.kind, e.direction, e.price) for e in found] == [
        (bars[4].close_time, "bar", -1, 11)
    ]


# -- points of control ----------------------------------------------------------------------------


def day_then(text, **parameters):
    """Events of a tape whose first day's profile is flat around 100 with its control there."""
    first = "B 100 50 | S 98 1 | S 102 1"
    return Tape(f"{first} | +24h {text}").events(PocRetest(**parameters), end=None)


def test_a_point_of_control_is_left_touched_and_rejected():
    found = day_then("S 97 1 | S 92 1 | S 91 1 | B 98 1 | S 95 1 | S 94 1")
    assert [(e.state, e.price, e.direction) for e in found] == [
        ("armed", 92, -1), ("touch", 98, -1), ("rejected", 94, -1),
    ]  # fmt: skip
    assert found[1].details["furthest"] == 91
    assert found[1].details["poc"] == 100
    assert (found[1].price_low, found[1].price_high) == (98, 103)


def test_two_closes_beyond_it_accept_it():
    found = day_then("S 92 1 | B 99 1 | B 103 1 | +1m B 104 1 | +1m B 104 1 | S 92 1 | B 100 1")
    assert [(e.state, e.direction) for e in found] == [
        ("armed", -1), ("touch", -1), ("accepted", 1),
    ]  # fmt: skip
    assert found[2].known_at % MINUTE_US == 0


def test_a_level_expires_after_its_days_and_its_touches():
    days = " | ".join("+24h B 99 1" for _ in range(5))
    found = day_then(f"B 99 1 | {days}", days=2)
    assert states(found).count("expired") == 4
    found = day_then(
        "S 90 1 | B 100 1 | S 90 1 | S 90 1 | B 100 1 | S 90 1 | S 90 1 | B 100 1", touches=2
    )
    assert states(found) == ["armed", "touch", "rejected", "armed", "touch", "rejected", "expired"]


def test_a_level_in_the_place_of_one_that_is_over_begins_anew():
    """Each day's control lies higher; only that of the second, at 200, is touched."""
    touched = "S 210 1 | S 190 1 | B 200 1 | S 190 1 | S 180 1"
    days = " | ".join(f"+24h B {price} 50" for price in (400, 500, 600, 700, 800))
    tape = Tape(f"B 100 50 | +24h B 200 50 | +24h {touched} | B 300 50 | {days}")
    found = tape.events(PocRetest(days=2), end=None)
    lives = {poc: [] for poc in (100, 200, 300, 400, 500)}
    for event in found:
        if event.details["poc"] in lives:
            lives[event.details["poc"]].append((event.state, event.details["touches"]))
    second = lives.pop(200)
    assert [second[0], *second[2:4], second[-1]] == [
        ("armed", 0), ("touch", 1), ("rejected", 1), ("expired", 1),
    ]  # fmt: skip
    assert all(life == [("armed", 0), ("expired", 0)] for life in lives.values())


@pytest.mark.parametrize("touch", [1, 2])
def test_a_level_expires_with_the_rows_that_it_is_touched_in(touch):
    days = " | ".join("+24h B 99 1" for _ in range(5))
    found = day_then(f"B 99 1 | {days}", days=2, touch=touch)
    (event,) = (e for e in found if e.state == "expired" and e.details["poc"] == 100)
    assert (event.price_low, event.price_high) == (100 - touch, 101 + touch)
    assert event.direction == 1  # never left: as from below


# -- rows -----------------------------------------------------------------------------------------


def test_regrouped_rows_are_exact_sums_on_multiples():
    cells = np.array([(price, price, 1, 1, 1) for price in range(98, 105)], np.int64)
    coarse = regroup(cells, 5)
    assert coarse[:, 0].tolist() == [95, 100]
    assert coarse[:, 1].tolist() == [98 + 99, 100 + 101 + 102 + 103 + 104]
    assert regroup(cells[:1], 5)[0, 0] == 95
    assert regroup(cells, 1) is cells
    assert len(regroup(cells[:0], 5)) == 0

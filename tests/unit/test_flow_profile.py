"""Profiles, auctions, clusters and row heights: the examples of docs/readings."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.flow import (
    AreaRule,
    BarStream,
    Footprint,
    NakedLevels,
    Profile,
    ProfileBuilder,
    SessionProfiles,
)
from orderflow_bt.flow.auction import (
    AuctionMode,
    InitialBalance,
    UnfinishedAuctions,
    UnfinishedLevel,
    read_auction,
)
from orderflow_bt.flow.clusters import ClusterFilter, ClusterSearch
from orderflow_bt.flow.grouping import auto_ticks_per_row
from orderflow_bt.flow.rows import regroup
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, time_bars

EX1 = {104: (0, 12), 103: (2, 30), 102: (4, 24), 101: (6, 18), 100: (20, 1)}


def cells_of(rows):
    """Dense cells of {row: (bid, ask)}, one fill a side that traded."""
    return np.array(
        [[r, b, a, int(b > 0), int(a > 0)] for r, (b, a) in sorted(rows.items())], dtype=np.int64
    )


def profile_of(volumes, low):
    return Profile(1, cells_of({low + k: (0, v) for k, v in enumerate(volumes)}), 0)


def footprint_of(rows):
    text = " | ".join(
        f"{side} {price} {qty}"
        for price, pair in rows.items()
        for side, qty in zip("SB", pair, strict=True)
        if qty
    )
    stream = BarStream(time_bars("1m"), ids_are_continuous=True)
    stream.feed(Tape(text).trades)
    return stream.close_until(MIDNIGHT_2024 + MINUTE_US).footprint(0)


@pytest.mark.parametrize(("top", "poc"), [(5, 101), (20, 103)])
def test_a_tied_point_of_control_lies_on_the_heavier_side(top, poc):
    assert profile_of([10, 30, 20, 30, top], 100).poc == poc


def test_the_value_area_takes_two_rows_at_a_time():
    profile = profile_of([5, 10, 25, 40, 15, 30, 10, 5], 100)
    assert profile.value_area() == (101, 103, 105, 120)
    assert profile.value_area(AreaRule(step=1)) == (102, 103, 105, 110)


def test_value_areas_of_other_tools_are_options():
    profile = profile_of([1, 4, 10, 4, 1], 10)
    assert profile.value_area() == (12, 12, 14, 15)
    assert profile.value_area(AreaRule(step=1)) == (12, 12, 13, 14)
    down = AreaRule(tie_up=False, whole_steps=False)
    assert profile.value_area(down) == (11, 12, 12, 14)


def test_session_profiles_develop_and_become_final():
    day = "B 100 5 | S 102 9 | +24h B 104 1 | B 100 1"
    tape = Tape(day)
    profiles = SessionProfiles(1)
    assert profiles.feed(tape.trades.slice(0, 2)) == []
    assert profiles.developing.poc == 102
    assert profiles.developing.known_at == tape.trades.time[1]
    (final,) = profiles.feed(tape.trades.slice(2, 4))
    assert (final.poc, final.volume, final.delta) == (102, 14, -4)
    assert final.known_at == MIDNIGHT_2024 + DAY_US
    assert profiles.developing.volume == 2
    both = Profile.composite([final, profiles.developing])
    assert (both.volume, both.poc, both.known_at) == (16, 102, tape.trades.time[3])
    assert Profile.composite([final]).cells.tolist() == final.cells.tolist()


def test_a_trade_at_midnight_is_the_next_days():
    profiles = SessionProfiles(1)
    trades = Tape("B 100 5 | +24h B 104 1").trades
    assert trades.time[1] == MIDNIGHT_2024 + DAY_US
    (final,) = profiles.feed(trades)
    assert (final.poc, final.volume, final.known_at) == (100, 5, MIDNIGHT_2024 + DAY_US)
    assert (profiles.developing.poc, profiles.developing.volume) == (104, 1)


@pytest.mark.parametrize("way", [1, -1])
def test_a_profile_grows_row_by_row_in_either_way(way):
    builder, prices = ProfileBuilder(1), [5000 + way * n for n in range(2500)]
    for n, price in enumerate(prices):
        builder.add(Tape(f"B {price} {n % 7 + 1}").trades)
    cells = builder.profile().cells
    assert cells[:, 0].tolist() == sorted(prices)
    by_price = {price: n % 7 + 1 for n, price in enumerate(prices)}
    assert cells[:, 2].tolist() == [by_price[price] for price in sorted(prices)]


def test_a_volume_whose_share_fits_is_shared():
    most = 2**62 // 100
    assert profile_of([most], 7).value_area() == (7, 7, 7, most)
    with pytest.raises(OrderflowError, match="too large"):
        profile_of([most + 1], 7).value_area()


def test_a_naked_point_of_control_dies_when_touched_or_jumped_over():
    final = profile_of([10, 30, 20], 100)  # POC 101
    for cross, text, ends in [
        (True, "B 103 1 | B 101 1", [1]),
        (True, "B 103 1 | B 100 1", [1]),
        (False, "B 103 1 | B 100 1", []),
        (True, "B 103 1 | B 102 1", []),
    ]:
        levels = NakedLevels(cross_counts=cross)
        levels.add(final)
        assert [visit.row for visit in levels.feed(Tape(text).trades)] == ends
    levels = NakedLevels()
    levels.add(final, edges=True)
    assert {(level.kind, level.low) for level in levels.live} == {
        ("poc", 101),
        ("vah", 102),
        ("val", 101),
    }


def test_a_level_lives_from_its_sessions_end_in_whatever_piece_that_falls():
    tape = Tape("B 100 5 | B 102 1 | B 100 1 | +24h B 103 1 | B 105 1 | B 100 1 | B 104 1")
    for pieces in ([(0, 7)], [(0, 3), (3, 7)], [(k, k + 1) for k in range(7)]):
        profiles, levels, ended = SessionProfiles(1), NakedLevels(), []
        for start, stop in pieces:
            piece = tape.trades.slice(start, stop)
            for final in profiles.feed(piece):
                levels.add(final)
            ended += [(visit.level.low, start + visit.row) for visit in levels.feed(piece)]
        assert ended == [(100, 5)]


def test_an_auction_is_unfinished_where_both_sides_trade_the_extreme():
    footprint = footprint_of(EX1)
    assert read_auction(footprint) == (footprint.bar.close_time, False, True)
    assert read_auction(footprint, least=20)[1:] == (False, False)
    single = read_auction(footprint, mode=AuctionMode.SINGLE_PRINT)
    assert single[1:] == (True, False)


def test_an_unfinished_auction_is_resolved_at_or_through_its_level():
    auctions = UnfinishedAuctions()
    footprint = footprint_of(EX1)
    level = UnfinishedLevel(100, -1, footprint.bar.close_time)
    assert auctions.push(footprint) == auctions.live == [level]
    assert auctions.feed(Tape("B 105 1 | S 101 1").trades) == []
    assert auctions.feed(Tape("B 105 1 | S 99 1").trades) == [(level, 1)]
    assert auctions.live == []


def test_a_volume_cluster_reaches_its_threshold():
    (cluster,) = ClusterSearch(least=30).push(footprint_of(EX1))
    assert (cluster.price_low, cluster.bid, cluster.ask) == (103, 2, 30)
    taller = ClusterSearch(rows=2, least=60).push(footprint_of(EX1))
    assert [(c.price_low, c.price_high) for c in taller] == [(102, 104)]
    buys = ClusterFilter(least_delta=80)
    found = ClusterSearch(least=20, only=buys).push(footprint_of(EX1))
    assert [c.price_low for c in found] == [100, 103]
    near = ClusterSearch(least=20, only=ClusterFilter(from_extreme=0)).push(footprint_of(EX1))
    assert [c.price_low for c in near] == [100]
    wide = ClusterSearch(bars=2, least=60)
    assert wide.push(footprint_of(EX1)) == []
    assert [c.price_low for c in wide.push(footprint_of(EX1))] == [103]


def test_a_clusters_quantile_is_of_earlier_bars_only():
    search = ClusterSearch(history=2, quantile=(1, 1))
    big = footprint_of({100: (0, 500), 101: (1, 0)})
    assert search.push(footprint_of(EX1)) == search.push(footprint_of(EX1)) == []
    assert search.threshold == 32
    assert [c.threshold for c in search.push(big)] == [32]
    assert search.threshold == 500


def test_the_initial_balance_is_final_after_its_hour():
    tape = Tape("B 100 1 | +10m B 104 1 | +30m B 102 1 | +30m B 110 1")
    balance = InitialBalance()
    balance.feed(tape.trades.slice(0, 3))
    developing = balance.at(int(tape.trades.time[2]))
    assert developing == (104, 100, MIDNIGHT_2024 + 10 * MINUTE_US, False)
    balance.feed(tape.trades.slice(3, 4))
    final = balance.at(int(tape.trades.time[3]))
    assert final == (104, 100, MIDNIGHT_2024 + HOUR_US, True)
    assert final.extension(1) == (108, 96)
    assert final.extension(0.5) == (106, 98)
    assert balance.at(MIDNIGHT_2024 + DAY_US) is None


def test_rows_are_grouped_exactly_and_chosen_from_the_day_before():
    grouped = regroup(cells_of(EX1), 2)
    assert grouped.tolist() == [[100, 26, 19, 2, 2], [102, 6, 54, 2, 2], [104, 0, 12, 0, 1]]
    with pytest.raises(UsageError, match="nest"):
        regroup(grouped, 3)
    bar = footprint_of({100: (1, 0), 149: (0, 1)}).bar
    assert auto_ticks_per_row([bar]) == 5  # 10 rows of 5, 25 of 2: 10/12 is nearer than 25/20
    assert auto_ticks_per_row([bar], tick_size=10) == 1
    with pytest.raises(UsageError, match="row height"):
        auto_ticks_per_row([])


def test_what_makes_no_profile_is_refused():
    with pytest.raises(OrderflowError, match="no trades"):
        ProfileBuilder(1).profile()
    with pytest.raises(UsageError, match="row sizes"):
        Profile.composite([])
    with pytest.raises(UsageError, match="profile row"):
        ProfileBuilder(0)
    with pytest.raises(UsageError, match="value area"):
        AreaRule(share=(3, 2))
    for wrong in ({"step": 0}, {"step": 1001}, {"share": (0, 1)}, {"share": (1, 10_001)}):
        with pytest.raises(UsageError, match="value area"):
            AreaRule(**wrong)
    AreaRule(share=(10_000, 10_000), step=1000)
    with pytest.raises(OrderflowError, match="rows"):
        ProfileBuilder(1).add(Tape("B 1 1 | B 9999999 1").trades)
    with pytest.raises(UsageError, match="clusters"):
        ClusterSearch(rows=0)
    with pytest.raises(UsageError, match="balance"):
        InitialBalance(minutes=0)


def test_an_empty_bar_has_no_auction_and_no_cluster():
    bar = footprint_of(EX1).bar._replace(trades=0)
    empty = Footprint(bar, 1, np.zeros((0, 5), dtype=np.int64))
    assert read_auction(empty)[1:] == (False, False)
    assert ClusterSearch(least=1).push(empty) == []
    assert regroup(empty.cells, 5).shape == (0, 5)
    assert Fraction(empty.bar.delta, empty.bar.volume) == Fraction(53, 117)

"""A practice on real stored days: round trips in the journal, done again from it, compared."""

from __future__ import annotations

import dataclasses

import pytest
from replay_lakes import ONE_MINUTE, demo_lake

from orderflow_bt import Strategy
from orderflow_bt.errors import OrderflowError, PluginError, UsageError
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.practice.beside import HEADER, missed_rows, notes, party_rows
from orderflow_bt.replay.practice.compare import NEAR_US, compare
from orderflow_bt.replay.practice.drills import Drills
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.replay.practice.points import CHOICES
from orderflow_bt.replay.practice.review import Practice
from orderflow_bt.replay.practice.review_page import write_review
from orderflow_bt.replay.practice.scores import scores
from orderflow_bt.replay.practice.trips import follow, write_trips
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import DAY_US, HOUR_US, MarketType

START = 1_704_153_600_000_000 + 14 * HOUR_US  # of the second day
CONFIG = dataclasses.replace(SimConfig.for_market(MarketType.UM), leverage=None)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    lake, tape = demo_lake(tmp_path_factory.mktemp("trips"))
    return open_window(lake, tape, START + DAY_US, START + DAY_US + 9 * HOUR_US, warmup=DAY_US)


def player_on(window, **options):
    return Player(window, bars=ONE_MINUTE, config=CONFIG, **options)


class Desk:
    """What a desk does: acts, moves, and writes it down."""

    def __init__(self, player, journal):
        self.player, self.journal = player, journal

    def act(self, **action):
        player = self.player
        row, time = player.row, player.now
        order = player.act(action)
        self.journal.write(
            "action", row=row, time=time, attempt=player.attempt, action=action, order=order
        )
        return order

    def go(self, row):
        self.player.seek(row)
        write_trips(self.journal, self.player)

    def back(self, row):
        player = self.player
        self.journal.write("seek", row=player.row, time=player.now, attempt=player.attempt, to=row)
        player.seek(row)


def bracket(desk, side, reason, wide=60):
    last = desk.player.session.last_price
    desk.act(
        do="market", side=side, qty=50, stop=last - side * wide, target=last + 2 * side * wide,
        reason=reason,
    )  # fmt: skip


def practise(window, journal):
    """Two round trips, one of them taken over in hindsight, and one reversed by hand."""
    player = player_on(window)
    desk = Desk(player, journal)
    first = window.first
    desk.go(first + 200)
    bracket(desk, +1, "absorbed selling")
    desk.go(first + 3000)
    bracket(desk, -1, "failed high")
    desk.go(first + 5000)
    desk.act(do="close")
    desk.go(first + 5600)
    desk.back(first + 3100)
    desk.act(do="close")
    desk.go(first + 3600)
    bracket(desk, -1, "I knew it")
    desk.go(first + 6500)
    desk.act(do="market", side=+1, qty=100, reason="turned round")
    desk.go(first + 7000)
    desk.act(do="close")
    desk.go(first + 7400)
    return player


@pytest.fixture(scope="module")
def practised(window, tmp_path_factory):
    journal = Journal.open(tmp_path_factory.mktemp("practice") / "p", {"bars": "1m"})
    player = practise(window, journal)
    yield player, journal
    journal.close()


def test_each_round_trip_is_written_once(practised):
    player, journal = practised
    trips = [entry for entry in journal.entries if entry["kind"] == "trip"]
    assert len({trip["key"] for trip in trips}) == len(trips)
    ended = {
        (trip.side, trip.entry_time, trip.exit_time, trip.qty)
        for trips in ([a.trips for a in player.attempts] + [player.session.trips.done])
        for trip in trips
    }
    assert {(t["side"], t["entry_time"], t["exit_time"], t["qty"]) for t in trips} == ended
    assert player.attempt == 1
    assert len(trips) >= 4


def test_reason_and_hindsight_are_those_of_the_entry(practised):
    _, journal = practised
    trips = [entry for entry in journal.entries if entry["kind"] == "trip"]
    assert trips[0]["reason"] == "absorbed selling"
    by_reason = {trip["reason"]: trip["hindsight"] for trip in trips}
    assert by_reason["I knew it"]
    assert not by_reason["absorbed selling"]
    assert not by_reason.get("turned round", False)
    found = scores(journal.entries)["trades"]
    assert found["hindsight"] == sum(trip["hindsight"] for trip in trips) >= 1
    assert found["round_trips"] == len(trips) - found["hindsight"]


def test_r_and_excursions_hang_together(practised):
    player, journal = practised
    unit = player.window.instrument
    tick = 10.0**-unit.price_decimals * unit.tick_size
    for trip in (entry for entry in journal.entries if entry["kind"] == "trip"):
        if trip["stop"] is None:
            assert trip["r"] is None is trip["mae_r"]
            continue
        risk = float(trip["risk"]) / (trip["qty"] * 10.0**-unit.qty_decimals)  # a unit's
        stop = trip["stop"] * 10.0**-unit.price_decimals
        assert abs(risk - abs(float(trip["entry"]) - stop)) <= 20 * tick  # the fill slipped
        assert trip["mae_r"] == pytest.approx(trip["mae_ticks"] * tick / risk, abs=1e-3)
        assert trip["mae_r"] <= 0 <= trip["mfe_r"]
        gross_r = float(trip["gross"]) / float(trip["risk"])
        assert trip["mae_r"] - 0.01 <= gross_r <= trip["mfe_r"] + 0.01
        assert trip["r"] < gross_r  # net of fees


def test_a_journal_done_again_gives_the_same_fills(window, practised):
    player, journal = practised
    again = player_on(window)
    follow(journal.entries, again)
    again.seek(player.row)
    assert again.session.broker.fills == player.session.broker.fills
    assert again.session.broker.orders == player.session.broker.orders
    assert again.session.trips.done == player.session.trips.done
    assert [a.fills for a in again.attempts] == [a.fills for a in player.attempts]
    assert again.furthest == player.furthest
    assert again.actions == player.actions


def test_a_journal_of_other_assumptions_is_noticed(window, practised):
    _, journal = practised
    changed = [dict(e, order=77) if e["kind"] == "action" else e for e in journal.entries]
    with pytest.raises(OrderflowError, match="gave order 77"):
        follow(changed, player_on(window))


@pytest.mark.parametrize("change", [{"time": 1}, {"fill": 0, "price": 1}])
def test_another_tape_in_the_lake_is_noticed(window, practised, change):
    _, journal = practised
    changed = [dict(e) for e in journal.entries]
    of = next(e for e in changed if e["kind"] == "action" and e["attempt"] == 0)
    if "fill" in change:
        player = player_on(window)
        follow(changed[: changed.index(of) + 1], player)
        player.seek(player.row + 500)
        fill, *_ = player.session.broker.fills
        here = {"kind": "fill", "n": 7, "row": player.row, "time": player.now}
        told = here | {"fill": 0, "qty": fill.qty, "price": fill.price, "trade_id": fill.trade_id}
        changed = [*changed[: changed.index(of) + 1], told]
        follow(changed, player_on(window))
        of = told
    of |= change
    with pytest.raises(OrderflowError, match=r"written on another tape.*days have changed since"):
        follow(changed, player_on(window))


def test_drills_on_stored_days(window):
    """The drills' tape is the replay's window."""
    player = player_on(window)
    drills = Drills(player, window, 5, bars=ONE_MINUTE)
    asked = 0
    for kind in (*drills.kinds, *drills.kinds):
        row = drills.next(kind)
        if row is None:
            continue
        player.seek(row)
        drills.ask()
        drills.answer(CHOICES[kind][0], 70, 1.0)
        asked += 1
    assert asked >= 6
    player.seek(window.rows)
    assert all(told["truth"] for told in drills.told())


class Same(Strategy):
    """Takes two entries: one near the person's first, one of its own."""

    def __init__(self, *rows, raises=False):
        super().__init__()
        self.rows, self.seen, self.raises = rows, 0, raises

    def on_trade(self, trade, market, broker):
        if self.raises:
            raise ValueError("broken")
        if trade.time < START + DAY_US:
            return
        self.seen += 1
        if self.seen in self.rows and market.position.is_flat:
            broker.bracket(+1, 50, stop=trade.price - 60, target=trade.price + 120)


def test_compared_with_strategies(window, practised):
    _, journal = practised
    own = compare(window, journal.entries, {"same": Same(205, 4500)}, CONFIG, ONE_MINUTE)
    mine = [e for e in journal.entries if e["kind"] == "trip" and not e["hindsight"]]
    assert own["parties"]["you"]["scores"]["round_trips"] == len(mine)
    theirs = own["parties"]["same"]["round_trips"]
    assert own["shared"]["same"] == 1
    assert len(own["missed"]["same"]) == len(theirs) - 1
    assert len(own["alone"]["same"]) == len(mine) - 1
    assert all(t["entry_time"] <= own["until"] for t in theirs)
    gap = abs(theirs[0]["entry_time"] - mine[0]["entry_time"])
    assert gap <= NEAR_US
    drawn = own["chance"]
    assert drawn["net"] == pytest.approx(sum(float(t["net"]) for t in mine))
    assert 0 < drawn["random_time"]["p_value"] <= 1
    assert own["parties"]["same"]["fees"] > 0
    again = compare(window, journal.entries, {"same": Same(205, 4500)}, CONFIG, ONE_MINUTE)
    assert again == own


def test_a_comparison_in_words(window, practised, tmp_path):
    _, journal = practised
    found = compare(window, journal.entries, {"same": Same(205, 4500)}, CONFIG, ONE_MINUTE)
    rows = {row[0]: dict(zip(HEADER, row, strict=True)) for row in party_rows(found)}
    assert rows["same"]["shared entries"] == "1"
    assert rows["you"]["shared entries"] == ""
    assert rows["you"]["trips"] == str(found["parties"]["you"]["scores"]["round_trips"])
    start = {"n": 0, "kind": "start", "wall": "2026-01-02T03:04:05.000Z"}
    tape = {"exchange": "binance", "symbol": "SIMUSDT", "market": "um", "kind": "aggTrades"}
    practice = Practice(tmp_path, [start | {"tape": tape, "bars": "1m"}], 0, 0)
    (missed,) = missed_rows(found, practice).values()
    assert len(missed) == len(found["missed"]["same"])
    when, side, _, opens = missed[0]
    assert opens == (
        f"orderflow-bt replay SIMUSDT --market um --date {when[:10]} --time {when[11:]} --bars 1m"
        " --liquidate-on last"  # as journals that do not say were practised
    )
    assert side == "long"
    few, by_chance = notes(found)
    assert few.startswith("Too few to judge")
    assert "from random moments make" in by_chance
    page, why = write_review(practice, window.lake, compared=found)
    assert not why
    html = page.read_text(encoding="utf-8")
    assert "same took, and you did not" in html
    assert opens in html
    unsaid = Practice(tmp_path, [start], 0, 0)
    assert "does not say what was practised on" in write_review(unsaid, window.lake)[1]


def test_comparing_says_what_is_wrong(window, practised):
    _, journal = practised
    with pytest.raises(UsageError, match="called 'you'"):
        compare(window, journal.entries, {"you": Same()}, CONFIG, ONE_MINUTE)
    with pytest.raises(PluginError, match="broken"):
        compare(window, journal.entries, {"bad": Same(raises=True)}, CONFIG, ONE_MINUTE)
    nothing = compare(window, [], {}, CONFIG, ONE_MINUTE)
    assert nothing["chance"] is None

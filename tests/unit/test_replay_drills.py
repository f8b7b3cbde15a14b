"""Questions: truths against slow twins, what is not told, and who always says the same."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from practice_tapes import Cursor, MemoryWindow, moody_window, trades_of, with_other_future

from orderflow_bt.errors import UsageError
from orderflow_bt.flow import BarStream, read_auction
from orderflow_bt.replay.practice import truths
from orderflow_bt.replay.practice.drills import Drills
from orderflow_bt.replay.practice.points import CHOICES, MINUTES
from orderflow_bt.replay.practice.truths import Effort, Stretch
from orderflow_bt.replay.practice.witness import Witness
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import HOUR_US, MINUTE_US, BarSpec, time_bars


@pytest.fixture(scope="module")
def window():
    return moody_window(hours=8)


def slow_effort(window, row):
    """The definition, trade by trade."""
    seen = window.all.slice(0, row)
    now = int(seen.time[-1])
    inside = seen.time > now - 60_000_000
    buy = int(seen.qty[inside & (seen.side > 0)].sum())
    sell = int(seen.qty[inside & (seen.side < 0)].sum())
    base = int(seen.price[~inside][-1])
    minute = now // MINUTE_US
    total = 0
    for m in range(minute - 14, minute):
        before = int(seen.price[seen.time < m * MINUTE_US][-1])
        own = seen.price[(seen.time >= m * MINUTE_US) & (seen.time < (m + 1) * MINUTE_US)]
        total += max([before, *own.tolist()]) - min([before, *own.tolist()])
    far = int(seen.price[seen.time <= now - 15 * MINUTE_US][-1])
    last = int(seen.price[-1])
    prices = seen.price[inside]
    return Effort(
        buy, sell, last - base, total, int(np.sign(last - far)),
        int(prices.min()), int(prices.max()),
    )  # fmt: skip


def test_effort_is_what_the_definition_says(window):
    for row in range(window.first, window.first + 3000, 171):
        assert Stretch.around(window, row).effort(row) == slow_effort(window, row)


def test_effort_does_not_depend_on_what_else_is_in_memory(window):
    row = window.first + 777
    wide = Stretch(window, 0, window.rows)
    assert wide.effort(row) == Stretch.around(window, row).effort(row)


def test_too_little_to_read_is_not_asked(window):
    assert Stretch(window, 0, 500).effort(300) is None  # no quarter of an hour before it
    quiet = MemoryWindow(
        trades_of(MIDNIGHT_2024 + np.arange(90) * MINUTE_US // 2, [100] * 90, [1] * 90, [1] * 90),
        MIDNIGHT_2024, MIDNIGHT_2024 + HOUR_US,
    )  # fmt: skip
    assert Stretch(quiet, 0, 90).effort(80) is None


def test_nothing_is_asked_where_trades_are_missing(window):
    ids = window.all.id.copy()
    row = window.first + 1000
    ids[row - 30 :] += 5
    lossy = MemoryWindow(window.all._replace(id=ids), window.start, window.end)
    assert Stretch.around(lossy, row).effort(row) is None
    assert Stretch.around(lossy, row - 40).effort(row - 40) is not None


@pytest.mark.parametrize(
    ("buy", "sell", "said"),
    [
        (65, 35, "buyers"), (35, 65, "sellers"), (55, 45, "neither"), (50, 50, "neither"),
        (64, 36, None), (56, 44, None),
    ],
)  # fmt: skip
def test_who_is_aggressing(buy, sell, said):
    truth = truths.aggression(Effort(buy, sell, 0, 140, 0), 7)
    assert (truth.choice if truth else None) == said


@pytest.mark.parametrize(
    ("delta", "progress", "said"),
    [
        (40, 5, "moving"), (40, 1, "absorbed"), (40, -9, "absorbed"), (40, 3, None),
        (-40, -5, "moving"), (-40, 0, "absorbed"), (-40, -3, None), (20, 9, None),
    ],
)  # fmt: skip
def test_absorbed_or_moving(delta, progress, said):
    """An ATR of ten: half of it moved, a tenth held."""
    effort = Effort(50 + delta // 2, 50 - delta // 2, progress, 140, 0)
    truth = truths.absorption(effort, 7)
    assert (truth.choice if truth else None) == said


def test_auctions_are_those_of_the_footprint(window):
    stream = BarStream(time_bars("1m"), ids_are_continuous=True, ticks_per_row=1)
    batch = stream.feed(window.all)
    slow = {batch.bar(k).close_time: read_auction(batch.footprint(k)) for k in range(len(batch))}
    seen = 0
    for bar in Witness(window, time_bars("1m")).closed_bars(window.first):
        for side, (_, bid, ask) in ((1, bar.high), (-1, bar.low)):
            truth = truths.auction(bid, ask, side, bar.row)
            auction = slow[bar.close_time]
            assert truth.choice == (
                "unfinished" if (auction.high if side > 0 else auction.low) else "finished"
            )
            assert truth.because
            seen += truth.choice == "unfinished"
        # the bar is known behind the first trade of the next one
        assert window.all.time[bar.row - 1] >= bar.close_time > window.all.time[bar.row - 2]
    assert seen > 10


def test_activity_bars_are_those_of_the_person(window):
    spec = BarSpec.parse("tick:400@start")
    stream = BarStream(spec, ids_are_continuous=True, instrument=window.instrument)
    closed = {bar.close_time: (bar.low, bar.high) for bar in stream.feed(window.all).tolist()}
    found = list(Witness(window, spec).closed_bars(window.first))
    assert len(found) > 20
    for bar in found:
        assert closed[bar.close_time] == (bar.low[0], bar.high[0])


def test_outcome_is_the_first_to_be_reached(window):
    row = window.first + 400
    for ticks in (2, 9, 10_000):
        truth = truths.outcome(window, row, ticks, MINUTES)
        now, price = int(window.all.time[row - 1]), int(window.all.price[row - 1])
        said, at = "neither", window.row_at(now + MINUTES * MINUTE_US + 1)
        for k in range(row, at):
            moved = int(window.all.price[k]) - price
            if abs(moved) >= ticks:
                said, at = "up" if moved > 0 else "down", k + 1
                break
        assert (truth.choice, truth.known_from) == (said, at)


def test_an_outcome_over_lost_trades_is_not_scored(window):
    row = window.first + 400
    ids = window.all.id.copy()
    ids[row + 5 :] += 1
    lossy = MemoryWindow(window.all._replace(id=ids), window.start, window.end)
    assert truths.outcome(lossy, row, 10_000, MINUTES).choice == ""
    assert truths.outcome(window, row, 10_000, MINUTES).choice == "neither"


def test_reach_leaves_a_walk_inside_one_time_in_three():
    """The distance rests on a driftless walk: draw some."""
    rng = np.random.default_rng(5)
    steps = rng.choice([-1.0, 1.0], (400, 19, 600)).cumsum(axis=2)
    total = 0
    inside = []
    for walk in steps:
        path = np.concatenate(
            [[0.0], (walk + np.concatenate([[0], walk[:-1, -1].cumsum()])[:, None]).ravel()]
        )
        minutes = path[1 : 14 * 600 + 1].reshape(14, 600)
        before = np.concatenate([[0.0], minutes[:-1, -1]])
        high, low = np.maximum(minutes.max(axis=1), before), np.minimum(minutes.min(axis=1), before)
        ticks = truths.reach_in_ticks(Effort(0, 0, 0, int((high - low).sum()), 0), 5, 1)
        after = path[14 * 600 + 1 :] - path[14 * 600]
        inside.append(np.abs(after).max() < ticks)
        total += ticks
    assert 0.26 < np.mean(inside) < 0.40


# Asking ------------------------------------------------------------------------------------------


def practise(window, drills, cursor, kind, count):
    """Go from question to question; what the truth was, told at the end."""
    asked = []
    for _ in range(count):
        row = drills.next(kind)
        if row is None:
            break
        assert row > cursor.row
        cursor.go(row)
        question = drills.ask()
        drills.answer(question["choices"][0], 60, 2.0)
        asked.append(question["id"])
    cursor.go(window.rows)
    drills.told()
    return [drills.record(number) for number in asked]


@pytest.fixture(scope="module")
def long_window():
    return moody_window(hours=60, seed=3, warmup=2, per_minute=40)


@pytest.mark.parametrize("kind", CHOICES)
def test_who_always_says_the_same_is_right_by_chance(long_window, kind):
    cursor = Cursor(long_window.first)
    records = practise(long_window, Drills(cursor, long_window, 11), cursor, kind, 400)
    assert len(records) > 150
    truth = Counter(record["truth"] for record in records)
    n, choices = sum(truth.values()), CHOICES[kind]
    for choice in choices:
        share = truth[choice] / n
        margin = 3.2 * np.sqrt(1 / len(choices) * (1 - 1 / len(choices)) / n)
        if kind == "outcome":
            margin += 0.08  # this tape's minutes are no walk
        assert share < 1 / len(choices) + margin, truth
        for said in (0.5, 0.6, 0.8, 1.0):
            brier = share * (said - 1) ** 2 + (1 - share) * said**2
            assert brier > 0.25 - 0.03, (choice, said)
    signals = np.mean([record["signal"] for record in records])
    assert (0.1 if kind == "outcome" else 0.3) < signals < 0.8  # with a signal, and without


def test_nor_where_one_answer_is_rare():
    """On a tape where hardly a minute is one-sided "neither" is no safe answer."""
    calm = moody_window(hours=40, seed=2, per_minute=80, pushes=(-1, *[0] * 30, 1))
    cursor = Cursor(calm.first)
    truth = Counter(
        record["truth"]
        for record in practise(calm, Drills(cursor, calm, 5), cursor, "aggression", 60)
    )
    assert sum(truth.values()) > 25
    assert truth["neither"] / sum(truth.values()) < 0.6


def test_what_found_no_place_is_asked_later():
    """On a calm tape all kinds are asked, and the rare answers with them."""
    calm = moody_window(hours=60, seed=2, per_minute=60, pushes=(-1, *[0] * 30, 1))
    cursor = Cursor(calm.first)
    records = practise(calm, Drills(cursor, calm, 6), cursor, None, 300)
    counts = Counter((record["drill"], record["truth"]) for record in records)
    kinds = Counter(record["drill"] for record in records)
    assert set(kinds) == set(CHOICES)
    assert counts["aggression", "neither"] / kinds["aggression"] < 0.6
    assert cursor.row == calm.rows


@pytest.mark.parametrize("seed", range(21, 26))
@pytest.mark.parametrize("kind", [*CHOICES, None])
def test_a_question_tells_nothing_of_what_follows(window, kind, seed):
    """On a tape with another future the same is asked at the same place, and the same is told."""
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, seed)
    row = drills.next(kind)
    cursor.go(row)
    question = drills.ask()
    answer = drills.answer(question["choices"][-1], 70, 1.5)
    changed = MemoryWindow(with_other_future(window.all, row), window.start, window.end)
    other = Cursor(window.first)
    again = Drills(other, changed, seed)
    assert again.next(kind) == row
    other.go(row)
    assert again.ask() == question
    assert again.answer(question["choices"][-1], 70, 1.5) == answer
    assert (answer["truth"] is None) == (question["kind"] == "outcome")
    words = json.dumps(question)
    assert not any(name in words for name in ("truth", "because", "detector", "trend", "signal"))


def test_reading_truths_are_of_the_past(window):
    for kind, judge in (("aggression", truths.aggression), ("absorption", truths.absorption)):
        cursor = Cursor(window.first)
        row = Drills(cursor, window, 4).next(kind)
        changed = MemoryWindow(with_other_future(window.all, row), window.start, window.end)
        one, two = (judge(Stretch.around(w, row).effort(row), row) for w in (window, changed))
        assert one == two is not None


def test_an_outcome_is_told_once_the_cursor_has_passed_it(window):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 8)
    cursor.go(drills.next("outcome"))
    question = drills.ask()
    shown = drills.answer("up", 55, 3)
    assert shown["truth"] is None is shown["because"]
    assert drills.record(question["id"])["truth"] is None
    assert drills.told() == []
    truth = truths.outcome(window, cursor.row, drills.record(question["id"])["ticks"], MINUTES)
    cursor.go(truth.known_from - 1)
    assert drills.told() == []
    cursor.go(truth.known_from)
    (told,) = drills.told()
    assert told["truth"] == truth.choice
    assert told["hit"] == (truth.choice == "up")
    assert drills.told() == []
    assert drills.record(question["id"])["truth"] == truth.choice


def test_what_was_seen_before_is_hindsight(window):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 8)
    row = drills.next("aggression")
    cursor.go(row + 500)
    cursor.row = row
    drills.ask()
    number = drills.answer("buyers", 80, 1)["id"]
    assert drills.record(number)["hindsight"]


def test_errors_of_asking(window):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 8)
    with pytest.raises(UsageError, match="no question is planned"):
        drills.ask()
    with pytest.raises(UsageError, match="no kind of drill"):
        drills.next("magic")
    with pytest.raises(UsageError, match="no question waits"):
        drills.answer("up", 60, 1)
    cursor.go(drills.next("absorption"))
    drills.ask()
    with pytest.raises(UsageError, match="waits for its answer"):
        drills.ask()
    for choice, confidence, seconds in (("up", 60, 1), ("moving", 49, 1), ("moving", 60, -1)):
        with pytest.raises(UsageError):
            drills.answer(choice, confidence, seconds)
    drills.answer("moving", 100, 1)
    with pytest.raises(UsageError, match="was not answered"):
        drills.record(99)


def test_a_practice_that_goes_on_asks_other_questions(window):
    cursor = Cursor(window.first)
    first = Drills(cursor, window, 8)
    rows = [first.next(), first.next()]
    again = Drills(Cursor(window.first), window, 8, before=[{"kind": "ask", "id": 1}])
    assert again.next() == rows[1]


def test_a_practice_that_goes_on_tells_what_was_answered_before(window):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 8)
    cursor.go(drills.next("outcome"))
    number = drills.ask()["id"]
    drills.answer("up", 70, 2.0)
    entries = [{"kind": "ask", "id": number}, {"kind": "answer", **drills.record(number)}]
    cursor.go(window.rows)
    (told,) = drills.told()
    again = Drills(cursor, window, 8, before=entries)
    assert again.told() == [told]
    assert again.record(number) == drills.record(number)
    entries.append({"kind": "truth", **drills.record(number)})
    assert Drills(cursor, window, 8, before=entries).told() == []


def test_other_bars_on_screen_are_asked_of(window):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 8)
    assert drills.next("auction") is not None
    drills.show(time_bars("5m"))
    assert drills.planned is None  # of a bar that is not on screen any more
    for _ in range(3):
        cursor.go(drills.next("auction"))
        drills.ask()
        record = drills.record(drills.answer("finished", 60, 1)["id"])
        area = record["area"]
        assert area["until"] - area["since"] == 5 * MINUTE_US
        inside = (window.all.time >= area["since"]) & (window.all.time < area["until"])
        ends = window.all.price[inside].min(), window.all.price[inside].max()
        assert area["low"] == area["high"] == ends[record["side"] > 0]


def test_no_question_behind_the_end():
    window = moody_window(hours=2, warmup=1.9)
    cursor = Cursor(window.rows)
    drills = Drills(cursor, window, 1)
    assert [drills.next(kind) for kind in CHOICES] == [None] * 4

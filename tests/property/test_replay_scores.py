"""Scores of answers and round trips: hand vectors, and what holds of any answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bt.replay.practice.drills import brier
from orderflow_bt.replay.practice.scores import (
    Answer,
    answers,
    read_scores,
    scores,
    trade_scores,
    wilson,
)

CHOICES = ("up", "down", "neither")


def said(choice, truth, confidence=60, seconds=2.0, trend="up", detector="neither"):
    return Answer(
        "outcome", choice, truth, confidence, seconds, 3, trend, detector, 0, 0, "because", {}
    )


any_answer = st.builds(
    said,
    st.sampled_from(CHOICES),
    st.sampled_from(CHOICES),
    st.integers(50, 100),
    st.floats(0, 600),
    st.sampled_from(CHOICES),
    st.sampled_from(CHOICES),
)


@given(st.lists(any_answer, max_size=50))
def test_what_holds_of_any_answers(given_answers):
    found = read_scores(given_answers)
    assert found["answers"] == len(given_answers)
    if not given_answers:
        assert found["brier"] is None is found["hit_rate"]
        return
    assert 0 <= found["brier"] <= 1
    low, high = found["hit_interval"]
    assert 0 <= low <= found["hit_rate"] <= high <= 1
    assert sum(row["answers"] for row in found["calibration"]) == len(given_answers)
    assert sum(row["times"] for row in found["misread"]) == len(given_answers) - found["hits"]
    for row in found["calibration"]:
        assert row["from"] <= 100 * row["said"] + 1e-9
        assert 100 * row["said"] <= row["to"] + 1e-9
    for other in found["baselines"].values():
        assert 0 <= other["brier"] <= 0.25 + 1e-12  # it knows its own hit rate
        assert other["ahead"] == pytest.approx(found["hit_rate"] - other["hit_rate"])


@given(st.integers(50, 100), st.booleans())
def test_a_score_lies_between_nothing_and_one(confidence, hit):
    assert 0 <= brier(hit, confidence) <= 1


@given(st.integers(50, 100), st.integers(50, 100))
def test_honest_confidence_scores_best(chance, other):
    """Of one who is right ``chance`` percent of the time, no other confidence scores better."""

    def expected(confidence):
        p = chance / 100
        return p * brier(True, confidence) + (1 - p) * brier(False, confidence)

    assert expected(chance) <= expected(other) + 1e-9
    if abs(chance - other) >= 1:
        assert expected(chance) < expected(other)


def test_by_hand():
    """Four answers: right at 90, right at 60, wrong at 80, wrong at 50."""
    found = read_scores(
        [
            said("up", "up", 90, 1.0),
            said("down", "down", 60, 2.0),
            said("up", "down", 80, 3.0),
            said("neither", "up", 50, 4.0),
        ]
    )
    assert (found["hits"], found["hit_rate"]) == (2, 0.5)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.64 + 0.25) / 4)
    assert found["confidence"] == pytest.approx(0.7)
    assert found["seconds"] == pytest.approx([1.75, 2.5, 3.25])
    assert [(r["from"], r["to"], r["answers"], r["right"]) for r in found["calibration"]] == [
        (50, 60, 1, 0.0), (60, 70, 1, 1.0), (80, 90, 1, 0.0), (90, 100, 1, 1.0),
    ]  # fmt: skip
    assert found["baselines"]["trend"]["hit_rate"] == 0.5  # up, of up down down up
    assert found["baselines"]["trend"]["brier"] == pytest.approx(0.25)
    assert found["baselines"]["detector"]["hit_rate"] == 0
    assert found["baselines"]["detector"]["brier"] == pytest.approx(0.25)
    assert found["misread"][0] == {
        "drill": "outcome", "truth": "down", "said": "up", "times": 1, "of": 2
    }  # fmt: skip
    assert found["verdict"] == "Too few to judge: 4 answers, 30 are the least."


def test_wilson_by_hand():
    """Newcombe (1998), table of examples: 81 of 263, and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_words_of_the_verdict():
    good = read_scores([said("up", "up", 90, trend="down")] * 20 + [said("up", "down", 60)] * 10)
    assert good["verdict"].startswith("Read better than chance (33 %)")
    assert "ahead of the detectors" in good["verdict"]
    bad = read_scores([said("up", "down", 100, trend="down", detector="down")] * 40)
    assert "Read worse than chance" in bad["verdict"]
    assert "behind always the trend" in bad["verdict"]
    assert "surer than the answers deserve" in bad["verdict"]
    assert "Most often misread: down was called up, 40 of 40 times." in bad["verdict"]


def entry(kind, n, **changes):
    return {
        "kind": kind, "id": n, "drill": "outcome", "choice": "up", "truth": None, "hit": None,
        "confidence": 60, "seconds": 1.0, "choices": list(CHOICES), "trend": "up",
        "detector": "up", "asked_at": 5, "at_row": 7, "because": None, "hindsight": False,
        "area": {},
        **changes,
    }  # fmt: skip


def test_the_truth_that_came_later_is_the_one_that_counts():
    scored, hindsight, unknown = answers(
        [
            entry("answer", 1),
            entry("answer", 2),
            entry("truth", 1, truth="up", hit=True, because="it was"),
            entry("answer", 3, truth="down", hit=False, hindsight=True),
            entry("answer", 4, truth="unknown"),
        ]
    )
    assert [(answer.choice, answer.truth, answer.hit) for answer in scored] == [("up", "up", True)]
    assert (hindsight, unknown) == (1, 2)


def trip(r, reason="absorbed", hindsight=False, **changes):
    return {
        "kind": "trip", "r": r, "gross_r": r, "mae_r": -0.5, "mfe_r": 1.5, "reason": reason,
        "slippage_ticks": 1.0, "hindsight": hindsight, **changes,
    }  # fmt: skip


def test_round_trips_by_hand():
    found = trade_scores(
        [trip(2.0), trip(-1.0), trip(0.5, "retest"), trip(None, ""), trip(9.0, hindsight=True)]
    )
    assert found["round_trips"] == 4
    assert (found["hindsight"], found["without_stop"]) == (1, 1)
    assert found["expectancy_r"] == pytest.approx(0.5)
    assert found["sum_r"] == pytest.approx(1.5)
    assert found["win_rate"] == pytest.approx(2 / 3)
    assert (found["average_win_r"], found["average_loss_r"]) == (1.25, -1.0)
    assert (found["mae_r"], found["mfe_r"], found["slippage_ticks"]) == (-0.5, 1.5, 1.0)
    assert found["by_reason"] == [
        {"reason": "absorbed", "round_trips": 2, "expectancy_r": 0.5, "wins": 1},
        {"reason": "retest", "round_trips": 1, "expectancy_r": 0.5, "wins": 1},
        {"reason": "no reason given", "round_trips": 1, "expectancy_r": None, "wins": 0},
    ]
    assert found["verdict"].startswith("Too few to judge: 3 round trips, 30 are the least.")


@given(st.lists(st.floats(-5, 8), min_size=2, max_size=60))
def test_the_interval_holds_what_can_be(values):
    found = trade_scores([trip(value) for value in values])
    low, high = found["expectancy_interval"]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert found["enough"] == (len(values) >= 30)
    assert ("Too few" in found["verdict"]) == (len(values) < 30)


def test_costs_are_left_out_while_the_price_is_hidden():
    start = {"kind": "start", "blind": True}
    trips = [trip(1.0, gross_r=1.5), trip(-1.0, gross_r=-0.5)]
    sealed = scores([start, *trips])
    assert sealed["trades"]["expectancy_r"] == pytest.approx(0.5)
    assert any("before costs" in text for text in sealed["warnings"])
    told = scores([start, *trips, {"kind": "reveal"}])
    assert told["trades"]["expectancy_r"] == pytest.approx(0.0)
    assert told["warnings"] == []


def test_an_empty_journal_has_scores():
    found = scores([{"kind": "start"}])
    assert found["reads"]["all"]["answers"] == 0
    assert found["reads"]["all"]["verdict"] == "Nothing was answered."
    assert found["trades"]["round_trips"] == 0
    assert "no R to judge" in found["trades"]["verdict"]

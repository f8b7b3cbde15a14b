"""Blind starts and challenge codes, on small lakes."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from archive_days import DAY, SPOT, UM, agg_rows, csv_text, days, put_day

from orderflow_bt.archive import open_source
from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.ingest import download
from orderflow_bt.replay.practice import blind
from orderflow_bt.replay.practice.blind import (
    challenge_code,
    draw_start,
    open_challenge,
    reveal,
    seen_starts,
    start_facts,
)
from orderflow_bt.replay.practice.journal import Journal, practice_folder
from orderflow_bt.store import Lake
from orderflow_bt.types import HOUR_US, SECOND_US

OTHER = replace(UM, symbol="XYZUSDT")


def spread(rows, step):
    """The rows over more of their day."""
    begin = rows[0][5]
    return [(*row[:5], begin + step * n, row[6]) for n, row in enumerate(rows)]


def fill(root, tape, count, *, rows=3000, change=False):
    archive = root / "archive"
    first = 1
    for date in days(count):
        own = spread(agg_rows(date, rows, first_id=first), 20_000)
        if change:
            own = own[:-1]
        first += len(own)
        put_day(archive, tape, date, csv_text(own))
    lake = Lake(root / "lake", cache_limit=0)
    results = list(
        download(lake, tape, days(count), open_source(str(archive)),
                 now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    )  # fmt: skip
    assert {result.status for result in results} == {"stored"}
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("blind")
    fill(root, UM, 4)
    return fill(root, OTHER, 3)


def test_a_seed_draws_the_same_start_again(lake):
    starts = [draw_start(lake, seed) for seed in range(60)]
    assert starts == [draw_start(lake, seed) for seed in range(60)]
    assert len({start.id for start in starts}) > 30
    assert {start.tape for start in starts} == {UM, OTHER}
    assert len({start.day.date for start in starts}) == 4


def test_there_is_history_before_and_time_after(lake):
    for seed in range(60):
        start = draw_start(lake, seed)
        assert start.start - start.day.first_time >= 2 * HOUR_US
        assert start.day.last_time - start.start >= 2 * HOUR_US
        assert start.start % (300 * SECOND_US) == 0
        assert start.start < start.end <= start.day.last_time + 1


def test_without_a_seed_starts_that_were_seen_are_avoided(lake):
    seen = {draw_start(lake, seed).id for seed in range(400)}
    few = frozenset(list(seen)[: len(seen) // 2])
    assert all(draw_start(lake, None, few).id not in few for _ in range(40))
    seed = next(s for s in range(400) if draw_start(lake, s).id in few)
    assert draw_start(lake, seed, few).id in few  # a seed that is given is kept to


def test_seen_starts_come_from_earlier_journals(lake, tmp_path):
    start = draw_start(lake, 5)
    folder = practice_folder(tmp_path, "blind")
    Journal.open(folder, start_facts(start)).close()
    Journal.open(practice_folder(tmp_path, "open"), {"blind": False}).close()
    assert seen_starts(tmp_path) == {start.id}
    assert seen_starts(tmp_path / "nowhere") == frozenset()


def test_a_code_gives_the_same_start_to_who_holds_more(lake, tmp_path):
    richer = fill(tmp_path, UM, 4)
    fill(tmp_path, OTHER, 3)
    fill(tmp_path, SPOT, 2)
    for seed in range(25):
        start = draw_start(lake, seed)
        code = challenge_code(start)
        assert len(code) == 17
        assert open_challenge(lake, code) == start
        again = open_challenge(richer, code.lower().replace("-", " "))
        assert (again.tape, again.start, again.end) == (start.tape, start.start, start.end)
        assert challenge_code(again) == code


def test_every_slip_of_the_pen_is_noticed(lake):
    code = challenge_code(draw_start(lake, 17)).replace("-", "")
    letters = blind._LETTERS
    for at in range(len(code)):
        for letter in letters:
            if letter != code[at]:
                with pytest.raises(UsageError, match="mistyped"):
                    open_challenge(lake, code[:at] + letter + code[at + 1 :])
    for at in range(len(code) - 1):
        if code[at] != code[at + 1]:
            swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
            with pytest.raises(UsageError, match="mistyped"):
                open_challenge(lake, swapped)


def test_letters_that_look_alike_are_the_same(lake):
    rng = random.Random(2)
    for _ in range(40):
        start = draw_start(lake, rng.randrange(1 << 25))
        code = challenge_code(start)
        assert open_challenge(lake, code.replace("0", "o").replace("1", "l")) == start


@pytest.mark.parametrize("text", ["", "ABC", "K7Q2X-9XABC-3F4T!", "K7Q2X-9XABC-3F4TMM"])
def test_what_is_no_code(lake, text):
    with pytest.raises(UsageError, match="no challenge code"):
        open_challenge(lake, text)


def test_a_lake_that_lacks_the_day_says_so(lake, tmp_path):
    code = challenge_code(draw_start(lake, 3))
    with pytest.raises(CoverageError, match="lacks the day"):
        open_challenge(Lake(tmp_path / "empty"), code)
    start = next(s for s in (draw_start(lake, n) for n in range(90)) if s.tape == UM)
    other = fill(tmp_path, UM, 4, change=True)
    with pytest.raises(CoverageError, match="other trades in it"):
        open_challenge(other, challenge_code(start))


def test_nothing_to_draw_from(tmp_path):
    with pytest.raises(CoverageError, match="no clean day"):
        draw_start(Lake(tmp_path / "empty"))
    thin = fill(tmp_path, UM, 2, rows=50)
    with pytest.raises(CoverageError, match="no clean day"):
        draw_start(thin, 1)
    with pytest.raises(UsageError, match="a seed of -1"):
        draw_start(thin, -1)


def test_the_reveal_is_written_and_ends_the_practice(lake, tmp_path):
    start = draw_start(lake, 9)
    with Journal.open(tmp_path / "p", start_facts(start)) as journal:
        told = reveal(journal, start, row=5, time=start.start + 5)
        assert told["symbol"] == start.tape.symbol
        assert told["date"] == str(start.day.date)
        assert journal.entries[-1]["kind"] == "reveal"
        with pytest.raises(UsageError, match="revealed before"):
            reveal(journal, start, row=6, time=start.start + 6)
    assert start.day.date >= DAY

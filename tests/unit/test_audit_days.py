"""Losses are told from halts, and from what days that are not stored leave open."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from archive_days import DAY, DAY_MS, SPOT, UM, agg_rows, csv_text, days, put_day
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.audit import Habit, audit_tape, find_halts
from orderflow_bt.cli import app
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.types import HOUR_US, MINUTE_US, SECOND_US, Kind, MarketType, TapeId

DAY_MINUTES = 1440
UM_RAW = TapeId("binance", MarketType.UM, Kind.TRADES, "ABCUSDT")


def minute_rows(date, keep=lambda minute: True, first_id=1, renumber=False):
    """A row a minute of the day, as far as ``keep`` has it; ids go on over what is left out."""
    start = DAY_MS + (date - DAY).days * 86_400_000
    minutes = [minute for minute in range(DAY_MINUTES) if keep(minute)]
    rows = []
    for n, minute in enumerate(minutes):
        number = first_id + (n if renumber else minute)
        rows.append((number, "100.0", "1", number, number, start + minute * 60_000, "true"))
    return rows


@pytest.fixture
def store(tmp_path):
    """Store days given as rows, and return the lake."""
    lake = Lake(tmp_path / "lake")

    def store(by_date, tape=UM):
        for date, rows in by_date.items():
            put_day(tmp_path / "archive", tape, date, text=csv_text(rows))
        results = download(lake, tape, list(by_date), open_source(str(tmp_path / "archive")))
        assert {result.status for result in results} == {"stored"}
        return lake

    return store


def audit(lake, tape=UM, *window):
    return list(audit_tape(lake, tape, *window))


def test_whole_days_are_clean(store):
    first, second = days(2)
    lake = store({first: minute_rows(first), second: minute_rows(second, first_id=1441)})
    found = audit(lake)
    assert [day.status for day in found] == ["clean", "clean"]
    assert [day.open_start for day in found] == [True, False]
    assert [day.open_end for day in found] == [False, True]


def test_the_same_silence_is_a_loss_or_a_halt_by_its_ids(store):
    def keep(minute):
        return not 720 < minute < 780

    lake = store({DAY: minute_rows(DAY, keep)})
    (day,) = audit(lake)
    ((loss,), halts) = day.losses, day.halts
    assert (loss.before_id, loss.after_id, loss.missing_ids) == (721, 781, 59)
    assert (day.status, day.gaps, day.missing_ids, halts) == ("defects", 1, 59, [])


def test_a_halt_is_no_defect(store):
    def keep(minute):
        return not 720 < minute < 780

    (day,) = audit(store({DAY: minute_rows(DAY, keep, renumber=True)}))
    (halt,) = day.halts
    assert (day.status, day.gaps) == ("clean", 0)
    assert halt.length_us == 60 * MINUTE_US
    assert halt.habit == MINUTE_US
    assert (halt.before_id, halt.after_id) == (721, 722)


def test_a_halt_over_midnight_counts_to_the_day_that_ends_it(store):
    first, second = days(2)
    lake = store(
        {
            first: minute_rows(first, lambda minute: minute < 1430),
            second: minute_rows(second, lambda minute: minute > 9, 1431, renumber=True),
        }
    )
    found = audit(lake)
    assert [len(day.halts) for day in found] == [0, 1]
    assert found[1].halts[0].length_us == 21 * MINUTE_US
    # The day before the window is heard, though not reported.
    (alone,) = audit(lake, UM, second, second)
    assert alone.halts == found[1].halts


def test_a_day_cut_short_is_seen_by_the_next_days_ids(store):
    first, second = days(2)
    lake = store(
        {
            first: minute_rows(first, lambda minute: minute <= 569),  # 09:29, as in 2021-12
            second: minute_rows(second, first_id=1441),
        }
    )
    before, after = audit(lake)
    (loss,) = before.losses
    assert loss.at_border
    assert (loss.missing_ids, before.missing_ids, before.status) == (870, 870, "defects")
    assert (after.status, after.losses) == ("clean", [])
    (alone,) = audit(lake, UM, first, first)
    assert alone.losses == [loss]


def test_a_day_that_begins_late_has_the_loss_itself(store):
    first, second = days(2)
    lake = store(
        {
            first: minute_rows(first),
            second: minute_rows(second, lambda minute: minute > 100, first_id=1441),
        }
    )
    before, after = audit(lake)
    assert (before.status, after.status, after.missing_ids) == ("clean", "defects", 101)


def test_missing_days_and_the_ids_they_would_hold(store):
    first, second, third, fourth = days(4)
    lake = store({first: minute_rows(first), fourth: minute_rows(fourth, first_id=1 + 3 * 1440)})
    found = audit(lake)
    assert [day.status for day in found] == ["clean", "missing", "missing", "clean"]
    assert [day.missing_ids for day in found] == [0, 2880, 0, 0]
    assert [day.status for day in audit(lake, UM, second, third)] == ["missing", "missing"]
    assert found[0].open_end
    assert found[3].open_start


def test_ids_that_stand_in_two_days(store):
    first, second = days(2)
    lake = store({first: minute_rows(first), second: minute_rows(second, first_id=1440)})
    _, after = audit(lake)
    assert after.repeated_ids == 1
    assert after.status == "defects"


def test_ids_that_start_again(store):
    first, second = days(2)
    lake = store({first: minute_rows(first, first_id=5000), second: minute_rows(second)})
    _, after = audit(lake)
    assert (after.restarted, after.repeated_ids, after.losses, after.halts) == (True, 0, [], [])
    assert after.status == "defects"


def test_lost_raw_trades_are_named(store):
    rows = agg_rows()
    rows[20:] = [(*row[:3], row[3] + 4, row[4] + 4, *row[5:]) for row in rows[20:]]
    (day,) = audit(store({DAY: rows}, SPOT), SPOT)
    (loss,) = day.losses
    assert (loss.missing_ids, loss.first_fill, loss.last_fill) == (0, 210, 213)


def test_holes_in_raw_futures_ids_are_no_losses(tmp_path):
    rows = [row for row in minute_rows(DAY) if row[0] != 800]
    text = "id,price,qty,quote_qty,time,is_buyer_maker\n" + "".join(
        f"{row[0]},100.0,1,100,{row[5]},true\n" for row in rows
    )
    put_day(tmp_path / "archive", UM_RAW, DAY, text=text)
    lake = Lake(tmp_path / "lake")
    download(lake, UM_RAW, [DAY], open_source(str(tmp_path / "archive")))
    (day,) = audit(lake, UM_RAW)
    assert (day.status, day.gaps, day.info.quality.unassigned_ids) == ("clean", 0, 1)


def test_blanked_rows_are_not_taken_for_losses(store):
    rows = minute_rows(DAY)
    rows[700] = (rows[700][0], "0", "0", -1, -1, rows[700][5], "true")
    (day,) = audit(store({DAY: rows}))
    assert (day.gaps, day.halts, [words for words, _ in day.defects]) == (
        0,
        [],
        ["rows blanked by the exchange, dropped"],
    )


def test_a_loss_is_no_halt_in_a_day_with_blanked_rows(store):
    rows = minute_rows(DAY)
    rows[100] = (rows[100][0], "0", "0", -1, -1, rows[100][5], "true")
    (day,) = audit(store({DAY: rows[:700] + rows[800:]}))
    assert (day.gaps, day.missing_ids, day.halts) == (1, 100, [])


def test_a_file_that_cannot_be_read_is_a_defect_and_no_end(store):
    first, second = days(2)
    lake = store({first: minute_rows(first), second: minute_rows(second, first_id=1441)})
    path = lake.day_path(UM, first)
    path.write_bytes(path.read_bytes()[:-40])
    found = audit(lake)
    assert [day.status for day in found] == ["defects", "clean"]
    assert "cannot be read" in found[0].unreadable


def test_nothing_stored(tmp_path):
    with pytest.raises(LakeError, match="orderflow-bt download ABCUSDT"):
        audit(Lake(tmp_path))


def silences(gaps_us, *, ids=None, pieces=1):
    times = np.concatenate([[0], np.cumsum(gaps_us)])
    ids = np.arange(times.size) if ids is None else np.array(ids)
    habit = Habit()
    cut = np.array_split(np.arange(times.size), pieces)
    return [
        halt for part in cut for halt in habit.feed(ids[part], times[part], ids_are_continuous=True)
    ]


def plain_halts(gaps_us):
    """The definition, said slowly."""
    times = [0]
    for gap in gaps_us:
        times.append(times[-1] + int(gap))
    found = []
    for k in range(1, len(times)):
        start, end = times[k - 1], times[k]
        if end - start < 5 * MINUTE_US:
            continue
        seen = {}
        for a, b in pairwise(times[:k]):
            seen[b // HOUR_US] = max(seen.get(b // HOUR_US, 0), b - a)
            for hour in range(a // HOUR_US + 1, b // HOUR_US):
                seen[hour] = (hour + 1) * HOUR_US - a
        hour = start // HOUR_US
        values = sorted(seen[h] for h in range(hour - 24, hour) if h in seen)
        if len(values) >= 6:
            habit = values[(len(values) - 1) // 2]
            if end - start >= 10 * habit:
                found.append((start, end, habit))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pieces", [1, 50])
def test_halts_are_the_definitions_however_the_tape_is_cut(seed, pieces):
    rng = np.random.default_rng(seed)
    gaps = (rng.exponential(40 * SECOND_US, 1200) * rng.choice([0.2, 1, 3], 1200)).astype(np.int64)
    gaps[rng.integers(0, 1200, 6)] += rng.integers(5, 400, 6) * MINUTE_US
    want = plain_halts(gaps)
    assert [halt[:3] for halt in silences(gaps, pieces=pieces)] == want
    assert want or seed


def test_six_hours_must_be_known():
    minute = [MINUTE_US]
    assert silences(minute * 300 + [HOUR_US]) == []
    assert len(silences(minute * 400 + [HOUR_US])) == 1


def test_a_quiet_symbol_is_not_halted_each_night():
    rng = np.random.default_rng(1)
    day = [rng.exponential(2 * MINUTE_US, 400), rng.exponential(8 * MINUTE_US, 60)]
    gaps = np.concatenate(day * 5).astype(np.int64)
    assert gaps.max() > 20 * MINUTE_US
    assert silences(gaps) == []


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", "audit", "ABCUSDT", *words])

    return run


def test_the_table_and_the_findings(store, run):
    first, second, _, fourth = days(4)

    def keep(minute):
        return not 1099 < minute < 1102

    store(
        {
            first: minute_rows(first, keep),
            second: minute_rows(second, lambda minute: minute != 7, 1441, renumber=True),
            fourth: minute_rows(fourth, first_id=10_000),
        }
    )
    result = run()
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0].split()[:5] == ["date", "status", "rows", "first", "id"]
    assert lines[1].split() == [
        "2024-01-01", "defects", "1,438", "1", "1440", "1", "2",
        "0", "0", "0", "0", "0", "none",
    ]  # fmt: skip
    assert "  ids 1101–1102 missing, 2 rows, 18:19:00–18:22:00" in lines
    assert "  the day is not in the lake" in lines
    assert "  ids 2880–9999 missing, 7,120 rows, 2024-01-02 23:59:00–2024-01-04 00:00:00 " in (
        result.stdout.replace("(at", "\n(at")
    )
    assert lines[-1].endswith("4 days, 2 clean, 1 with defects, 1 missing")


def test_json(store, run):
    first, _, third = days(3)
    store({first: minute_rows(first, lambda minute: minute != 5), third: minute_rows(third)})
    result = run("--json", "--to", "2024-01-02")
    assert result.exit_code == 3
    day, missing = json.loads(result.stdout)
    contract = ["date", "status", "rows", "first_id", "last_id", "gaps", "missing_ids"]
    contract += ["duplicates", "out_of_order", "zero_quantity", "off_tick", "halts", "klines"]
    assert list(day)[: len(contract)] == contract
    assert (day["status"], day["gaps"], day["missing_ids"], day["klines"]) == (
        "defects", 1, 1, "none",
    )  # fmt: skip
    assert day["gap_list"][0]["before_time"] == "2024-01-01T00:04:00.000000Z"
    assert (missing["date"], missing["status"], missing["rows"]) == ("2024-01-02", "missing", 0)


def test_a_clean_window_exits_with_zero(store, run):
    store({DAY: minute_rows(DAY)})
    result = run("--from", "2024-01-01", "--to", "2024-01-01")
    assert result.exit_code == 0, result.output
    assert "1 day, 1 clean, 0 with defects, 0 missing" in result.stdout


def test_what_cannot_be_told_is_said(store, run):
    store({DAY: minute_rows(DAY, lambda minute: 600 <= minute < 700)})
    result = run()
    assert result.exit_code == 0
    assert "nothing before 10:00:00; the day before is not stored" in result.stdout
    assert "nothing after 11:39:00; the day after is not stored" in result.stdout


def test_errors_of_use(run):
    assert run("--from", "2024-01-02", "--to", "2024-01-01").exit_code == 2
    nothing = run()
    assert nothing.exit_code == 1
    assert "orderflow-bt --data lake download ABCUSDT" in nothing.stderr


@pytest.mark.parametrize("seed", range(4))
def test_halts_of_days_are_those_of_the_audit(store, seed):
    luck = np.random.default_rng(seed)
    dates = days(6)
    stored = [date for date in dates if luck.random() < 0.85] or dates
    first = 1
    chosen = {}
    for date in stored:
        quiet = luck.integers(0, 1_440)
        length = int(luck.choice([0, 15, 40, 120, 400]))
        rows = minute_rows(
            date, lambda m, q=quiet, n=length: not q <= m < q + n, first_id=first, renumber=True
        )
        first = int(rows[-1][0]) + 1 + int(luck.random() < 0.3)  # some borders lose an id
        chosen[date] = rows
    lake = store(chosen)
    told = [halt for day in audit(lake) for halt in day.halts]
    infos = [info for date in stored if (info := lake.day(UM, date))]
    assert find_halts(infos) == told

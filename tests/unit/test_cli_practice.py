"""``orderflow-bt practice`` on a practice that was answered and traded on a simulated lake."""

from __future__ import annotations

import csv
import json
import re

import pytest
from practised import practise
from replay_lakes import demo_lake
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.replay.practice import journal
from orderflow_bt.replay.practice.blind import draw_start, reveal
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.replay.practice.journal_file import FILE
from orderflow_bt.replay.practice.review import HIDDEN, list_practices, read_practice
from orderflow_bt.types import DAY_US, HOUR_US

START = 1_704_153_600_000_000 + DAY_US + 12 * HOUR_US


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("practised")
    lake, tape = demo_lake(root, per_day=60_000)
    practise(lake, tape, START, root / "practice" / "open", questions=9, orders=1, hours=3).close()
    start = draw_start(lake, 3)
    practise(
        lake, start.tape, start.start, root / "practice" / "sealed", questions=3, orders=1,
        hours=1, blind=start, skill=0,
    ).close()  # fmt: skip
    return root


def call(root, *words, exit_code=0):
    result = CliRunner().invoke(
        app, ["--data", str(root / "lake"), "practice", "--out", str(root / "practice"), *words]
    )
    assert result.exit_code == exit_code, result.output
    return result.output


def test_practices_are_listed_with_their_scores(root):
    text = call(root)
    lines = text.splitlines()
    assert lines[0].split()[:2] == ["practice", "began,"]
    (line,) = (line for line in lines if line.startswith("open "))
    assert "SIMUSDT um" in line
    assert " 9 " in line
    (line,) = (line for line in lines if line.startswith("sealed "))
    assert HIDDEN in line
    assert "SIM" not in line
    assert re.search(r"^20\d\d-\d\d-\d\d +2 +\d+ ", text, re.MULTILINE)  # the day's sum


def test_the_list_as_json(root):
    found = json.loads(call(root, "--json"))
    assert {p["name"] for p in found["practices"]} == {"open", "sealed"}
    assert found["days"][0]["practices"] == 2


def test_nothing_practised_says_how_to_begin(root, tmp_path):
    result = CliRunner().invoke(app, ["practice", "--out", str(tmp_path)])
    assert "orderflow-bt replay --blind" in result.output


def test_one_practice_tells_every_misread_moment(root):
    text = call(root, "open", "--no-page")
    practice = read_practice(root / "practice" / "open")
    wrong = [answer for answer in practice.answers if not answer.hit]
    assert wrong
    opens = (
        f"orderflow-bt --data {root / 'lake'} replay SIMUSDT --market um --date 2024-01-03 --time 1"
    )
    assert text.count(opens) == len(wrong)
    for answer in wrong:
        said = f"said {answer.choice} ({answer.confidence} %), it was {answer.truth}"
        assert said in text
        assert answer.because in text
    assert "Too few to judge: 9 answers" in text
    assert "round trip" in text
    assert "#absorption" in text
    assert not (root / "practice" / "open" / "review.html").exists()


def test_a_simulated_market_is_called_one(root, tmp_path):
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "SIMULATED-MARKET.txt").write_text("nothing is real in it")
    folder = str(root / "practice" / "open")
    result = CliRunner().invoke(app, ["--data", str(lake), "practice", folder])
    assert "SIMULATED MARKET: nothing is real in it" in result.output
    html = (root / "practice" / "open" / "review.html").read_text(encoding="utf-8")
    assert "<strong>Simulated market.</strong>" in html
    assert "SIMULATED" not in call(root, "open", "--no-page")


def test_its_page_has_the_pictures_and_shows_texts_as_texts(root):
    text = call(root, "open")
    page = root / "practice" / "open" / "review.html"
    assert str(page) in text
    html = page.read_text(encoding="utf-8")
    practice = read_practice(root / "practice" / "open")
    wrong = len(practice.misread)
    trips = len(practice.trips)
    assert html.count("<picture>") == min(wrong, 12) + trips
    assert html.count("data:image/png") == 2 * (min(wrong, 12) + trips)
    assert "&lt;b&gt;again" in html
    assert "<script" not in html
    assert "://" not in html
    first = page.read_bytes()
    call(root, "open")
    assert page.read_bytes() == first


def test_a_page_without_the_days_says_why(root, tmp_path):
    result = CliRunner().invoke(
        app, ["--data", str(tmp_path / "none"), "practice", str(root / "practice" / "open")]
    )
    assert result.exit_code == 0, result.output
    assert "warning: no pictures: no day" in result.output
    html = (root / "practice" / "open" / "review.html").read_text(encoding="utf-8")
    assert "Without pictures: no day" in html


def test_what_is_not_revealed_stays_hidden(root):
    folder = root / "practice" / "sealed"
    for words in (("sealed",), ("sealed", "--json")):
        text = call(root, *words)
        for secret in ("SIM", "2024-01", "--date"):
            assert secret not in text, (words, secret)
        assert HIDDEN in text
    html = (folder / "review.html").read_text(encoding="utf-8")
    assert "Not revealed yet" in html
    for secret in ("SIM", "2024-01", "<picture>", "--date"):
        assert secret not in html
    assert "hidden" in call(root, "sealed", "--export", str(root / "x.csv"), exit_code=2)


def test_after_the_reveal_all_is_told(root, tmp_path):
    from orderflow_bt.store import Lake

    lake = Lake(root / "lake")
    start = draw_start(lake, 5)
    folder = tmp_path / "told"
    with practise(
        lake, start.tape, start.start, folder, questions=1, orders=0, hours=1, blind=start
    ) as journal:
        reveal(journal, start, row=10, time=start.start)
    text = call(root, str(folder), "--no-page")
    assert "SIMUSDT um" in text
    assert "challenge " in text


def test_the_journal_as_a_table(root, tmp_path):
    practice = read_practice(root / "practice" / "open")
    for name in ("j.csv", "j.json", "j.parquet"):
        assert name in call(root, "open", "--export", str(tmp_path / name))
    rows = list(csv.DictReader((tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(practice.entries)
    assert [row["kind"] for row in rows] == [entry["kind"] for entry in practice.entries]
    answer = next(row for row in rows if row["kind"] == "answer")
    assert json.loads(answer["details"])["drill"]
    assert answer["bar"] == "0"
    assert answer["time"].startswith("2024-01-03T")
    assert len(json.loads((tmp_path / "j.json").read_text())) == len(rows)
    assert "which practice" in call(root, "--export", str(tmp_path / "x.csv"), exit_code=2)


def test_beside_strategies(root):
    text = call(root, "open", "--no-page", "--compare", "absorption,confluence")
    assert "BESIDE STRATEGIES" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")
            and line.split()[0] in ("you", "absorption", "confluence")}  # fmt: skip
    assert set(rows) == {"you", "absorption", "confluence"}
    found = json.loads(call(root, "open", "--json", "--compare", "absorption"))["compared"]
    assert set(found["parties"]) == {"you", "absorption"}
    practice = read_practice(root / "practice" / "open")
    mine = [trip for trip in practice.trips if not trip["hindsight"]]
    assert found["parties"]["you"]["scores"]["round_trips"] == len(mine)
    hidden = call(root, "sealed", "--compare", "absorption", exit_code=2)
    assert "hidden" in hidden
    assert "which practice" in call(root, "--compare", "absorption", exit_code=2)


def test_as_json(root):
    found = json.loads(call(root, "open", "--json"))
    assert found["scores"]["reads"]["all"]["answers"] == 9
    assert len(found["misread"]) == 9 - found["scores"]["reads"]["all"]["hits"]
    opens = found["misread"][0]["opens"]
    assert opens.startswith(f"orderflow-bt --data {root / 'lake'} replay SIMUSDT")


def test_an_edited_journal_is_shown_with_a_warning(root, tmp_path):
    folder = tmp_path / "edited"
    folder.mkdir()
    raw = (root / "practice" / "open" / FILE).read_bytes()
    lines = raw.splitlines(keepends=True)
    lines[5] = lines[5].replace(b"50", b"95", 1).replace(b'"n":5', b'"n":5 ', 1)
    (folder / FILE).write_bytes(b"".join(lines))
    assert "EDITED at line 6" in call(root, str(folder))
    assert "was edited" in (folder / "review.html").read_text(encoding="utf-8")
    ((practice,), _) = list_practices(tmp_path)
    assert len(practice.entries) == 5


def test_a_journal_of_a_later_program_does_not_hide_the_others(root, tmp_path):
    Journal.open(tmp_path / "old", {}).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "VERSION", 99)
        Journal.open(tmp_path / "new", {}).close()
    result = CliRunner().invoke(app, ["practice", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert "warning: a journal of version 99" in result.output
    assert "\nold " in result.output


def test_no_such_practice(root):
    assert "holds no journal" in call(root, "nowhere", exit_code=2)


def test_a_journal_that_names_only_the_symbol_means_the_usual_market(tmp_path):
    Journal.open(tmp_path / "p", {"tape": {"symbol": "SIMUSDT"}, "bars": "1m"}).close()
    practice = read_practice(tmp_path / "p")
    assert practice.opens(0).startswith("orderflow-bt replay SIMUSDT --market um --date 1970-01-01")
    assert practice.tape.label == "binance-um-SIMUSDT-aggTrades"


def test_a_journal_that_says_nothing_of_its_market_does_not_hide_the_others(tmp_path):
    nothing = dict.fromkeys(("tape", "window", "bars", "config"))
    Journal.open(tmp_path / "p", nothing).close()
    Journal.open(tmp_path / "q", {"tape": {"symbol": "SIMUSDT"}}).close()
    practices, refused = list_practices(tmp_path)
    assert [practice.market for practice in practices] == ["", "SIMUSDT"]
    assert refused == []
    assert practices[0].opens(0) == ""
    assert practices[0].start == 0

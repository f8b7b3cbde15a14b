"""The report is one file, offline, deterministic, and says what must be said."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import re
import shlex
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.figure import Figure
from run_folders import build_run_folder

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.engine.scene import plugin_of
from orderflow_bt.report import build
from orderflow_bt.report.entries import entries
from orderflow_bt.report.equity import MILLIONTHS, digits_of, draw_equity, dress, thin
from orderflow_bt.report.export import svg_bytes
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.theme import DARK
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from pathlib import Path

EMBEDDED = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+")


class Page(HTMLParser):
    """Collects what a page refers to, and its open tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._end_implied("td", {"tr", "td"}, tag)
        self._end_implied("tr", {"tr"}, tag)
        if tag not in {"meta", "link", "img", "source", "br"}:
            self.open.append(tag)
        self.references += [v for k, v in attrs if k in {"src", "href", "srcset", "action"}]

    def _end_implied(self, last: str, by: set[str], tag: str) -> None:
        """A cell or row may be left open where the next begins, or the body ends."""
        if self.open[-1:] == [last] and tag in by:
            self.open.pop()

    def handle_endtag(self, tag):
        self._end_implied("td", {"tr", "tbody"}, tag)
        self._end_implied("tr", {"tbody"}, tag)
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_run_folder(
        tmp_path_factory.mktemp("run"), trips=3, bars=576, simulated=True, missing_day=True,
        gap=True,
    )  # fmt: skip
    build(folder)
    return folder


def read(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def test_nothing_outside_is_referred_to(run: Path):
    text = read(run)
    page = Page(text)
    assert page.references
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    bare = EMBEDDED.sub("", text)
    assert not re.search(r"https?://|@import|url\(|<script (?!>)|<iframe", bare)
    assert text.count("<script>") == 1  # our own, let in by its hash
    assert page.open == []


def test_the_same_folder_gives_the_same_bytes(run: Path):
    before = {p.name: p.read_bytes() for p in [run / "report.html", *run.glob("figures/*")]}
    assert {"report.html", "entry-1-dark.png", "equity-light.png"} <= set(before)
    build(run)
    assert before == {p.name: p.read_bytes() for p in [run / "report.html", *run.glob("figures/*")]}
    assert len(before["report.html"]) < 8_000_000
    assert not list(run.glob(".*"))


def test_it_reads_from_verdict_to_appendix(run: Path):
    text = read(run)
    verdict = json.loads((run / "metrics.json").read_text())["verdict"]
    order = [
        verdict["headline"], "<h2>Evidence", "<h2>Entries, on the tape", "<h2>Round trips",
        "<h2>What was seen", "<h2>What this rests on", "<h2>Appendix",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    for said in (
        "Simulated market.", "1 of 2 days have no data: 2024-01-02", "17 trades",
        "target under 1.5 R", "no resting book", "Not simulated: funding, liquidation",
        "0f0f", "needs at least 90 days", "Delta divergence fade",
    ):  # fmt: skip
        assert said in text, said


def test_captions_say_what_was_seen_and_what_happened(run: Path):
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", read(run))[1:]
    assert len(captions) == 3
    assert all(
        "a delta divergence (confirmed divergence) was known at" in caption for caption in captions
    )
    assert all("USDT after fees" in caption for caption in captions)
    assert "Trades are missing while it was open" in captions[0]


def test_each_entry_says_how_to_open_the_replay_a_few_bars_before_it(run: Path):
    told = entries(read_run(run))
    lines = re.findall(r"Open it in the replay: <code>(.*?)</code>", read(run))
    assert lines == [entry.replay for entry in told]
    for entry in told:
        words = entry.replay.split()
        assert words[:5] == ["orderflow-bt", "replay", "BTCUSDT", "--market", "um"]
        assert words[9:] == ["--bars", "5m", "--strategy", "delta_divergence"]
        begin = dt.datetime.fromisoformat(f"{words[6]}T{words[8]}+00:00")
        assert 4 * 300 <= entry.trip["entry_time"] / 1e6 - begin.timestamp() < 5 * 300


@pytest.mark.parametrize(
    ("name", "parameters", "option"),
    [
        ("delta_divergence", {"pivot": 3, "bars": "5m"}, "delta_divergence,pivot=3"),
        ("mine.py:Mine", {"pivot": 3, "bars": "5m"}, "mine.py:Mine,pivot=3,bars=5m"),
        ("mine.py", {"levels": "1,2"}, None),
    ],
)
def test_the_replay_of_an_entry_has_its_strategy_beside(run, name, parameters, option):
    found = read_run(run)
    strategy = found.manifest["strategy"] | {"name": name, "parameters": parameters}
    changed = dataclasses.replace(found, manifest=found.manifest | {"strategy": strategy})
    words = shlex.split(entries(changed)[0].replay)
    assert words[9:] == ["--bars", "5m"] + (["--strategy", option] if option else [])
    if option and "mine" not in option:
        named, given = plugin_of(option)
        assert load_strategy(named)(**given).parameters()["pivot"] == 3


def test_text_from_a_plugin_is_escaped(tmp_path: Path):
    folder = build_run_folder(tmp_path, trips=0, bars=288, title="<script>alert(1)</script>")
    text = build(folder).read_text()
    assert text.count("<script") == 1  # our own
    assert "alert(1)</script>" not in text
    assert "&lt;script&gt;" in text


def test_an_empty_run_says_what_to_do_next(tmp_path: Path):
    folder = build_run_folder(tmp_path, trips=0, bars=288)
    text = build(folder).read_text()
    assert "No round trip was closed" in text
    assert "try a longer window" in text
    assert "<figure" not in text
    assert not list((folder / "figures").iterdir())


def test_pictures_of_a_former_build_do_not_stay(run: Path):
    stale = run / "figures" / "entry-9-dark.png"
    stale.write_bytes(b"old")
    build(run)
    assert not stale.exists()


def test_the_colour_blind_palette_reaches_page_and_pictures(run: Path):
    before = (run / "figures" / "entry-1-dark.png").read_bytes()
    text = build(run, "colour-blind").read_text()
    assert "#3a86d9" in text
    assert (run / "figures" / "entry-1-dark.png").read_bytes() != before
    build(run)


def test_what_is_not_a_run_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"manifest\.json"):
        build(tmp_path)


def test_a_broken_run_names_the_file(tmp_path: Path):
    folder = build_run_folder(tmp_path, trips=0, bars=288)
    (folder / "fills.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(OrderflowError, match=r"fills\.parquet"):
        build(folder)
    (folder / "manifest.json").write_text('{"schema": 99}')
    with pytest.raises(OrderflowError, match="schema 99"):
        build(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(OrderflowError, match=r"manifest\.json"):
        build(folder)


def test_a_thinned_curve_keeps_its_extremes():
    values = np.random.default_rng(1).normal(size=50_000).cumsum()
    kept = thin(values)
    assert kept.size <= 1002
    assert values[kept].max() == values.max()
    assert values[kept].min() == values.min()
    assert kept[0] == 0
    assert kept[-1] == values.size - 1


def test_an_axis_of_very_small_amounts_counts_millionths():
    figure = Figure()
    for reach, digits, name, mark in (
        (2e-5, MILLIONTHS, "net, BTC, millionths", "10"), (30.0, 0, "net, BTC", "0"),
    ):  # fmt: skip
        axes = figure.add_subplot()
        axes.set_ylim(0, reach)
        assert digits_of(axes) == digits
        dress(axes, "net, BTC", digits, DARK)
        assert axes.texts[0].get_text() == name
        assert axes.yaxis.get_major_formatter()(1e-5, 0) == mark


def corners(path: str) -> list[tuple[float, float]]:
    """Where a path of straight lines turns, whatever way it is written."""
    found, x, y = [], 0.0, 0.0
    for kind, numbers in re.findall(r"([MLHVz])([^MLHVz]*)", path):
        parts = [float(number) for number in numbers.split()]
        if kind in "ML":
            x, y = parts
        elif kind == "H":
            (x,) = parts
        elif kind == "V":
            (y,) = parts
        else:
            continue
        found.append((x, y))
    return found


def test_a_picture_of_lines_is_shorter_and_goes_through_the_same_corners():
    steps = np.cumsum(np.random.default_rng(3).normal(size=900))
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(steps, drawstyle="steps-post")
    axes.fill_between(np.arange(900), steps, 0, step="post")
    raw = io.StringIO()
    figure.savefig(raw, format="svg", metadata={"Date": None, "Creator": None})
    short = svg_bytes(figure).decode()
    assert len(short) < 0.5 * len(raw.getvalue())
    both = [re.findall(r' d="([^CQ"]{2000,})"', text) for text in (raw.getvalue(), short)]
    assert len(both[0]) == len(both[1]) == 2
    for long, brief in zip(*both, strict=True):
        whole = np.array(corners(long)).round(2)
        kept = np.array(corners(brief))
        moved = np.r_[True, (np.diff(whole, axis=0) != 0).any(axis=1)]
        assert np.abs(np.unique(whole[moved], axis=0) - np.unique(kept, axis=0)).max() < 0.011


def test_curves_are_the_same_bytes_and_break_at_holes():
    time = np.arange(1, 41) * DAY_US // 4
    equity = np.linspace(100.0, 90.0, 40)

    def drawn(holes):
        figure = draw_equity(time, equity, DARK, start_cash=100, quote="USDT", holes=holes)
        return svg_bytes(figure)

    assert drawn([]) == drawn([])
    assert drawn([(2 * DAY_US, 4 * DAY_US)]) != drawn([])
    assert b"<dc:date>" not in drawn([])


def test_habits_are_drawn_where_there_are_enough_round_trips(tmp_path: Path):
    for trips, drawn in ((9, False), (40, True)):
        folder = build_run_folder(tmp_path / str(trips), trips=trips, bars=2000)
        text = build(folder).read_text()
        assert (folder / "figures" / "habits-dark.png").exists() == drawn
        assert ("<h3>When and how</h3>" in text) == drawn

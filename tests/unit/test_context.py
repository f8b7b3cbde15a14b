"""Series and alerts beside the tape: readable from `known_at` on, never before."""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import json
import os
import shlex
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from orderflow_bt import BarSpec, Known, Series, Strategy, param, time_bars
from orderflow_bt.cli import app
from orderflow_bt.detectors import Alerts
from orderflow_bt.errors import CoverageError, PluginError, UsageError
from orderflow_bt.report.again import command_line
from orderflow_bt.run import Request, backtest
from orderflow_bt.run.context import find_context
from orderflow_bt.run.lookahead import audit
from orderflow_bt.run.variations import stored
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim import SimConfig
from orderflow_bt.sim.context import Feed, Given
from orderflow_bt.store import Lake, Origin, SeriesInfo, SeriesQuality, SeriesStore
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.testing import Tape, assert_no_lookahead
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import DAY_US, HOUR_US, SECOND_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")


def rows(*seconds):
    return [
        Known(MIDNIGHT_2024 + s * SECOND_US, MIDNIGHT_2024 + (s + 1) * SECOND_US, {"rate": s})
        for s in seconds
    ]


class Reads(Strategy):
    """Writes down what it sees of funding at every trade."""

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.seen = []

    def series(self):
        return [Series("funding")]

    def on_trade(self, trade, market, broker):
        funding = market.series("funding")
        last = None if funding.last is None else funding.last["rate"]
        self.seen.append((len(funding), last, [row["rate"] for row in funding]))


def test_a_row_is_there_from_the_moment_it_is_known():
    reads = Reads()
    tape = Tape("B 100 1 | +1s B 100 1 | +999ms B 100 1 | +1ms B 100 1 | +9s B 100 1")
    tape.run(reads, series={"funding": rows(0, 1, 30)})
    assert reads.seen == [(0, None, []), (1, 0, [0]), (1, 0, [0]), (2, 1, [0, 1]), (2, 1, [0, 1])]


def test_what_was_handed_out_does_not_grow_and_leads_nowhere():
    feed = Feed(Given(rows(*range(10))))
    early = feed.known(MIDNIGHT_2024 + 3 * SECOND_US)
    late = feed.known(MIDNIGHT_2024 + 8 * SECOND_US)
    assert (len(early), len(late)) == (3, 8)
    assert [row["rate"] for row in early] == [0, 1, 2]
    assert early[-1]["rate"] == 2
    for outside in (3, 9, -4):
        with pytest.raises(IndexError, match="of 3 that are known"):
            early[outside]
    assert [row["rate"] for row in late.since(MIDNIGHT_2024 + 7 * SECOND_US)] == [6, 7]


class ForgetsToDeclare(Reads):
    def series(self):
        return []


def test_mistakes_are_named():
    with pytest.raises(PluginError, match=r"'funding' was not declared.*Declared: none"):
        Tape("B 100 1").run(ForgetsToDeclare())
    with pytest.raises(UsageError, match="reads the series 'funding', and the test gives none"):
        Tape("B 100 1").run(Reads())
    with pytest.raises(PluginError, match=r"no column 'rats'.*It has: rate"):
        rows(1)[0]["rats"]
    with pytest.raises(PluginError, match="no series is called 'fundng'"):
        Series("fundng")
    with pytest.raises(PluginError, match="funding has no interval"):
        Series("funding", "1m")
    with pytest.raises(PluginError, match="-1 seconds after its time"):
        Series("funding", delay=-1)
    assert Series("bars", symbol="ETHUSDT", market="spot").name == "bars:spot:ETHUSDT"


def store(lake, kind, columns, decimals, interval="", piece=FIRST):
    series = SeriesId("binance", MarketType.UM, kind, "SIMUSDT", interval)
    quality = SeriesQuality(rows=len(columns["time" if "time" in columns else "open_time"]))
    origin = Origin("here", "ab" * 32, "verified", 1)
    info = SeriesInfo(series, piece, None, 0, decimals, "us", origin, quality)
    with lake.lock(series, piece):
        SeriesStore(lake).write(columns, info)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("context")
    lake = Lake(root / "lake")
    for symbol, seed in (("SIMUSDT", 3), ("ETHUSDT", 4)):
        market = SimulatedMarket(
            seed=seed, symbol=symbol, start=FIRST, days=2, trades_per_day=3_000
        )
        store_market(market, root / "lake")
    hours = START + np.arange(0, 48, 8, dtype=np.int64) * HOUR_US
    store(
        lake, SeriesKind.FUNDING,
        {
            "time": hours, "interval_hours": np.full(6, 8, np.int64),
            "rate": np.arange(6, dtype=np.int64) * 1_000,
        },
        {"rate": 8}, piece=FIRST.replace(day=1),
    )  # fmt: skip
    for day in range(2):
        opened = START + day * DAY_US + np.arange(24, dtype=np.int64) * HOUR_US
        price = 6_000_000 + np.arange(24, dtype=np.int64)
        columns = dict.fromkeys(("open", "high", "low", "close"), price) | {
            "open_time": opened, "close_time": opened + HOUR_US - 1,
            "count": np.ones(24, np.int64),
        }  # fmt: skip
        piece = FIRST + dt.timedelta(days=day)
        store(lake, SeriesKind.MARK_KLINES, columns, {"price": 4}, "1h", piece)
    return lake


class Looks(Strategy):
    """Compares everything it is given with its clock; trades by the sum of it."""

    bars: BarSpec = param(time_bars("15m"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.wanted = self.series()

    def series(self):
        return [
            Series("funding"),
            Series("mark", "1h"),
            Series("bars", "5m", symbol="ETHUSDT"),
            Series("trades", symbol="ETHUSDT", delay=0.5),
        ]

    def on_bar(self, spec, bar, market, broker):
        text = []
        for series in self.wanted:
            known = market.series(series)
            assert all(row.known_at <= market.now for row in known.since(market.now - HOUR_US))
            text.append(str(known.last and known.last.values))
        if market.position.is_flat and not broker.working:
            broker.limit(1 if len("".join(text)) % 2 else -1, 10, market.last)
        else:
            broker.cancel_all()
            broker.close()


def request(**changes):
    asked = {"start": START, "end": START + 2 * DAY_US, **changes}
    return Request("looks", Looks, {}, TAPE, config=SimConfig(), **asked)


def last_of(lake, series, now):
    dates = [FIRST + dt.timedelta(days=n) for n in range(2)]
    plan = find_context(lake, TAPE, [series], dates, accept=False)
    return Feed(plan.sources()[series.name]).known(now)


def test_series_of_the_exchange_are_exact_and_late_enough(lake):
    at = START + 8 * HOUR_US
    assert last_of(lake, Series("funding"), at + 14 * SECOND_US).last["rate"] == Decimal(0)
    funding = last_of(lake, Series("funding"), at + 15 * SECOND_US).last
    assert (funding.time, funding["rate"]) == (at, Decimal("0.00001000"))
    mark = last_of(lake, Series("mark", "1h"), at).last
    assert (mark.time, mark["close"]) == (at - HOUR_US, Decimal("600.0007"))
    two_days = last_of(lake, Series("mark", "1h"), START + 2 * DAY_US)
    assert len(two_days) == 48


def test_another_symbols_bars_are_those_of_its_tape(lake):
    from orderflow_bt.flow.window import BarWindow

    eth = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ETHUSDT")
    known = list(last_of(lake, Series("bars", "5m", symbol="ETHUSDT"), START + 2 * DAY_US))
    window = BarWindow(lake, eth, time_bars("5m"), START, START + 2 * DAY_US)
    bars = [batch.bar(k) for batch, inside in window for k in inside]
    units = window.instrument
    assert [row.known_at for row in known] == [bar.close_time for bar in bars]
    assert [row["close"] for row in known] == [units.price(bar.close) for bar in bars]
    assert [row["delta"] for row in known] == [units.qty(bar.delta) for bar in bars]
    assert known[-1]["cvd"] == units.qty(sum(bar.delta for bar in bars))
    trade = last_of(lake, Series("trades", symbol="ETHUSDT"), START + 2 * DAY_US).last
    assert trade["price"] == known[-1]["close"]


def test_a_run_with_series_is_reproducible_and_its_manifest_names_them(lake, tmp_path):
    first = backtest(lake, request(), tmp_path / "a")
    assert backtest(lake, request(), tmp_path / "b")["result_hash"] == first["result_hash"]
    assert first["orders"] > 10
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    told = {entry["series"]: entry for entry in manifest["series"]}
    assert list(told) == ["funding", "mark", "bars:ETHUSDT", "trades:ETHUSDT"]
    assert told["funding"]["delay_s"] == 15
    assert [piece["date"] for piece in told["mark"]["data"]] == ["2026-01-05", "2026-01-06"]
    assert all(piece["sha256"] for entry in manifest["series"] for piece in entry["data"])


def test_a_strategy_that_reads_series_passes_the_audit(lake):
    asked = request()
    found = audit(Looks, stored(lake, asked), asked.config, cuts=2)
    assert found.findings == []
    assert found.decisions > 10


def test_what_is_missing_is_refused_unless_accepted(lake, tmp_path):
    class Wants(Looks):
        def series(self):
            return [Series("metrics")]

    asked = Request("wants", Wants, {}, TAPE, START, START + DAY_US, SimConfig())
    with pytest.raises(CoverageError, match=r"reads metrics.*--kind metrics --from 2026-01-05"):
        backtest(lake, asked, tmp_path / "a")
    backtest(lake, replace(asked, accept_gaps=True), tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["series"][0]["missing"] == ["2026-01-05"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "bars", "market": "xx"}, "'xx' is no market. Known: spot, um, cm"),
        ({"kind": "bars", "market": 5}, "the market of a series is a text, 5 was given"),
        ({"kind": "bars", "interval": 5}, "the interval of a series is a text"),
        ({"kind": "bars", "interval": "1w"}, "'1w' is not a bar specification"),
        ({"kind": "bars", "symbol": None}, "the symbol of a series is a text"),
        ({"kind": "trades", "delay": -1}, "cannot be known -1 seconds after its time"),
        ({"kind": "trades", "delay": float("nan")}, "cannot be known nan seconds"),
        ({"kind": "trades", "delay": 1e300}, r"1e\+300 seconds .*Give a delay of 0 to 316224000"),
        ({"kind": "trades", "delay": "1"}, "cannot be known '1' seconds"),
    ],
)
def test_a_series_that_cannot_be_is_refused_where_it_is_written(given, said):
    with pytest.raises(PluginError, match=said):
        Series(**given)


@pytest.mark.parametrize(
    ("interval", "opens", "closes"),
    [("1mo", "2026-02-01", "2026-03-01"), ("1w", "2026-01-05", "2026-01-12")],
)
def test_candles_longer_than_a_day_are_known_when_they_are_over(interval, opens, closes, tmp_path):
    opened, closed = (np.datetime64(day, "us").astype(np.int64) for day in (opens, closes))
    columns = dict.fromkeys(("open", "high", "low", "close"), np.array([5])) | {
        "open_time": np.array([opened]), "close_time": np.array([closed - 1000]),
        "count": np.array([1]),
    }  # fmt: skip
    piece = dt.date.fromisoformat(opens).replace(day=1)
    lake = Lake(tmp_path)
    store(lake, SeriesKind.MARK_KLINES, columns, {"price": 4}, interval, piece)
    plan = find_context(lake, TAPE, [Series("mark", interval)], [piece], accept=False)
    feed = Feed(plan.sources()["mark"])
    assert len(feed.known(int(closed) - 1)) == 0
    assert feed.known(int(closed)).last.time == opened


# -- alerts -----------------------------------------------------------------------------------

HEAD = "ts,symbol,kind,side\n"
ALERTS = """ts,symbol,kind,side
2024-01-01T00:00:02Z,TAPE,whale,buy
1704067203500,OTHER,whale,sell
2024-01-01 00:00:04,TAPE,spoof,sell
2023-12-31T23:00:00,TAPE,old,sell
"""
SECONDS = "B 100 1 | +1s B 101 1 | +1s B 102 1 | +1s B 103 1 | +1s B 104 1 | +2s B 105 1"


class Follows(Strategy):
    path: str = param("")

    def detectors(self):
        return [Alerts(self.path, delay=1.0, symbol="TAPE")]

    def on_event(self, event, market, broker):
        broker.market(event.direction, 1, reason=event)


@pytest.fixture
def alerts(tmp_path):
    file = tmp_path / "alerts.csv"
    file.write_text(ALERTS)
    return file


@pytest.mark.parametrize("chunks", [(), (1, 2, 3, 4, 5), (3, 3)])
def test_an_alert_is_known_with_the_first_trade_after_its_delay(alerts, chunks):
    tape = Tape(SECONDS)
    seen = tape.events(Alerts(str(alerts), delay=1.0, symbol="tape"), chunks=chunks)
    assert [(e.known_at - MIDNIGHT_2024, e.kind, e.direction, e.price) for e in seen] == [
        (3_000_000, "whale", 1, 103), (6_000_000, "spoof", -1, 105),
    ]  # fmt: skip
    assert seen[0].details["alert_time"] == MIDNIGHT_2024 + 2_000_000
    assert len(tape.events(Alerts(str(alerts), delay=0.0))) == 3


@pytest.mark.parametrize("at", ["00:00:02.5", "00:00:00.5", "00:00:01", "00:00:05.5"])
def test_no_cut_of_the_tape_loses_an_alert(at, tmp_path):
    file = tmp_path / "alerts.csv"
    file.write_text(f"ts,symbol,kind,side\n2024-01-01T{at},TAPE,whale,buy\n")
    tape, alerts = Tape(SECONDS), Alerts(str(file), delay=0.0)
    whole = [event.known_at for event in tape.events(alerts)]
    assert len(whole) == 1
    for cut in range(1, 6):
        chunks = (cut, 6 - cut)
        again = Alerts(str(file), delay=0.0)
        assert [e.known_at for e in tape.events(again, chunks=chunks)] == whole, chunks


def test_alerts_are_audited_as_anything_else(alerts):
    assert_no_lookahead(Follows(path=str(alerts)), Tape(SECONDS))


def test_the_files_checksum_stands_in_the_manifest_and_the_result(alerts, lake, tmp_path):
    asked = Request(
        "follows", Follows, {"path": str(alerts)}, TAPE, START, START + DAY_US, SimConfig()
    )
    first = backtest(lake, asked, tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert list(manifest["files"]) == [str(alerts)]
    alerts.write_text(ALERTS + "2026-01-05T12:00:00,TAPE,new,buy\n")
    second = backtest(lake, asked, tmp_path / "b")
    assert (first["events"], second["events"]) == (0, 1)
    assert first["result_hash"] != second["result_hash"]


EDITED = """from pathlib import Path
import mine_beside
from orderflow_bt import Strategy, param
from orderflow_bt.detectors import Alerts

class Edited(Strategy):
    path: str = param("")

    def detectors(self):
        return [Alerts(self.path)]

    def on_start(self, market, broker):
        Path(self.path).unlink(missing_ok=True)
        Path(__file__).write_text("def (")
"""


def test_what_is_edited_while_a_run_goes_on_is_named_as_it_was(alerts, lake, tmp_path):
    (tmp_path / "mine_beside.py").write_text("N = 1\n")
    (tmp_path / "mine.py").write_text(EDITED)
    digests = [hashlib.sha256(p.read_bytes()).hexdigest() for p in (alerts, tmp_path / "mine.py")]
    strategy = load_strategy(str(tmp_path / "mine.py"))
    asked = Request(
        "edited", strategy, {"path": str(alerts)}, TAPE, START, START + DAY_US, SimConfig()
    )
    backtest(lake, asked, tmp_path / "a")
    assert not alerts.exists()
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    told = [manifest["files"][str(alerts)], manifest["code"]["strategy_sha256"]]
    assert told == digests
    assert list(manifest["code"]["strategy_imports"]) == ["mine_beside.py"]


class Swaps(Follows):
    """Writes other alerts in the place of its own, and only then sends its first order."""

    bars: BarSpec = param(time_bars("1h"))

    def on_bar(self, spec, bar, market, broker):
        Path(self.path).write_text(HEAD)
        broker.market(1, 1)


def test_fill_policies_that_begin_late_read_the_same_alerts(alerts, lake, tmp_path):
    asked = Request("swaps", Swaps, {"path": str(alerts)}, TAPE, START, START + DAY_US, SimConfig())
    backtest(lake, asked, tmp_path / "a")  # from here on the readings are kept
    alerts.write_text(ALERTS)
    with pytest.raises(PluginError, match=r"has changed since the run began .*alerts\.csv"):
        backtest(lake, asked, tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("time,symbol\n", "lack the column 'ts': it has time, symbol .*line 1"),
        ("", "lack the column 'ts': it is empty"),
        (f"{HEAD}yesterday,A,b,buy\n", "'yesterday' is not a time .*line 2"),
        (f"{HEAD}1704067203,A,b,bye\n", "'bye' is not buy or sell .*line 2"),
        (f'{HEAD}\n\n1704067203,A,"b\nc",buy\nx,A,b,buy\n', "'x' is not a time .*line 6"),
        (f"{HEAD}1704067203,A,b\n", "has not 4 fields .*line 2"),
        (f"{HEAD}1704067203,A,b,buy,now\n", "has not 4 fields .*line 2"),
        (f'{HEAD}1704067203,A,"b,buy\n1704067203,A,b,buy\n', "cannot be read: .*line 3.*Quote"),
        (f"{HEAD}1704067203,A,b\rc,buy\n", "cannot be read: .*line 2.*CRLF"),
        (f"{HEAD}{'9' * 5000},A,b,buy\n", "'9{40}…' is not a time"),
        (f"{HEAD}1704067203,A,{'b' * 200_000},buy\n", "a line is longer than 65536 bytes .*line 2"),
        (f"{HEAD}1704067203,A,b\0,buy\n", "no text in UTF-8 .*line 2"),
    ],
)
def test_alerts_that_cannot_be_read_name_the_line(tmp_path, text, what):
    file = tmp_path / "alerts.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=what):
        Alerts(str(file))


def test_what_is_no_file_of_alerts_is_refused_before_it_is_read(tmp_path):
    for path, what in [
        ("none.csv", "No such file"), (".", "it is a folder"), ("a\0b", "embedded null"),
    ]:  # fmt: skip
        with pytest.raises(UsageError, match=f"cannot be read: {what}"):
            Alerts(str(tmp_path / path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"a pipe or a device\. Write them into a file"):
        Alerts(str(tmp_path / "pipe"))
    (tmp_path / "wide.csv").write_bytes((HEAD + "2024-01-01,A,b,buy\n").encode("utf-16"))
    with pytest.raises(UsageError, match=r"no text in UTF-8 .*line 1.*Save the file"):
        Alerts(str(tmp_path / "wide.csv"))
    with (tmp_path / "endless.csv").open("wb") as file:
        file.truncate(1 << 40)  # a line of a terabyte, of which nothing lies on the disk
    with pytest.raises(UsageError, match="a line is longer than 65536 bytes"):
        Alerts(str(tmp_path / "endless.csv"))


def test_a_day_of_eight_digits_is_no_second_of_1970(tmp_path):
    (tmp_path / "a.csv").write_text(f"{HEAD}20240101,TAPE,whale,buy\n")
    (seen,) = Tape(SECONDS).events(Alerts(str(tmp_path / "a.csv"), delay=0.0))
    assert seen.details["alert_time"] == MIDNIGHT_2024


def test_a_symbol_that_no_alert_has_is_an_error_that_names_others(alerts, tmp_path):
    with pytest.raises(UsageError, match=r"no alert .* is of 'BTC'.*alerts of OTHER, TAPE"):
        Alerts(str(alerts), symbol="BTC")
    (tmp_path / "none.csv").write_text(HEAD)
    assert Tape(SECONDS).events(Alerts(str(tmp_path / "none.csv"), symbol="BTC")) == []


def test_a_run_from_the_command_line_takes_alerts_from_a_file(lake, tmp_path):
    file = tmp_path / "alerts.csv"
    lines = [f"{FIRST}T{hour:02}:30:00Z,SIMUSDT,mine," for hour in range(24)]
    file.write_text("\n".join(["ts,symbol,kind,side", *lines]))
    done = CliRunner().invoke(
        app,
        [
            "--data", str(lake.root), "run", "confluence", "SIMUSDT", "--market", "um",
            "--from", str(FIRST), "--to", str(FIRST), "--accept-gaps", "--json",
            "--param", f"alerts={file}", "--param", "layers=first", "--out", str(tmp_path / "runs"),
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (folder,) = (path.parent for path in tmp_path.glob("runs/**/manifest.json"))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"] == {str(file): hashlib.sha256(file.read_bytes()).hexdigest()}
    seen = pl.read_parquet(folder / "events.parquet").filter(pl.col("detector") == "alerts")
    assert seen.height == 24


def test_the_line_in_the_report_makes_the_run_again(lake, tmp_path):
    def run(words, out):
        done = CliRunner().invoke(app, ["--data", str(lake.root), *words, "--out", str(out)])
        assert done.exit_code == 0, done.output
        (folder,) = (path.parent for path in out.glob("**/manifest.json"))
        return folder, json.loads((folder / "manifest.json").read_text())

    asked = (
        f"run confluence SIMUSDT --market um --from {FIRST} --to {FIRST} --accept-gaps --fees 0,0.5"
        " --slippage ticks=2,half_spread --latency 30 --cancel-latency 10 --cash 5000 --seed 4"
        " --param layers=first --param least_delta=10 --fills touch --max-wait 5"
    )
    folder, first = run(asked.split(), tmp_path / "a")
    line = command_line(first, has_gaps=False)
    assert html.escape(line) in (folder / "report.html").read_text()
    _, again = run(shlex.split(line)[1:], tmp_path / "b")
    assert again["result_hash"] == first["result_hash"]
    assert again["simulation"] == first["simulation"]

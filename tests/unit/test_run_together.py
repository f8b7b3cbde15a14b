"""Several strategies in one pass: what they ask for alike is made once, and each is as if alone."""

from __future__ import annotations

import datetime as dt
import sys

import pytest

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.detectors import BigTrades, VolumeSpike
from orderflow_bt.errors import PluginError
from orderflow_bt.flow import BarStream
from orderflow_bt.run import Request, backtest, backtests, workers
from orderflow_bt.sim import SimConfig
from orderflow_bt.store import Lake
from orderflow_bt.strategy.registry import installed, load_strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
DAYS = 4
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    home = tmp_path_factory.mktemp("run-together")
    market = SimulatedMarket(seed=4, start=FIRST, days=DAYS, trades_per_day=20_000)
    store_market(market, home / "lake")
    return home / "lake"


def request(strategy, name="run", start=START + 2 * DAY_US):
    """Over the last two days: the strategies' look-backs begin on three different days."""
    return Request(
        name, strategy, {}, TAPE, start, START + DAYS * DAY_US,
        SimConfig.for_market(MarketType.UM), accept_gaps=True,
    )  # fmt: skip


class Doubled(VolumeSpike):
    """A detector of somebody else's, of the same name and parameters as one of this program."""

    def read(self, trades, bars, gaps):
        return super().read(trades, bars, gaps).repeat(2, axis=0)


class Spikes(Strategy):
    bars: BarSpec = param(time_bars("1m"), help="bars")
    kind = VolumeSpike

    def detectors(self):
        return [BigTrades(), self.kind(self.bars, least=1.5)]

    def on_event(self, event, market, broker):
        broker.skip(event, "seen")


class SpikesTwice(Spikes):
    kind = Doubled


class Stops(Spikes):
    """Reads what `Spikes` reads, and fails in the middle."""

    def on_bar(self, spec, bar, market, broker):
        if bar.close_time > START + 3 * DAY_US:
            raise ValueError("enough")


class Louder(Spikes):
    def detectors(self):
        return [VolumeSpike(self.bars, least=2.0)]


TWO = (Spikes, Louder)
forks = pytest.mark.skipif(sys.platform != "linux", reason="this system does not fork")


@pytest.fixture
def forking(monkeypatch):
    """Whatever threads other tests have left."""
    monkeypatch.setattr(sys.modules["orderflow_bt.run.backtest"], "can_fork", lambda: True)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def shipped(start):
    return [request(load_strategy(name), name, start) for name in installed()]


@pytest.fixture(scope="module", params=[START, START + 2 * DAY_US], ids=["cold", "look-back"])
def start(request):
    return request.param


@pytest.fixture(scope="module")
def alone(root, start, tmp_path_factory):
    """The folder of each shipped strategy's own run."""
    folder = tmp_path_factory.mktemp("alone")
    for one in shipped(start):
        backtest(Lake(root, cache_limit=0), one, folder / one.name)
    return folder


@pytest.mark.parametrize(
    "how",
    [
        "uncached",
        "first cached",
        "cached",
        pytest.param("side by side", marks=forks),
        pytest.param("read first", marks=forks),
    ],
)
def test_the_shipped_strategies_together_are_what_each_is_alone(
    root, tmp_path, alone, how, start, forking
):
    asked = shipped(start)
    lake = Lake(root, cache_limit=0)
    if how != "uncached":
        lake = Lake(root)
        lake.cache.clear()
    if how in ("cached", "side by side"):
        backtests(lake, [(one, tmp_path / "before" / one.name) for one in asked])
    workers = 2 if how in ("side by side", "read first") else 1
    backtests(lake, [(one, tmp_path / "together" / one.name) for one in asked], workers=workers)
    for one in asked:
        together = contents(tmp_path / "together" / one.name)
        assert together == contents(alone / one.name), one.name


def test_a_bar_that_several_ask_for_is_made_once(root, tmp_path, monkeypatch):
    fed = []
    feed = BarStream.feed

    def counted(self, trades):
        fed.append((str(self.spec), trades.rows))
        return feed(self, trades)

    monkeypatch.setattr(BarStream, "feed", counted)
    lake = Lake(root, cache_limit=0)
    backtest(lake, request(Spikes), tmp_path / "alone")
    alone = sorted(fed)
    fed.clear()
    asked = [(request(kind), tmp_path / kind.__name__) for kind in (Spikes, SpikesTwice, Spikes)]
    backtests(lake, [*asked[:2], (asked[2][0], tmp_path / "again")])
    assert sorted(fed) == alone


def test_a_plugin_that_looks_like_a_shipped_detector_is_not_taken_for_it(root, tmp_path):
    lake = Lake(root)
    once, twice = backtests(
        lake, [(request(Spikes), tmp_path / "a"), (request(SpikesTwice), tmp_path / "b")]
    )
    assert 0 < once["events"] < twice["events"]
    assert twice == backtest(lake, request(SpikesTwice), tmp_path / "alone")


@pytest.mark.parametrize("cache_limit", [0, 1 << 30])
def test_what_a_failed_run_shared_goes_on_for_the_others(root, tmp_path, cache_limit):
    lake = Lake(root, cache_limit=cache_limit)
    if lake.cache is not None:
        lake.cache.clear()
    alone = backtest(Lake(root, cache_limit=0), request(Spikes), tmp_path / "alone")
    bad, good = backtests(
        lake, [(request(Stops), tmp_path / "bad"), (request(Spikes), tmp_path / "good")]
    )
    assert isinstance(bad, PluginError)
    assert good == alone
    assert backtest(lake, request(Spikes), tmp_path / "again") == alone


@forks
def test_one_that_fails_side_by_side_leaves_the_others_to_go_on(root, tmp_path, forking):
    lake, told = Lake(root), []
    alone = [backtest(lake, request(kind), tmp_path / f"alone{n}") for n, kind in enumerate(TWO)]
    bad, *good = backtests(
        lake,
        [(request(kind), tmp_path / str(n)) for n, kind in enumerate((Stops, *TWO))],
        progress=lambda done, total: told.append((done, total)),
        workers=2,
    )
    assert isinstance(bad, PluginError)
    assert "enough" in bad.what
    assert str(tmp_path / "0.failed") in bad.fix
    assert good == alone
    assert told == sorted(told)
    assert {path.name for path in tmp_path.iterdir()} == {
        "alone0", "alone1", "0.failed", "1", "2",
    }  # fmt: skip


@pytest.fixture
def forked(monkeypatch):
    """The jobs that got a process of their own."""
    jobs = []
    begin = workers._begin
    monkeypatch.setattr(workers, "_begin", lambda *job: jobs.append(job) or begin(*job))
    return jobs


@forks
def test_what_is_not_kept_yet_is_read_once_before_processes_begin(root, tmp_path, forking, forked):
    lake, told = Lake(root), []
    lake.cache.clear()
    asked = [(request(kind), tmp_path / kind.__name__) for kind in TWO]

    def tell(done, total):
        told.append((done, total, len(forked)))

    backtests(lake, asked, progress=tell, workers=8)
    assert len(forked) == 2
    assert told == sorted(told)
    totals = {total for _, total, _ in told}
    assert {processes for done, total, processes in told if 2 * done <= total} == {0, 2}
    assert totals == {told[-1][0]}


@forks
@pytest.mark.parametrize("why", ["no room", "a detector of its own", "one process"])
def test_what_cannot_be_kept_is_read_and_lived_through_in_one_pass(
    root, tmp_path, forking, forked, monkeypatch, why
):
    lake = Lake(root)
    lake.cache.clear()
    if why == "no room":
        monkeypatch.setattr(type(lake.cache), "room", lambda _: 0)
    kinds = (SpikesTwice, Louder) if why == "a detector of its own" else TWO
    asked = [(request(kind), tmp_path / kind.__name__) for kind in kinds]
    found = backtests(lake, asked, workers=1 if why == "one process" else 8)
    assert not forked
    assert found == [
        backtest(Lake(root, cache_limit=0), request(kind), tmp_path / f"{kind.__name__}-alone")
        for kind in kinds
    ]


@forks
def test_a_cache_that_gave_up_meanwhile_is_done_without(
    root, tmp_path, forking, forked, monkeypatch
):
    lake = Lake(root)
    lake.cache.clear()
    monkeypatch.setattr(type(lake.cache), "keep", lambda *_: None)  # bars and events
    asked = [(request(kind), tmp_path / kind.__name__) for kind in TWO]
    found = backtests(lake, asked, workers=2)
    assert not forked
    assert found[0] == backtest(Lake(root, cache_limit=0), request(Spikes), tmp_path / "alone")


@forks
def test_what_cannot_be_read_is_told_of_every_run_that_reads_it(
    root, tmp_path, forking, forked, monkeypatch
):
    lake = Lake(root)
    lake.cache.clear()

    def broken(*_):
        raise PluginError("cannot be read")

    monkeypatch.setattr(VolumeSpike, "read", broken)
    found = backtests(lake, [(request(kind), tmp_path / kind.__name__) for kind in TWO], workers=2)
    assert not forked
    assert [type(one) for one in found] == [PluginError, PluginError]
    assert all("cannot be read" in one.what and "failed" in one.fix for one in found)


class Late(Spikes):
    """Buys and sells in turn, by limit orders, from some day on."""

    since = 3
    made = 0

    def __init__(self, **parameters):
        super().__init__(**parameters)
        type(self).made += 1
        self.bars_seen = 0

    def on_bar(self, spec, bar, market, broker):
        self.bars_seen += 1
        if bar.close_time < START + self.since * DAY_US + DAY_US // 3 or self.bars_seen % 60:
            return
        broker.cancel_all()
        side = -1 if market.position.side > 0 else 1
        broker.limit(side, 1000, bar.close - side * market.instrument.tick_size)


class Never(Late):
    since = DAYS


@pytest.mark.parametrize(("kind", "made"), [(Late, 3), (Never, 1)])
def test_other_fill_policies_begin_with_the_first_order_and_are_the_same(
    root, tmp_path, kind, made
):
    lake = Lake(root)
    backtest(lake, request(Spikes, start=START + DAY_US), tmp_path / "keeps")
    kind.made = 0
    asked = request(kind, start=START + DAY_US)
    kept = backtest(lake, asked, tmp_path / "kept")
    assert kind.made == made
    assert kept == backtest(Lake(root, cache_limit=0), asked, tmp_path / "fresh")
    results = {outcome["net_pnl"] for outcome in kept["band"].values()}
    assert (len(results) > 1, kept["orders"] > 3) == (
        (True, True) if kind is Late else (False, False)
    )

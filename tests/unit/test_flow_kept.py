"""Bars and events of stored days out of the cache: the same, and only where nothing has changed."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from orderflow_bt.detectors import AbsorptionBar, DeltaDivergence, Detector, VolumeSpike
from orderflow_bt.detectors.absorption import Absorption
from orderflow_bt.flow import BarStream
from orderflow_bt.flow.events import Event
from orderflow_bt.flow.window import BarWindow
from orderflow_bt.run.clock import clocked_pieces
from orderflow_bt.sim import Readings
from orderflow_bt.sim.kept import FlowCache
from orderflow_bt.store import Lake, decoded, resolve_instrument
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, HOUR_US, BarSpec, Kind, MarketType, TapeId, time_bars

FIRST = dt.date(2026, 1, 5)
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
DATES = [FIRST + dt.timedelta(days=n) for n in range(4)]
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
SPECS = ["1m", "4h", "tick:900", "volume:30", "range:40", "renko:60@start"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Four days of 6,000 trades; on the third some ids are missing."""
    root = tmp_path_factory.mktemp("flow")
    market = SimulatedMarket(seed=4, start=FIRST, days=4, trades_per_day=6_000)
    store_market(market, root / "lake")
    return root / "lake"


@pytest.fixture
def lake(stored, monkeypatch):
    monkeypatch.setattr(decoded, "PIECE_ROWS", 2048)
    lake = Lake(stored)
    lake.cache.clear()
    return lake


def detectors():
    return [
        DeltaDivergence(time_bars("5m"), left=1, right=1),
        AbsorptionBar(least=1.0),
        Absorption(min_volume=30_000, patience=60),
    ]


def read(lake, dates=DATES, *, specs=SPECS, found=None, end=START + 4 * DAY_US, row=1):
    """Everything that becomes known, piece by piece, as bytes and plain values."""
    found = detectors() if found is None else found
    unit = resolve_instrument(lake, TAPE, dates)
    days = [lake.day(TAPE, date) for date in dates]
    readings = Readings(
        map(BarSpec.parse, specs),
        found,
        ids_are_continuous=True,
        row_size=row * unit.tick_size,
        instrument=unit,
        kept=FlowCache.of(lake, days, end, unit),
    )
    out = []
    pieces = lake.read_pieces(TAPE, dates, unit.price_decimals, unit.qty_decimals)
    for piece in clocked_pieces(pieces, end):
        if piece.first == 0:
            readings.begin_day(piece.day)
        out.append(plain(readings.feed(piece.trades)))
    out.append(plain(readings.close_until(end, piece.trades.slice(0, 0))))
    return out


def plain(known):
    moments = [
        (
            moment.time,
            moment.at,
            [(str(b.spec), b.bar, b.footprint.cells.tobytes()) for b in moment.bars],
            list(moment.events),
        )
        for moment in known.moments
    ]
    return known.trades.rows, moments, known.gaps


def without(lake):
    return Lake(lake.root, cache_limit=0)


def kept(lake):
    return sorted(path.name for path in lake.cache.folder.glob("flow/*.arrays"))


@pytest.fixture
def nothing_is_made(monkeypatch):
    """A function after whose call no trade can be read any more."""

    def forbid(*names):
        def forbidden(*_):
            raise AssertionError("it was made again")

        for owner, name in names or ((BarStream, "feed"), (Absorption, "read")):
            monkeypatch.setattr(owner, name, forbidden)

    return forbid


def test_what_is_kept_is_the_same_and_is_not_made_again(lake, nothing_is_made):
    live = read(without(lake))
    assert sum(len(m[3]) for piece in live for m in piece[1]) > 20
    assert read(lake) == live
    assert len(kept(lake)) == 4 * (len(SPECS) + 1) + 3 * 5  # 5m bars; the clock's end of each
    assert not list(lake.cache.folder.rglob("*.part"))
    nothing_is_made()
    assert read(lake) == live


def test_bars_of_a_later_beginning_are_shared(lake, nothing_is_made):
    read(lake, found=[], specs=["1m", "tick:900"])
    before = kept(lake)
    live = read(without(lake), DATES[1:], found=[], specs=["1m", "tick:900"])
    assert read(lake, DATES[1:], found=[], specs=["1m", "tick:900"]) == live
    new = sorted(set(kept(lake)) - set(before))
    assert [name.split("-")[-2] for name in new] == ["06", "06"]  # days behind it are shared


def test_a_longer_window_goes_on_from_what_is_kept(lake):
    first = read(lake, DATES[:2])
    files = len(kept(lake))
    assert read(lake) == read(without(lake))
    assert read(lake, DATES[:2]) == first
    # both days' bars were there; two days more of bars and events, and another end of the clock
    assert len(kept(lake)) == files + 2 * (len(SPECS) + 1) + 3 * 3


def test_a_window_that_ends_within_a_day(lake):
    end = START + 2 * DAY_US + 41_234_567_890
    live = read(without(lake), end=end)
    assert read(lake) != live
    assert read(lake, end=end) == live
    assert read(lake, end=end) == live
    assert read(lake) == read(without(lake))


def test_a_day_that_is_missing_between(lake):
    dates = [DATES[0], DATES[2], DATES[3]]
    live = read(without(lake), dates)
    assert any(piece[2] for piece in live)
    read(lake)
    assert read(lake, dates) == live
    assert read(lake, dates) == live


def test_parameters_have_files_of_their_own(lake, nothing_is_made):
    read(lake)
    files = len(kept(lake))
    other = [DeltaDivergence(time_bars("5m"), left=2, right=2), *detectors()[1:]]
    nothing_is_made()
    assert len(read(lake, found=other)) == len(read(lake))
    assert len(kept(lake)) == files + 5


def test_rows_of_another_height_are_another_file(lake):
    assert read(lake, found=[], row=1) == read(without(lake), found=[], row=1)
    assert read(lake, found=[], row=5) == read(without(lake), found=[], row=5)


@pytest.mark.parametrize("number", [0, 7, -1])
def test_a_damaged_file_is_made_again(lake, number):
    live = read(lake)
    path = lake.cache.folder / "flow" / kept(lake)[number]
    path.write_bytes(path.read_bytes()[:-9])
    assert read(lake) == live
    assert path.exists()
    assert read(lake) == live


def test_a_change_of_the_code_changes_every_name(lake, monkeypatch):
    read(lake)
    before = kept(lake)
    monkeypatch.setattr("orderflow_bt.sim.kept.code_hash", lambda: "other")
    monkeypatch.setattr("orderflow_bt.flow.kept.code_hash", lambda: "other")
    read(lake)
    assert not set(before) & (set(kept(lake)) - set(before))
    assert len(kept(lake)) == 2 * len(before)


class EveryBar(Detector):
    """Somebody's own."""

    name = "every_bar"
    bars = time_bars("4h")
    lookback = 0

    def on_bar(self, bar):
        yield Event(bar.close_time, self.name, "bar", 1, "seen", bar.close, bar.low, bar.high, 1.0)


class Louder(VolumeSpike):
    """Somebody's change of a shipped one."""


@pytest.mark.parametrize("detector", [EveryBar, Louder])
def test_detectors_of_others_read_every_time(lake, detector):
    live = read(without(lake), found=[detector()])
    assert read(lake, found=[detector()]) == live
    files = kept(lake)
    assert read(lake, found=[detector()]) == live
    assert kept(lake) == files
    assert len(files) == 4 * len({*SPECS, str(detector().bars)})


def test_bars_of_trading_sessions_are_not_kept(lake):
    specs = ["tick:900@09:30-16:00/America/New_York"]
    assert read(lake, found=[], specs=specs) == read(without(lake), found=[], specs=specs)
    assert kept(lake) == []


def in_window(lake, spec, start, end, **options):
    """Bars of a window and their cells, and how many batches they came in."""
    batches = list(BarWindow(lake, TAPE, BarSpec.parse(spec), start, end, **options))
    bars = [batch.bar(k) for batch, inside in batches for k in inside]
    cells = [batch.bar_cells(k).tolist() for batch, inside in batches for k in inside]
    return bars, cells


WINDOWS = [
    (START + DAY_US, START + 4 * DAY_US),
    (START + DAY_US + 7 * HOUR_US + 1, START + 2 * DAY_US + 13 * HOUR_US + 77),
    (START + 5 * HOUR_US, START + 6 * HOUR_US),
]


@pytest.mark.parametrize("spec", [*SPECS, "tick:900@09:30-16:00/America/New_York"])
@pytest.mark.parametrize("keep_cells", [True, False])
def test_windows_of_bars_are_the_same(lake, spec, keep_cells):
    for window in [*WINDOWS, *WINDOWS]:
        plain = in_window(without(lake), spec, *window, keep_cells=keep_cells)
        assert plain[0] or window != WINDOWS[0]
        assert in_window(lake, spec, *window, keep_cells=keep_cells) == plain


def test_a_window_over_a_missing_day_is_the_same(lake, tmp_path):
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake.root, copy.root)
    in_window(copy, "1m", START, START + 4 * DAY_US)
    copy.day_path(TAPE, DATES[1]).unlink()
    for spec in ("1m", "tick:900"):
        plain = in_window(without(copy), spec, START, START + 4 * DAY_US, keep_cells=True)
        assert any(bar.is_gap for bar in plain[0])
        for _ in range(2):
            kept_bars = in_window(copy, spec, START, START + 4 * DAY_US, keep_cells=True)
            assert kept_bars == plain


def test_a_window_of_what_a_run_has_read_reads_no_tape(lake, nothing_is_made):
    read(lake, found=[], specs=["5m"])
    window = START, START + 3 * DAY_US
    plain = in_window(without(lake), "5m", *window, keep_cells=True)
    nothing_is_made((Lake, "read_pieces"), (Lake, "read"))
    assert in_window(lake, "5m", *window, keep_cells=True) == plain

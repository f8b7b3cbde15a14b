"""A day stored in pieces is the day stored whole; what does not come in order is sorted whole."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import random
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
from archive_days import DAY, DAY_MS, HEADER, SPOT, UM, agg_rows, csv_text, put_day

from orderflow_bt.archive import exchange, open_source
from orderflow_bt.archive.binance import Binance, field_roles
from orderflow_bt.archive.rows import parse_csv
from orderflow_bt.archive.stream import FinerUnitsError, RowStream
from orderflow_bt.archive.zipped import open_csv
from orderflow_bt.errors import MalformedError
from orderflow_bt.ingest import download
from orderflow_bt.instruments import Rules
from orderflow_bt.store import Lake
from orderflow_bt.store.rules import store_rules
from orderflow_bt.types import Kind

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
DOWNLOAD = importlib.import_module("orderflow_bt.ingest.download")  # the function hides it


def layout(header, fields):
    return field_roles(Kind.AGG_TRADES, header, fields)


class Pieces(Binance):
    """Reads days in pieces of a few rows, or only whole."""

    def __init__(self, piece_rows):
        self.piece_rows = piece_rows
        self.begun = []

    def stream_day(self, files, tape, name, decimals):
        if self.piece_rows is None:
            return None
        self.begun.append(decimals)
        member = open_csv(files[0], name)
        blocks = member.blocks(64)
        return RowStream(blocks, layout, name, decimals, piece_rows=self.piece_rows)


def stored(root, piece_rows, monkeypatch, tape=UM):
    archive = Pieces(piece_rows)
    monkeypatch.setattr(DOWNLOAD, "exchange", lambda name: archive)
    lake = Lake(root / f"lake-{piece_rows}")
    (result,) = download(lake, tape, [DAY], open_source(str(root)), now=NOW)
    assert not list(lake.incoming.glob("*.part"))
    return result, archive


def facts(info):
    return dataclasses.replace(info, path=None, bytes=0), pq.read_table(info.path).to_pydict()


ROWS = agg_rows(count=50)
BLANKED = [(n, "0", "0", -1, -1, ROWS[n - 1][5], "true") for n in (3, 9, 10, 11, 12, 13, 14, 15)]
FINER = [*ROWS[:20], (*ROWS[20][:1], "100.125", "0.5", *ROWS[20][3:]), *ROWS[21:]]
FINER[30] = (*FINER[30][:1], "100.12345", "0.00005", *FINER[30][3:])
DAYS = {
    "orderly": ROWS,
    "blanked rows, whole pieces of them": sorted({r[0]: r for r in [*ROWS, *BLANKED]}.values()),
    "ids missing at the end of a piece": [*ROWS[:7], *ROWS[11:30], *ROWS[44:]],
    "units that become finer later": FINER,
    "disorder across pieces": [*ROWS[7:14], *ROWS[:7], *ROWS[14:]],
    "a repetition at the end": [*ROWS, ROWS[-1]],
    "times that run backwards": [(*r[:5], r[5] - 4000 * (r[0] % 7 == 0), r[6]) for r in ROWS],
}


@pytest.mark.parametrize("rows", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize("tape", [UM, SPOT], ids=["um", "spot"])
def test_pieces_of_any_size_give_the_whole_day(tmp_path, monkeypatch, rows, tape):
    put_day(tmp_path, tape, text=csv_text(rows, HEADER if tape is UM else ""))
    whole, _ = stored(tmp_path, None, monkeypatch, tape)
    for piece_rows in (1, 2, 7, 49, 50, 1000):
        result, _ = stored(tmp_path, piece_rows, monkeypatch, tape)
        assert facts(result.info) == facts(whole.info), piece_rows


def test_a_day_begins_again_only_when_its_units_become_finer(tmp_path, monkeypatch):
    put_day(tmp_path, text=csv_text(FINER))
    _, archive = stored(tmp_path, 7, monkeypatch)
    assert archive.begun == [(0, 0), (3, 3), (5, 3), (5, 5)]
    put_day(tmp_path, text=csv_text(ROWS))
    _, archive = stored(tmp_path, 50, monkeypatch)
    assert archive.begun == [(0, 0)]


@pytest.mark.parametrize(
    ("at", "change", "words"),
    [
        (40, {"price": "x"}, "'x' in column 'price'.*row 42"),
        (40, {"time": (DAY_MS + 40_000) * 1000}, "are mixed.*row 42"),
        (41, {"time": 5}, "neither in.*row 43"),
        (33, {"last": 1}, "id 34, trade ids 340 to 1"),
    ],
)
def test_errors_name_the_row_of_the_file(tmp_path, monkeypatch, at, change, words):
    names = ("id", "price", "qty", "first", "last", "time", "maker")
    rows = [list(row) for row in ROWS]
    for name, value in change.items():
        rows[at][names.index(name)] = value
    put_day(tmp_path, text=csv_text(rows))
    for piece_rows in (None, 1, 7, 41, 1000):
        result, _ = stored(tmp_path, piece_rows, monkeypatch)
        assert isinstance(result.error, MalformedError)
        with pytest.raises(MalformedError, match=words):
            raise result.error


def test_a_stream_gives_the_rows_of_the_whole_reading():
    text = csv_text(FINER).encode()
    whole = parse_csv([text], layout, "x", len(text))
    for seed in range(20):
        rng = random.Random(seed)
        cuts = sorted(rng.sample(range(len(text)), 9))
        blocks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        size = rng.randrange(1, 60)
        stream = RowStream(blocks, layout, "x", (5, 5), piece_rows=size)
        pieces = [piece.copy() for piece in stream.pieces()]
        assert all(piece.shape[1] <= size for piece in pieces)
        assert np.array_equal(np.concatenate(pieces, axis=1), whole.columns)
        assert (stream.tick_decimals, stream.time_unit) == (whole.tick_decimals, "ms")
        assert stream.header


def test_a_piece_outlives_the_next_one():
    text = csv_text(ROWS).encode()
    stream = RowStream([text], layout, "x", (1, 3), piece_rows=10)
    given = stream.pieces()
    first = next(given)
    before = first.copy()
    next(given)
    assert np.array_equal(first, before)


def test_the_next_stream_takes_over_released_memory_and_nothing_of_what_it_held():
    blocks = [csv_text(ROWS).encode()]
    first = RowStream(blocks, layout, "x", (1, 3), piece_rows=10)
    held = [piece.base for piece in first.pieces()]
    first.release()
    text = b"".join(b"%d,100.5,0.251,25.1,%d,true\n" % (k, DAY_MS + k) for k in range(1, 16))
    singles = partial(field_roles, Kind.TRADES)
    again = RowStream([text], singles, "x", (1, 3), piece_rows=10)
    whole = parse_csv([text], singles, "x", len(text))
    for number, piece in enumerate(again.pieces()):
        assert any(piece.base is columns for columns in held)
        assert np.array_equal(piece, whole.columns[:, 10 * number : 10 * number + 10])
    other = RowStream(blocks, layout, "x", (1, 3), piece_rows=11)
    again.release()
    assert not any(piece.base is columns for piece in other.pieces() for columns in held)


def test_an_empty_stream_is_an_error():
    for blocks in ([], [b""], [b"\n\n"], [HEADER.encode()]):
        with pytest.raises(MalformedError, match="no trades"):
            list(RowStream(blocks, layout, "x", (0, 0)).pieces())


def test_finer_units_say_which():
    stream = RowStream([csv_text(FINER).encode()], layout, "x", (0, 0), piece_rows=10)
    with pytest.raises(FinerUnitsError) as raised:
        list(stream.pieces())
    assert raised.value.decimals == (3, 3)


def test_the_archive_reads_days_in_pieces_of_a_row_group(tmp_path):
    path = put_day(tmp_path)
    (piece,) = exchange("binance").stream_day([path], UM, "x", (0, 0)).pieces()
    assert piece.shape == (7, 50)


@pytest.mark.parametrize("shuffled", [False, True])
def test_prices_are_held_against_an_imported_tick(tmp_path, shuffled):
    lake = Lake(tmp_path / "lake")
    rows = [
        (*row[:1], "100.10" if n % 5 else "100.05", *row[2:]) for n, row in enumerate(agg_rows())
    ]
    put_day(tmp_path / "archive", text=csv_text(rows[::-1] if shuffled else rows))
    store_rules(lake, "binance", UM.market, {"ABCUSDT": Rules("2023-12-01", "0.1", "0.001")})
    (result,) = download(lake, UM, [DAY], open_source(str(tmp_path / "archive")))
    assert result.info.quality.off_tick == 10
    # Rules that hold from a later day on say nothing of this one: its own prices give the tick.
    later = Lake(tmp_path / "later")
    store_rules(later, "binance", UM.market, {"ABCUSDT": Rules("2024-01-02", "0.1", "0.001")})
    (result,) = download(later, UM, [DAY], open_source(str(tmp_path / "archive")))
    assert result.info.quality.off_tick == 0

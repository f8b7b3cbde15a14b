"""Every defect that the archive's daily trade files are known for: repaired, flagged or refused.

Each case is a day as the archive has it, and what must become of it. `REPAIRED` days are stored
equal to the whole one, `FLAGGED` ones are stored with a count in their quality record, and
`REFUSED` ones are not stored. Nothing is silent: what was found is counted, and said by `download`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from archive_days import (
    DAY,
    DAY_MS,
    HEADER,
    SPOT,
    UM,
    agg_rows,
    csv_text,
    put_day,
    zip_bytes,
)

from orderflow_bt.archive import open_source
from orderflow_bt.cli.day_words import _notes
from orderflow_bt.errors import CoverageError
from orderflow_bt.ingest import download
from orderflow_bt.run.window import find_window
from orderflow_bt.store import Lake, broken_borders
from orderflow_bt.types import DAY_US, TapeId

REPAIRED, FLAGGED, REFUSED = "repaired", "flagged", "refused"
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
ROWS = agg_rows(count=400)
BTC = replace(UM, symbol="BTCUSDT")
NAME = "ABCUSDT-aggTrades-2024-01-01.csv"


def changed(rows, at, **fields):
    """The rows with some fields of row ``at`` replaced."""
    names = ("id", "price", "qty", "first", "last", "time", "maker")
    row = tuple(fields.get(name, value) for name, value in zip(names, rows[at], strict=True))
    return [*rows[:at], row, *rows[at + 1 :]]


def interleaved(rows):
    """Every other row from the end of the range, as monthly files of 2023 had it."""
    half = len(rows) // 2
    return [row for pair in zip(rows[:half], rows[half:], strict=True) for row in pair]


def spot(rows, unit=1, maker=str.title, best=True):
    """The rows as a spot file of that era spells them, continuous in their fill ids."""
    return "".join(
        f"{n},{float(price):.8f},{float(qty):.8f},{first},{last},{time * unit},{maker(m)}"
        + (",True\n" if best else "\n")
        for n, price, qty, first, last, time, m in rows
    )


@dataclass(frozen=True)
class Defect:
    """One day's file and its end."""

    name: str
    end: str
    text: str = ""
    raw: bytes | None = None
    tape: TapeId = UM
    digest: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    said: str = ""
    same: bool = False  # whether the stored trades are those of the whole file
    trusted: bool = True  # whether a run reads the day without being told to accept it


def repaired(name, text, said="", **options):
    return Defect(name, REPAIRED, text, said=said, same=True, **options)


def flagged(name, text, said, **options):
    return Defect(name, FLAGGED, text, said=said, **options)


def refused(name, said, **options):
    return Defect(name, REFUSED, said=said, **options)


ZEROED = [(n, p, "0.000" if k % 8 < 3 else q, *rest) for k, (n, p, q, *rest) in enumerate(ROWS)]
CLASH = (ROWS[200][0], "99.5", "7.0", 900, 903, ROWS[200][5], "true")
EARLIER = [(*ROWS[k][:5], ROWS[k][5] - 50_000, ROWS[k][6]) for k in (120, 121, 122)]
BLANKED = [(n, "0", "0", -1, -1, ROWS[n - 1][5], "true") for n in (51, 52)]
ODD = "45385.51"
ODD_ROWS = [(n, "46000.1", *rest) for n, _, *rest in agg_rows(count=3000)]
REST = (*ROWS[:300], *ROWS[340:])

DEFECTS = [
    repaired(
        "rows of two time ranges interleaved",
        csv_text(interleaved(ROWS)),
        "rows out of id order, sorted: 199",
        counts={"reordered": 199},
    ),
    repaired(
        "exact duplicates of a stretch of rows",
        csv_text([*ROWS, *ROWS[90:130]]),
        "exact duplicates, dropped: 40",
        counts={"duplicates": 40, "reordered": 40},
    ),
    repaired(
        "every row twice in a row",
        csv_text([row for row in ROWS for _ in range(2)]),
        "exact duplicates, dropped: 400",
        counts={"duplicates": 400, "reordered": 0},
    ),
    flagged(
        "one id, two different trades",
        csv_text([*ROWS[:201], CLASH, *ROWS[201:]]),
        "set aside: 1",
        counts={"conflicts": 1, "rows": 400},
        trusted=False,
    ),
    flagged(
        "ids repeated with earlier times",
        csv_text([*ROWS, *EARLIER]),
        "set aside: 3",
        counts={"conflicts": 3},
        same=True,
        trusted=False,
    ),
    repaired(
        "repetitions that the exchange blanked",
        csv_text([*ROWS, *BLANKED]),
        "rows blanked by the exchange, dropped: 2",
        counts={"invalid_rows": 2},
    ),
    flagged(
        "rows that the exchange blanked in their own place",
        csv_text([*ROWS[:50], *BLANKED, *ROWS[52:]]),
        "rows blanked by the exchange, dropped: 2",
        counts={"invalid_rows": 2, "rows": 398, "missing_ids": 0},
    ),
    flagged(
        "quantities rounded to zero",
        csv_text(ZEROED),
        "rows of zero quantity: 150",
        counts={"zero_quantity": 150, "rows": 400},
        trusted=False,
    ),
    flagged(
        "rows missing in the middle",
        csv_text(REST),
        "40 ids are missing",
        counts={"missing_ids": 40, "gaps": 1, "rows": 360},
        trusted=False,
    ),
    flagged(
        "raw trades missing between spot rows",
        spot([*ROWS[:100], *[(n, p, q, f + 7, la + 7, *r) for n, p, q, f, la, *r in ROWS[100:]]]),
        "0 ids and 7 raw trades are missing",
        tape=SPOT,
        counts={"missing_ids": 0, "missing_fills": 7, "gaps": 1},
        trusted=False,
    ),
    repaired(
        "holes in the raw ids of futures are no loss",
        csv_text([(n, p, q, 2 * f, 2 * f, *r) for n, p, q, f, _, *r in ROWS]),
        counts={"gaps": 0, "missing_ids": 0},
    ),
    repaired(
        "a silence with ids that continue is no loss",
        csv_text(
            [*ROWS[:200], *[(*r[:5], r[5] + 4 * 3_600_000, r[6]) for r in ROWS[200:]]],
        ),
        counts={"gaps": 0, "max_time_gap_us": 4 * 3_600_000_000 + 1_000_000},
    ),
    flagged(
        "odd prints, off the tick the exchange is known for",
        csv_text(changed(changed(ODD_ROWS, 70, price=ODD), 72, price=ODD)),
        "prices off the tick: 2",
        tape=BTC,
        counts={"off_tick": 2, "rows": 3000},
    ),
    flagged(
        "odd prints, off the tick the day's own prices keep to",
        csv_text(changed(changed(ODD_ROWS, 70, price=ODD), 72, price=ODD)),
        "prices off the tick: 2",
        counts={"off_tick": 2, "rows": 3000},
    ),
    flagged(
        "rows of the next day",
        csv_text([*ROWS[:390], *[(*r[:5], r[5] + 86_400_000, r[6]) for r in ROWS[390:]]]),
        "rows of another day: 10",
        counts={"outside_day": 10},
    ),
    flagged(
        "the text four times over, and a zip inside the zip",
        "",
        "other files in the zip were ignored: nested.zip",
        raw=zip_bytes(
            (NAME, csv_text(ROWS * 4)), ("nested.zip", zip_bytes((NAME, csv_text(ROWS))))
        ),
        counts={"duplicates": 1200, "rows": 400},
        same=True,
    ),
    refused("only a zip inside the zip", "holds 0", raw=zip_bytes(("nested.zip", zip_bytes()))),
    refused(
        "two tables in one zip", "holds 2", raw=zip_bytes((NAME, csv_text(ROWS)), ("b.csv", "1"))
    ),
    refused("a checksum that does not match", "SHA-256", text=csv_text(ROWS), digest="0" * 64),
    refused("a file of no rows, signed", "no trades", text=HEADER),
    refused(
        "the file of another day",
        "not one trade of the file is of 2024-01-01",
        text=csv_text(agg_rows(DAY + dt.timedelta(days=1))),
    ),
    refused("an unknown spelling of true", "'t'", text=csv_text(changed(ROWS, 9, maker="t"))),
    refused(
        "a column nobody knows",
        "unknown column 'volume'",
        text=csv_text(ROWS, HEADER.replace("quantity", "volume")),
    ),
    refused(
        "milliseconds and microseconds mixed",
        "are mixed",
        text=csv_text(changed(ROWS, 9, time=(DAY_MS + 9000) * 1000)),
    ),
    repaired("no header, as before 2022-08-11", csv_text(ROWS, "")),
    repaired("True and False", csv_text([(*r[:6], r[6].title()) for r in ROWS])),
    repaired("spot before 2025: milliseconds", spot(ROWS), tape=SPOT, counts={"missing_fills": 0}),
    repaired("spot from 2025: microseconds", spot(ROWS, 1000), tape=SPOT),
    repaired("spot with lower-case words", spot(ROWS, maker=str.lower), tape=SPOT),
    repaired("spot without the last column", spot(ROWS, best=False), tape=SPOT),
    repaired("other columns and line ends", csv_text(ROWS).replace("\n", "\r\n")),
]


def bring(root, tape, dates):
    lake = Lake(root / "lake")
    return lake, download(lake, tape, dates, open_source(str(root)), now=NOW)


def stored_trades(info):
    """(id, price, quantity, side) of every stored row, in decimals."""
    table = pq.read_table(info.path).to_pydict()
    return [
        (n, Decimal(p).scaleb(-info.price_decimals), Decimal(q).scaleb(-info.qty_decimals), s)
        for n, p, q, s in zip(
            *(table[name] for name in ("id", "price", "quantity", "side")), strict=True
        )
    ]


def true_trades(rows):
    return [
        (n, Decimal(p), Decimal(q), -1 if maker == "true" else 1)
        for n, p, q, _, _, _, maker in rows
    ]


def a_run_reads(lake, tape, count=1):
    start = DAY_MS * 1000
    return find_window(lake, tape, start, start + count * DAY_US, lookback=0, accept_gaps=False)


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_each_known_defect_ends_as_it_should(tmp_path, defect):
    put_day(tmp_path, defect.tape, text=defect.text, raw=defect.raw, digest=defect.digest)
    lake, (result,) = bring(tmp_path, defect.tape, [DAY])
    if defect.end == REFUSED:
        assert result.status == "failed"
        assert defect.said in str(result.error)
        assert lake.tapes() == []
        return
    assert result.status == "stored", result.error
    quality = result.info.quality
    assert {name: getattr(quality, name) for name in defect.counts} == defect.counts
    notes = _notes(result)
    assert any(defect.said in note for note in notes) if defect.said else notes == []
    assert quality.is_clean is not any("ignored" not in note for note in notes)
    if defect.same:
        assert stored_trades(result.info) == true_trades(ROWS)
    if defect.trusted:
        assert len(a_run_reads(lake, defect.tape).days) == 1
    else:
        with pytest.raises(CoverageError, match="cannot be trusted"):
            a_run_reads(lake, defect.tape)


def test_the_repetition_that_stays_has_the_later_time(tmp_path):
    put_day(tmp_path, text=csv_text([*EARLIER, *ROWS]))
    _, (result,) = bring(tmp_path, UM, [DAY])
    kept = pq.read_table(result.info.path).to_pydict()["time"]
    assert kept == [row[5] for row in ROWS]
    assert [row[5] for row in result.info.quality.quarantined] == [row[5] for row in EARLIER]


def two_days(root, first, second):
    put_day(root, text=csv_text(first))
    put_day(root, date=DAY + dt.timedelta(days=1), text=csv_text(second))
    lake, results = bring(root, UM, [DAY, DAY + dt.timedelta(days=1)])
    assert [result.status for result in results] == ["stored"] * 2
    return lake


def test_a_day_that_stops_at_half_past_nine_is_told_by_the_next_ones_ids(tmp_path):
    """Spot 2021-12-14: every symbol's file stops at 09:29 and nothing in it says so."""
    whole = [(*row[:5], DAY_MS + n * 86_400, row[6]) for n, row in enumerate(agg_rows(count=1000))]
    cut = [row for row in whole if row[5] < DAY_MS + (9 * 60 + 29) * 60_000]
    lake = two_days(tmp_path, cut, agg_rows(DAY + dt.timedelta(days=1), first_id=1001))
    assert lake.days(UM)[0].quality.is_clean
    (border,) = broken_borders(lake.days(UM))
    assert (border.missing_ids, border.short_day) == (1000 - len(cut), DAY)
    with pytest.raises(CoverageError, match=f"2024-01-01: {border.missing_ids} ids missing"):
        a_run_reads(lake, UM)
    accepted = find_window(
        lake, UM, DAY_MS * 1000, DAY_MS * 1000 + DAY_US, lookback=0, accept_gaps=True
    )
    assert accepted.coverage()["missing_ids"] == border.missing_ids


def test_a_tiny_file_with_a_valid_checksum_is_told_by_the_ids_beside_it(tmp_path):
    lake = two_days(tmp_path, ROWS, agg_rows(DAY + dt.timedelta(days=1), 3, first_id=90_000))
    (border,) = broken_borders(lake.days(UM))
    assert border.missing_ids == 90_000 - 401
    with pytest.raises(CoverageError, match="89,599 ids missing"):
        a_run_reads(lake, UM, 2)


def test_an_id_on_two_days_is_told(tmp_path):
    """ZILBTC 12027555: the same id on both sides of midnight, two different trades."""
    lake = two_days(tmp_path, ROWS, agg_rows(DAY + dt.timedelta(days=1), first_id=400))
    (border,) = broken_borders(lake.days(UM))
    assert (border.missing_ids, border.repeated_ids, border.restarted) == (0, 1, False)
    with pytest.raises(CoverageError, match="1 ids on both days"):
        a_run_reads(lake, UM, 2)


def test_ids_that_start_again_are_another_contract(tmp_path):
    lake = two_days(tmp_path, agg_rows(first_id=10**6), agg_rows(DAY + dt.timedelta(days=1)))
    (border,) = broken_borders(lake.days(UM))
    assert border.restarted
    with pytest.raises(CoverageError, match="ids start again"):
        a_run_reads(lake, UM, 2)


def test_days_whose_ids_continue_are_read(tmp_path):
    lake = two_days(tmp_path, ROWS, agg_rows(DAY + dt.timedelta(days=1), first_id=401))
    assert broken_borders(lake.days(UM)) == []
    assert len(a_run_reads(lake, UM, 2).days) == 2

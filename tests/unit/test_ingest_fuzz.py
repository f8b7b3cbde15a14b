"""A thousand damaged days: each is refused with a reason, or stored as its own bytes say.

The mutations run in a process of their own, so that its memory can be measured. Seeded: a failure
names the number of the mutation, which makes the same bytes again.
"""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
import zipfile
from decimal import Decimal

import pytest
from archive_days import DAY, DAY_MS, HEADER, agg_rows, csv_text, zip_bytes

NAME = "ABCUSDT-aggTrades-2024-01-01.csv"
CASES = 1000
GROWTH_MIB = 100  # what a thousand hostile files may add to the process's peak memory

ABSURD = ["", "-1", "1e400", "NaN", "9" * 40, "0." + "0" * 30 + "1", "0x10", " 5", "\uff11", "\x00"]
ABSURD += ["9223372036854775807", "-9223372036854775808", "1.", ".5", "+1", "1,000", "'", "\ufeff"]
ABSURD += [str(10**18), str(DAY_MS * 1000), "0", "true", "T", "1_000", "1;2", "1\r2", '"1"']
HEADERS = ["", HEADER, HEADER.upper(), HEADER.replace("price", "prise"), HEADER.replace(",", ";")]
HEADERS += [HEADER.replace("quantity", "price"), "id,price\n", "\n\n" + HEADER, "\ufeff" + HEADER]
HEADERS += [HEADER.replace("price,quantity", "quantity,price"), HEADER.strip() + ",extra\n"]
NAMES = ["../../outside.csv", "/etc/outside.csv", "a/b.csv", "..\\outside.csv", "C:\\x.csv", ".csv"]
NAMES += ["x" * 60_000 + ".csv", "nul\x00.csv", "ünï.csv", NAME.upper(), "day.txt", ""]


def mutated_text(rng, rows):
    """A text that is wrong here and there, or only unusual."""
    rows = [list(row) for row in rows]
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        what = rng.choice([0, 1, 1, 1, 2, 3, 4, 4, 4, 4, 5, 5])
        at = rng.randrange(len(rows))
        if what == 0:
            rows[at][rng.randrange(len(rows[at]))] = rng.choice(ABSURD)
        elif what == 1:
            rows.insert(rng.randrange(len(rows)), list(rows[at]))
        elif what == 2:
            rows[at] = rows[at][: rng.randrange(1, 8)]
        elif what == 3:
            rows[at] = rows[at] + ["5"]
        elif what == 4:
            rows[at][rng.randrange(3) % len(rows[at])] = rng.choice(
                ["0", "1", "0.001", str(rng.randrange(10**9))]
            )
        else:
            rng.shuffle(rows)
    text = csv_text(rows, rng.choice([HEADER] * 20 + HEADERS))
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(rng.choice([0, 0, 0, 0, 1, 3])):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    if rng.random() < 0.1:
        del raw[rng.randrange(len(raw)) :]
    return bytes(raw)


def mutated_zip(rng, text):
    """A zip around the text that is damaged, dishonest or hostile."""
    what = rng.randrange(-12, 14)
    if what < 5:
        return zip_bytes((NAME, text))
    if what == 5:
        return zip_bytes((rng.choice(NAMES), text))
    if what == 6:
        return zip_bytes((NAME, text), *[(f"extra{n}.txt", "x") for n in range(rng.randrange(60))])
    if what == 7:  # a bomb, honest about its size or not
        raw = bytearray(zip_bytes((NAME, b"0" * (24 << 20))))
        if rng.random() < 0.5:
            at = raw.rindex(b"PK\x01\x02")
            raw[at + 24 : at + 28] = rng.randrange(1 << 24).to_bytes(4, "little")
        return bytes(raw)
    raw = bytearray(zip_bytes((NAME, text)))
    directory, end = raw.rindex(b"PK\x01\x02"), raw.rindex(b"PK\x05\x06")
    if what == 8:  # bits flipped anywhere
        for _ in range(rng.choice([1, 1, 2, 8])):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    elif what == 9:  # cut, or something appended
        raw = raw[: rng.randrange(len(raw))] if rng.random() < 0.7 else raw + b"PK\x05\x06" + raw
    elif what == 10:  # encrypted, packed in another way, or so it says
        at, value = rng.choice([(8, 1), (10, 12), (10, 14), (10, 0), (10, 99), (8, 0x40)])
        raw[directory + at : directory + at + 2] = value.to_bytes(2, "little")
    elif what == 11:  # a lie about a size, a sum or an offset
        at = rng.choice([16, 20, 24, 42])
        lie = rng.choice([0, 1, 0xFFFFFFFF, 0x7FFFFFFF, rng.randrange(1 << 32)])
        raw[directory + at : directory + at + 4] = lie.to_bytes(4, "little")
    elif what == 12:  # a lie about the directory
        at, width = rng.choice([(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)])
        lie = rng.choice([0, 0xFFFF, rng.randrange(1 << 16)])
        raw[end + at : end + at + width] = lie.to_bytes(width, "little")
    else:  # the directory's entry, many times over
        copies = rng.choice([2, 300, 20_000])
        entry = bytes(raw[directory:end])
        raw[directory:end] = entry * copies
        end = len(raw) - 22
        raw[end + 8 : end + 12] = min(copies, 0xFFFF).to_bytes(2, "little") * 2
        raw[end + 12 : end + 16] = (len(entry) * copies).to_bytes(4, "little")
    return bytes(raw)


def mutated_checksum(rng, digest, name):
    """What the checksum file says; mostly the truth, so that the file is read at all."""
    good = f"{digest}  {name}\n"
    if rng.random() < 0.85:
        return good.encode()
    return rng.choice(
        [
            *[b"", good[:50].encode(), b"\xff\xfe" * 40, b"<html>", good.encode() * 300],
            *[good.replace(name, "../" + name).encode(), ("0" * 64 + f"  {name}\n").encode()],
        ]
    )


def slow_reading(raw):
    """(id, price, qty, side) of each row that a patient reader finds in the zip."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        (name,) = [n for n in archive.namelist() if "/" not in n and n.lower().endswith(".csv")]
        text = archive.read(name).decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    columns = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id"]
    columns += ["transact_time", "is_buyer_maker"]
    if not rows[0][0][:1].isdecimal():
        columns = [name.strip().lower() for name in rows.pop(0)]
    found = {}
    for row in rows:
        value = dict(zip(columns, row, strict=False))
        sides = {"true": -1, "false": 1}
        trade = (
            int(value["agg_trade_id"]),
            Decimal(value["price"]),
            Decimal(value.get("quantity") or value["qty"]),
            sides[value["is_buyer_maker"].lower()],
        )
        found.setdefault(trade[0], set()).add(trade)
    return found


def case(number):
    """The zip, and its checksum's maker, of one mutation."""
    rng = random.Random(number)
    rows = agg_rows(count=rng.choice([1, 3, 40]))
    raw = mutated_zip(rng, mutated_text(rng, rows))
    return raw, lambda digest, name: mutated_checksum(rng, digest, name)


def run_all(root):
    """Every case through `download`; prints what became of them. Runs in a child process."""
    import hashlib
    import pathlib
    import shutil

    import pyarrow.parquet as pq
    from archive_days import UM, put_day

    from orderflow_bt.archive import open_source
    from orderflow_bt.errors import OrderflowError
    from orderflow_bt.ingest import download
    from orderflow_bt.store import Lake

    def peak_mib():
        # Not by getrusage, whose peak counts the process that started this one.
        status = pathlib.Path("/proc/self/status")
        if not status.exists():
            return 0.0
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024

    root = pathlib.Path(root)
    archive = root / "archive"
    tally = {"stored": 0, "failed": 0}
    start_mib = 0.0
    for number in range(-1, CASES):
        whole = zip_bytes((NAME, csv_text(agg_rows())))
        raw, checksum = case(number) if number >= 0 else (whole, None)
        path = put_day(archive, raw=raw)
        if checksum:
            digest = hashlib.sha256(raw).hexdigest()
            path.with_name(path.name + ".CHECKSUM").write_bytes(checksum(digest, path.name))
        lake = Lake(root / "lake")
        (result,) = download(lake, UM, [DAY], open_source(str(archive)), workers=1)
        if number < 0:
            assert result.status == "stored"
            start_mib = peak_mib()
        elif result.status == "failed":
            tally["failed"] += 1
            assert isinstance(result.error, OrderflowError)
            assert not lake.has(UM, DAY), number
            assert len(str(result.error)) < 2000, number
        else:
            tally["stored"] += 1
            check_stored(result.info, slow_reading(raw), pq.read_table(result.info.path), number)
        assert not list(lake.incoming.glob("*.part")), number
        shutil.rmtree(lake.root)
    assert sorted(p.name for p in root.iterdir()) == ["archive"], "something was written elsewhere"
    print(tally["stored"], tally["failed"], round(peak_mib() - start_mib))


def check_stored(info, truth, table, number):
    """Every stored row is one of the file's, and of every id one is stored."""
    columns = [table[name].to_pylist() for name in ("id", "price", "quantity", "side")]
    for trade_id, price, qty, side in zip(*columns, strict=True):
        scaled = (
            trade_id,
            Decimal(price).scaleb(-info.price_decimals),
            Decimal(qty).scaleb(-info.qty_decimals),
            side,
        )
        assert scaled in truth[trade_id], (number, scaled)
    absent = set(truth) - set(columns[0])
    assert len(absent) <= info.quality.invalid_rows, number
    assert len(columns[0]) == len(set(columns[0])), number


def test_a_thousand_damaged_days(tmp_path):
    code = "import sys, test_ingest_fuzz as t; t.run_all(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    stored, failed, growth_mib = map(int, done.stdout.split())
    assert stored + failed == CASES
    assert min(stored, failed) > 200  # both ends are met
    assert growth_mib < GROWTH_MIB


@pytest.mark.parametrize("number", [3, 14, 159])
def test_a_case_is_the_same_every_time(number):
    assert case(number)[0] == case(number)[0]

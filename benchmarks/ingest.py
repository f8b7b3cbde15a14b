"""Archive days to the lake: ours beside polars, with the same files, cores and moments.

    python benchmarks/ingest.py [--tape FOLDER] [--rounds 5] [--workers 2] [--no-memory]

Ours is a whole `download` from a folder: SHA-256 checked, rows in exact integers, quality record,
synced and renamed. Polars inflates by isal, reads the CSV into floats and writes zstd Parquet: one
day after the other on all its threads, and two days at a time. The faster of the two counts.

``--tape`` (or ORDERFLOW_BT_BENCH_TAPE) names a folder of ``SYMBOL-aggTrades-DATE.zip`` files of
USD-margined futures, the last days of one symbol in it are read; without it days are simulated.

The memory part stores a day of a million trades, one of ten million, and one of ten million in no
order at all, each in a process of its own, and prints the peak of each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cases import given_tape, parser_of

if TYPE_CHECKING:
    import argparse

SIMULATED_DAY = 1_000_000
MEMORY_DAYS = ((1_000_000, False), (10_000_000, False), (10_000_000, True))
FOLDER = "data/futures/um/daily/aggTrades"


def lay_out(zips: list[Path], root: Path) -> None:
    """An archive folder of these files, with checksums."""
    for path in zips:
        target = root / FOLDER / path.name.split("-")[0] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        target.with_name(path.name + ".CHECKSUM").write_text(f"{digest}  {path.name}\n")


def simulate(root: Path) -> list[Path]:
    from orderflow_bt.synth import SimulatedMarket, write_archive

    market = SimulatedMarket(
        seed=1, start=dt.date(2024, 1, 1), days=4, trades_per_day=SIMULATED_DAY
    )
    return write_archive(market, root)


def tape_lake(folder: Path, named: str | None) -> Path:
    """A lake of the days that a user names, else of simulated ones."""
    zips = given_tape(named)
    if zips:
        lay_out(zips, folder / "archive")
    else:
        zips = simulate(folder / "archive")
    ours(folder / "archive", zips, folder / "lake", 2)
    return folder / "lake"


def ours(archive: Path, zips: list[Path], out: Path, workers: int) -> int:
    """Store every day; returns the bytes in the lake."""
    from orderflow_bt.archive import open_source
    from orderflow_bt.ingest import download
    from orderflow_bt.store import Lake
    from orderflow_bt.types import Kind, MarketType, TapeId

    shutil.rmtree(out, ignore_errors=True)
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, zips[0].name.split("-")[0])
    dates = [dt.date.fromisoformat(path.stem[-10:]) for path in zips]
    results = download(Lake(out), tape, dates, open_source(str(archive)), workers=workers)
    assert all(result.status == "stored" for result in results), results
    return sum(result.info.bytes for result in results)


def polars_day(out: Path, path: Path) -> int:
    import polars as pl
    from isal import isal_zlib

    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
    raw = path.read_bytes()
    at = info.header_offset
    at += 30 + sum(int.from_bytes(raw[at + k : at + k + 2], "little") for k in (26, 28))
    text = isal_zlib.decompress(memoryview(raw)[at : at + info.compress_size], -15, info.file_size)
    assert isal_zlib.crc32(text) == info.CRC
    names = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id"]
    types = dict.fromkeys(names, pl.Int64) | {"price": pl.Float64, "quantity": pl.Float64}
    types |= {"transact_time": pl.Int64, "is_buyer_maker": pl.Boolean}
    frame = pl.read_csv(text, schema=types)
    target = out / f"{path.stem}.parquet"
    frame.write_parquet(target, compression="zstd")
    return target.stat().st_size


def polars(zips: list[Path], out: Path, at_a_time: int) -> int:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with ThreadPoolExecutor(at_a_time) as pool:
        return sum(pool.map(partial(polars_day, out), zips))


def count_rows(zips: list[Path]) -> int:
    rows = 0
    for path in zips:
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as text:
            rows += sum(block.count(b"\n") for block in iter(lambda: text.read(1 << 20), b"")) - 1
    return rows


def compare(options: argparse.Namespace, folder: Path) -> None:
    archive = folder / "archive"
    tape = given_tape(options.tape)
    if tape:
        zips = [path for path in tape if path.name.split("-")[0] == tape[-1].name.split("-")[0]]
        lay_out(zips, archive)
    else:
        zips = simulate(archive)
    rows = count_rows(zips)
    routes = {
        "polars, a day at a time": lambda: polars(zips, folder / "polars", 1),
        "polars, two at a time": lambda: polars(zips, folder / "polars", 2),
        "ours, one worker": lambda: ours(archive, zips, folder / "lake", 1),
        f"ours, {options.workers} workers": lambda: ours(
            archive, zips, folder / "lake", options.workers
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in routes}
    cpu: dict[str, list[float]] = {name: [] for name in routes}
    size = {}
    for number in range(options.rounds + 1):
        for name, route in routes.items():
            begin, begin_cpu = time.perf_counter(), time.process_time()
            size[name] = route()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - begin)
                cpu[name].append(time.process_time() - begin_cpu)
    print(f"{len(zips)} days, {rows:,} trades, {'given' if tape else 'simulated'}")
    for name, times in seconds.items():
        print(
            f"{name:24} {rows / statistics.median(times) / 1e6:6.2f} M trades/s "
            f"(best {rows / min(times) / 1e6:5.2f}, {rows / min(cpu[name]) / 1e6:5.2f} a core)  "
            f"{size[name] / rows:5.2f} bytes a trade"
        )
    peers, mine = list(routes)[:2], list(routes)[3]
    by_round = [
        min(seconds[peer][k] for peer in peers) / seconds[mine][k] for k in range(options.rounds)
    ]
    by_cpu = min(min(cpu[peer]) for peer in peers) / min(cpu[mine])
    print(f"ratio {statistics.median(by_round):.2f} to the faster of polars' two, round by round")
    print(f"ratio {by_cpu:.2f} by the cores' time, each at its best")


def big_day(rows: int, folder: Path, *, shuffled: bool) -> Path:
    """A day of so many trades, as text like the exchange's."""
    import polars as pl
    from isal import isal_zlib

    path = folder / "BIGUSDT-aggTrades-2024-01-01.zip"
    rng = np.random.default_rng(rows)
    start = 1_704_067_200_000
    order = rng.permutation(rows) if shuffled else np.arange(rows)
    packer = isal_zlib.compressobj(1, wbits=-15)
    crc, size, packed = 0, 0, io.BytesIO()
    for first in range(0, rows, 1_000_000):
        number = order[first : first + 1_000_000]
        count = number.size
        text = pl.DataFrame(
            {
                "agg_trade_id": number + 1,
                "price": (600_000 + np.cumsum(rng.integers(-3, 4, count))) / 10,
                "quantity": rng.integers(1, 5000, count) / 1000,
                "first_trade_id": 2 * number + 1,
                "last_trade_id": 2 * number + 2,
                "transact_time": start + number * 86_399_000 // rows,
                "is_buyer_maker": rng.random(count) < 0.5,
            }
        ).write_csv(include_header=first == 0).encode()  # fmt: skip
        crc, size = isal_zlib.crc32(text, crc), size + len(text)
        packed.write(packer.compress(text))
    packed.write(packer.flush())
    write_zip(path, path.stem + ".csv", packed.getvalue(), crc, size)
    return path


def write_zip(path: Path, name: str, packed: bytes, crc: int, size: int) -> None:
    """A zip of one member that is deflated already."""
    both = b"\x14\x00\x00\x00\x08\x00\x00\x00\x21\x58"
    both += crc.to_bytes(4, "little") + len(packed).to_bytes(4, "little")
    both += size.to_bytes(4, "little") + len(name).to_bytes(2, "little") + b"\x00\x00"
    local = b"PK\x03\x04" + both + name.encode()
    directory = b"PK\x01\x02\x14\x00" + both + b"\x00" * 14 + name.encode()
    end = b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00" + len(directory).to_bytes(4, "little")
    end += (len(local) + len(packed)).to_bytes(4, "little") + b"\x00\x00"
    path.write_bytes(local + packed + directory + end)


CHILD = """
import sys, pathlib, time
sys.path.insert(0, sys.argv[1])
import cases, ingest
archive, day, lake = map(pathlib.Path, sys.argv[2:])
begin = time.process_time()
ingest.ours(archive, [day], lake, 1)
print(round(cases.peak_mib()), time.process_time() - begin)
"""


def memory(folder: Path) -> None:
    for rows, shuffled in MEMORY_DAYS:
        root = folder / f"{rows}-{shuffled}"
        root.mkdir()
        path = big_day(rows, root, shuffled=shuffled)
        lay_out([path], root / "archive")
        arguments = [Path(__file__).parent, root / "archive", path, root / "lake"]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *map(str, arguments)],
            check=True,
            capture_output=True,
            text=True,
        )
        peak, seconds = done.stdout.split()
        what = "trades in no order" if shuffled else "trades"
        print(f"a day of {rows:>10,} {what}: peak {peak} MiB, {float(seconds):.1f} s")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tape", help="folder of days as the exchange publishes them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as `orderflow-bt download` does
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))
        if not options.no_memory:
            memory(Path(folder))


if __name__ == "__main__":
    main()

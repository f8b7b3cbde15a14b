"""The lake to columns: one decoding thread beside two, with somebody who uses what is decoded.

    python benchmarks/scan.py [--tape FOLDER] [--rounds 5]

``columns`` only takes them; ``bars`` makes one-minute footprints of them meanwhile.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from cases import parser_of
from ingest import tape_lake

from orderflow_bt.flow import BarStream
from orderflow_bt.store import Lake
from orderflow_bt.store.ahead import read_ahead
from orderflow_bt.store.reader import row_groups
from orderflow_bt.types import time_bars


def groups(lake: Lake):
    """Decoders of every row group of the lake's one tape."""
    (tape,) = lake.tapes()
    days = lake.days(tape)
    units = max(day.price_decimals for day in days), max(day.qty_decimals for day in days)
    for day in days:
        yield from row_groups(day, *units)


def columns(lake: Lake, threads: int) -> int:
    return sum(trades.rows for trades in read_ahead(groups(lake), threads))


def bars(lake: Lake, threads: int) -> int:
    stream = BarStream(time_bars("1m"), ids_are_continuous=True)
    rows = 0
    for trades in read_ahead(groups(lake), threads):
        stream.feed(trades)
        rows += trades.rows
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tape", help="folder of days as the exchange publishes them")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake(tape_lake(folder, options.tape))
        best: dict[tuple[str, int], float] = {}
        cpu: dict[tuple[str, int], float] = {}
        for number in range(options.rounds + 1):
            for use in (columns, bars):
                for threads in (1, 2):
                    begin, begin_cpu = time.perf_counter(), time.process_time()
                    rows = use(lake, threads)
                    took = time.perf_counter() - begin
                    took_cpu = time.process_time() - begin_cpu
                    if number:
                        key = use.__name__, threads
                        best[key] = min(best.get(key, took), took)
                        cpu[key] = min(cpu.get(key, took_cpu), took_cpu)
        for (use, threads), took in best.items():
            core = rows / cpu[use, threads] / 1e6
            print(f"{use:8} {threads} decoding: {rows / took / 1e6:6.1f} M trades/s, "
                  f"{core:6.1f} a core")  # fmt: skip


if __name__ == "__main__":
    main()

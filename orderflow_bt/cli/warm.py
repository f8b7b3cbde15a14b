"""Compiles kernels beside other work, in processes of their own: the disk keeps what they make.

A kernel is compiled when it is first called, which takes half a minute for those of all shipped
strategies; numba compiles one at a time in a process.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.detectors import Detector

RUN = ("orders", "detectors")  # what runs of shipped strategies call
REPLAY = (*RUN, "screen")  # and what can be switched on beside a replay
_TRADES = 60_000  # more than the look-back of a queue: pieces that are copied, and that are not


@contextmanager
def compiling(parts: Sequence[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Begin to compile some parts; the processes to wait for, none where all is there."""
    started = [
        subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "orderflow_bt.cli.warm", part],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # Ctrl-C reaches them too
        )
        for part in parts
        if (mark := _mark(part)) is not None and not mark.exists()
    ]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
            process.wait()


def _mark(part: str) -> Path | None:
    """The file that says that a part is compiled, beside its kernels; None where none are kept."""
    from pathlib import Path

    from orderflow_bt.kernels._jit import cache_folder

    folder = cache_folder()
    return None if folder is None else Path(folder) / f"compiled-{part}"


def compile_part(part: str) -> None:
    """Call the kernels of one part, on some trades made up for it."""
    import numpy as np

    from orderflow_bt import Bar, BarSpec, Broker, Market, Strategy, param, time_bars
    from orderflow_bt.detectors.registry import installed as installed_detectors
    from orderflow_bt.detectors.registry import load_detector
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.strategy.registry import installed, load_strategy
    from orderflow_bt.testing import PLAIN, run_trades
    from orderflow_bt.types import DAY_US, MarketType, Trades

    class Orders(Strategy):
        """Sends a bracket now and then."""

        bars: BarSpec = param(time_bars("1h"))

        def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
            del spec
            if market.position.is_flat and not broker.working:
                broker.bracket(1, 1, limit_entry=bar.close, stop=bar.low - 9, target=bar.high + 9)

    class Watches(Strategy):
        """Hears of what every shipped strategy hears of."""

        bars: BarSpec = param(time_bars("5m"))

        def detectors(self) -> list[Detector]:
            return _of_strategies()

    class Shows(Strategy):
        """Hears of what no shipped strategy does, on bars that close by what trades."""

        bars: BarSpec = param(BarSpec.parse("tick:500"))

        def detectors(self) -> list[Detector]:
            there = {detector.name for detector in _of_strategies()}
            return [load_detector(name)() for name in installed_detectors() if name not in there]

    def _of_strategies() -> list[Detector]:
        found = [d for name in installed() for d in load_strategy(name)().detectors()]
        return list({repr((d.name, d.parameters())): d for d in found}.values())

    rng = np.random.default_rng(1)
    trades = Trades(
        np.arange(_TRADES),
        np.arange(_TRADES) * (2 * DAY_US // _TRADES),
        10_000 + rng.integers(-1, 2, _TRADES).cumsum(),
        rng.integers(1, 1_000, _TRADES),
        (2 * rng.integers(0, 2, _TRADES) - 1).astype(np.int8),
        np.ones(_TRADES, np.int32),
    ).frozen()
    unit = Instrument("none", MarketType.UM, "NONE", 1, 0)
    kinds: dict[str, type[Strategy]] = {"orders": Orders, "detectors": Watches, "screen": Shows}
    run_trades(trades, unit, kinds[part](), config=PLAIN, chunks=(_TRADES - 9,))
    mark = _mark(part)
    if mark is not None:
        with suppress(OSError):
            mark.touch()


def compile_all() -> None:
    """Compile every part that is not yet, beside each other, and wait until they are."""
    with compiling(REPLAY) as started:
        for process in started:
            process.wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compile_part(sys.argv[1])
    else:
        compile_all()

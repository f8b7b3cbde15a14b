"""``orderflow-bt demo``: the whole road on a simulated market, by a user's own commands."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import download, options, run
from orderflow_bt.errors import UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator

HIT_RATE = 0.5  # share of planted situations that come true; targets of two risks make that an edge
DAYS, PLACEBO_DAYS = 14, 60  # a market without edge needs longer for as many trades
PLANTED = (
    "patterns of order flow, delta divergences among them, are planted in it several times a day,"
    " and half of them come true"
)
FEES = "0.2,0.5"  # a tenth of a regular user's: setups of a few ticks are then worth trading at all
PLACEBO = "a placebo: nothing is planted and there is no edge to find"


def command(
    out: Annotated[Path, typer.Option(help="Folder for archive, lake and run.")] = Path("demo"),
    days: Annotated[
        int | None, typer.Option(help="Days to simulate; 14, or 60 of a placebo.", min=3, max=90)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated market.", min=0)] = 7,
    placebo: Annotated[
        bool, typer.Option("--placebo", help="A market without any edge: what luck looks like.")
    ] = False,
) -> None:
    """Simulated archive -> download -> lake -> shipped strategies -> report. Needs no network."""
    import datetime as dt

    from orderflow_bt.cli.warm import RUN, compiling
    from orderflow_bt.store.lake import SIMULATED
    from orderflow_bt.strategy.registry import installed
    from orderflow_bt.synth import SimulatedMarket, write_archive, write_funding

    if out.exists() and not (out.is_dir() and _may_be_cleared(out)):
        raise UsageError(
            f"{out} holds something else: a demo would delete archive, data and runs in it",
            where="--out",
            fix="Give a folder that does not exist",
        )
    say = partial(typer.echo, err=True)
    start = dt.date(2026, 1, 5)
    days = days or (PLACEBO_DAYS if placebo else DAYS)
    what = PLACEBO if placebo else PLANTED
    market = SimulatedMarket(seed=seed, start=start, days=days, placebo=placebo, hit_rate=HIT_RATE)
    last = start + dt.timedelta(days=days - 1)
    say(f"This market is SIMULATED: {days} days of {market.symbol}, seed {seed};")
    say(f"{what}.")
    say("It says nothing about a real market; it shows the road that real data takes.")
    say(f"Its exchange charges {FEES.replace(',', ' and ')} basis points.\n")
    for name in ("archive", "data", "runs"):
        shutil.rmtree(out / name, ignore_errors=True)
    with compiling(RUN) as under_way:
        write_archive(market, out / "archive")
        write_funding(market, out / "archive")
        lake = out / "data"
        lake.mkdir(parents=True)
        (lake / SIMULATED).write_text(what, encoding="utf-8")
        options.settings.data = str(lake)
        call = shlex.join(options.program())
        with _served(out / "archive") as address:
            for kind in ("aggTrades", "fundingRate"):
                say(f"$ {call} download {market.symbol} --market um"
                    f" --kind {kind} --from {start} --to {last} --source {address}")  # fmt: skip
                download.command(
                    symbols=[market.symbol], market=MarketType.UM, kind=kind, first=str(start),
                    last=str(last), source=address,
                )  # fmt: skip
        if under_way:
            say("\nCompiling, this once: later runs begin at once.")
        for process in under_way:
            process.wait()
    first = start + dt.timedelta(days=1)
    names = ",".join(installed())
    say(f"\n$ {call} run {names} {market.symbol} --market um --from {first} --to {last}"
        f" --fees {FEES} --out {shlex.quote(str(out / 'runs'))}")  # fmt: skip
    run.command(
        strategy=names, symbols=[market.symbol], first=str(first), last=str(last),
        market=MarketType.UM, fees=FEES, out=out / "runs",
    )  # fmt: skip
    say("\nThe same market on a page, to practise reading it trade by trade:")
    say(f"  {call} replay {market.symbol} --market um --date {first} --time 08:00")  # fmt: skip
    say("\nThe market above was simulated. The same with real trades:")
    say("  orderflow-bt download BTCUSDT --market um --from 2024-01-01 --to 2024-01-14")
    say("  orderflow-bt download BTCUSDT --market um --kind fundingRate --from 2024-01-01"
        " --to 2024-01-14")  # fmt: skip
    say("  orderflow-bt run delta_divergence BTCUSDT --market um --from 2024-01-02 --to 2024-01-14")


def _may_be_cleared(folder: Path) -> bool:
    """Whether nothing but a demo can have written into a folder."""
    from orderflow_bt.store.lake import SIMULATED

    there = {path.name for path in folder.iterdir()}
    return there <= {"archive"} or (folder / "data" / SIMULATED).is_file()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line for every request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A web server for ``folder`` on loopback; its address."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()

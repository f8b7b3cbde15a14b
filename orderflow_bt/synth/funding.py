"""Writes the simulated market's funding rates as the exchange's archive does: a zip a month."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.synth.archive import MARKET_FOLDER, write_zip

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.synth.market import SimulatedMarket

PERIOD_HOURS = 8
_DECIMALS = 8
_USUAL = 1e-4  # a period's rate where longs and shorts are even
_SPREAD = 6e-5
_LEAST, _MOST = -7.5e-4, 7.5e-4


def write_funding(market: SimulatedMarket, folder: Path) -> list[Path]:
    """Write the funding rates of every day of ``market`` under the archive's root ``folder``.

    Rates are drawn from a stream of their own and tell nothing of the tape.

    Returns:
        The zips in order of month; each has its ``.CHECKSUM`` beside it.

    Raises:
        UsageError: The market is a spot market, which has no funding.
    """
    if not market.market.is_futures:
        raise UsageError("a spot market has no funding", fix="Simulate um or cm")
    months: dict[str, list[str]] = {}
    for number, date in enumerate(market.dates):
        midnight = dt.datetime.combine(date, dt.time(), dt.UTC)
        luck = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([market.seed, number, 2]))
        )
        for part in range(24 // PERIOD_HOURS):
            moment = midnight + dt.timedelta(hours=part * PERIOD_HOURS)
            rate = min(_MOST, max(_LEAST, _USUAL + _SPREAD * float(luck.standard_normal())))
            row = f"{int(moment.timestamp() * 1000)},{PERIOD_HOURS},{rate:.{_DECIMALS}f}\n"
            months.setdefault(date.isoformat()[:7], []).append(row)
    parent = folder / "data" / MARKET_FOLDER[market.market] / "monthly/fundingRate" / market.symbol
    parent.mkdir(parents=True, exist_ok=True)
    written = []
    for month, rows in months.items():
        name = f"{market.symbol}-fundingRate-{month}"
        text = "calc_time,funding_interval_hours,last_funding_rate\n" + "".join(rows)
        path = parent / f"{name}.zip"
        write_zip(path, f"{name}.csv", market.dates[-1], [text.encode()])
        written.append(path)
    return written

"""A simulated market's days in a lake, by the road that an exchange's take."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.synth.archive import write_archive

if TYPE_CHECKING:
    from orderflow_bt.synth.market import SimulatedMarket
    from orderflow_bt.types import TapeId


def store_market(market: SimulatedMarket, root: Path | str) -> tuple[Lake, TapeId]:
    """Write the market's archive, and download every day of it; the archive is not kept.

    Args:
        market: Whose days.
        root: The lake's folder; made if absent, other tapes in it stay.

    Returns:
        The lake, and the tape in it.

    Raises:
        OrderflowError: A day could not be stored.
    """
    lake = Lake(root)
    with tempfile.TemporaryDirectory(prefix="orderflow-bt-") as archive:
        write_archive(market, Path(archive))
        for result in download(lake, market.tape, market.dates, open_source(archive)):
            if result.error is not None:
                raise result.error
    return lake, market.tape

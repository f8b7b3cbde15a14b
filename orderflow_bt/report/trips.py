"""The table of round trips: which of very many it shows, and each as it is printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.report.folder import Row, Rows, RunFolder

ENDS, LATEST = 2_000, 1_000  # shown of very many: so many of the best, the worst, and the last
_MOST = 2 * ENDS + LATEST
PRINTED = 300  # rows of the table on paper, as report.css has it


@dataclass(frozen=True, slots=True)
class TripLines:
    """Round trips as they are printed, each made when it is its turn.

    Attributes:
        trips: Those that are shown.
        unit: What the run's integers stand for, as its manifest says.
        note: Which they are, of how many.
        funded: Whether any paid or got funding.
    """

    trips: Rows
    unit: Row
    note: str
    funded: bool

    def __len__(self) -> int:
        return len(self.trips)

    @property
    def paper(self) -> str:
        """What paper says of rows that it does not show; empty where it shows all."""
        if len(self) <= PRINTED:
            return ""
        return f"On paper stand the first {PRINTED} rows of the table, in the order it had."

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for trip in self.trips:
            yield _trip(trip, self.unit)


def trip_lines(run: RunFolder) -> TripLines:
    """All round trips of a run, or the telling ones of very many: a page stays small."""
    every = run.rows("round_trips")
    funded = bool("funding" in every.names and every.floats("funding").any())
    note = "In order of entry; prices are averages of their fills."
    shown = every
    if len(every) > _MOST:
        shown = every.at(_telling(every, run.ints("footprints", "round_trip")))
        note += (
            f" Here are {len(shown):,} of {len(every):,}: the {ENDS:,} worst and the {ENDS:,} best "
            f"by net result, the last {LATEST:,}, and those pictured above; sorting sorts these. "
            "All are in round_trips.parquet beside this page; orderflow-bt export RUN_DIR --out "
            "FOLDER writes them as CSV."
        )
    return TripLines(shown, run.manifest["instrument"], note, funded)


def _telling(trips: Rows, pictured: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the worst, the best, the last and the pictured, ascending."""
    ids = trips.ints("id")
    ranked = np.lexsort((ids, trips.floats("net_pnl")))
    latest = np.arange(len(ids) - LATEST, len(ids))
    shown = [ranked[:ENDS], ranked[-ENDS:], latest, np.flatnonzero(np.isin(ids, pictured))]
    return np.unique(np.concatenate(shown))


def _trip(trip: Row, unit: Row) -> dict[str, Any]:
    digits = money_digits(unit["currency"])
    is_open = trip["is_open"]
    r_multiple = trip["r_multiple"]
    net = float(trip["net_pnl"])
    closed_by = "open" if is_open else trip["exit_role"]
    return {
        "id": trip["id"],
        "side": "long" if trip["side"] > 0 else "short",
        "entry_time": words.stamp(trip["entry_time"]),
        "entry": words.plain(trip["entry_price"], unit["price_decimals"]),
        "exit_time": "" if is_open else words.stamp(trip["exit_time"]),
        "exit": "" if is_open else words.plain(trip["exit_price"], unit["price_decimals"]),
        "qty": words.exact(trip["qty"], unit["qty_decimals"]),
        "gross": words.signed(float(trip["gross_pnl"]), digits),
        "fees": words.plain(trip["fees"], digits),
        "funding": words.signed(float(trip.get("funding") or 0), digits),
        "net": words.signed(net, digits),
        "r": "" if r_multiple is None or math.isnan(r_multiple) else words.signed(r_multiple),
        "mae": f"{trip['mae_ticks']:,}".replace("-", words.MINUS),
        "mfe": f"{trip['mfe_ticks']:,}".replace("-", words.MINUS),
        "sign": "up" if net > 0 else "down" if net < 0 else "",
        "closed_by": closed_by + (", over a gap" if trip["spans_gap"] else ""),
    }

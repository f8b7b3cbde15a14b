"""Bars, footprints, events and trades of a tape in the hand, as a table of the same kind."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from orderflow_bt.detectors.registry import load_detector
from orderflow_bt.errors import UsageError
from orderflow_bt.flow import CausalMinimum
from orderflow_bt.flow.columns import (
    IMBALANCE_WINDOW,
    bar_fields,
    bar_values,
    event_fields,
    event_values,
    level_fields,
    level_values,
    trade_fields,
    trade_values,
)
from orderflow_bt.frames.arrow import to_table
from orderflow_bt.frames.held import HeldTape, hold
from orderflow_bt.frames.stored import StoredTape
from orderflow_bt.plugins import make
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    import datetime as dt


def bars(
    tape: Any,
    bars: str | BarSpec = "1m",
    *,
    until: dt.datetime | None = None,
    tick_size: Any = None,
    ids_are_continuous: bool | None = None,
) -> Any:
    """The closed bars of a tape, a row each: the columns of ``orderflow-bt bars``.

    Args:
        tape: `open_tape`'s, or trades as polars, Arrow, pandas, or a dict of NumPy arrays (its
            columns: `orderflow_bt.frames.held.hold`). The result is of the same kind; of a stored
            tape it is polars. Prices and quantities come back as they were given: exact decimals,
            integers or floats.
        bars: A specification such as ``5m``, ``tick:500``, ``volume:100``.
        until: For trades in memory: how far the tape is known to reach. Bars that have ended by
            then are closed without another trade; without it only trades close bars.
        tick_size: For trades in memory: the exchange's price step; the last digit if not given.
        ids_are_continuous: For trades in memory: whether a hole in the ids means lost trades. If
            not given it does where there is a column ``id``.

    Raises:
        UsageError: The tape, or the specification, cannot be read.
        CoverageError: No day of a stored window is in the lake.
    """
    source = _source(tape, until=until, tick_size=tick_size, ids_are_continuous=ids_are_continuous)
    unit, batches = source.bars(_spec(bars), 1, cells=False)
    columns = [bar_values(batch, inside, unit) for batch, inside in batches]
    return source.give(to_table(bar_fields(unit), columns, source.styles))


def footprint(
    tape: Any,
    bars: str | BarSpec = "1m",
    *,
    ticks_per_row: int | str = 1,
    imbalance: float | str = 3,
    until: dt.datetime | None = None,
    tick_size: Any = None,
    ids_are_continuous: bool | None = None,
) -> Any:
    """Footprints, a row for each bar and price level: the columns of ``bars --footprint``.

    Rows are dense: between a bar's low and its high every level is there. Imbalances are diagonal,
    their least volume the median of the 50 bars before (docs/readings/imbalance.md).

    Args:
        tape: As for `bars`.
        bars: As for `bars`.
        ticks_per_row: Height of a row, in exchange ticks; ``auto`` takes it from the day before
            (of a stored tape).
        imbalance: The ratio from which a row is imbalanced: 3 is three to one.
        until: As for `bars`.
        tick_size: As for `bars`.
        ids_are_continuous: As for `bars`.

    Raises:
        UsageError: The tape, or another argument, cannot be read.
        CoverageError: No day of a stored window is in the lake.
    """
    source = _source(tape, until=until, tick_size=tick_size, ids_are_continuous=ids_are_continuous)
    ratio = Fraction(str(imbalance)).limit_denominator(10**6)
    minimum = CausalMinimum(IMBALANCE_WINDOW)
    rows = None if ticks_per_row == "auto" else int(ticks_per_row)
    unit, batches = source.bars(_spec(bars), rows, cells=True)
    columns = [
        level_values(batch, inside, (ratio.numerator, ratio.denominator), minimum)
        for batch, inside in batches
    ]
    return source.give(to_table(level_fields(unit), columns, source.styles))


def events(
    tape: Any,
    detector: str,
    *,
    until: dt.datetime | None = None,
    tick_size: Any = None,
    ids_are_continuous: bool | None = None,
    **parameters: Any,
) -> Any:
    """What a detector sees in a tape, a row an event: the columns of ``orderflow-bt events``.

    Args:
        tape: As for `bars`.
        detector: An installed detector's name, ``module:Class`` or ``file.py``.
        until: As for `bars`.
        tick_size: As for `bars`.
        ids_are_continuous: As for `bars`.
        parameters: The detector's, by name.

    Raises:
        UsageError: The tape cannot be read, or the detector or a parameter does not exist.
        CoverageError: No day of a stored window is in the lake.
    """
    source = _source(tape, until=until, tick_size=tick_size, ids_are_continuous=ids_are_continuous)
    unit, found = source.events(make(load_detector(detector), **parameters))
    columns = [event_values(some) for some in found]
    return source.give(to_table(event_fields(unit), columns, source.styles))


def trades(tape: StoredTape) -> Any:
    """A stored tape's trades as one polars table: exact decimals, times in UTC.

    The whole window is held in memory, some 100 bytes a trade.

    Raises:
        CoverageError: No day of the window is stored.
    """
    unit, pieces = tape.trades()
    columns = [trade_values(piece) for piece in pieces]
    return tape.give(to_table(trade_fields(unit), columns, tape.styles))


def _source(tape: Any, **told: Any) -> StoredTape | HeldTape:
    if not isinstance(tape, StoredTape):
        return hold(tape, **told)
    for name, value in told.items():
        if value is not None:
            raise UsageError(
                f"{name} is for trades in memory", fix="Leave it out: the lake knows it"
            )
    return tape


def _spec(bars: str | BarSpec) -> BarSpec:
    return BarSpec.parse(bars) if isinstance(bars, str) else bars

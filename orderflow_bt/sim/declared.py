"""What a strategy declares before it runs: its bars, detectors and look-back, checked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.detectors import Detector
from orderflow_bt.errors import PluginError
from orderflow_bt.parameters import Parametrised, check_made
from orderflow_bt.sim.guard import guard
from orderflow_bt.sim.readings import Readings
from orderflow_bt.strategy.base import Strategy
from orderflow_bt.strategy.series import Series
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.kept import FlowCache
    from orderflow_bt.sim.shared import Shared


def readings_of(
    strategy: Strategy,
    instrument: Instrument,
    *,
    ids_are_continuous: bool,
    number_from: int = 0,
    fallback: BarSpec | None = None,
    kept: FlowCache | None = None,
    shared: Shared | None = None,
) -> Readings:
    """The readings that a strategy asked for; bars of ``fallback`` where it reads none.

    ``kept`` is what keeps the readings of stored days, ``shared`` what other readings make too.

    Raises:
        PluginError: It declared something else than bars and detectors, or is no strategy that
            was made with its parameters.
    """
    if not isinstance(strategy, Strategy):
        raise PluginError(
            f"{strategy!r} is no Strategy", fix="Derive it from orderflow_bt.Strategy"
        )
    check_made(strategy)
    with guard(strategy, "bar_specs", number_from):
        specs: list[BarSpec] = _all_of(
            BarSpec, strategy.bar_specs(), "time_bars('5m') or BarSpec.parse(…)"
        )
    with guard(strategy, "detectors", number_from):
        detectors: list[Detector] = _all_of(
            Detector, strategy.detectors(), "[DeltaDivergence(self.bars)]"
        )
    return Readings(
        specs or ([fallback] if fallback else []),
        detectors,
        ids_are_continuous=ids_are_continuous,
        row_size=instrument.tick_size,
        number_from=number_from,
        instrument=instrument,
        kept=kept,
        shared=shared,
    )


def series_of(strategy: Strategy) -> list[Series]:
    """The series that a strategy reads beside its tape.

    Raises:
        PluginError: It declared something else, or two of one name.
    """
    with guard(strategy, "series", 0):
        found: list[Series] = _all_of(Series, strategy.series(), "[Series('funding')]")
        names = [series.name for series in found]
        for name in names:
            if names.count(name) > 1:
                raise PluginError(f"it declared {name!r} twice")
    return found


def lookback_of(strategy: Strategy) -> int:
    """How much earlier tape a strategy wants, in microseconds.

    Raises:
        PluginError: It did not say a duration.
    """
    with guard(strategy, "lookback", 0):
        wanted = strategy.lookback()
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise PluginError(
                f"the look-back is a non-negative integer of microseconds, not {wanted!r}"
            )
    return wanted


def _all_of(kind: type[Any], given: object, example: str) -> list[Any]:
    if not isinstance(given, list | tuple) or isinstance(given, kind):
        raise PluginError(f"it returned {given!r}", fix=f"Return a list, such as {example}")
    for thing in given:
        if not isinstance(thing, kind):
            made = isinstance(thing, type) and issubclass(thing, kind)
            raise PluginError(
                f"it returned {thing!r}, which is no {kind.__name__}",
                fix=f"Make one: {thing.__name__}(…)" if made else f"Such as {example}",
            )
        if isinstance(thing, Parametrised):
            check_made(thing)
    return list(given)

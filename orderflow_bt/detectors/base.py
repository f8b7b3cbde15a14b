"""The protocol of a detector: a plugin that reads the tape and reports events. It never trades."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from orderflow_bt.flow.events import EventWords
from orderflow_bt.hook_rules import check_hooks, hooks_of
from orderflow_bt.parameters import Parametrised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import Event
    from orderflow_bt.flow.views import Footprint
    from orderflow_bt.types import Bar, BarSpec, Trades


class Detector(Parametrised, ABC):
    """Turns the tape into events, in one pass, keeping what state it needs.

    Override the readings you need; the others cost nothing. They come in the order in which they
    become known: trades before a bar's close are given before the bar. A detector forgets what is
    older than its `lookback`: where reading begins further back than that must not change what it
    reports. See ``docs/plugins.md``, "Writing a detector".

    Attributes:
        name: What its events call it.
        bars: The bars it reads, as a parameter; None if it reads trades alone.
        reads_rows: Whether it reads their footprints or points of control; False saves making them
            where nobody else does.
        tick: The exchange's price step in price units, set before the first reading.
        files: Files it reads, with their checksums: a run's manifest holds them.
        kinds: Words that `read` numbers in the column KIND.
        states: Those in the column STATE.
        detail_names: Those of the columns from DETAILS on.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ()
    detail_names: ClassVar[tuple[str, ...]] = ()
    reads_rows: ClassVar[bool] = True
    bars: BarSpec | None = None
    tick: int = 1
    files: Mapping[str, str] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_hooks(cls, _HOOKS, may_yield=True)

    @property
    @abstractmethod
    def lookback(self) -> int:
        """How much earlier tape it needs before its events can be trusted, in microseconds."""

    @property
    def follows_from_tape(self) -> bool:
        """Whether tape, code and parameters decide its events: a time zone's rules may change."""
        return True

    def begin(self, tick: int) -> None:
        """Called once before the first reading, with the price step of the tape."""
        self.tick = tick

    def on_bar(self, bar: Bar) -> Iterable[Event]:  # noqa: ARG002 - for whoever overrides it
        """Read the next closed bar; the events it makes known, ``known_at`` when it is known."""
        return ()

    def on_footprint(self, footprint: Footprint) -> Iterable[Event]:  # noqa: ARG002 - as above
        """As `on_bar`, with the bar's rows; they are one tick high."""
        return ()

    def on_trades(self, trades: Trades) -> Iterable[tuple[int, Event]]:  # noqa: ARG002 - as above
        """Read the next piece of tape, of any length; each event with the row that made it known.

        An event is known once that row's trade is over: its ``known_at`` is the trade's time, and
        the earliest trade that an order because of it can meet is the next one.
        """
        return ()

    def share_readings(self, pool: dict[type, object]) -> None:
        """Called once, before `begin`, with what the detectors of one reading may share.

        Only those that read no bars may: they are read together, on another thread than the rest.
        """

    def read(self, trades: Trades, bars: BarBatch, gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """All that a piece of tape makes known, as rows of events, in place of the hooks above.

        For detectors with kernels, which never make an object an event. Override it or the hooks.

        Args:
            trades: The next piece of tape, of any length, perhaps none.
            bars: The bars of `bars` that closed in it; none where that is None. Bar ``k`` is known
                before trade ``bars.at[k]`` of the piece.
            gaps: Rows of the piece before which trades are known to be missing, ascending.

        Returns:
            int64 [events, DETAILS + details], in the order of knowing, columns as in
            `orderflow_bt.flow.events.EventColumns`; SOURCE and ID are filled in by who asks. An
            event of a trade has the next row as AT and 0 as BARS, one of a bar the bar's. Where
            trades are missing between SINCE and its time, who asks sets SPANS_GAP.
        """
        raise NotImplementedError

    def words(self) -> EventWords:
        """The words behind the numbers that `read` gives."""
        return EventWords(self.name, list(self.kinds), list(self.states), list(self.detail_names))


_HOOKS = hooks_of(Detector)


def reads(detector: Detector, hook: str) -> bool:
    """Whether a detector has its own ``hook``."""
    return getattr(type(detector), hook) is not getattr(Detector, hook)


def is_shipped(detector: Detector) -> bool:
    """Whether its class and parameters tell all: this program's own, whose code it knows."""
    return all(
        base.__module__.startswith("orderflow_bt.")
        for base in type(detector).__mro__
        if issubclass(base, Detector)
    )

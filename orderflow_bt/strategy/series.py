"""What a strategy may read beside its own tape: declared once, then readable as of `known_at`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.types import LONGEST_DELAY, BarSpec, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Seconds from a row's own time to the moment it counts as known.
DELAYS = {
    "funding": 15.0,  # the exchange pays within 15 seconds of the time it states
    "metrics": 300.0,  # nobody says when a row is published: the next one is there by then
    "klines": 0.0,  # from their close on, as all that follow
    "mark": 0.0,
    "index": 0.0,
    "premium": 0.0,
    "bars": 0.0,
    "trades": 0.0,
}
OF_TAPES = ("bars", "trades")
WITH_INTERVAL = ("klines", "mark", "index", "premium", "bars")


@dataclass(frozen=True, slots=True)
class Series:
    """A series to read: ``Series("funding")``, ``Series("bars", "1m", symbol="ETHUSDT")``.

    Attributes:
        kind: ``funding``, ``metrics`` (open interest), ``mark``, ``index``, ``premium`` or plain
            ``klines`` of the exchange; ``bars`` (with ``delta`` and ``cvd``) or ``trades`` of a
            stored tape.
        interval: Of klines and bars.
        symbol: Whose; the run's own by default.
        market: spot, um or cm; the run's own by default.
        delay: Seconds from a row's time (of klines and bars, their close) to when it is known; by
            default 15 for funding, 300 for metrics, else 0.
    """

    kind: str
    interval: str = ""
    symbol: str = ""
    market: str = ""
    delay: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in DELAYS:
            raise PluginError(
                f"no series is called {self.kind!r}", fix=f"Known: {', '.join(DELAYS)}"
            )
        for name in ("interval", "symbol", "market"):
            if not isinstance(given := getattr(self, name), str):
                raise PluginError(f"the {name} of a series is a text, {given!r} was given")
        if self.market and self.market not in set(MarketType):
            raise PluginError(
                f"{self.market!r} is no market", fix=f"Known: {', '.join(MarketType)}"
            )
        if self.kind in WITH_INTERVAL and not self.interval:
            object.__setattr__(self, "interval", "1m")
        if self.kind not in WITH_INTERVAL and self.interval:
            raise PluginError(f"{self.kind} has no interval, {self.interval!r} was given")
        if self.kind == "bars":
            _check_bars(self.interval)
        if self.delay is not None and not _is_delay(self.delay):
            raise PluginError(
                f"a series cannot be known {self.delay!r} seconds after its time",
                fix=f"Give a delay of 0 to {LONGEST_DELAY} seconds",
            )

    @property
    def name(self) -> str:
        """What ``market.series`` calls it: its kind, and its market and symbol where given."""
        return ":".join(part for part in (self.kind, self.market, self.symbol) if part)

    @property
    def delay_us(self) -> int:
        """From a row's time to when it is known, in microseconds."""
        return round(1_000_000 * (DELAYS[self.kind] if self.delay is None else self.delay))


def _check_bars(interval: str) -> None:
    try:
        BarSpec.parse(interval)
    except UsageError as error:
        raise PluginError(error.what, fix=error.fix) from error


def _is_delay(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= LONGEST_DELAY


@dataclass(frozen=True, slots=True)
class Known:
    """A row of a series. Numbers are exact decimals in their own units.

    Attributes:
        time: The row's own time, microseconds UTC; of klines and bars, their open.
        known_at: From when it may be used.
        values: The columns by name, also ``row["rate"]``.
    """

    time: int
    known_at: int
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """A column by name."""
        if name not in self.values:
            raise PluginError(
                f"the series has no column {name!r}", fix=f"It has: {', '.join(self.values)}"
            )
        return self.values[name]


class History(Protocol):
    """Rows that are known now, oldest first; at least those of the last day."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Known: ...
    def __iter__(self) -> Iterator[Known]: ...

    @property
    def last(self) -> Known | None:
        """The newest row known, None before the first."""
        ...

    def since(self, time: int) -> list[Known]:
        """Rows that became known at ``time`` or later."""
        ...

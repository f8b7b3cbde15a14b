"""The base class of a strategy: parameters, detectors, and hooks called as time passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from orderflow_bt.errors import PluginError
from orderflow_bt.hook_rules import check_hooks, hooks_of
from orderflow_bt.parameters import Parametrised
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow.events import Event
    from orderflow_bt.strategy.api import Broker, Fill, Market, Order, TradeView
    from orderflow_bt.strategy.series import Series
    from orderflow_bt.types import Bar


class Strategy(Parametrised):
    """A trader's claim as code. Override the hooks you need; the rest cost nothing.

    At one instant hooks run in this order: `on_start`, `on_fill` and `on_order`, `on_bar` (short
    bars before long), `on_event`, `on_timer`, `on_trade`. Each sees only what was known then.
    """

    #: Variants whose results a report shows beside the run's, parameters by name: the parts of a
    #: signal alone, say. They read the same bars and receive the same events.
    comparisons: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_hooks(cls, _HOOKS)
        _check_comparisons(cls)

    def detectors(self) -> list[Detector]:
        """The detectors whose events `on_event` receives."""
        return []

    def bar_specs(self) -> list[BarSpec]:
        """The bars `on_bar` receives: every parameter that is a `BarSpec`, unless overridden."""
        values = (getattr(self, name) for name in self.params)
        return [value for value in values if isinstance(value, BarSpec)]

    def series(self) -> list[Series]:
        """What is read beside the tape: funding, open interest, klines, another symbol."""
        return []

    def lookback(self) -> int:
        """How much earlier tape is read with orders disabled before the window, in microseconds."""
        return max((detector.lookback for detector in self.detectors()), default=0)

    def on_start(self, market: Market, broker: Broker) -> None:
        """The window begins: the warm-up is read, orders are enabled. Set timers here.

        ``market.last`` is 0 where no trade was read before.
        """

    def on_end(self, market: Market, broker: Broker) -> None:
        """The window is over: a last look. Orders sent here go nowhere."""

    def on_fill(self, fill: Fill, market: Market, broker: Broker) -> None:
        """An order traded; known one response latency after the trade."""

    def on_order(self, order: Order, market: Market, broker: Broker) -> None:
        """An order was accepted, rejected, cancelled or expired."""

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        """A bar closed."""

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        """A detector saw something."""

    def on_timer(self, market: Market, broker: Broker) -> None:
        """A time set with ``broker.timer`` has come."""

    def on_trade(self, trade: TradeView, market: Market, broker: Broker) -> None:
        """A trade happened. Plain Python on every trade is slow: for short windows."""


def _check_comparisons(cls: type[Strategy]) -> None:
    given: object = cls.comparisons
    if not (
        isinstance(given, Mapping)
        and all(isinstance(name, str) for name in given)
        and all(isinstance(changes, Mapping) for changes in given.values())
    ):
        raise PluginError(
            f"the comparisons of {cls.__name__} are {given!r}",
            fix='Write parameters by name, as {"first layer alone": {"layers": "first"}}',
        )


_HOOKS = hooks_of(Strategy)

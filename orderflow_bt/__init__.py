"""Historical backtesting of order flow in crypto.

What plugins and notebooks import, loaded when first asked for:

    from orderflow_bt import BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orderflow_bt.detectors.base import Detector
    from orderflow_bt.flow.events import Event
    from orderflow_bt.parameters import param
    from orderflow_bt.strategy.api import Broker, Fill, Market, Order, Position, TradeView
    from orderflow_bt.strategy.base import Strategy
    from orderflow_bt.strategy.series import Known, Series
    from orderflow_bt.types import Bar, BarSpec, Side, time_bars

__version__ = "0.1.0"

__all__ = [
    "Bar",
    "BarSpec",
    "Broker",
    "Detector",
    "Event",
    "Fill",
    "Known",
    "Market",
    "Order",
    "Position",
    "Series",
    "Side",
    "Strategy",
    "TradeView",
    "__version__",
    "param",
    "time_bars",
]

_HOMES = {
    "Bar": "types",
    "BarSpec": "types",
    "Side": "types",
    "time_bars": "types",
    "param": "parameters",
    "Event": "flow.events",
    "Detector": "detectors.base",
    "Broker": "strategy.api",
    "Fill": "strategy.api",
    "Market": "strategy.api",
    "Order": "strategy.api",
    "Position": "strategy.api",
    "TradeView": "strategy.api",
    "Strategy": "strategy.base",
    "Known": "strategy.series",
    "Series": "strategy.series",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

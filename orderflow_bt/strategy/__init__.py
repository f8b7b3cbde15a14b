"""What a plugin author imports."""

from orderflow_bt.strategy.api import Broker, Fill, Market, Order, Position, TradeView
from orderflow_bt.strategy.base import Strategy

__all__ = ["Broker", "Fill", "Market", "Order", "Position", "Strategy", "TradeView"]

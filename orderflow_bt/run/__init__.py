"""One backtest: a folder with everything it needed and produced."""

from orderflow_bt.run.backtest import backtest, backtests
from orderflow_bt.run.request import Request

__all__ = ["Request", "backtest", "backtests"]

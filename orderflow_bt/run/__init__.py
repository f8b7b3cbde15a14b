"""One backtest: a folder with everything it needed and produced."""

from orderflow_bt.run.backtest import Request, backtest, backtests

__all__ = ["Request", "backtest", "backtests"]

"""One backtest: a folder with everything it needed and produced."""

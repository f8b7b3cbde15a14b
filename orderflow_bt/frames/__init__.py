"""Readings in the hand: a tape as polars, Arrow, pandas or NumPy in, bars and events of it out.

from orderflow_bt.frames import bars, events, footprint, open_tape

tape = open_tape("BTCUSDT", "2024-01-01", "2024-01-07", market="um", lake="data")
footprint(tape, bars="1m", ticks_per_row=10)
"""

from orderflow_bt.frames.read import bars, events, footprint, trades
from orderflow_bt.frames.stored import StoredTape, open_tape

__all__ = ["StoredTape", "bars", "events", "footprint", "open_tape", "trades"]

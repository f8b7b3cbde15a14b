"""The author's kit: text tapes and checks for plugins."""

from orderflow_bt.testing.tape import PLAIN, Script, Tape, TapeRun, read_events, run_trades

__all__ = ["PLAIN", "Script", "Tape", "TapeRun", "read_events", "run_trades"]

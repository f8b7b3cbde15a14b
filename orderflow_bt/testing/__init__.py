"""The author's kit: text tapes and checks for plugins, and for modules of other exchanges."""

from orderflow_bt.testing.lookahead import assert_no_lookahead
from orderflow_bt.testing.tape import PLAIN, Script, Tape, TapeRun, read_events, run_trades
from orderflow_bt.testing.trial import Trade, Trial, try_out
from orderflow_bt.testing.venue import VenueDay, check_venue

__all__ = [
    "PLAIN",
    "Script",
    "Tape",
    "TapeRun",
    "Trade",
    "Trial",
    "VenueDay",
    "assert_no_lookahead",
    "check_venue",
    "read_events",
    "run_trades",
    "try_out",
]

"""A simulated market in exchange-archive form, with planted situations or with none."""

from orderflow_bt.synth.archive import write_archive
from orderflow_bt.synth.example import example_tape
from orderflow_bt.synth.funding import write_funding
from orderflow_bt.synth.market import SimulatedDay, SimulatedMarket
from orderflow_bt.synth.situations import Situation
from orderflow_bt.synth.stored import store_market

__all__ = [
    "SimulatedDay",
    "SimulatedMarket",
    "Situation",
    "example_tape",
    "store_market",
    "write_archive",
    "write_funding",
]

"""A simulated market in exchange-archive form, with planted situations or with none."""

from orderflow_bt.synth.archive import write_archive
from orderflow_bt.synth.example import example_tape
from orderflow_bt.synth.funding import write_funding
from orderflow_bt.synth.market import SimulatedDay, SimulatedMarket
from orderflow_bt.synth.situations import Situation

__all__ = [
    "SimulatedDay",
    "SimulatedMarket",
    "Situation",
    "example_tape",
    "write_archive",
    "write_funding",
]

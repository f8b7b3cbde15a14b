"""The simulated exchange: session, broker, account."""

from orderflow_bt.sim.assumptions import (
    End,
    FillPolicy,
    GapPolicy,
    LiquidateOn,
    OffTick,
    Reference,
    StopFill,
    TriggerOn,
)
from orderflow_bt.sim.config import SimConfig
from orderflow_bt.sim.latency import LatencySample, LatencyTable
from orderflow_bt.sim.readings import Readings
from orderflow_bt.sim.session import Session
from orderflow_bt.sim.snapshot import restore, snapshot

__all__ = [
    "End",
    "FillPolicy",
    "GapPolicy",
    "LatencySample",
    "LatencyTable",
    "LiquidateOn",
    "OffTick",
    "Readings",
    "Reference",
    "Session",
    "SimConfig",
    "StopFill",
    "TriggerOn",
    "restore",
    "snapshot",
]

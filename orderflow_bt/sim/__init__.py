"""The simulated exchange: session, broker, account."""

from orderflow_bt.sim.config import FillPolicy, SimConfig
from orderflow_bt.sim.readings import Readings
from orderflow_bt.sim.session import Session
from orderflow_bt.sim.snapshot import restore, snapshot

__all__ = ["FillPolicy", "Readings", "Session", "SimConfig", "restore", "snapshot"]

"""The simulated exchange: session, broker, account."""

from orderflow_bt.sim.config import FillPolicy, SimConfig
from orderflow_bt.sim.readings import Readings
from orderflow_bt.sim.session import Session

__all__ = ["FillPolicy", "Readings", "Session", "SimConfig"]

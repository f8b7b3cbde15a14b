"""Readings of the tape: a thin validated skin over the kernels."""

from orderflow_bt.flow.bars import MAX_BATCH_BARS, MAX_ROWS, BarStream
from orderflow_bt.flow.batch import BarBatch
from orderflow_bt.flow.cvd import Cvd, CvdBar
from orderflow_bt.flow.imbalance import CausalMinimum, ZeroPolicy, diagonal, horizontal
from orderflow_bt.flow.profile import (
    AreaRule,
    NakedLevels,
    Profile,
    ProfileBuilder,
    SessionProfiles,
    ValueArea,
)
from orderflow_bt.flow.sessions import UTC_DAY, TradingSession
from orderflow_bt.flow.views import Footprint, Level

__all__ = [
    "MAX_BATCH_BARS",
    "MAX_ROWS",
    "UTC_DAY",
    "AreaRule",
    "BarBatch",
    "BarStream",
    "CausalMinimum",
    "Cvd",
    "CvdBar",
    "Footprint",
    "Level",
    "NakedLevels",
    "Profile",
    "ProfileBuilder",
    "SessionProfiles",
    "TradingSession",
    "ValueArea",
    "ZeroPolicy",
    "diagonal",
    "horizontal",
]

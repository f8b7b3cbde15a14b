"""Readings of the tape: a thin validated skin over the kernels."""

from orderflow_bt.flow.auction import (
    AuctionMode,
    InitialBalance,
    UnfinishedAuctions,
    read_auction,
)
from orderflow_bt.flow.averages import (
    Twap,
    Vwap,
    kyle_lambda,
    order_flow_imbalance,
    sign_autocorrelation,
    trade_flow_imbalance,
    vpin,
)
from orderflow_bt.flow.bars import MAX_BATCH_BARS, MAX_ROWS, BarStream
from orderflow_bt.flow.batch import BarBatch
from orderflow_bt.flow.clusters import ClusterFilter, ClusterSearch
from orderflow_bt.flow.cvd import Cvd, CvdBar
from orderflow_bt.flow.grouping import auto_ticks_per_row
from orderflow_bt.flow.imbalance import ZeroPolicy, diagonal, horizontal
from orderflow_bt.flow.levels import Levels, SessionLevels
from orderflow_bt.flow.minimum import CausalMinimum
from orderflow_bt.flow.profile import (
    AreaRule,
    NakedLevel,
    NakedLevels,
    Profile,
    ProfileBuilder,
    SessionProfiles,
    ValueArea,
)
from orderflow_bt.flow.rows import regroup
from orderflow_bt.flow.sessions import UTC_DAY, TradingSession
from orderflow_bt.flow.sides import tick_rule
from orderflow_bt.flow.views import Footprint, Level

__all__ = [
    "MAX_BATCH_BARS",
    "MAX_ROWS",
    "UTC_DAY",
    "AreaRule",
    "AuctionMode",
    "BarBatch",
    "BarStream",
    "CausalMinimum",
    "ClusterFilter",
    "ClusterSearch",
    "Cvd",
    "CvdBar",
    "Footprint",
    "InitialBalance",
    "Level",
    "Levels",
    "NakedLevel",
    "NakedLevels",
    "Profile",
    "ProfileBuilder",
    "SessionLevels",
    "SessionProfiles",
    "TradingSession",
    "Twap",
    "UnfinishedAuctions",
    "ValueArea",
    "Vwap",
    "ZeroPolicy",
    "auto_ticks_per_row",
    "diagonal",
    "horizontal",
    "kyle_lambda",
    "order_flow_imbalance",
    "read_auction",
    "regroup",
    "sign_autocorrelation",
    "tick_rule",
    "trade_flow_imbalance",
    "vpin",
]

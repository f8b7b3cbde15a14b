"""Readings of the tape: a thin validated skin over the kernels."""

from orderflow_bt.flow.bars import MAX_BATCH_BARS, MAX_ROWS, BarStream
from orderflow_bt.flow.batch import BarBatch
from orderflow_bt.flow.imbalance import CausalMinimum, ZeroPolicy, diagonal, horizontal
from orderflow_bt.flow.views import Footprint, Level

__all__ = [
    "MAX_BATCH_BARS",
    "MAX_ROWS",
    "BarBatch",
    "BarStream",
    "CausalMinimum",
    "Footprint",
    "Level",
    "ZeroPolicy",
    "diagonal",
    "horizontal",
]

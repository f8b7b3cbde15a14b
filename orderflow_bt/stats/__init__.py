"""Metrics and their uncertainty: pure functions on fills and equity."""

from __future__ import annotations

from orderflow_bt.stats.metrics import Stat
from orderflow_bt.stats.summary import execution, summarise
from orderflow_bt.stats.verdict import Evidence, Verdict, judge, money, money_digits

__all__ = [
    "Evidence",
    "Stat",
    "Verdict",
    "execution",
    "judge",
    "money",
    "money_digits",
    "summarise",
]

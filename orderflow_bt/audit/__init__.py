"""Can stored days be trusted: losses told from halts, day by day and across borders."""

from orderflow_bt.audit.days import DayAudit, Loss, audit_tape
from orderflow_bt.audit.halts import find_halts
from orderflow_bt.audit.klines import KlineCheck, Unequal, check_klines, minutes_of
from orderflow_bt.audit.silence import Habit, Silence

__all__ = [
    "DayAudit",
    "Habit",
    "KlineCheck",
    "Loss",
    "Silence",
    "Unequal",
    "audit_tape",
    "check_klines",
    "find_halts",
    "minutes_of",
]

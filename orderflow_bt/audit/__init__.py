"""Can stored days be trusted: losses told from halts, day by day and across borders."""

from orderflow_bt.audit.days import DayAudit, Loss, audit_tape
from orderflow_bt.audit.silence import Habit, Silence

__all__ = ["DayAudit", "Habit", "Loss", "Silence", "audit_tape"]

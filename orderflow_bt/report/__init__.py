"""Figures and the self-contained report. Importing this loads matplotlib: do it where needed."""

from __future__ import annotations

from orderflow_bt.report.build import build
from orderflow_bt.report.compare import compare
from orderflow_bt.report.footprint import draw_footprint
from orderflow_bt.report.grid import Scale
from orderflow_bt.report.marks import EventMark, Marks
from orderflow_bt.report.portfolio import build_portfolio, is_portfolio

__all__ = [
    "EventMark",
    "Marks",
    "Scale",
    "build",
    "build_portfolio",
    "compare",
    "draw_footprint",
    "is_portfolio",
]

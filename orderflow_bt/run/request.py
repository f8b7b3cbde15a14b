"""What a backtest is asked: a strategy, its parameters, a tape, a window, assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.sim import SimConfig
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import TapeId


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    Attributes:
        name: What the strategy is called: folder and reports use it.
        strategy: Its class.
        parameters: By name; texts are converted.
        tape: Whose trades.
        start: First moment at which orders are enabled, microseconds UTC.
        end: End, exclusive.
        config: Assumptions of the simulation.
        accept_gaps: Whether to run over missing days and days with defects.
        grid: Whether to live through it under other latencies and from later starts too.
    """

    name: str
    strategy: type[Strategy]
    parameters: Mapping[str, Any]
    tape: TapeId
    start: int
    end: int
    config: SimConfig
    accept_gaps: bool = False
    grid: bool = False

"""What there is of a run at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.context import ContextPlan
    from orderflow_bt.run.funding import FundingPlan
    from orderflow_bt.run.grid import Condition
    from orderflow_bt.run.marks import MarkPlan
    from orderflow_bt.run.recorder import Recorder
    from orderflow_bt.run.request import Request
    from orderflow_bt.run.window import Window
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy import Strategy


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run, about to be written down.

    ``still_open`` is the position held at the end, ``recorder`` has the bars, ``lake`` the tape.
    ``portfolio`` names the symbols that share the cash, where some do. ``grid`` has the sessions
    under other conditions, where they were asked for. ``lookback`` is what the strategy wanted,
    ``code`` and ``files`` are checksums of what it was made of, all as it was when the run began.
    """

    request: Request
    window: Window
    funding: FundingPlan
    marks: MarkPlan
    context: ContextPlan
    instrument: Instrument
    strategy: Strategy
    session: Session
    still_open: RoundTrip | None
    recorder: Recorder
    lake: Lake
    by_policy: Mapping[str, Session]
    lookback: int
    code: Mapping[str, Any]
    files: Mapping[str, str]
    compared: Mapping[str, Session]
    simulated_market: str
    portfolio: tuple[str, ...] = ()
    grid: Sequence[tuple[Condition, Session]] = ()

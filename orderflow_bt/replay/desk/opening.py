"""Opens a desk: the window, the player at its first row, what is on screen, and the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.flow.grouping import ticks_of_ranges
from orderflow_bt.replay.desk.desk import Desk
from orderflow_bt.replay.desk.notebook import Notebook
from orderflow_bt.replay.desk.shelf import Shelf
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.scene import plugin_of
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.practice.blind import challenge_code, start_facts
from orderflow_bt.replay.practice.drills import Drills
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.replay.practice.journal_file import is_sealed
from orderflow_bt.replay.screen.screen import open_picture

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.replay.engine.window import ReplayWindow
    from orderflow_bt.replay.practice.blind import Start
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import BarSpec, TapeId

DETECTORS = ("absorption", "big_trades", "delta_divergence", "imbalance_zones")

_USUAL_RANGE = 1000  # of a bar, as a part of the price


@dataclass(frozen=True, slots=True)
class Plan:
    """What is replayed, and how.

    Attributes:
        tape: Whose trades.
        start: First moment of the part to practise on, microseconds UTC.
        end: End, exclusive.
        bars: On screen.
        config: Assumptions of the simulation.
        options: What the assumptions were made of, ready for JSON.
        warmup: How much earlier tape is shown, in microseconds.
        detectors: Those on screen at first: names, with parameters behind commas.
        ticks_per_row: Height of a row; None chooses one.
        accept_gaps: Whether missing days and defects are accepted.
        blind: The start that was drawn, where symbol, date and price are hidden.
        seed: Of the questions.
    """

    tape: TapeId
    start: int
    end: int
    bars: BarSpec
    config: SimConfig
    options: dict[str, Any] = field(default_factory=dict)
    warmup: int = 0
    detectors: tuple[str, ...] = DETECTORS
    ticks_per_row: int | None = None
    accept_gaps: bool = False
    blind: Start | None = None
    seed: int = 1

    def facts(self) -> dict[str, Any]:
        """What the first line of the journal says of it."""
        tape = self.tape
        return {
            "tape": {
                "exchange": tape.exchange, "market": tape.market.value,
                "kind": tape.kind.value, "symbol": tape.symbol,
            },
            "window": {"start": self.start, "end": self.end, "warmup": self.warmup},
            "bars": str(self.bars),
            "detectors": list(self.detectors),
            "ticks_per_row": self.ticks_per_row,
            "config": self.options,
            "accept_gaps": self.accept_gaps,
            "seed": self.seed,
            "blind": False,
            **(start_facts(self.blind) if self.blind else {}),
        }  # fmt: skip


def open_desk(lake: Lake, plan: Plan, folder: Path, *, shelf: Shelf | None = None) -> Desk:
    """A desk at the first row of a window, or where its practice stopped.

    Args:
        lake: Where the days are stored.
        plan: What is replayed.
        folder: Of the practice; its journal goes on if there is one.
        shelf: What can be switched on.

    Raises:
        CoverageError: Days or trades are missing and gaps are not accepted.
        UsageError: Another process writes the journal, or it cannot be gone on with.
        PluginError: A detector failed.
    """
    shelf = shelf or Shelf(plan.detectors)
    window = open_window(
        lake, plan.tape, plan.start, plan.end,
        warmup=plan.warmup, accept_gaps=plan.accept_gaps,
    )  # fmt: skip
    date = np.datetime64(plan.start, "us").astype("datetime64[D]")
    journal = Journal.open(folder, plan.facts())
    shown = [plugin_of(text)[0] for text in plan.detectors]
    picture = open_picture(
        window, plan.bars, ticks_per_row=plan.ticks_per_row or _by_price(window),
        blind=is_sealed(journal.entries),
        title=f"{plan.tape.symbol} {plan.tape.market.value} {date}",
    )  # fmt: skip
    player = Player(
        window, bars=plan.bars, config=plan.config, listeners=[picture],
        detectors=[shelf.detector(name, picture.view) for name in shown],
    )  # fmt: skip
    drills = Drills(player, window, plan.seed, bars=plan.bars, before=journal.entries)
    notebook = Notebook(journal, player, drills, picture.seen)
    desk = Desk(
        player, picture, notebook, shelf,
        honesty=_honesty(lake, window), detectors=shown, start=plan.blind,
        challenge=challenge_code(plan.blind) if plan.blind else None,
    )  # fmt: skip
    desk.recall()
    return desk


def _by_price(window: ReplayWindow) -> int | None:
    """Ticks a row where nothing was traded before the start; None leaves it to what was."""
    if window.first:
        return None
    price, tick = int(window.trades(0, 1).price[0]), window.instrument.tick_size
    return ticks_of_ranges([(price, price + max(tick, price // _USUAL_RANGE))], tick)


def _honesty(lake: Lake, window: ReplayWindow) -> dict[str, Any]:
    day = next(day for day in reversed(window.days) if day.first_time < window.end)
    tape = window.tape
    return {
        "source": f"{tape.exchange} {tape.market.value} {tape.kind.value}",
        "hash": day.origin.sha256,
        "market": "simulated market" if lake.simulated else "",
    }

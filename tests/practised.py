"""A practice on a simulated lake as a desk would write it: questions answered, orders sent."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.practice.blind import start_facts
from orderflow_bt.replay.practice.drills import Drills
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.replay.practice.points import CHOICES
from orderflow_bt.replay.practice.trips import write_trips
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import HOUR_US, MarketType, time_bars

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

CONFIG = dataclasses.replace(SimConfig.for_market(MarketType.UM), leverage=None)
REASONS = ("absorbed selling", "failed high", "retest")


def practise(
    lake: Lake, tape: TapeId, start: int, folder: Path, *, questions=24, orders=5, hours=6,
    skill=0.6, seed=1, blind=None,
) -> Journal:  # fmt: skip
    """Answer and trade through some hours; the journal, still open."""
    rng = np.random.default_rng(seed)
    bars = time_bars("1m")
    window = open_window(lake, tape, start, start + hours * HOUR_US, warmup=4 * HOUR_US)
    player = Player(window, bars=bars, config=CONFIG)
    facts = {
        "tape": {"exchange": tape.exchange, "market": tape.market.value, "kind": tape.kind.value,
                 "symbol": tape.symbol},
        "window": {"start": window.start, "end": window.end, "warmup": 4 * HOUR_US},
        "bars": "1m", "blind": False,
    }  # fmt: skip
    journal = Journal.open(folder, facts | (start_facts(blind) if blind else {}))
    drills = Drills(player, window, seed, bars=bars)

    def at():
        return {"row": player.row, "time": player.now, "attempt": player.attempt}

    def go(row):
        player.seek(row)
        write_trips(journal, player)
        for told in drills.told():
            journal.write("truth", **at(), **drills.record(told["id"]))

    for n in range(questions):
        row = drills.next()
        if row is None:
            break
        go(row)
        question = drills.ask()
        journal.write(
            "ask", **at(), **{k: v for k, v in question.items() if k not in ("row", "kind")}
        )
        choices = CHOICES[question["kind"]]
        guess = choices[int(rng.integers(len(choices)))]
        drills_truth = drills._asked[question["id"]].truth.choice
        choice = drills_truth if rng.random() < skill and drills_truth else guess
        drills.answer(choice, int(rng.integers(5, 11)) * 10, float(rng.lognormal(1.5, 0.5)))
        journal.write(
            "answer", **at(), seen={"bar": n, "marks": [n]}, **drills.record(question["id"])
        )
        if n < orders:
            last, side = player.session.last_price, int(rng.choice([-1, 1]))
            action = {
                "do": "market", "side": side, "qty": 50, "stop": last - 40 * side,
                "target": last + 80 * side, "reason": REASONS[n % len(REASONS)],
            }  # fmt: skip
            where = at()
            order = player.act(action)
            journal.write("action", **where, action=action, order=order)
    journal.write(
        "note", **at(), text="Too sure of moving minutes <b>again</b>", tags=["absorption"]
    )
    go(window.rows)
    return journal

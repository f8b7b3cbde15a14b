"""``orderflow-bt practice FOLDER --compare``: a person beside strategies on the same stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.cli import options
from orderflow_bt.cli.words import table_lines
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from orderflow_bt.replay.practice.review import Practice


def compared(practice: Practice, names: list[str]) -> dict[str, Any]:
    """What `replay.compare.compare` says of a practice and some strategies.

    Args:
        practice: Revealed, or never blind.
        names: Of strategies, as `run` takes them.

    Raises:
        UsageError: The practice is hidden, or a name is none.
        CoverageError: The lake lacks its days.
        PluginError: A strategy failed.
    """
    from orderflow_bt.cli.assumptions import Assumptions
    from orderflow_bt.cli.run import plain_name
    from orderflow_bt.plugins import make
    from orderflow_bt.replay.engine.window import open_window
    from orderflow_bt.replay.practice.compare import compare
    from orderflow_bt.replay.practice.shapes import practised_of
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.types import BarSpec

    if practice.sealed:
        raise UsageError(
            "market and date of this practice are still hidden",
            where=str(practice.folder),
            fix="Reveal it in the replay first",
        )
    facts, tape = practised_of(practice.facts, practice.folder), practice.tape
    start, end = facts.window.start, facts.window.end
    assumed = Assumptions(
        **facts.config.model_dump(),
        fee_tables=options.settings.config.get("fees"),
        margin_tables=options.settings.config.get("margin"),
    )
    lake = options.open_lake()
    config = assumed.config(lake, tape, start, end)
    strategies = {plain_name(name): make(load_strategy(name)) for name in names}
    opened = open_window(
        lake, tape, start, end, warmup=facts.window.warmup, accept_gaps=facts.accept_gaps
    )
    return compare(opened, practice.entries, strategies, config, BarSpec.parse(facts.bars))


def compared_lines(found: dict[str, Any], practice: Practice) -> list[str]:
    """It as lines for a terminal."""
    from orderflow_bt.replay.practice.beside import HEADER, missed_rows, notes, party_rows
    from orderflow_bt.replay.practice.review import stamp

    lines = [f"up to {stamp(found['until'])} UTC, under the same assumptions", ""]
    lines += table_lines(HEADER, party_rows(found))
    for name, rows in missed_rows(found, practice).items():
        lines += ["", f"{name} took, and you did not:"]
        lines += [f"  {when}  {side:<5}  {r}" for when, side, r, _ in rows]
        if (more := len(found["missed"][name]) - len(rows)) > 0:
            lines.append(f"  and {more:,} more (--json has them)")
    return lines + [line for note in notes(found) for line in ("", note)]

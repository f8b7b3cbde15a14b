"""``orderflow-bt practice FOLDER --compare``: a person beside strategies on the same stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, table_lines
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from orderflow_bt.replay.review import Practice

SHOWN = 20  # round trips of a strategy that are listed
_MINUS = "\u2212"


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
    from orderflow_bt.replay.compare import compare
    from orderflow_bt.replay.window import open_window
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.types import BarSpec, Kind, MarketType, TapeId

    if practice.sealed:
        raise UsageError(
            "market and date of this practice are still hidden",
            where=str(practice.folder),
            fix="Reveal it in the replay first",
        )
    facts = practice.facts
    try:
        tape = TapeId(
            facts["tape"]["exchange"], MarketType(facts["tape"]["market"]),
            Kind(facts["tape"]["kind"]), facts["tape"]["symbol"],
        )  # fmt: skip
        window = facts["window"]
        start, end, warmup = (int(window[name]) for name in ("start", "end", "warmup"))
        spec = BarSpec.parse(str(facts["bars"]))
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"the journal does not say what was practised on: {error}", where=str(practice.folder)
        ) from error
    assumed = Assumptions(
        **facts.get("config", {}),
        fee_tables=options.settings.config.get("fees"),
        margin_tables=options.settings.config.get("margin"),
    )
    lake = options.open_lake()
    config = assumed.config(lake, tape, start, end)
    strategies = {name: load_strategy(name)() for name in names}
    opened = open_window(
        lake, tape, start, end, warmup=warmup, accept_gaps=bool(facts.get("accept_gaps"))
    )
    return compare(opened, practice.entries, strategies, config, spec)


def compared_lines(found: dict[str, Any]) -> list[str]:
    """It as lines for a terminal."""
    from orderflow_bt.replay.compare import PERSON
    from orderflow_bt.replay.review import stamp

    rows = []
    for name, party in found["parties"].items():
        scores = party["scores"]
        interval = scores["expectancy_interval"]
        rows.append(
            (
                name,
                str(scores["round_trips"]),
                _signed(scores["expectancy_r"]),
                "" if interval is None else f"{_signed(interval[0])} to {_signed(interval[1])}",
                _signed(party["net"]),
                f"{party['fees']:,.2f}",
                "" if name == PERSON else str(found["shared"][name]),
            )
        )
    header = ("who", "trips", "R each", "95 % between", "net", "fees", "shared entries")
    lines = [f"up to {stamp(found['until'])} UTC, under the same assumptions", ""]
    lines += table_lines(header, rows)
    if not found["enough"]:
        lines += ["", f"Too few to judge: {count_text(_trips(found), 'round trip')} of yours."]
    for name, missed in found["missed"].items():
        if not missed:
            continue
        lines += ["", f"{name} took, and you did not:"]
        for trip in missed[:SHOWN]:
            side = "long" if trip["side"] > 0 else "short"
            lines.append(f"  {stamp(trip['entry_time'])}  {side:<5}  {_signed(trip['r'])} R")
        if len(missed) > SHOWN:
            lines.append(f"  and {len(missed) - SHOWN:,} more (--json has them)")
    if found["chance"]:
        net, drawn = found["chance"]["net"], found["chance"]["random_time"]
        text = (
            "Your sides, sizes, holding times and costs from random moments make"
            f" {_signed(drawn['low'])} to {_signed(drawn['high'])} in 95 of 100 tries."
            f" Yours made {_signed(net)}; {100 * drawn['p_value']:.0f} % of tries did as well."
        )
        lines += ["", text]
    return lines


def _trips(found: dict[str, Any]) -> int:
    count: int = found["parties"]["you"]["scores"]["round_trips"]
    return count


def _signed(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:+,.2f}".replace("-", _MINUS) if round(value, 2) else "0.00"

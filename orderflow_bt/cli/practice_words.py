"""One practice as `practice` tells of it: in words, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.cli.words import count_text, table_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.replay.practice.review import Practice

_MINUS = "\u2212"


def show(practice: Practice, *, simulated: str = "") -> list[str]:
    """A practice as lines for a terminal.

    Args:
        practice: What was practised.
        simulated: What was simulated, where the market itself was.
    """
    lines = [f"{practice.market}, {_span(practice)}"]
    if simulated:
        lines.append(f"  SIMULATED MARKET: {simulated}")
    lines += [f"  {text}" for text in _facts(practice)]
    reads = practice.scores["reads"]
    if reads["all"]["answers"]:
        lines += ["", "READS", *_reads(practice)]
    if practice.misread:
        lines += ["", "MISREAD", *_misread(practice)]
    if practice.trips:
        lines += ["", "TRADES", *_trades(practice)]
    if practice.scores["warnings"]:
        lines += ["", "NOT SCORED", *(f"  {text}" for text in practice.scores["warnings"])]
    if practice.notes:
        lines += ["", "NOTES"]
        for note in practice.notes:
            tags = "".join(f" #{tag}" for tag in note.get("tags", ()))
            lines.append(f"  {practice.when(note['time'])}  {note.get('text', '')}{tags}")
    return lines


def _span(practice: Practice) -> str:
    bars = practice.facts.get("bars", "")
    span = f"{practice.when(practice.start)} to {practice.when(practice.reached)}"
    return f"{span}{'' if practice.sealed else ' UTC'}{f', {bars} bars' if bars else ''}"


def _facts(practice: Practice) -> list[str]:
    facts = [f"practised {practice.began[:16].replace('T', ' ')} to {practice.ended[11:16]} UTC"]
    if practice.facts.get("challenge"):
        facts.append(f"challenge {practice.facts['challenge']}")
    lines = count_text(len(practice.entries), "line")
    facts.append(f"journal of {lines}, {practice.state}")
    return facts


def _reads(practice: Practice) -> list[str]:
    from orderflow_bt.replay.practice.drills import CONCEPTS
    from orderflow_bt.replay.practice.scores import LEAST

    reads = practice.scores["reads"]
    rows = []
    for kind, found in sorted(reads.items(), key=lambda item: item[0] == "all"):
        rows.append(
            (
                CONCEPTS.get(kind, "all"), str(found["answers"]), percent(found["hit_rate"]),
                between(found["hit_interval"]), percent(found["chance"]),
                percent(found["baselines"]["trend"]["hit_rate"]),
                percent(found["baselines"]["detector"]["hit_rate"]),
                f"{found['brier']:.3f}", f"{found['seconds'][1]:.1f} s",
            )
        )  # fmt: skip
    header = (
        "asked", "answers", "right", "95 % between", "by chance", "trend", "detectors", "Brier",
        "time",
    )  # fmt: skip
    lines = [f"  {line}" for line in table_lines(header, rows)]
    lines += ["", f"  {reads['all']['verdict']}"]
    few = [CONCEPTS[kind] for kind, found in reads.items() if kind != "all" and not found["enough"]]
    if few and reads["all"]["enough"]:
        lines.append(f"  Under {LEAST} of a kind, too few to judge it alone: {', '.join(few)}.")
    lines += ["", "  how sure, how often right"]
    lines += [
        f"    said {row['from']} to {row['to']} %: {100 * row['right']:3.0f} % right"
        f" of {count_text(row['answers'], 'answer')}"
        for row in reads["all"]["calibration"]
    ]
    if reads["all"]["misread"]:
        lines += ["", "  taken for something else"]
        lines += [
            f"    {row['truth']} was called {row['said']} {row['times']} of {row['of']} times"
            f" ({CONCEPTS[row['drill']]})"
            for row in reads["all"]["misread"]
        ]
    return lines


def _misread(practice: Practice) -> list[str]:
    lines = []
    for moment in practice.misread:
        answer = moment.answer
        lines.append(
            f"  {moment.when}  {moment.concept}: said {answer.choice} ({answer.confidence} %),"
            f" it was {answer.truth}"
        )
        lines.append(f"      {answer.because}")
        if moment.opens:
            lines.append(f"      {moment.opens}")
    return lines


def _trades(practice: Practice) -> list[str]:
    from orderflow_bt.replay.practice.review import CLOSED_BY

    trades = practice.scores["trades"]
    rows = [
        (
            practice.when(trip["entry_time"]),
            "long" if trip["side"] > 0 else "short",
            r_text(trip["r"]),
            r_text(trip["mae_r"]),
            r_text(trip["mfe_r"]),
            f"{trip['slippage_ticks']:g}",
            CLOSED_BY.get(trip["exit_role"], str(trip["exit_role"])),
            (trip["reason"] or "no reason given") + (" (hindsight)" if trip["hindsight"] else ""),
        )
        for trip in practice.trips
    ]
    header = ("entry", "side", "R", "worst R", "best R", "slip, ticks", "closed by", "reason")
    lines = [f"  {line}" for line in table_lines(header, rows)]
    lines += ["", f"  {trades['verdict']}"]
    if len(trades["by_reason"]) > 1:
        lines += ["", "  by reason"]
        lines += [
            f"    {row['reason']}: {count_text(row['round_trips'], 'round trip')},"
            f" {r_text(row['expectancy_r']) or 'no'} R each"
            for row in trades["by_reason"]
        ]
    return lines


def plain(practice: Practice) -> dict[str, Any]:
    """For JSON."""
    return {
        "name": practice.name,
        "folder": str(practice.folder),
        "market": practice.market,
        "sealed": practice.sealed,
        "began": practice.began,
        "ended": practice.ended,
        "lines": len(practice.entries),
        "torn_bytes": practice.torn,
        "edited_at": practice.edited_at,
        "cut_lines": practice.cut,
        "made_anew": practice.is_remade,
        "scores": practice.scores,
        "misread": [
            {
                "when": moment.when, "concept": moment.concept, "said": moment.answer.choice,
                "confidence": moment.answer.confidence, "truth": moment.answer.truth,
                "because": moment.answer.because, "seconds": moment.answer.seconds,
                "opens": moment.opens,
            }
            for moment in practice.misread
        ],
        "trips": [] if practice.sealed else practice.trips,
    }  # fmt: skip


def percent(share: float | None) -> str:
    """A share in whole percent, nothing where there is none."""
    return "" if share is None else f"{100 * share:.0f} %"


def between(interval: Sequence[float] | None) -> str:
    """An interval of shares in whole percent."""
    return "" if interval is None else f"{100 * interval[0]:.0f} to {100 * interval[1]:.0f} %"


def r_text(value: float | None) -> str:
    """A result in multiples of the risk, with its sign."""
    return "" if value is None else f"{value:+.2f}".replace("-", _MINUS)

"""A journal's entries as a person reads them, telling no price and no date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.replay.practice.chain import Entry


def public(entry: Entry, start: int, *, sealed: bool) -> Entry:
    """What of an entry goes to a page: no price and no date.

    Args:
        entry: Of a journal.
        start: First moment of the practice, microseconds UTC.
        sealed: The page hides symbol, date and price.
    """
    shown = {"n": entry["n"], "kind": entry["kind"], "text": in_words(entry, sealed=sealed)}
    if "time" in entry:
        shown["elapsed"] = entry["time"] - start
    if entry.get("tags"):
        shown["tags"] = list(entry["tags"])
    return shown


def in_words(entry: Entry, *, sealed: bool = False) -> str:
    """One line for a person, without price and date.

    Args:
        entry: Of a journal.
        sealed: Leave out costs too: their share of the risk tells the price level.
    """
    kind = entry["kind"]
    if kind == "note":
        return str(entry.get("text", ""))
    if kind == "action":
        return _action_words(entry.get("action", {}))
    if kind == "fill":
        return f"{_verb(entry.get('side', 0))} filled"
    if kind == "trip":
        r = entry.get("gross_r" if sealed else "r")
        result = "without a stop" if r is None else f"{r:+.2f} R"
        result += " before costs" if sealed and r is not None else ""
        return f"{'long' if entry.get('side', 0) > 0 else 'short'} closed, {result}"
    if kind == "ask":
        return str(entry.get("question", ""))
    if kind in ("answer", "truth"):
        truth = entry.get("truth")
        said = f"said {entry.get('choice')} ({entry.get('confidence')} %)"
        return said if truth is None else f"{said}; it was {truth}"
    if kind == "seek":
        return "went back" if entry.get("to", 0) < entry["row"] else "went on"
    words = {
        "start": "began", "recovered": "a torn line was set aside",
        "leave": "left the question unanswered",
    }  # fmt: skip
    return words.get(kind, str(kind))


def _action_words(action: Mapping[str, Any]) -> str:
    name = str(action.get("do", "")).replace("_", " ")
    words = f"{_verb(action.get('side', 0))} {name}".strip() if action.get("side") else name
    reason = action.get("reason")
    return f"{words}: {reason}" if reason else words


def _verb(side: int) -> str:
    return "buy" if side > 0 else "sell" if side < 0 else ""

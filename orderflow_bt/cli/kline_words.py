"""The comparison with the exchange's klines, in words and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.cli.output import decimal_text, time_text
from orderflow_bt.cli.words import count_text
from orderflow_bt.types import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.audit import KlineCheck, Unequal

_LISTED = 40


def kline_lines(check: KlineCheck) -> Iterator[str]:
    """What the comparison has shown, a line each; minutes that lack the same thing together."""
    for moved in check.explained:
        yield (
            f"kline {_clock(moved.minutes[0])} and {_clock(moved.minutes[1])} explained: row "
            f"{moved.row_id} holds fills of both minutes"
        )
    groups = _groups(check.unequal)
    for group in groups[:_LISTED]:
        yield _words(group)
    if len(groups) > _LISTED:
        yield f"… {count_text(len(groups) - _LISTED, 'more stretch')}es with --json"


def plain_klines(check: KlineCheck) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "equal": check.equal,
        "explained": [
            {"minutes": [time_text(time) for time in moved.minutes], "row_id": moved.row_id}
            for moved in check.explained
        ],
        "unequal": [
            {
                "minute": time_text(minute.time),
                "count": minute.count,
                "kline_count": minute.kline_count,
                "differences": {
                    d.name.replace(" ", "_"): [
                        decimal_text(d.ours, d.decimals),
                        decimal_text(d.theirs, d.decimals),
                    ]
                    for d in minute.differences
                },
            }
            for minute in check.unequal
        ],
    }


def _groups(minutes: Sequence[Unequal]) -> list[list[Unequal]]:
    """Neighbouring minutes of which one side has no trade, together; others each by itself."""
    groups: list[list[Unequal]] = []
    for minute in minutes:
        last = groups[-1][-1] if groups else None
        if (
            last
            and not minute.differences
            and not last.differences
            and minute.time == last.time + MINUTE_US
            and (minute.kline_count is None) == (last.kline_count is None)
        ):
            groups[-1].append(minute)
        else:
            groups.append([minute])
    return groups


def _words(group: Sequence[Unequal]) -> str:
    first = group[0]
    when = _clock(first.time)
    if len(group) > 1:
        when += f"–{_clock(group[-1].time)}"
    when += f", {count_text(len(group), 'minute')}" if len(group) > 1 else ""
    if first.kline_count is None:
        counted = count_text(sum(minute.count for minute in group), "trade")
        return f"kline {when}: the exchange has none, the tape {counted}"
    if not first.count:
        counted = count_text(sum(minute.kline_count or 0 for minute in group), "trade")
        return f"kline {when}: no trade on the tape, {counted} by the exchange"
    texts = [
        f"{d.name} {decimal_text(d.ours, d.decimals)} and not {decimal_text(d.theirs, d.decimals)}"
        for d in first.differences
    ]
    return f"kline {when}: {', '.join(texts)}"


def _clock(time: int) -> str:
    return time_text(time)[11:16]

"""``orderflow-bt audit``: can the stored days be trusted, to the id and the second."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt import hints
from orderflow_bt.cli import options
from orderflow_bt.cli.kline_words import kline_lines, plain_klines
from orderflow_bt.cli.output import time_text
from orderflow_bt.cli.words import count_text, duration_text, table_lines
from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US, MINUTE_US, Kind, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.audit import DayAudit, Loss, Silence
    from orderflow_bt.types import TapeId

DEFECTS = 3
_LISTED = 40
_WORTH_SAYING_US = 5 * MINUTE_US
_EPOCH = dt.date(1970, 1, 1)
_COLUMNS = ["date", "status", "rows", "first id", "last id", "gaps", "missing ids", "duplicates"]
_COLUMNS += ["out of order", "zero quantity", "off tick", "halts", "klines"]


def command(
    symbol: options.Symbol,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    first: Annotated[
        str | None, typer.Option("--from", help="First day, UTC. Default: the first stored.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day, included. Default: the last stored.")
    ] = None,
    with_klines: Annotated[
        bool,
        typer.Option("--klines", help="Compare with the exchange's own 1m klines in the lake."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Say of each stored day whether it can be trusted: losses, halts, duplicates, disorder.

    A hole in the ids is a loss; a silence with continuous ids that is long against the tape's own
    habit is a halt, and no defect. Exits with 3 where a day has defects or is missing.
    """
    tape = options.tape_id(exchange, market, kind, symbol)
    start = options.parse_date(first, "--from") if first else None
    end = options.parse_date(last, "--to") if last else None
    if start and end and end < start:
        raise UsageError(f"--to {end} is before --from {start}")

    from orderflow_bt.audit import audit_tape, minutes_of

    lake = options.open_lake()
    days = list(audit_tape(lake, tape, start, end, with_klines=with_klines))
    if with_klines and not any(day.klines for day in days):
        typer.echo(
            options.on_this_lake(
                "no 1m klines of these days are in the lake: "
                + hints.download(minutes_of(tape), days[0].date, days[-1].date)
            ),
            err=True,
        )
    if as_json:
        typer.echo(json.dumps([_plain(day) for day in days], indent=2))
    else:
        for line in _report(tape, days):
            typer.echo(line)
    if any(day.status != "clean" for day in days):
        raise typer.Exit(DEFECTS)


def _report(tape: TapeId, days: Sequence[DayAudit]) -> Iterator[str]:
    """The table of days, then everything found, a line each."""
    groups = list(_groups(days))
    yield from table_lines(_COLUMNS, [_cells(group) for group in groups])
    for group in groups:
        day = group[0]
        found = list(_findings(day, tape.kind))
        if day.status == "missing":
            found.insert(0, f"{_days_text(group)} not in the lake")
        if found:
            yield f"\n{day.date}"
            yield from (f"  {line}" for line in found)
    counts = [
        f"{sum(day.status == status for day in days)} {words}"
        for status, words in (
            ("clean", "clean"),
            ("defects", "with defects"),
            ("missing", "missing"),
        )
    ]
    yield f"\n{tape}: {count_text(len(days), 'day')}, {', '.join(counts)}"


def _groups(days: Sequence[DayAudit]) -> Iterator[list[DayAudit]]:
    """Each day by itself, but days missing one after the other together."""
    group: list[DayAudit] = []
    for day in days:
        if group and not (group[0].status == day.status == "missing"):
            yield group
            group = []
        group.append(day)
    if group:
        yield group


def _days_text(group: Sequence[DayAudit]) -> str:
    if len(group) == 1:
        return "the day is"
    return f"{len(group)} days to {group[-1].date} are"


def _cells(group: Sequence[DayAudit]) -> list[str]:
    day = group[0]
    if day.info is None:
        lost = [f"{day.gaps:,}", f"{day.missing_ids:,}"] if day.losses else ["", ""]
        span = str(day.date) + (f"..{group[-1].date}" if len(group) > 1 else "")
        return [span, day.status, "", "", "", *lost, *[""] * 6]
    quality = day.info.quality
    return [
        str(day.date),
        day.status,
        f"{day.info.rows:,}",
        str(day.info.first_id),
        str(day.info.last_id),
        f"{day.gaps:,}",
        f"{day.missing_ids:,}",
        f"{quality.duplicates:,}",
        f"{quality.out_of_order:,}",
        f"{quality.zero_quantity:,}",
        "unknown" if quality.off_tick is None else f"{quality.off_tick:,}",
        f"{len(day.halts):,}",
        day.klines.status if day.klines else "none",
    ]


def _findings(day: DayAudit, kind: Kind) -> Iterator[str]:
    if day.unreadable:
        yield day.unreadable
    for loss in day.losses[:_LISTED]:
        yield _loss_text(loss, day.date, kind)
    more = len(day.losses) - _LISTED
    if more > 0:
        yield f"… {count_text(more, 'more place')} with --json"
    if day.unlisted_losses:
        yield f"… and {count_text(day.unlisted_losses, 'place')} of which the record keeps no list"
    for words, count in day.defects:
        if not words.startswith(("places where", "file that")):
            yield f"{words}: {count:,}"
    for halt in day.halts:
        yield _halt_text(halt, day.date)
    if day.info and day.info.rest:
        rows = sum(last - first + 1 for first, last in day.info.rest)
        yield f"{count_text(rows, 'row')} came from REST, not from the archive"
    yield from _open_ends(day)
    if day.klines:
        yield from kline_lines(day.klines)


def _loss_text(loss: Loss, date: dt.date, kind: Kind) -> str:
    noun = "trade" if kind is Kind.TRADES else "row"
    neighbours = f"between ids {loss.before_id} and {loss.after_id}"
    fills = ""
    if loss.first_fill is not None and loss.last_fill is not None:
        count = loss.last_fill - loss.first_fill + 1
        fills = f"raw {_range(loss.first_fill, loss.last_fill)}"
        fills += "" if count == loss.missing_ids else f", {count_text(count, 'trade')}"
    if loss.missing_ids:
        text = f"{_range(loss.before_id + 1, loss.after_id - 1)} missing, "
        text += count_text(loss.missing_ids, noun) + (f" ({fills})" if fills else "")
    else:
        text = f"{fills or 'raw trades'} missing {neighbours}"
    text += f", {_span(loss.before_time, loss.after_time, date)}"
    return text + (" (at the day's border)" if loss.at_border else "")


def _halt_text(halt: Silence, date: dt.date) -> str:
    text = f"halt: no trade for {duration_text(halt.length_us)}"
    text += f", {_span(halt.start, halt.end, date)}"
    text += f", {halt.length_us // max(1, halt.habit):,} times the habit"
    text += f" of {duration_text(halt.habit)}, "
    holes = halt.after_id - halt.before_id - 1
    if holes:
        return text + f"{count_text(holes, 'id')} unused: a loss cannot be told from a halt"
    return text + f"ids continuous ({halt.before_id} to {halt.after_id})"


def _open_ends(day: DayAudit) -> Iterator[str]:
    """Silence at an end of the day that no neighbour is there to judge."""
    if day.info is None:
        return
    midnight = (day.date - _EPOCH).days * DAY_US
    if day.open_start and day.info.first_time - midnight >= _WORTH_SAYING_US:
        at = time_text(day.info.first_time)[11:19]
        yield f"nothing before {at}; the day before is not stored, so a loss cannot be told"
    if day.open_end and midnight + DAY_US - day.info.last_time >= _WORTH_SAYING_US:
        at = time_text(day.info.last_time)[11:19]
        yield f"nothing after {at}; the day after is not stored, so a loss cannot be told"


def _range(first: int, last: int) -> str:
    return f"id {first}" if first == last else f"ids {first}–{last}"


def _span(start: int, end: int, date: dt.date) -> str:
    """From second to second, with the dates where they are not the day's."""
    texts = [time_text(time)[:19].replace("T", " ") for time in (start, end)]
    return "–".join(text.removeprefix(f"{date} ") for text in texts)


def _plain(day: DayAudit) -> dict[str, Any]:
    info = day.info
    quality = info.quality if info else None
    return {
        "date": day.date.isoformat(),
        "status": day.status,
        "rows": info.rows if info else 0,
        "first_id": info.first_id if info else None,
        "last_id": info.last_id if info else None,
        "gaps": day.gaps,
        "missing_ids": day.missing_ids,
        "duplicates": quality.duplicates if quality else 0,
        "out_of_order": quality.out_of_order if quality else 0,
        "zero_quantity": quality.zero_quantity if quality else 0,
        "off_tick": quality.off_tick if quality else None,
        "halts": len(day.halts),
        "klines": day.klines.status if day.klines else "none",
        "missing_fills": quality.missing_fills if quality else 0,
        "unassigned_ids": quality.unassigned_ids if quality else 0,
        "conflicts": quality.conflicts if quality else 0,
        "repeated_ids": day.repeated_ids,
        "restarted": day.restarted,
        "invalid_rows": quality.invalid_rows if quality else 0,
        "reordered": quality.reordered if quality else 0,
        "outside_day": quality.outside_day if quality else 0,
        "checksum": info.origin.checksum if info else None,
        "rest": [list(span) for span in info.rest] if info else [],
        "unreadable": day.unreadable,
        "gap_list": [_plain_loss(loss) for loss in day.losses],
        "halt_list": [
            {
                "start": time_text(halt.start),
                "end": time_text(halt.end),
                "habit_us": halt.habit,
                "before_id": halt.before_id,
                "after_id": halt.after_id,
            }
            for halt in day.halts
        ],
        "kline_minutes": plain_klines(day.klines) if day.klines else None,
    }


def _plain_loss(loss: Loss) -> dict[str, Any]:
    return {
        "before_id": loss.before_id,
        "after_id": loss.after_id,
        "missing_ids": loss.missing_ids,
        "first_missing_fill": loss.first_fill,
        "last_missing_fill": loss.last_fill,
        "before_time": time_text(loss.before_time),
        "after_time": time_text(loss.after_time),
        "at_border": loss.at_border,
    }

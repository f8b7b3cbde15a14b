"""What became of days on their way into the lake, in words."""

from __future__ import annotations

import datetime as dt
import shlex
from typing import TYPE_CHECKING

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, size_text
from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.ingest import DayResult
    from orderflow_bt.store import SeriesQuality, Span
    from orderflow_bt.types import TapeId


def summary(tape: TapeId | SeriesId, results: Sequence[DayResult]) -> list[str]:
    """What a trader wants to know when a download has ended."""
    row = "row" if isinstance(tape, SeriesId) else "trade"
    day = "month" if isinstance(tape, SeriesId) and tape.is_monthly else "day"
    present = [result for result in results if result.status == "present"]
    stored = [result for result in results if result.status == "stored"]
    repaired = [result for result in results if result.status == "repaired"]
    infos = [result.info for result in stored + repaired + present if result.info]
    rows, size = sum(info.rows for info in infos), sum(info.bytes for info in infos)
    amount = f"{count_text(rows, row)}, {size_text(size)}"
    amount += f", {size / rows:.2f} bytes a {row}" if rows else ""
    if len(present) == len(results):
        days = f"the {day} is" if len(results) == 1 else f"all {len(results)} {day}s are"
        return [f"{tape}: nothing to do: {days} in the lake ({amount})", _next(tape, results)]
    lines = [f"{tape}: {len(infos)} of {count_text(len(results), day)} in the lake"]
    if infos:
        lines[0] += f" ({amount})"
    lines.append(f"  stored now     {count_text(len(stored), day)}{_span(stored)}")
    if repaired:
        lines.append(f"  repaired now   {count_text(len(repaired), day)}{_span(repaired)}")
    if present:
        lines.append(f"  there before   {count_text(len(present), day)}{_span(present)}")
    for word, status in (
        ("not published", "not_published"),
        ("missing", "missing"),
        ("failed", "failed"),
    ):
        lines += [
            f"  {word:14} {result.date}: {result.error.what}"
            for result in results
            if result.status == status and result.error
        ]
    for result in stored + repaired:
        lines += [f"  {'look at':14} {result.date}: {note}" for note in _notes(result)]
    if any(_lacks_trades(result) for result in stored):
        lines.append("  to mend it     --repair asks the month's file, backfill the exchange")
    if infos:
        lines.append(_next(tape, [result for result in results if result.is_in_lake]))
    return lines


def _lacks_trades(result: DayResult) -> bool:
    return bool(result.info and getattr(result.info.quality, "gaps", 0))


def _notes(result: DayResult) -> list[str]:
    """What was wrong with a stored day, in words."""
    from orderflow_bt.store import SeriesQuality

    if result.info is None:
        return []
    quality, origin = result.info.quality, result.info.origin
    notes = [f"{words}: {count:,}" for words, count in quality.defects() if count]
    if isinstance(quality, SeriesQuality):
        notes += series_notes(quality)
    elif quality.missing_ids or quality.missing_fills:
        notes.append(
            f"{quality.missing_ids:,} ids and {quality.missing_fills:,} raw trades are missing"
            if quality.missing_fills
            else f"{quality.missing_ids:,} ids are missing"
        )
    if origin.span == "monthly":
        notes.append("taken out of its month's file")
    if origin.checksum == "mismatch":
        notes.append("stored although its checksum does not match")
    elif origin.checksum == "absent":
        notes.append("stored although no checksum of it is published")
    if origin.ignored:
        notes.append(f"other files in the zip were ignored: {', '.join(origin.ignored[:5])}")
    return notes


def _span(results: Sequence[DayResult]) -> str:
    dates = sorted(result.date for result in results)
    if not dates:
        return ""
    return f"  {dates[0]}" + (f" .. {dates[-1]}" if len(dates) > 1 else "")


def series_notes(quality: SeriesQuality) -> list[str]:
    """Where rows are absent or without trades, in words."""
    notes = []
    if quality.missing_spans:
        notes.append("no rows " + spans_text(quality.missing_spans))
    if quality.no_trades:
        count = count_text(quality.no_trades, "kline")
        notes.append(f"{count} without a trade {spans_text(quality.no_trade_spans)}")
    return notes


def spans_text(spans: Sequence[Span], most: int = 3) -> str:
    """``12:40 to 14:00``, and how many more."""
    texts = []
    for span in spans[:most]:
        start, end = (
            dt.datetime.fromtimestamp(time // 1_000_000, dt.UTC) for time in (span.start, span.end)
        )
        day = "" if end - start < dt.timedelta(days=1) else f"{start:%Y-%m-%d} "
        texts.append(f"{day}{start:%H:%M} to {f'{end:%H:%M}'.replace('00:00', '24:00')}")
    if len(spans) > most:
        texts.append(f"and in {len(spans) - most} more places")
    return ", ".join(texts)


def _next(tape: TapeId | SeriesId, results: Sequence[DayResult]) -> str:
    dates = sorted(result.date for result in results)
    words = options.program()
    if isinstance(tape, SeriesId):
        return "next: " + shlex.join([*words, "ls", tape.symbol])
    words += ["bars", tape.symbol, "--market", tape.market.value]
    if tape.kind.value != "aggTrades":
        words += ["--kind", tape.kind.value]
    words += ["--bars", "5m", "--from", str(dates[0]), "--to", str(dates[-1])]
    return "next: " + shlex.join(words)

"""``orderflow-bt download``: archive days into the lake."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, size_text
from orderflow_bt.errors import ArchiveError, UnsupportedError
from orderflow_bt.types import MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.ingest import DayResult, Progress

_LATER_KINDS = ("klines", "fundingRate", "metrics")

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="Address of a mirror, or a folder laid out like the archive. "
        "Default: the exchange's public archive.",
        show_default=False,
    ),
]


def command(
    symbols: options.Symbols,
    first: options.From,
    last: options.To,
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.KindOption = "aggTrades",
    source: SourceOption = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Days on their way at a time.")
    ] = 4,
    accept_bad_checksum: Annotated[
        bool,
        typer.Option(
            "--accept-bad-checksum",
            help="Store a day whose checksum does not match or is not published; noted with it.",
        ),
    ] = False,
    keep_raw: Annotated[
        bool, typer.Option("--keep-raw", help="Keep the exchange's files too, below DATA/raw.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Fetch days of trades from an exchange's archive, verify them and store them.

    Days that are stored already are not asked for again, so an interrupted download is continued
    by typing the same command.
    """
    if kind in _LATER_KINDS:
        raise UnsupportedError(
            f"files of kind {kind} are not stored by this version",
            where="--kind",
            fix="Kinds it stores: aggTrades, trades",
        )
    for option, text, word in (("--from", first, "first"), ("--to", last, "now")):
        if text == word:
            raise UnsupportedError(
                f"{option} {word} is not known to this version",
                where=option,
                fix="Give a day, such as 2024-01-31",
            )
    tapes = [options.tape_id(exchange, market, kind, symbol) for symbol in symbols]
    dates = options.date_range(first, last)

    from orderflow_bt import archive
    from orderflow_bt.ingest import download
    from orderflow_bt.store import Lake

    lake = Lake(options.lake_path())
    opened = archive.open_source(source or archive.exchange(exchange).base_url)
    results: list[DayResult] = []
    with _progress(len(tapes) * len(dates)) as progress:
        for tape in dict.fromkeys(tapes):
            results += download(
                lake,
                tape,
                dates,
                opened,
                workers=workers,
                accept_bad_checksum=accept_bad_checksum,
                keep_raw=keep_raw,
                progress=progress,
            )
    if as_json:
        typer.echo(json.dumps([_plain(result) for result in results], indent=2))
    else:
        for tape in dict.fromkeys(tapes):
            for line in summary(tape, [result for result in results if result.tape == tape]):
                typer.echo(line)
    _raise_for(results)


def summary(tape: TapeId, results: Sequence[DayResult]) -> list[str]:
    """What a trader wants to know when a download has ended."""
    present = [result for result in results if result.status == "present"]
    stored = [result for result in results if result.status == "stored"]
    infos = [result.info for result in stored + present if result.info]
    rows, size = sum(info.rows for info in infos), sum(info.bytes for info in infos)
    amount = f"{count_text(rows, 'trade')}, {size_text(size)}"
    amount += f", {size / rows:.2f} bytes a trade" if rows else ""
    if len(present) == len(results):
        days = "the day is" if len(results) == 1 else f"all {len(results)} days are"
        return [f"{tape}: nothing to do: {days} in the lake ({amount})", _next(tape, results)]
    lines = [
        f"{tape}: {len(stored) + len(present)} of {count_text(len(results), 'day')} in the lake"
    ]
    if infos:
        lines[0] += f" ({amount})"
    lines.append(f"  stored now     {count_text(len(stored), 'day')}{_span(stored)}")
    if present:
        lines.append(f"  there before   {count_text(len(present), 'day')}{_span(present)}")
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
    for result in stored:
        lines += [f"  {'look at':14} {result.date}: {note}" for note in _notes(result)]
    if infos:
        lines.append(_next(tape, [result for result in results if result.is_in_lake]))
    return lines


def _notes(result: DayResult) -> list[str]:
    """What was wrong with a stored day, in words."""
    if result.info is None:
        return []
    quality, origin = result.info.quality, result.info.origin
    notes = [f"{words}: {count:,}" for words, count in quality.defects() if count]
    if quality.missing_ids or quality.missing_fills:
        notes.append(
            f"{quality.missing_ids:,} ids and {quality.missing_fills:,} raw trades are missing"
            if quality.missing_fills
            else f"{quality.missing_ids:,} ids are missing"
        )
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


def _next(tape: TapeId, results: Sequence[DayResult]) -> str:
    dates = sorted(result.date for result in results)
    words = ["orderflow-bt"]
    if options.settings.data != "data":
        words += ["--data", options.settings.data]
    words += ["bars", tape.symbol, "--market", tape.market.value]
    if tape.kind.value != "aggTrades":
        words += ["--kind", tape.kind.value]
    words += ["--bars", "5m", "--from", str(dates[0]), "--to", str(dates[-1])]
    return "next: " + shlex.join(words)


def _plain(result: DayResult) -> dict[str, Any]:
    info = result.info
    return {
        "symbol": result.tape.symbol,
        "market": result.tape.market.value,
        "kind": result.tape.kind.value,
        "date": result.date.isoformat(),
        "status": result.status,
        "rows": info.rows if info else None,
        "bytes": info.bytes if info else None,
        "checksum": info.origin.checksum if info else None,
        "clean": info.quality.is_clean if info else None,
        "error": str(result.error) if result.error else None,
    }


def _raise_for(results: Sequence[DayResult]) -> None:
    """Fail if a day is not in the lake.

    Raises:
        OrderflowError: The one reason, or the tally of several.
    """
    errors = [result for result in results if result.error]
    if len(errors) == 1 and errors[0].error:
        raise errors[0].error
    if errors:
        tally = [
            f"{sum(result.status == status for result in errors)} {words}"
            for status, words in (
                ("missing", "missing in the archive"),
                ("not_published", "not published yet"),
                ("failed", "failed"),
            )
            if any(result.status == status for result in errors)
        ]
        causes = dict.fromkeys(
            result.error.fix for result in errors if result.error and result.error.fix
        )
        raise ArchiveError(
            f"{len(errors)} of {len(results)} days are not in the lake: {', '.join(tally)}",
            fix=". ".join(list(causes)[:2]),
        )


@contextmanager
def _progress(days: int) -> Iterator[Progress]:
    """A bar on a terminal, a line a day elsewhere, nothing if the user wants quiet."""
    from orderflow_bt.ingest import NoProgress

    if options.settings.quiet:
        yield NoProgress()
    elif sys.stderr.isatty():
        from orderflow_bt.cli.progress import terminal_progress

        with terminal_progress(days) as bar:
            yield bar
    else:
        yield _Lines()


class _Lines:
    """One plain line a day, for logs."""

    def received(self, size: int) -> None:
        """Nothing is said before a day is done."""

    def finished(self, result: DayResult) -> None:
        """Say what became of a day."""
        text = f"{result.date} {result.tape.symbol} {result.status.replace('_', ' ')}"
        if result.info:
            text += f", {count_text(result.info.rows, 'trade')}, {size_text(result.info.bytes)}"
        if result.error:
            text += f": {result.error.what}"
        typer.echo(text, err=True)

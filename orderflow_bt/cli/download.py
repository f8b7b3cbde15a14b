"""``orderflow-bt download``: archive days into the lake."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.day_words import summary
from orderflow_bt.cli.words import count_text, size_text
from orderflow_bt.errors import ArchiveError, UnsupportedError
from orderflow_bt.series import SeriesId
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.ingest import DayResult, Progress

KindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        help="aggTrades, trades, klines, markPriceKlines, indexPriceKlines, premiumIndexKlines, "
        "fundingRate or metrics (open interest).",
    ),
]
IntervalOption = Annotated[
    str | None,
    typer.Option("--interval", help="Of klines: 1s to 1d; 1m if not given.", show_default=False),
]
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
    kind: KindOption = "aggTrades",
    interval: IntervalOption = None,
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
    """Fetch days of trades, klines, funding or metrics from an archive, verify and store them.

    Days that are stored already are not asked for again, so an interrupted download is continued
    by typing the same command.
    """
    for option, text, word in (("--from", first, "first"), ("--to", last, "now")):
        if text == word:
            raise UnsupportedError(
                f"{option} {word} is not known to this version",
                where=option,
                fix="Give a day, such as 2024-01-31",
            )
    tapes = [options.series_or_tape(exchange, market, kind, symbol, interval) for symbol in symbols]
    dates = options.date_range(first, last)

    from orderflow_bt import archive
    from orderflow_bt.ingest import download, pieces
    from orderflow_bt.store import Lake

    lake = Lake(options.lake_path())
    opened = archive.open_source(source or archive.exchange(exchange).base_url)
    results: list[DayResult] = []
    with _progress(sum(len(pieces(tape, dates)) for tape in tapes)) as progress:
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


def _plain(result: DayResult) -> dict[str, Any]:
    info = result.info
    return {
        "symbol": result.tape.symbol,
        "market": result.tape.market.value,
        "kind": result.tape.kind.value,
        "interval": getattr(result.tape, "interval", None),
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
            row = "row" if isinstance(result.tape, SeriesId) else "trade"
            text += f", {count_text(result.info.rows, row)}, {size_text(result.info.bytes)}"
        if result.error:
            text += f": {result.error.what}"
        typer.echo(text, err=True)

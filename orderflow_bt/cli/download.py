"""``orderflow-bt download``: archive days into the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.day_words import summary
from orderflow_bt.cli.progress_choice import progress_of
from orderflow_bt.cli.sources import ListingOption, SourceOption, open_source, window
from orderflow_bt.errors import ArchiveError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.ingest import DayResult


def command(
    symbols: options.Symbols,
    first: Annotated[
        str, typer.Option("--from", help="First day, UTC; or first: the first published one.")
    ],
    last: Annotated[
        str, typer.Option("--to", help="Last day (inclusive), UTC; or now: the newest published.")
    ],
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: options.AnyKindOption = "aggTrades",
    interval: options.IntervalOption = None,
    source: SourceOption = None,
    listing: ListingOption = None,
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
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Compare days that lack trades with their month's file; keep what lacks less.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Fetch days of trades, klines, funding or metrics from an archive, verify and store them.

    Days that are stored already are not asked for again, so an interrupted download is continued
    by typing the same command.
    """
    tapes = list(
        dict.fromkeys(
            options.series_or_tape(exchange, market, kind, symbol, interval) for symbol in symbols
        )
    )
    if first != "first" and last != "now":
        options.date_range(first, last)  # refuses what is no window before anything is asked

    lake = options.open_lake_to_store()

    from orderflow_bt.ingest import download, pieces

    opened = open_source(exchange, source, listing)
    windows = {tape: window(opened, tape, first, last) for tape in tapes}
    results: list[DayResult] = []
    with progress_of(sum(len(pieces(tape, dates)) for tape, dates in windows.items())) as progress:
        for tape, dates in windows.items():
            results += download(
                lake,
                tape,
                dates,
                opened,
                workers=workers,
                accept_bad_checksum=accept_bad_checksum,
                keep_raw=keep_raw,
                repair=repair,
                progress=progress,
            )
    if as_json:
        typer.echo(json.dumps([_plain(result) for result in results], indent=2))
    else:
        for tape in tapes:
            for line in summary(tape, [result for result in results if result.tape == tape]):
                typer.echo(line)
    _raise_for(results, told=not as_json)


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


def _raise_for(results: Sequence[DayResult], *, told: bool) -> None:
    """Fail if a day is not in the lake.

    Args:
        results: What became of every day.
        told: Whether the reason of each was printed.

    Raises:
        OrderflowError: The one reason, or the tally of several.
    """
    errors = [result for result in results if result.error]
    if len(errors) == 1 and errors[0].error and not told:
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
        are = "day is" if len(results) == 1 else "days is" if len(errors) == 1 else "days are"
        raise ArchiveError(
            f"{len(errors)} of {len(results)} {are} not in the lake: {', '.join(tally)}",
            fix=". ".join(list(causes)[:2]),
        )

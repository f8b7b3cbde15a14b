"""``orderflow-bt import``: files on this machine into the lake."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text
from orderflow_bt.errors import MalformedError, UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.ingest import ImportResult
    from orderflow_bt.series import SeriesId
    from orderflow_bt.types import TapeId

_WORDS = {
    "stored": "stored",
    "replaced": "replaced what was there",
    "present": "there before, the same",
    "kept": "left alone: the lake has another content; --replace takes the file's",
    "failed": "failed",
}


def command(
    files: Annotated[list[Path], typer.Argument(help="zip, csv or csv.gz files.")],
    market: options.Market = MarketType.UM,
    exchange: options.Exchange = "binance",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="aggTrades, trades, klines, fundingRate, metrics, … "
            "Default: as names of trade files say.",
        ),
    ] = None,
    interval: options.IntervalOption = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Default: as the files' names say.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Store days anew that have another content.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Store files that are on this machine, checked like downloaded ones.

    A file named like the exchange's daily files is one day; any other file of trades is split into
    UTC days, and days of several files are put together. Run again, it changes nothing.
    """
    tape = _tape(files, exchange, market, kind, symbol, interval)

    lake = options.open_lake_to_store()

    from orderflow_bt.ingest import import_files, import_series
    from orderflow_bt.series import SeriesId

    results = []
    for result in (
        import_series(lake, tape, files, replace=replace)
        if isinstance(tape, SeriesId)
        else import_files(lake, tape, files, replace=replace)
    ):
        results.append(result)
        if not as_json:
            typer.echo(_line(result))
    if as_json:
        typer.echo(json.dumps([_plain(result) for result in results], indent=2))
    _raise_for(results)


def _tape(
    files: Sequence[Path],
    exchange: str,
    market: MarketType,
    kind: str | None,
    symbol: str | None,
    interval: str | None,
) -> TapeId | SeriesId:
    """The tape or series that options and names agree on.

    Raises:
        UsageError: They do not, or neither says.
    """
    asked = options.series_or_tape(exchange, market, kind or "aggTrades", symbol or "X", interval)

    from orderflow_bt import archive
    from orderflow_bt.series import SeriesId

    if isinstance(asked, SeriesId):
        names = {file.name.partition("-")[0] for file in files if "-" in file.name}
        names = {symbol} if symbol else names
        if len(names) != 1:
            raise UsageError(
                "the files' names do not tell one symbol",
                fix="Import each symbol by itself, or add --symbol BTCUSDT",
            )
        return options.series_or_tape(exchange, market, asked.kind.value, names.pop(), interval)

    named = {
        found[:2] for file in files if (found := archive.exchange(exchange).tape_in(file.name))
    }
    symbols = {name for name, _ in named} | ({symbol.upper()} if symbol else set())
    kinds = {found.value for _, found in named} | ({kind} if kind else set())
    if not symbols:
        raise UsageError("the files' names do not tell the symbol", fix="Add --symbol BTCUSDT")
    if len(symbols) > 1 or len(kinds) > 1:
        said = ", ".join(sorted(symbols) if len(symbols) > 1 else sorted(kinds))
        raise UsageError(
            f"the names of the files and the options name several tapes: {said}",
            fix="Import each symbol and kind by itself",
        )
    return options.tape_id(exchange, market, next(iter(kinds), "aggTrades"), symbols.pop())


def _line(result: ImportResult) -> str:
    text = f"{result.date or ', '.join(result.files)}  {_WORDS[result.status]}"
    if result.error:
        return f"{text}: {result.error.what}"
    if result.info and result.status in ("stored", "replaced"):
        text += f", {count_text(result.info.rows, 'row')}"
        defects = [f"{words}: {n:,}" for words, n in result.info.quality.defects() if n]
        text += f" ({'; '.join(defects)})" if defects else ""
    return text


def _plain(result: ImportResult) -> dict[str, object]:
    return {
        "date": result.date.isoformat() if result.date else None,
        "status": result.status,
        "files": list(result.files),
        "rows": result.info.rows if result.info else None,
        "clean": result.info.quality.is_clean if result.info else None,
        "error": str(result.error) if result.error else None,
    }


def _raise_for(results: Sequence[ImportResult]) -> None:
    failed = [result for result in results if result.error]
    if len(failed) == 1 and failed[0].error:
        raise failed[0].error
    if failed:
        raise MalformedError(
            f"{len(failed)} of {len(results)} days or files are not in the lake",
            fix="The lines above say why",
        )

"""``orderflow-bt ls``: what the lake holds, and what it lacks."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.day_words import series_notes
from orderflow_bt.cli.words import size_text, table_lines
from orderflow_bt.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.store import DayInfo, Lake, SeriesInfo, SeriesSummary, TapeSummary

_DOWNLOAD = "orderflow-bt download BTCUSDT --market um --from 2024-01-01 --to 2024-01-07"

_TAPE_COLUMNS = ["symbol", "exchange", "market", "kind", "first", "last", "days", "rows", "size"]
_TAPE_COLUMNS += ["missing days", "gaps", "missing ids"]
_SERIES_COLUMNS = ["symbol", "exchange", "market", "kind", "interval", "first", "last", "days"]
_SERIES_COLUMNS += ["rows", "size", "missing days", "missing rows"]
_PIECE_COLUMNS = ["date", "market", "kind", "interval", "rows", "size", "notes"]
_DAY_COLUMNS = ["date", "market", "kind", "rows", "size", "bytes/trade"]
_DAY_COLUMNS += ["gaps", "missing ids", "defects"]


def command(
    symbol: Annotated[
        str | None, typer.Argument(help="List this symbol's days.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List what the lake holds, or with a symbol its days: rows, size, and what is missing."""
    from orderflow_bt.store import SeriesStore, summarize, summarize_series

    lake = options.open_lake()
    if symbol is not None:
        _list_days(lake, symbol.upper(), as_json=as_json)
        return
    store = SeriesStore(lake)
    tapes = [summarize(lake.days(tape)) for tape in lake.tapes()]
    series = [summarize_series(store.infos(series)) for series in store.all()]
    if as_json:
        plain = [_plain_tape(summary) for summary in tapes]
        plain += [_plain_series(summary) for summary in series]
        typer.echo(json.dumps(plain, indent=2))
    elif not tapes and not series:
        typer.echo(f"The lake at {lake.root} is empty. Fill it with, for example:")
        typer.echo(f"  {options.on_this_lake(_DOWNLOAD)}")
    if not as_json:
        _print_tables(
            (_TAPE_COLUMNS, [_tape_cells(summary) for summary in tapes]),
            (_SERIES_COLUMNS, [_series_cells(summary) for summary in series]),
        )


def _list_days(lake: Lake, symbol: str, *, as_json: bool) -> None:
    from orderflow_bt.store import SeriesStore

    store = SeriesStore(lake)
    tapes = [tape for tape in lake.tapes() if tape.symbol == symbol]
    series = [one for one in store.all() if one.symbol == symbol]
    if not tapes and not series:
        stored = {tape.symbol for tape in lake.tapes()} | {one.symbol for one in store.all()}
        known = sorted(stored)
        raise LakeError(
            f"no day of {symbol} is in the lake",
            where=str(lake.root),
            fix=f"Stored symbols: {', '.join(known)}" if known else f"Fill it: {_DOWNLOAD}",
        )
    days = [day for tape in tapes for day in lake.days(tape)]
    infos = [info for one in series for info in store.infos(one)]
    if as_json:
        plain = [_plain_day(day) for day in days] + [_plain_piece(info) for info in infos]
        typer.echo(json.dumps(plain, indent=2))
        return
    _print_tables(
        (_DAY_COLUMNS, [_day_cells(day) for day in days]),
        (_PIECE_COLUMNS, [_piece_cells(info) for info in infos]),
    )


def _print_tables(*tables: tuple[Sequence[str], Sequence[Sequence[str]]]) -> None:
    """Those that have rows, a blank line between them."""
    filled = [(header, rows) for header, rows in tables if rows]
    for n, (header, rows) in enumerate(filled):
        for line in [""] * bool(n) + table_lines(header, rows):
            typer.echo(line)


def _tape_cells(summary: TapeSummary) -> list[str]:
    tape = summary.tape
    return [
        tape.symbol,
        tape.exchange,
        tape.market.value,
        tape.kind.value,
        str(summary.first),
        str(summary.last),
        f"{summary.days:,}",
        f"{summary.rows:,}",
        size_text(summary.bytes),
        f"{len(summary.missing_days):,}",
        f"{summary.gaps:,}",
        f"{summary.missing_ids:,}",
    ]


def _series_cells(summary: SeriesSummary) -> list[str]:
    series = summary.series
    return [
        series.symbol,
        series.exchange,
        series.market.value,
        series.kind.value,
        series.interval or "-",
        str(summary.first),
        str(summary.last),
        f"{summary.pieces:,}" + (" months" if series.is_monthly else ""),
        f"{summary.rows:,}",
        size_text(summary.bytes),
        f"{len(summary.absent):,}",
        f"{summary.missing_rows:,}",
    ]


def _piece_cells(info: SeriesInfo) -> list[str]:
    quality = info.quality
    notes = [f"{words}: {count:,}" for words, count in quality.defects() if count]
    return [
        info.tape.piece_text(info.date),
        info.tape.market.value,
        info.tape.kind.value,
        info.tape.interval or "-",
        f"{info.rows:,}",
        size_text(info.bytes),
        "; ".join(notes + series_notes(quality)) or "none",
    ]


def _day_cells(day: DayInfo) -> list[str]:
    quality = day.quality
    return [
        str(day.date),
        day.tape.market.value,
        day.tape.kind.value,
        f"{day.rows:,}",
        size_text(day.bytes),
        f"{day.bytes / day.rows:.2f}",
        f"{quality.gaps:,}",
        f"{quality.missing_ids:,}",
        "; ".join(f"{words}: {count:,}" for words, count in quality.defects() if count) or "none",
    ]


def _plain_tape(summary: TapeSummary) -> dict[str, Any]:
    tape = summary.tape
    return {
        "symbol": tape.symbol,
        "exchange": tape.exchange,
        "market": tape.market.value,
        "kind": tape.kind.value,
        "first": summary.first.isoformat(),
        "last": summary.last.isoformat(),
        "days": summary.days,
        "rows": summary.rows,
        "bytes": summary.bytes,
        "missing_days": [date.isoformat() for date in summary.missing_days],
        "gaps": summary.gaps,
        "missing_ids": summary.missing_ids,
        "unclean_days": summary.unclean_days,
    }


def _plain_series(summary: SeriesSummary) -> dict[str, Any]:
    series = summary.series
    return {
        "symbol": series.symbol,
        "exchange": series.exchange,
        "market": series.market.value,
        "kind": series.kind.value,
        "interval": series.interval or None,
        "first": summary.first.isoformat(),
        "last": summary.last.isoformat(),
        "days": summary.pieces,
        "rows": summary.rows,
        "bytes": summary.bytes,
        "missing_days": [date.isoformat() for date in summary.absent],
        "missing_rows": summary.missing_rows,
        "unclean_days": summary.unclean,
    }


def _plain_piece(info: SeriesInfo) -> dict[str, Any]:
    return {
        "symbol": info.tape.symbol,
        "exchange": info.tape.exchange,
        "market": info.tape.market.value,
        "kind": info.tape.kind.value,
        "interval": info.tape.interval or None,
        "date": info.date.isoformat(),
        "rows": info.rows,
        "bytes": info.bytes,
        "decimals": info.decimals,
        "time_unit": info.time_unit,
        "checksum": info.origin.checksum,
        "source": info.origin.url,
        "sha256": info.origin.sha256,
        "clean": info.quality.is_clean,
        "quality": dataclasses.asdict(info.quality),
    }


def _plain_day(day: DayInfo) -> dict[str, Any]:
    return {
        "symbol": day.tape.symbol,
        "exchange": day.tape.exchange,
        "market": day.tape.market.value,
        "kind": day.tape.kind.value,
        "date": day.date.isoformat(),
        "rows": day.rows,
        "bytes": day.bytes,
        "first_id": day.first_id,
        "last_id": day.last_id,
        "price_decimals": day.price_decimals,
        "qty_decimals": day.qty_decimals,
        "time_unit": day.time_unit,
        "checksum": day.origin.checksum,
        "source": day.source_url,
        "sha256": day.source_sha256,
        "clean": day.quality.is_clean,
        "quality": day.quality.to_json(),
    }

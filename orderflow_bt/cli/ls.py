"""``orderflow-bt ls``: what the lake holds, and what it lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import size_text, table_lines
from orderflow_bt.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.store import DayInfo, Lake, TapeSummary

_DOWNLOAD = "orderflow-bt download BTCUSDT --market um --from 2024-01-01 --to 2024-01-07"

_TAPE_COLUMNS = ["symbol", "exchange", "market", "kind", "first", "last", "days", "rows", "size"]
_TAPE_COLUMNS += ["missing days", "gaps", "missing ids"]
_DAY_COLUMNS = ["date", "market", "kind", "rows", "size", "bytes/trade"]
_DAY_COLUMNS += ["gaps", "missing ids", "defects"]


def command(
    symbol: Annotated[
        str | None, typer.Argument(help="List this symbol's days.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the tapes in the lake, or with a symbol its days: rows, size, and what is missing."""
    from orderflow_bt.store import Lake, summarize

    lake = Lake(options.lake_path())
    if symbol is not None:
        _list_days(lake, symbol.upper(), as_json=as_json)
        return
    summaries = [summarize(lake.days(tape)) for tape in lake.tapes()]
    if as_json:
        typer.echo(json.dumps([_plain_tape(summary) for summary in summaries], indent=2))
    elif not summaries:
        typer.echo(f"The lake at {lake.root} is empty. Fill it with, for example:\n  {_DOWNLOAD}")
    else:
        _print(
            _TAPE_COLUMNS,
            [_tape_cells(summary) for summary in summaries],
        )


def _list_days(lake: Lake, symbol: str, *, as_json: bool) -> None:
    tapes = [tape for tape in lake.tapes() if tape.symbol == symbol]
    if not tapes:
        known = sorted({tape.symbol for tape in lake.tapes()})
        raise LakeError(
            f"no day of {symbol} is in the lake",
            where=str(lake.root),
            fix=f"Stored symbols: {', '.join(known)}" if known else f"Fill it: {_DOWNLOAD}",
        )
    days = [day for tape in tapes for day in lake.days(tape)]
    if as_json:
        typer.echo(json.dumps([_plain_day(day) for day in days], indent=2))
        return
    _print(
        _DAY_COLUMNS,
        [_day_cells(day) for day in days],
    )


def _print(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in table_lines(header, rows):
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

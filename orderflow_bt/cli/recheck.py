"""``orderflow-bt recheck``: has the source published a stored day anew?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.progress_choice import progress_of
from orderflow_bt.cli.sources import SourceOption, open_source
from orderflow_bt.cli.words import count_text
from orderflow_bt.errors import ArchiveError, LakeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from orderflow_bt.ingest import RecheckResult
    from orderflow_bt.series import SeriesId
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_WORDS = {
    "same": "unchanged",
    "changed": "replaced",
    "kept": "kept",
    "gone": "gone",
    "unchecked": "not checked",
    "failed": "failed",
}


def command(
    symbols: options.Symbols,
    market: options.OnlyMarket = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only of this kind.", show_default=False)
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day, UTC.", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day (inclusive), UTC.", show_default=False)
    ] = None,
    source: SourceOption = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Days asked for at a time.")
    ] = 4,
    accept_bad_checksum: Annotated[
        bool,
        typer.Option(
            "--accept-bad-checksum",
            help="Take a new file whose checksum does not match or is not published.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Ask the archive whether stored days are still the ones it has; replace those that are not.

    A day that the archive has no more is kept, and so is one whose new copy lacks more trades.
    """
    lake = options.open_lake_to_store()

    from orderflow_bt.ingest import recheck

    start = options.parse_date(first, "--from") if first else None
    end = options.parse_date(last, "--to") if last else None
    wanted = {
        item: [date for date in dates if (not start or date >= start) and (not end or date <= end)]
        for item, dates in _stored(lake, [symbol.upper() for symbol in symbols]).items()
        if (market is None or item.market is market) and (kind is None or item.kind.value == kind)
    }
    days = sum(len(dates) for dates in wanted.values())
    if not days:
        raise LakeError(
            f"no stored day of {', '.join(symbols)} is among those asked for",
            where=str(lake.root),
            fix="See what is stored: orderflow-bt ls",
        )
    results: list[RecheckResult] = []
    with progress_of(days) as progress:
        for item, dates in wanted.items():
            results += recheck(
                lake,
                item,
                dates,
                open_source(item.exchange, source, None),
                workers=workers,
                accept_bad_checksum=accept_bad_checksum,
                progress=progress,
            )
    if as_json:
        typer.echo(json.dumps([_plain(result) for result in results], indent=2))
    else:
        for item in wanted:
            for line in summary(item, [result for result in results if result.tape == item]):
                typer.echo(line)
    failed = [result.error for result in results if result.error]
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise ArchiveError(
            f"{len(failed)} of {count_text(len(results), 'day')} could not be checked or replaced",
            fix=failed[0].fix,
        )


def summary(item: TapeId | SeriesId, results: Sequence[RecheckResult]) -> list[str]:
    """What has changed, in words."""
    counts = [
        f"{sum(result.status == status for result in results):,} {words}"
        for status, words in _WORDS.items()
        if any(result.status == status for result in results)
    ]
    lines = [f"{item}: {', '.join(counts) or 'no stored day'}"]
    lines += [
        f"  {_WORDS[result.status]:12} {result.date}: {_note(result)}"
        for result in results
        if result.status != "same"
    ]
    return lines


def _note(result: RecheckResult) -> str:
    if result.error:
        return result.error.what
    if result.status == "changed":
        return "; ".join(changes(result))
    return {
        "kept": "published anew, but the stored copy lacks fewer trades",
        "gone": "the source has it no more; the stored copy is kept",
    }.get(result.status, "not made from a file of the archive")


def changes(result: RecheckResult) -> list[str]:
    """How the new copy of a day differs from the old one."""
    before, after = result.before, result.after
    if before is None or after is None:
        return []
    pairs: list[tuple[str, Any, Any]] = [("rows", before.rows, after.rows)]
    names = ["first_id", "last_id", "missing_ids", "zero_quantity", "duplicates", "missing"]
    pairs += [
        (name.replace("_", " "), getattr(before.quality, name), getattr(after.quality, name))
        for name in names
        if hasattr(before.quality, name) and hasattr(after.quality, name)
    ]
    said = [f"{name} {old:,} -> {new:,}" for name, old, new in pairs if old != new]
    return said or [f"{after.rows:,} rows as before, the file's bytes are others"]


def _stored(lake: Lake, symbols: Sequence[str]) -> dict[TapeId | SeriesId, list[dt.date]]:
    from orderflow_bt.store import SeriesStore

    store = SeriesStore(lake)
    found: dict[TapeId | SeriesId, list[dt.date]] = {
        tape: lake.dates(tape) for tape in lake.tapes() if tape.symbol in symbols
    }
    return found | {
        series: store.dates(series) for series in store.all() if series.symbol in symbols
    }


def _plain(result: RecheckResult) -> dict[str, Any]:
    before, after = result.before, result.after
    return {
        "symbol": result.tape.symbol,
        "market": result.tape.market.value,
        "kind": result.tape.kind.value,
        "interval": getattr(result.tape, "interval", None),
        "date": result.date.isoformat(),
        "status": result.status,
        "rows_before": before.rows if before else None,
        "rows": after.rows if after else None,
        "changes": changes(result) if result.status == "changed" else [],
        "sha256_before": before.origin.sha256 if before else None,
        "sha256": after.origin.sha256 if after else None,
        "error": str(result.error) if result.error else None,
    }

"""Where days come from, as the commands that ask an archive name it, and which days it has."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.errors import MissingDayError, UsageError
from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    from orderflow_bt.archive import Source
    from orderflow_bt.types import TapeId

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="Address of a mirror, or a folder laid out like the archive. "
        "Default: the exchange's public archive.",
        show_default=False,
    ),
]
ListingOption = Annotated[
    str | None,
    typer.Option(
        "--listing",
        help="Address that lists, as an S3 bucket does, what --source has. "
        "Default: --source itself; for the public archive, its bucket.",
        show_default=False,
    ),
]


def open_source(exchange: str, source: str | None, listing: str | None) -> Source:
    """The source that the options name.

    Raises:
        UsageError: It is none.
    """
    from orderflow_bt import archive

    if source is None:
        known = archive.exchange(exchange)
        return archive.open_source(known.base_url, listing or known.listing_url)
    return archive.open_source(source, listing)


def window(source: Source, item: TapeId | SeriesId, first: str, last: str) -> list[dt.date]:
    """The days from ``--from`` to ``--to``, where ``first`` and ``now`` are looked up.

    ``now`` is the newest published day; what is still to come is said on stderr.

    Raises:
        UsageError: A text is not a day, or the last day is before the first.
        UnsupportedError: The source cannot list, so it cannot tell.
        MissingDayError: It has no file of the tape or series.
    """
    if first != "first" and last != "now":
        return options.date_range(first, last)
    from orderflow_bt.archive import exchange
    from orderflow_bt.ingest import published

    found = published(exchange(item.exchange), source, item)
    if found.first is None or found.newest is None:
        raise MissingDayError(
            f"the archive lists no file of {item}",
            where=source.url,
            fix="See what it has: orderflow-bt symbols --market " + item.market.value,
        )
    start = found.first if first == "first" else options.parse_date(first, "--from")
    end = found.newest if last == "now" else options.parse_date(last, "--to")
    if last == "now" and not options.settings.quiet:
        typer.echo(to_come(item, end, dt.datetime.now(dt.UTC).date()), err=True)
    if end < start:
        if last == "now":
            raise MissingDayError(f"{start} is not published yet; the newest day is {end}")
        raise UsageError(f"--to {end} is before --from {start}")
    return options.date_range(str(start), str(end))


def to_come(item: TapeId | SeriesId, newest: dt.date, today: dt.date) -> str:
    """What the archive has not published yet, up to now."""
    missing = (today - newest).days - 1
    text = f"{item.symbol}: the newest published day is {newest}"
    monthly = isinstance(item, SeriesId) and item.is_monthly
    if missing > (75 if monthly else 30):
        return f"{text}; it is traded no more, or the source is an old copy"
    if missing <= 0:
        return f"{text}; {today} is still to come"
    waiting = newest + dt.timedelta(days=1)
    return f"{text}; {waiting} to {today} are still to come"

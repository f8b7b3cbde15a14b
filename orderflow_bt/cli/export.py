"""``orderflow-bt export``: a run's tables for spreadsheets and other programs."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from orderflow_bt.cli.output import not_written
from orderflow_bt.errors import UsageError


class Ending(StrEnum):
    """What kind of files."""

    CSV = "csv"
    PARQUET = "parquet"


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A folder that `run` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; made if it is not there.")],
    how: Annotated[Ending, typer.Option("--format", help="csv or parquet.")] = Ending.CSV,
) -> None:
    """Write orders, fills, round trips, equity, events and daily returns in plain units."""
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    from orderflow_bt.report.build import write_whole
    from orderflow_bt.report.folder import read_run
    from orderflow_bt.report.plain import TABLES, daily, plain_table

    folder = read_run(run)
    if out.resolve() == run.resolve():
        raise UsageError("the run's own tables lie there", where="--out", fix="Give another folder")
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (*TABLES, "returns"):
            table = daily(folder) if name == "returns" else plain_table(folder, name)
            path = out / f"{name}.{how.value}"
            content = io.BytesIO()
            if how is Ending.CSV:
                pc.write_csv(table, content)
            else:
                pq.write_table(table, content, compression="zstd")
            write_whole(path, content.getvalue())
            written.append(path)
    except OSError as error:
        raise not_written(error, out) from None
    for path in written:
        typer.echo(path)

"""``orderflow-bt export``: a run's tables for spreadsheets and other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli.output import not_written, whole_file
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


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
    from orderflow_bt.report.folder import read_run
    from orderflow_bt.report.plain import TABLES, daily, plain_pieces

    folder = read_run(run)
    if out.resolve() == run.resolve():
        raise UsageError("the run's own tables lie there", where="--out", fix="Give another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(error, out) from None
    written = []
    for name in (*TABLES, "returns"):
        path = out / f"{name}.{how.value}"
        pieces = iter([daily(folder)]) if name == "returns" else plain_pieces(folder, name)
        with whole_file(path) as part:
            _write(pieces, part, how)
        written.append(path)
    for path in written:
        typer.echo(path)


def _texts(schema: pa.Schema) -> list[str]:
    """Columns of words: of few different ones, where numbers mostly differ."""
    return [field.name for field in schema if field.type == "string"]


def _write(pieces: Iterator[pa.Table], part: Path, how: Ending) -> None:
    """Write tables of one schema, at least one, below each other."""
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    pool = pa.default_memory_pool()
    first = next(pieces)
    with part.open("wb") as file:  # Python's own errors say why a disk takes no more
        writer = (
            pc.CSVWriter(file, first.schema)
            if how is Ending.CSV
            else pq.ParquetWriter(
                file, first.schema, compression="zstd", use_dictionary=_texts(first.schema)
            )
        )
        with writer:
            writer.write_table(first)
            for piece in pieces:
                writer.write_table(piece)
                pool.release_unused()

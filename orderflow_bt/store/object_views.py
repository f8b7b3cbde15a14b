"""Files of an object store as a table for DuckDB, which cannot read them without an extension."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as pads

from orderflow_bt.errors import LakeError
from orderflow_bt.series import SeriesId
from orderflow_bt.store import schema, series_schema
from orderflow_bt.store.objects import ObjectPath

if TYPE_CHECKING:
    from orderflow_bt.store.view_sql import Files, Partitions

_TYPES = {"DATE": pa.date32(), "VARCHAR": pa.string()}


def dataset(files: Files, partitions: Partitions) -> pads.FileSystemDataset:
    """Stored files of one form; their partitions are columns, and filters on these skip files."""
    tape = files[0].tape
    columns = (
        series_schema.arrow_schema(tape)
        if isinstance(tape, SeriesId)
        else schema.arrow_schema(tape.kind)
    )
    fields = [pa.field(name, _TYPES[kind]) for name, kind in partitions]
    form = pads.ParquetFileFormat(
        default_fragment_scan_options=pads.ParquetFragmentScanOptions(
            pre_buffer=True, page_checksum_verification=True
        )
    )
    fragments, store = [], None
    for info in files:
        if not isinstance(info.path, ObjectPath):
            raise LakeError("the file lies in no object store", where=str(info.path))
        store = info.path.files.store
        values = {name: getattr(info.tape, name, info.date) for name, _ in partitions}
        is_of = [pads.field(name) == pa.scalar(value) for name, value in values.items()]
        fragments.append(
            form.make_fragment(
                info.path.files.at(info.path.key),
                filesystem=store,
                partition_expression=reduce(and_, is_of),
            )
        )
    return pads.FileSystemDataset(fragments, pa.schema([*columns, *fields]), form, store)

"""Numbers, sizes and small tables as a person reads them in a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDEST = 100  # characters of a line that reads well


def size_text(size: float) -> str:
    """Bytes in the unit that suits them: ``999 B``, ``1.2 kB``, ``34.0 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def count_text(count: int, noun: str) -> str:
    """``1 day``, ``1,234 days``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration_text(time_us: int) -> str:
    """Microseconds in the unit that suits them: ``350 ms``, ``2.5 s``, ``14 min``, ``3.2 h``."""
    for unit, size, limit in (("ms", 1e3, 1e6), ("s", 1e6, 12e7), ("min", 6e7, 72e8)):
        if time_us < limit:
            return f"{time_us / size:.3g} {unit}"
    return f"{time_us / 36e8:,.1f} h"


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns wide enough for their cells; those of numbers are set to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    numeric = [
        all(cell[:1].isdigit() and "-" not in cell for cell in column if cell) and any(column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(header)
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [header, *rows]
    ]


def labelled_lines(rows: Mapping[str, str], width: int) -> list[str]:
    """``label   text`` lines no wider than ``width``; what is longer goes on under its text."""
    indent = 2 + max(12, *(len(label) + 2 for label in rows))
    lines: list[str] = []
    for label, text in rows.items():
        head = f"  {label}".ljust(indent)
        lines += textwrap.wrap(
            text, max(width, indent + 20), initial_indent=head, subsequent_indent=" " * indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return lines

"""How long a message takes: a constant a leg, a table by time, or drawn from a distribution."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from pathlib import Path

LEGS = ("entry", "cancel", "trigger", "response")
MILLISECOND_US = 1_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STEP = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LatencySample:
    """A lognormal distribution of delays, in microseconds.

    Each message draws its own delay from (seed, leg, order, time) alone, so that a rerun, another
    cut of the tape or another order elsewhere changes nothing of it.
    """

    mean: int
    std: int

    def __post_init__(self) -> None:
        if self.mean <= 0 or self.std < 0:
            raise UsageError("a sampled latency needs a mean above 0 and a deviation not below 0")

    def draw(self, seed: int, leg: str, order_id: int, time: int) -> int:
        """One message's delay in microseconds."""
        key = f"{seed} {leg} {order_id} {time}".encode()
        number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
        uniform = (number + 0.5) / 2**64
        variance = math.log1p((self.std / self.mean) ** 2)
        middle = math.log(self.mean) - variance / 2
        normal = NormalDist().inv_cdf(min(max(uniform, 1e-15), 1 - 1e-15))
        return round(math.exp(middle + math.sqrt(variance) * normal))


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Delays that change with the time of day, or from date to date.

    Attributes:
        daily: Whether ``starts`` are times of the UTC day, or moments.
        starts: Microseconds from which each row holds, rising.
        rows: For each leg of ``LEGS``, microseconds, or None where the constant stays.
    """

    daily: bool
    starts: tuple[int, ...]
    rows: tuple[tuple[int | None, ...], ...]

    def at(self, leg: str, time: int) -> int | None:
        """The delay of a leg for a message sent at ``time``; None where the table has none.

        Before the first row of a daily table its last one holds, as on the evening before.
        """
        row = bisect_right(self.starts, time % DAY_US if self.daily else time) - 1
        if row < 0 and not self.daily:
            return None
        return self.rows[row][LEGS.index(leg)]

    @classmethod
    def read(cls, file: Path) -> LatencyTable:
        """Read a CSV: ``from`` and any of ``entry,cancel,trigger,response``, in milliseconds.

        ``from`` is a time of day (``14:30``) in every row or a date or ISO time in every row, UTC.

        Raises:
            UsageError: The file cannot be read as such.
        """
        try:
            with file.open(newline="", encoding="utf-8") as lines:
                records = list(csv.DictReader(lines))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the latency table cannot be read: {error}", where=str(file)
            ) from None
        fields = set(records[0]) if records else set()
        if "from" not in fields or not fields - {"from"} or fields - {"from", *LEGS}:
            raise UsageError(
                "a latency table has a column 'from' and columns of legs, and at least one row",
                where=str(file), fix=f"Legs are {', '.join(LEGS)}, in milliseconds",
            )  # fmt: skip
        starts, rows, kinds = [], [], set()
        for number, record in enumerate(records, start=2):
            where = f"{file}, line {number}"
            start, daily = _start(record["from"] or "", where)
            kinds.add(daily)
            starts.append(start)
            rows.append(tuple(_delay(record.get(leg), where) for leg in LEGS))
        if len(kinds) > 1 or any(b <= a for a, b in pairwise(starts)):
            raise UsageError(
                "the rows of a latency table are all times of day or all dates, and rise",
                where=str(file),
            )
        return cls(kinds.pop(), tuple(starts), tuple(rows))


def _start(text: str, where: str) -> tuple[int, bool]:
    """Microseconds, and whether they are of the day."""
    text = text.strip()
    try:
        if ":" in text and "-" not in text:
            time = dt.time.fromisoformat(text)
            return (dt.datetime.combine(_EPOCH.date(), time, dt.UTC) - _EPOCH) // _STEP, True
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is neither a time of day nor a date", where=where) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // _STEP, False


def _delay(text: str | None, where: str) -> int | None:
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"{text!r} is not a delay in milliseconds", where=where)
    return round(value * MILLISECOND_US)

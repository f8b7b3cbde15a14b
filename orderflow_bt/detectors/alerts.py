"""Alerts that somebody wrote down: a CSV file as a detector, each usable only after its time."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.errors import UsageError
from orderflow_bt.flow.events import Event
from orderflow_bt.parameters import param

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.types import Trades

SIDES = {
    "buy": 1, "long": 1, "up": 1, "1": 1, "+1": 1,
    "sell": -1, "short": -1, "down": -1, "-1": -1,
    "": 0, "0": 0, "flat": 0,
}  # fmt: skip
COLUMNS = ("ts", "symbol", "kind", "side")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Alert(NamedTuple):
    time: int
    kind: str
    side: int


class Alerts(Detector):
    """Alerts of a CSV file with the columns ``ts,symbol,kind,side``.

    ``ts`` is ISO 8601 (UTC where no zone is given) or a Unix time in s, ms or us; ``side`` is buy,
    sell or empty. An alert is known ``delay`` seconds after its time, with the first trade from
    then on: its event stands behind that trade. Event details: ``alert_time``, microseconds.
    """

    name: ClassVar[str] = "alerts"

    path: str = param("alerts.csv", help="the file")
    delay: float = param(1.0, ge=0, help="seconds from an alert's time until it can be used")
    symbol: str = param("", help="only alerts of this symbol; all of the file where empty")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            raw = Path(self.path).read_bytes()
        except OSError as error:
            raise UsageError(
                f"the alerts cannot be read: {error.strerror}", where=self.path
            ) from error
        self._digest = hashlib.sha256(raw).hexdigest()
        self.files = {self.path: self._digest}
        alerts = sorted(_read(raw, self.path, self.symbol))
        self._alerts = alerts
        self._usable = np.array([a.time for a in alerts], np.int64) + round(self.delay * 1_000_000)
        self._next = 0

    def parameters(self) -> dict[str, int | float | bool | str]:
        """The parameters, and the file's checksum: other alerts are other parameters."""
        return super().parameters() | {"sha256": self._digest}

    @property
    def lookback(self) -> int:
        """None: an alert needs nothing before it."""
        return 0

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Alerts that become usable, each with the first trade that is not earlier."""
        if self._next == 0 and trades.rows:  # alerts from before the tape are of no use on it
            self._next = int(np.searchsorted(self._usable, trades.time[0]))
        while self._next < len(self._alerts) and trades.rows:
            row = int(np.searchsorted(trades.time, self._usable[self._next]))
            if row == trades.rows:
                return
            alert, price = self._alerts[self._next], int(trades.price[row])
            self._next += 1
            yield (
                row,
                Event(
                    known_at=int(trades.time[row]),
                    detector=self.name,
                    kind=alert.kind,
                    direction=alert.side,
                    state="confirmed",
                    price=price,
                    price_low=price,
                    price_high=price,
                    strength=1.0,
                    details={"alert_time": alert.time},
                ),
            )


def _read(raw: bytes, path: str, symbol: str) -> Iterator[_Alert]:
    try:
        rows = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"the alerts cannot be read: {error}", where=path) from error
    if missing:
        raise UsageError(
            f"the alerts lack the column {missing[0]!r}",
            where=path,
            fix=f"The first line names the columns: {','.join(COLUMNS)}",
        )
    for number, row in enumerate(rows, start=2):
        if symbol and (row["symbol"] or "").upper() != symbol.upper():
            continue
        side = (row["side"] or "").strip().lower()
        if side not in SIDES:
            raise UsageError(f"{row['side']!r} is not buy or sell", where=f"{path}, line {number}")
        yield _Alert(
            _time(row["ts"] or "", f"{path}, line {number}"),
            (row["kind"] or "").strip() or "alert",
            SIDES[side],
        )


def _time(text: str, where: str) -> int:
    """A time as written, in microseconds UTC."""
    text = text.strip()
    if text.isdecimal():
        for digits, factor in ((11, 1_000_000), (14, 1_000), (17, 1)):
            if len(text) <= digits:
                return int(text) * factor
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time",
            where=where,
            fix="Write it as 2024-01-02T03:04:05Z, or as a Unix time",
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)

"""Alerts that somebody wrote down: a CSV file as a detector, each usable only after its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from orderflow_bt.detectors.alert_file import read_alerts
from orderflow_bt.detectors.base import Detector
from orderflow_bt.flow.events import Event
from orderflow_bt.parameters import param
from orderflow_bt.types import LONGEST_DELAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.types import Trades


class Alerts(Detector):
    """Alerts of a CSV file with the columns ``ts,symbol,kind,side``.

    ``ts`` is ISO 8601 (UTC where no zone is given) or a Unix time in s, ms or us; ``side`` is buy,
    sell or empty. An alert is known ``delay`` seconds after its time, with the first trade from
    then on: its event stands behind that trade. Event details: ``alert_time``, microseconds.
    """

    name: ClassVar[str] = "alerts"

    path: str = param("alerts.csv", help="the file")
    delay: float = param(
        1.0, ge=0, le=LONGEST_DELAY, help="seconds from an alert's time until it can be used"
    )
    symbol: str = param("", help="only alerts of this symbol; all of the file where empty")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._alerts, self._digest = read_alerts(self.path, self.symbol)
        self.files = {self.path: self._digest}
        times = np.array([alert.time for alert in self._alerts], np.int64)
        self._usable = times + round(self.delay * 1_000_000)
        self._next = -1  # before the first trade

    def parameters(self) -> dict[str, int | float | bool | str]:
        """The parameters, and the file's checksum: other alerts are other parameters."""
        return super().parameters() | {"sha256": self._digest}

    @property
    def lookback(self) -> int:
        """None: an alert needs nothing before it."""
        return 0

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Alerts that become usable, each with the first trade that is not earlier."""
        if self._next < 0 and trades.rows:  # alerts from before the tape are of no use on it
            self._next = int(np.searchsorted(self._usable, trades.time[0]))
        while 0 <= self._next < len(self._alerts) and trades.rows:
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

"""Of few round trips nothing is said that only many can say: in the numbers, and side by side."""

from __future__ import annotations

import pytest

from orderflow_bt.report.compare import _interval
from orderflow_bt.report.numbers import number_groups

METRICS = {
    "expectancy": 4.0, "expectancy_r": 0.5, "trip_mean_interval": [1.0, 7.0],
    "trip_r_interval": [0.1, 0.9], "trip_sum_interval": [30.0, 210.0],
    "max_drawdown_daily": -0.02, "max_drawdown_interval": [-0.05, -0.01], "days": 40,
}  # fmt: skip


def notes(round_trips: int) -> dict[str, str]:
    groups = number_groups({**METRICS, "round_trips": round_trips}, "USDT")
    return {row.name: row.note for _, rows in groups for row in rows}


@pytest.mark.parametrize(("round_trips", "few"), [(1, True), (29, True), (30, False)])
def test_an_interval_of_few_round_trips_is_not_printed(round_trips: int, few: bool):
    told = notes(round_trips)
    for name in ("Mean net result", "Mean R"):
        assert ("too few to mean much" in told[name]) == few
        assert ("95 of 100" in told[name]) != few
    assert "95 of 100" in told["The same of days"]
    assert (_interval({**METRICS, "round_trips": round_trips}, "USDT") == "too few") == few


def test_it_says_how_many():
    assert notes(1)["Mean net result"] == "from 1 round trip: too few to mean much"
    assert notes(4)["Mean R"] == "round trips with a stop; from 4 round trips: too few to mean much"

"""A run's halts: long silences with nothing lost, and what lived through them."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from archive_days import DAY, DAY_MS, UM, csv_text, put_day

from orderflow_bt import Strategy, report
from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.run import Request, backtest
from orderflow_bt.sim import SimConfig
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, MINUTE_US, MarketType

START = DAY_MS * 1_000


class Thrice(Strategy):
    """Holds before the silence, over it, and once more behind it."""

    def on_trade(self, trade, market, broker):
        minute = (trade.time - START) // MINUTE_US
        if minute in (500, 600, 1_000):
            broker.market(1, 1)
        elif minute in (550, 900, 1_100):
            broker.close()


@pytest.fixture
def lake(tmp_path):
    minutes = [minute for minute in range(1_440) if not 720 < minute < 780]
    rows = [
        (n, "100.0", "1", n, n, DAY_MS + minute * 60_000, "true")
        for n, minute in enumerate(minutes, start=1)
    ]
    put_day(tmp_path / "archive", UM, DAY, text=csv_text(rows))
    lake = Lake(tmp_path / "lake")
    download(lake, UM, [DAY], open_source(str(tmp_path / "archive")))
    return lake


def test_halts_and_what_lived_through_them_are_told(lake, tmp_path):
    config = SimConfig.for_market(MarketType.UM)
    asked = Request("thrice", Thrice, {}, UM, START, START + DAY_US, config)
    halts = backtest(lake, asked, tmp_path / "run")["halts"]
    assert (halts["count"], halts["round_trips"], halts["ids"]) == (1, 1, [1])
    (one,) = halts["longest"]
    assert one["start"][11:16] == "12:00"
    assert one["end"][11:16] == "13:00"
    assert one["habit_us"] == MINUTE_US
    net = pq.read_table(tmp_path / "run" / "round_trips.parquet")["net_pnl"].to_pylist()
    before, over, behind = map(float, net)
    assert halts["net_pnl"] == pytest.approx(over)
    assert halts["net_pnl_without"] == pytest.approx(before + behind)
    assert over < 0 > before
    page = report.build(tmp_path / "run").read_text()
    assert "1 halt: a silence of 5 minutes or more" in page
    assert "1 round trip lived through one and made" in page
    outside = Request("thrice", Thrice, {}, UM, START, START + DAY_US // 4, config)
    assert backtest(lake, outside, tmp_path / "before")["halts"]["count"] == 0

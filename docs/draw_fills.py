"""Draw the rules of `docs/fills.md`: each example is run on its tape, explained and drawn."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt import Strategy
from orderflow_bt.ingest import import_files
from orderflow_bt.report.explain import explain
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.order_page import order_picture
from orderflow_bt.report.theme import palette
from orderflow_bt.run import Request, backtest
from orderflow_bt.store import Lake
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import PLAIN
from orderflow_bt.types import SECOND_US, Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Callable

    from orderflow_bt import Broker, Market, TradeView
    from orderflow_bt.sim import SimConfig

HERE = Path(__file__).resolve().parent / "img" / "fills"
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")


class Example(NamedTuple):
    """One picture: a tape, what is sent behind its second trade, and the assumptions."""

    name: str
    tape: str
    act: Callable[[Market, Broker], object]
    config: SimConfig = PLAIN


EXAMPLES = [
    Example(
        "queue",
        "B 100.2 1 | S 100.1 1 | +1s S 100.0 6 | +1s B 100.0 3 | +1s S 100.0 7 | +1s S 99.9 1"
        " | +1s S 100.0 4 | +1s B 100.1 1",
        lambda market, broker: broker.limit(+1, 5, market.last - 1),
        replace(PLAIN, queue="const:10", entry_latency=SECOND_US // 2),
    ),
    Example(
        "sweep",
        "S 99.9 1 | B 100.0 1 | +1s B 100.0 4 | +1s B 100.1 8 | +1s B 100.2 20 | +1s S 100.1 1",
        lambda _market, broker: broker.market(+1, 5),
        replace(PLAIN, participation=Decimal("0.25"), entry_latency=SECOND_US // 2),
    ),
    Example(
        "stop",
        "B 99.6 1 | S 99.5 1 | +1s S 99.2 2 | +1s S 98.9 4 | +1s S 98.7 5 | +1s B 98.8 2",
        lambda market, broker: broker.stop(-1, 3, market.last - 5),
    ),
    Example(
        "trailing",
        "B 100.0 1 | S 100.0 2 | +1s B 100.3 3 | +1s S 100.1 2 | +1s B 100.4 2 | +1s B 100.6 4"
        " | +1s S 100.3 2 | +1s S 100.1 4 | +1s S 100.0 5 | +1s B 100.1 2",
        lambda _market, broker: broker.trailing_stop(-1, 3, 5),
    ),
]


def main() -> None:
    """Draw all of them, dark."""
    HERE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for example in EXAMPLES:
            (HERE / f"{example.name}.png").write_bytes(drawn(example, Path(folder) / example.name))


def drawn(example: Example, folder: Path) -> bytes:
    """Store an example's tape, run it, explain its only order, and draw that."""
    folder.mkdir()
    tape = Tape(example.tape)
    source = folder / "ABCUSDT-aggTrades-2024-01-01.csv"
    source.write_text(csv_of(tape))
    lake = Lake(folder / "lake")
    for result in import_files(lake, TAPE, [source]):
        assert result.error is None, result.error

    class Acts(Strategy):
        """What the example sends."""

        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def on_trade(self, _trade: TradeView, market: Market, broker: Broker) -> None:
            self.seen += 1
            if self.seen == 2:
                example.act(market, broker)

    start, end = int(tape.trades.time[0]), int(tape.trades.time[-1]) + 1
    request = Request(example.name, Acts, {}, TAPE, start, end, example.config)
    backtest(lake, request, folder / "run")
    run = read_run(folder / "run")
    told = explain(run, lake, order=0, fill=None)
    return order_picture(run, lake, told, ".png", palette(), light=False)


def csv_of(tape: Tape) -> str:
    """A typed tape as the exchange's archive has it."""
    trades, unit = tape.trades, tape.instrument
    lines = []
    for k in range(trades.rows):
        price = unit.price(int(trades.price[k]))
        qty = Decimal(int(trades.qty[k])).scaleb(-unit.qty_decimals)
        row = int(trades.id[k])
        time, maker = int(trades.time[k]) // 1_000, trades.side[k] < 0
        lines.append(f"{row},{price},{qty},{row},{row},{time},{str(maker).lower()}\n")
    return "".join(lines)


if __name__ == "__main__":
    main()

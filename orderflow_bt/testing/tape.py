"""A tape typed as text, and a strategy run on it: for tests a trader can read.

Tape("S 100.0 6 | B 100.1 3 | +50ms S 99.9 1").run(MyStrategy)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import FillPolicy, Readings, Session, SimConfig
from orderflow_bt.sim.context import Given
from orderflow_bt.sim.declared import lookback_of, readings_of, series_of
from orderflow_bt.strategy import Strategy
from orderflow_bt.types import HOUR_US, MINUTE_US, SECOND_US, MarketType, Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow.events import Event
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.sim.marks import EquityRow
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Broker, Fill, Market, Order, TradeView
    from orderflow_bt.strategy.series import Known

MIDNIGHT_2024 = 1_704_067_200_000_000
_UNITS = {"us": 1, "ms": 1_000, "s": SECOND_US, "m": MINUTE_US, "h": HOUR_US}
_TRADE = re.compile(
    r"(?:(?P<skip>#\d+)\s+)?(?:\+(?P<step>[\d.]+)(?P<unit>us|ms|s|m|h)\s+)?"
    r"(?P<side>[BS])\s*(?P<price>\d+(?:\.\d+)?)\s+(?P<qty>\d+(?:\.\d+)?)"
)

# What vectors assume: nothing between a decision and the market but the rules of filling.
PLAIN = replace(
    SimConfig(fees=Fees(Decimal(0), Decimal(0)), slippage_ticks=0, queue="zero", leverage=None),
    entry_latency=0,
    cancel_latency=0,
    trigger_latency=0,
    response_latency=0,
    max_wait=0,
)


class Script(Strategy):
    """A strategy for tests: what to do after which trade (0 is the first).

    ``Script({2: lambda market, broker: broker.market(1, 5)})``
    """

    def __init__(self, steps: Mapping[int, Callable[[Market, Broker], object]]) -> None:
        super().__init__()
        self._steps = steps
        self._seen = 0

    def on_trade(self, _trade: TradeView, market: Market, broker: Broker) -> None:
        """Do what stands for this trade."""
        step = self._steps.get(self._seen)
        self._seen += 1
        if step:
            step(market, broker)


@dataclass(frozen=True, slots=True)
class TapeRun:
    """What a strategy did on a tape."""

    orders: list[Order]
    fills: list[Fill]
    round_trips: list[RoundTrip]
    still_open: RoundTrip | None
    events: list[Event]
    skipped: Mapping[int, str]
    equity: list[EquityRow]
    session: Session


class Tape:
    """Trades typed as ``[#ID] [+STEP] SIDE PRICE QTY``, separated by ``|``.

    ``STEP`` is the time since the trade before (``+50ms``, ``+1.5s``, ``+0us``), 1 ms where it is
    left out; ``#ID`` sets the trade's id, the next number where it is left out.

    Args:
        text: The trades.
        tick: The exchange's price step; by default one unit of the last digit typed.
        start: Time of the first trade, microseconds UTC.
    """

    def __init__(self, text: str, *, tick: str | None = None, start: int = MIDNIGHT_2024) -> None:
        rows: list[tuple[int, int, Decimal, Decimal, int]] = []
        time, number = start, 0
        for item in filter(None, (part.strip() for part in text.split("|"))):
            match = _TRADE.fullmatch(item)
            if match is None:
                raise UsageError(
                    f"{item!r} is not a trade", fix="Write it as 'B 100.1 3' or '+50ms S 99.9 1'"
                )
            if match["step"]:
                time += int(Decimal(match["step"]) * _UNITS[match["unit"]])
            elif rows:
                time += 1_000
            number = int(match["skip"][1:]) if match["skip"] else number + 1
            if not Decimal(match["qty"]) or not Decimal(match["price"]):
                raise UsageError(f"{item!r} trades nothing", fix="Price and quantity are above 0")
            side = 1 if match["side"] == "B" else -1
            rows.append((number, time, Decimal(match["price"]), Decimal(match["qty"]), side))
        prices = [row[2] for row in rows] + ([Decimal(tick)] if tick else [])
        decimals = _decimals(prices)
        lots = _decimals([row[3] for row in rows])
        self.instrument = Instrument(
            "text", MarketType.UM, "TAPE", decimals, lots,
            tick_size=int(Decimal(tick).scaleb(decimals)) if tick else 1,
        )  # fmt: skip
        self.trades = Trades(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([int(row[2].scaleb(decimals)) for row in rows], np.int64),
            np.array([int(row[3].scaleb(lots)) for row in rows], np.int64),
            np.array([row[4] for row in rows], np.int8),
            np.ones(len(rows), np.int32),
        )

    def price(self, text: str) -> int:
        """A price as typed, in price units."""
        return int(Decimal(text).scaleb(self.instrument.price_decimals))

    def run(
        self,
        strategy: Strategy | type[Strategy],
        *,
        config: SimConfig = PLAIN,
        fills: str | None = None,
        chunks: tuple[int, ...] = (),
        end: int | None = None,
        funding: Sequence[Funding] = (),
        series: Mapping[str, Sequence[Known]] | None = None,
    ) -> TapeRun:
        """Run a strategy on the tape.

        Args:
            strategy: A strategy, or its class to run with its defaults.
            config: Assumptions; by default no fees, latency, slippage or queue.
            fills: Fill policy, in place of the one in ``config``.
            chunks: Where to cut the tape into pieces; nothing may depend on it.
            end: Where the clock stops; by default at the last trade.
            funding: What the contract pays, by time.
            series: Rows of the series that the strategy reads, by name.
        """
        if fills is not None:
            config = replace(config, fills=FillPolicy(fills))
        if isinstance(strategy, type) and issubclass(strategy, Strategy):
            strategy = strategy()
        return run_trades(
            self.trades, self.instrument, strategy, config=config, chunks=chunks, end=end,
            funding=funding, series=series,
        )  # fmt: skip

    def events(
        self, detector: Detector, *, chunks: tuple[int, ...] = (), end: int | None = None
    ) -> list[Event]:
        """What a detector sees on the tape.

        Args:
            detector: Fresh; it reads once.
            chunks: Where to cut the tape into pieces; nothing may depend on it.
            end: Where the clock stops; by default at the last trade.
        """
        return read_events(self.trades, self.instrument, detector, chunks=chunks, end=end)


def read_events(
    trades: Trades,
    instrument: Instrument,
    detector: Detector,
    *,
    chunks: tuple[int, ...] = (),
    end: int | None = None,
) -> list[Event]:
    """What a detector sees on columns in memory, cut at the rows ``chunks`` names."""
    readings = Readings(
        (), [detector], ids_are_continuous=True, row_size=instrument.tick_size,
        instrument=instrument,
    )  # fmt: skip
    pieces = [
        readings.feed(trades.slice(start, stop))
        for start, stop in pairwise([0, *chunks, trades.rows])
    ]
    if trades.rows:
        end = int(trades.time[-1]) if end is None else end
        pieces.append(readings.close_until(end, trades.slice(0, 0)))
    return [event for piece in pieces for event in piece.events]


def run_trades(
    trades: Trades,
    instrument: Instrument,
    strategy: Strategy,
    *,
    config: SimConfig = PLAIN,
    chunks: tuple[int, ...] = (),
    end: int | None = None,
    funding: Sequence[Funding] = (),
    series: Mapping[str, Sequence[Known]] | None = None,
    marks: MarkPrices | None = None,
) -> TapeRun:
    """Run a strategy on columns in memory, cut at the rows ``chunks`` names."""
    readings = readings_of(strategy, instrument, ids_are_continuous=True)
    lookback_of(strategy)
    check_given(strategy, series or {})
    context = {name: Given(rows) for name, rows in (series or {}).items()}
    session = Session(
        strategy, instrument, config, readings.specs, start=0, funding=funding, context=context,
        marks=marks,
    )  # fmt: skip
    edges = [0, *chunks, trades.rows]
    for start, stop in pairwise(edges):
        session.feed(readings.feed(trades.slice(start, stop)))
    last = int(trades.time[-1]) if trades.rows else 0
    end = last if end is None else end
    session.feed(readings.close_until(end, trades.slice(0, 0)))
    still_open = session.finish(end)
    return TapeRun(
        list(session.broker.orders), list(session.broker.fills), session.trips.done, still_open,
        list(session.events), session.broker.skipped, session.equity, session,
    )  # fmt: skip


def check_given(strategy: Strategy, given: Mapping[str, Sequence[Known]]) -> None:
    """Refuse a test that forgets a series the strategy reads, or misnames one.

    Raises:
        UsageError: It does.
    """
    names = [series.name for series in series_of(strategy)]
    for name in names:
        if name not in given:
            raise UsageError(
                f"the strategy reads the series {name!r}, and the test gives none",
                fix=f"Pass series={{{name!r}: [Known(time, known_at, {{…}})]}}, or an empty list",
            )
    for name in given:
        if name not in names:
            raise UsageError(
                f"the strategy reads no series {name!r}",
                fix=f"It reads: {', '.join(names) or 'none'}",
            )


def _decimals(values: list[Decimal]) -> int:
    """Digits after the point that hold every value."""
    exponents = [value.normalize().as_tuple().exponent for value in values]
    return max([0, *(-exponent for exponent in exponents if isinstance(exponent, int))])

"""A person beside strategies on the same stretch of tape, and beside entries at random moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.practice.scores import LEAST, trade_scores
from orderflow_bt.replay.practice.trips import trips_of
from orderflow_bt.stats import chance
from orderflow_bt.types import MINUTE_US, MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.replay.engine.window import ReplayWindow
    from orderflow_bt.replay.practice.chain import Entry
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import BarSpec

NEAR_US = 2 * MINUTE_US  # two entries of one side no further apart are shared
PERSON = "you"


def compare(
    window: ReplayWindow,
    entries: Sequence[Entry],
    strategies: Mapping[str, Strategy],
    config: SimConfig,
    bars: BarSpec,
    *,
    seed: int = 1,
) -> dict[str, Any]:
    """The person's round trips beside those of strategies, under the same assumptions.

    Args:
        window: What was practised on.
        entries: Of the journal.
        strategies: By name, each new.
        config: Assumptions: those of the practice.
        bars: Bars of the practice.
        seed: Of the random entries.

    Returns:
        Ready for JSON: ``until``, the furthest moment of the practice, at which all are compared;
        ``parties``, for each its scores (`trade_scores`), costs and round trips; ``shared``,
        for each strategy how many entries both took; ``missed``, what it took and the person did
        not; ``alone``, the opposite; ``chance``, what the person's sides, sizes and holding times
        make from random moments, or None under two round trips.

    Raises:
        UsageError: A strategy has the person's name.
        PluginError: A strategy raised.
    """
    if PERSON in strategies:
        raise UsageError(f"a strategy that is called {PERSON!r}", fix="Give it another name")
    until = _furthest(window, entries)
    player = Player(window, bars=bars, config=config, strategies=strategies)
    player.seek(until)
    if player.failed:
        raise next(iter(player.failed.values()))
    mine = [entry for entry in entries if entry["kind"] == "trip" and not entry["hindsight"]]
    parties = {PERSON: _party(mine)}
    shared, missed, alone = {}, {}, {}
    for name, session in player.watched.items():
        theirs = trips_of(session, ())
        parties[name] = _party(theirs)
        pairs = _pairs(mine, theirs)
        shared[name] = len(pairs)
        missed[name] = [t for k, t in enumerate(theirs) if k not in {b for _, b in pairs}]
        alone[name] = [t for k, t in enumerate(mine) if k not in {a for a, _ in pairs}]
    return {
        "until": window.time_of(until - 1) if until else window.start,
        "parties": parties,
        "shared": shared,
        "missed": missed,
        "alone": alone,
        "chance": by_chance(window, mine, until, seed=seed),
        "enough": len(mine) >= LEAST,
    }


def by_chance(
    window: ReplayWindow, trips: Sequence[Entry], until: int, *, seed: int
) -> dict[str, Any] | None:
    """Round trips of the same sides, sizes, holding times and costs from random moments, in money.

    Args:
        window: What was practised on.
        trips: The person's.
        until: Row behind the last trade that counts.
        seed: Of the draws.

    Returns:
        As `stats.chance.against_chance`, with ``net``, the person's; None under two round trips.
    """
    if len(trips) < 2 or until <= window.first:
        return None
    unit = window.instrument
    per_lot = 10.0**-unit.qty_decimals * float(unit.contract_usd or 1)
    gross, fees = (np.array([float(trip[name]) for trip in trips]) for name in ("gross", "fees"))
    trades = chance.Trades(
        side=np.array([trip["side"] for trip in trips], np.int8),
        entry=np.array([trip["entry_time"] for trip in trips], np.int64),
        exit=np.array([trip["exit_time"] for trip in trips], np.int64),
        size=np.array([trip["qty"] * per_lot for trip in trips], np.float64),
        gross=gross,
        costs=fees,
    )
    end = window.time_of(until - 1) + 1
    drawn = chance.against_chance(
        trades, _marks(window, until), start=window.start, end=end, seed=seed
    )
    return {"net": float((gross - fees).sum()), **drawn}


def _marks(window: ReplayWindow, until: int) -> chance.Marks:
    """The last price of every 10 s with a trade."""
    times, prices = [], []
    unit = 10.0**-window.instrument.price_decimals
    for cut in window.pieces(max(window.first - 1, 0), until):
        step = cut.trades.time // (MINUTE_US // 6)
        last = np.flatnonzero(np.append(step[1:] != step[:-1], True))
        times.append(cut.trades.time[last])
        prices.append(cut.trades.price[last])
    return chance.Marks(
        np.concatenate(times),
        np.concatenate(prices).astype(np.float64) * unit,
        is_inverse=window.tape.market is MarketType.CM,
    )


def _furthest(window: ReplayWindow, entries: Sequence[Entry]) -> int:
    rows: list[int] = [entry["row"] for entry in entries if "row" in entry]
    return min(max([window.first, *rows]), window.rows)


def _party(trips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kept = [dict(trip) for trip in trips]
    return {
        "scores": trade_scores(kept),
        "net": float(sum(float(trip["net"]) for trip in kept)),
        "fees": float(sum(float(trip["fees"]) for trip in kept)),
        "round_trips": kept,
    }


def _pairs(
    mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> list[tuple[int, int]]:
    """Which of two lists' entries are the same idea: one side, close in time, nearest first."""
    near = sorted(
        (abs(a["entry_time"] - b["entry_time"]), i, j)
        for i, a in enumerate(mine)
        for j, b in enumerate(theirs)
        if a["side"] == b["side"] and abs(a["entry_time"] - b["entry_time"]) <= NEAR_US
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in near:
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return sorted(pairs)
